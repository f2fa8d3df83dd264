"""A wish of a person or a program: stored, seen by the next tick, answered by events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Verb(StrEnum):
    """What can be wished for."""

    UP = "up"
    DOWN = "down"
    RESTART = "restart"
    PHASE = "phase"
    SEND = "send"


class Result(StrEnum):
    """How a request ended for one session."""

    STARTED = "started"
    """Was not running, and is ready now."""
    RUNNING = "running"
    """Was running already: left alone."""
    COMPLETED = "completed"
    """A task that ran to its end."""
    STOPPED = "stopped"
    ABSENT = "absent"
    """Was not running already: nothing to stop."""
    DIED = "died"
    TAKEN = "taken"
    """Its session name belongs to somebody else."""
    SURVIVED = "survived"
    """Processes of it could not be ended."""
    MOVED = "moved"
    DELIVERED = "delivered"
    """A text was taken, as could be seen."""
    UNDELIVERED = "undelivered"
    """A text was not taken, or nobody can say that it was."""
    REFUSED = "refused"
    LATE = "late"
    """Nothing final within the time given."""


FAILURES = frozenset(
    {Result.DIED, Result.TAKEN, Result.SURVIVED, Result.REFUSED, Result.LATE, Result.UNDELIVERED}
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One session's part of an answer; `detail` is a sentence or the program's last words."""

    result: Result
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """A stored wish.

    names: the sessions it is about; empty: all that are enabled.
    argument: `phase`: "next" or an id or number; `send`: the text. loop: which loop, "" when there is one.
    key: `send`: a text with a key that was delivered before is not said again; "" for a key of its own.
    sender: `send`: who says it.
    at: mono seconds at which it was stored. patience: seconds until what is open counts as late.
    stop_watchdog: `down` of everything ends the watchdog too.
    accepted: the tick that saw it first took it on; outcomes fill up until none is missing.
    """

    id: int
    verb: Verb
    names: tuple[str, ...]
    at: float
    patience: float
    argument: str = ""
    loop: str = ""
    key: str = ""
    sender: str = ""
    stop_watchdog: bool = False
    accepted: bool = False
    targets: tuple[str, ...] = ()
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)

    @property
    def answered(self) -> bool:
        """Whether every target has its outcome."""
        return self.accepted and all(name in self.outcomes for name in self.targets)
