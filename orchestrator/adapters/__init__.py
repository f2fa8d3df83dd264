"""The outside: tmux, git, the store, processes, clock, lock, wake, jobs; one file each."""
