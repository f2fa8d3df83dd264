"""What can go wrong, whose fault it is, and what the exit code says about it.

Every error that reaches a user is an `AoError`: one sentence that names the place, and a
hint that names the mend. They are caught in two places only: `cli/main.py` and the
watchdog's loop.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit statuses of every verb. 0, 1 and 2 mean the same everywhere."""

    OK = 0
    FAILED = 1
    """Something that was asked for could not be done."""
    USAGE = 2
    """Wrong usage, or a config that can't be used."""
    UNHEALTHY = 3
    """`ao status --exit-code`: something that is wanted is not healthy."""
    BUSY = 4
    """Another watchdog holds this fleet."""


class AoError(Exception):
    """Base of every error that is shown to a user.

    message: what happened and where, one sentence, no trailing full stop.
    hint: what to do about it, or "".
    """

    exit_code = ExitCode.FAILED

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(AoError):
    """The command line asked for something that does not exist or makes no sense."""

    exit_code = ExitCode.USAGE


class ConfigError(AoError):
    """agents.toml is missing, unreadable or wrong; `problems` holds every finding."""

    exit_code = ExitCode.USAGE

    def __init__(self, message: str, hint: str = "", problems: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint)
        self.problems = problems


class EnvironmentMissing(AoError):
    """A program or permission that ao needs is not there (no tmux, a folder that can't be written)."""


class Busy(AoError):
    """The lock of this fleet is held by another process."""

    exit_code = ExitCode.BUSY


class TmuxUnavailable(AoError):
    """tmux did not answer in time or in a way that can be read: nothing is known, so nothing is done."""
