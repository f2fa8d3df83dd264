"""What happened: once, past tense, append-only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class EventKind(StrEnum):
    """Every kind of event that the journal can hold. The names are a contract."""

    WATCHDOG_STARTED = "watchdog-started"
    WATCHDOG_STOPPED = "watchdog-stopped"
    CONFIG_LOADED = "config-loaded"
    CONFIG_REJECTED = "config-rejected"
    STORE_REBUILT = "store-rebuilt"
    TMUX_LOST = "tmux-lost"
    TMUX_BACK = "tmux-back"
    SOCKET_LOST = "socket-lost"
    REQUESTED = "requested"
    STARTED = "started"
    READY = "ready"
    START_FAILED = "start-failed"
    EXITED = "exited"
    VANISHED = "vanished"
    """The session or its tmux server went away, without an exit status."""
    ADOPTED = "adopted"
    COMPLETED = "completed"
    MISMATCHED = "mismatched"
    STALLED = "stalled"
    FATAL = "fatal"
    FAILED = "failed"
    RECOVERED = "recovered"
    STOPPING = "stopping"
    STOPPED = "stopped"
    SURVIVED = "survived"
    """A process that could not be ended; its pid is named."""
    SESSION_TAKEN = "session-taken"
    DRIFT_PENDING = "drift-pending"
    DRIFT_APPLIED = "drift-applied"
    CONDITION = "condition"
    """An agent's condition changed; `data` has `from` and `to`."""
    LIMITED = "limited"
    """A usage limit holds a session; `data` has `reset_at` and `until`."""
    LIMIT_LIFTED = "limit-lifted"
    NEEDS_HUMAN = "needs-human"
    """A dialog, a login, a key: told once for each time; `data` has `state` and `evidence`."""
    RESUME_FAILED = "resume-failed"
    LOG_REOPENED = "log-reopened"
    PHASE_MOVED = "phase-moved"
    PHASE_DONE = "phase-done"
    """A phase is done, and waits for a person to move on (`auto_advance = false`)."""
    SEQUENCE_COMPLETE = "sequence-complete"
    HANDOFF = "handoff"
    """A commit was seen that hands work over, or an inbox changed; `data` has `what`, `commit` and `to`."""
    HANDOFF_TROUBLE = "handoff-trouble"
    """The followed repository can't be seen, or was rewritten; told once for each reason."""
    WORKTREE_REMOVED = "worktree-removed"
    WORKTREE_KEPT = "worktree-kept"
    """A worktree that no agent wants holds what is nowhere else; told once for each reason."""
    GATE_STARTED = "gate-started"
    GATE_PASSED = "gate-passed"
    GATE_FAILED = "gate-failed"
    DELIVERED = "delivered"
    DELIVERY_WAITS = "delivery-waits"
    """A text that could not be typed for a while; told once, with what it waits for."""
    DELIVERY_FAILED = "delivery-failed"
    DIALOG_ANSWERED = "dialog-answered"
    ACTION_FAILED = "action-failed"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the journal.

    subject: the agent, service or loop it is about; "" for the fleet.
    message: one line for people, no trailing full stop, control characters already made visible.
    data: the same as facts: strings, numbers, lists of them.
    """

    kind: EventKind
    subject: str
    message: str
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event as the store has it: with its number and its instant (epoch seconds)."""

    id: int
    at: float
    event: Event
