"""ao: a supervisor for a fleet of AI coding agents in tmux."""

__version__ = "0.1.0"
