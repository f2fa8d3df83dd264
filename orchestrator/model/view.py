"""What each session is now, judged: for the plan, for `status`, for `explain`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Condition(StrEnum):
    """The one word for a session. A closed list: no pair of booleans encodes a state."""

    STOPPED = "stopped"
    """Not wanted, and not there."""
    DISABLED = "disabled"
    WAITING = "waiting"
    """Wanted, and held back: a service it needs, the pace of starts."""
    STARTING = "starting"
    WORKING = "working"
    IDLE = "idle"
    RUNNING = "running"
    """A service, or a program whose screen means nothing to ao."""
    DRAFT = "draft"
    DIALOG = "dialog"
    LIMITED = "limited"
    TRANSIENT = "transient"
    AUTH = "auth"
    FATAL = "fatal"
    WARNING = "warning"
    UNKNOWN = "unknown"
    MISMATCHED = "mismatched"
    BACKOFF = "backoff"
    """Died; the next start has its time."""
    DEAD = "dead"
    """Died, and nobody asked for it to be restarted."""
    FAILED = "failed"
    """The restart intensity is used up."""
    COMPLETED = "completed"
    STOPPING = "stopping"
    TAKEN = "taken"
    """A session of its name exists that is not this fleet's."""
    MISSING = "missing"


HEALTHY = frozenset(
    {
        Condition.STOPPED, Condition.DISABLED, Condition.WORKING, Condition.IDLE, Condition.RUNNING,
        Condition.DRAFT, Condition.WARNING, Condition.COMPLETED, Condition.STARTING, Condition.WAITING,
    }
)  # fmt: skip
"""Conditions in which nothing needs anybody."""


@dataclass(frozen=True, slots=True)
class View:
    """One row of `ao status`.

    since: epoch seconds of the present condition. reason: why, for people.
    command: the program in the pane. next: what will happen by itself, for people, and `next_at` when
    (epoch seconds), where that is known.
    reset_at: announced end of the limit that holds it, epoch seconds.
    account_limited: another session whose limit may be this one's too, since they share an account.
    texts: how many are in its outbox; text_waits: what the first of them waits for, for people.
    """

    name: str
    kind: str
    session: str
    backend: str
    model: str
    watch: str
    condition: Condition
    since: float
    reason: str = ""
    rule: str = ""
    evidence: tuple[str, ...] = ()
    restarts: int = 0
    pid: int = 0
    pane: str = ""
    command: str = ""
    next: str = ""
    next_at: float | None = None
    drift: bool = False
    attached: bool = False
    reset_at: float | None = None
    account_limited: str = ""
    texts: int = 0
    text_waits: str = ""
