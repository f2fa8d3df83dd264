"""The fleet's lock: who holds it is the only writer to tmux and the store's memory.

The kernel's lock on the file is the truth and dies with its holder; what the file says (pid,
config) is a hint for messages.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from orchestrator.errors import Busy

WANTED_FOR = 2.0
"""Seconds for which a wish for the lock holds; whoever wishes repeats it."""
PROBES_PATIENCE = 5.0
"""Seconds after which a lock that others only look at is given up all the same."""


@dataclass(frozen=True, slots=True)
class Holder:
    """What the holder wrote about itself. at: epoch seconds. role: "watchdog" or the verb."""

    pid: int
    config: str
    role: str
    at: float


class FleetLock:
    """An exclusive lock on `state/lock`, held until `release` or the end of the process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._wanted = path.with_name(f"{path.name}.wanted")
        self._descriptor: int | None = None

    def acquire(self, holder: Holder) -> None:
        """Take the lock at once.

        Raises:
            Busy: another process holds it; the message names it.
        """
        # Close-on-exec is Python's default; an inherited descriptor would keep the lock alive in tmux.
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        if not _try_lock(descriptor):
            os.close(descriptor)
            other = self.holder()
            who = (
                f"pid {other.pid}, {other.role}, {other.config}"
                if other
                else "its holder did not say who it is"
            )
            raise Busy(f"this fleet is already looked after ({who})")
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(asdict(holder)).encode())
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock up; the file stays, so that nobody locks a name that is gone."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def is_lost(self) -> bool:
        """Whether the file was removed or replaced: then another may hold "the" lock, and this one guards nothing."""
        if self._descriptor is None:
            return True
        try:
            there = self.path.stat()
        except OSError:
            return True
        mine = os.fstat(self._descriptor)
        return (there.st_ino, there.st_dev) != (mine.st_ino, mine.st_dev)

    def want(self) -> None:
        """Ask a verb that holds it to give it to a watchdog."""
        self._wanted.touch(mode=0o600)

    def is_wanted(self) -> bool:
        """Whether a watchdog has asked for it lately."""
        try:
            return time.time() - self._wanted.stat().st_mtime < WANTED_FOR
        except OSError:
            return False

    def is_held(self) -> bool:
        """Whether some process holds it now."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def holder(self) -> Holder | None:
        """What the file says of its holder, if it can be read."""
        try:
            return Holder(**json.loads(self.path.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None


def _try_lock(descriptor: int) -> bool:
    """Lock at once, unless another process holds the lock to keep it.

    `is_held` of other processes shares the lock for an instant each; what can be shared is not kept.
    """
    end = time.monotonic() + PROBES_PATIENCE
    while time.monotonic() < end:
        if _flock(descriptor, fcntl.LOCK_EX):
            return True
        if not _flock(descriptor, fcntl.LOCK_SH):
            return False
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        time.sleep(0.002 * random.random())  # noqa: S311 - only to get out of step with the probes
    return False


def _flock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
