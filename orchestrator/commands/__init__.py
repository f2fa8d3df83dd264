"""What each verb does, once: no printing, no argument parsing."""
