"""What one session's turn in a tick works with, and what comes out of it."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field, replace
from typing import Any

from orchestrator.model.action import Action
from orchestrator.model.config import WatchdogSettings
from orchestrator.model.event import Event, EventKind
from orchestrator.model.memory import SessionMemory
from orchestrator.model.observation import Observation

AT_ONCE = 0.0


@dataclass(frozen=True, slots=True)
class StartWish:
    """A session is to be started as soon as the fleet's pace allows.

    pane: id of its dead pane, "" for a new session. asked: a person waits for it.
    repeated: it died before since it was last healthy, so the fleet's brake counts it.
    """

    pane: str
    asked: bool
    repeated: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a text. accepted: the program took it; else `why` not. request: who waits for it, 0 for nobody."""

    key: str
    accepted: bool
    why: str = ""
    request: int = 0


@dataclass(slots=True)
class Step:
    """Collects one session's new memory, actions and events. wake: seconds until it must be seen again."""

    observation: Observation
    settings: WatchdogSettings
    session: SessionMemory
    actions: list[Action] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    start: StartWish | None = None
    ended: list[Ended] = field(default_factory=list)
    wake: float = 1e9

    @property
    def mono(self) -> float:
        """The tick's monotonic reading."""
        return self.observation.mono

    def change(self, **changes: Any) -> None:
        """Replace fields of the session's memory."""
        self.session = replace(self.session, **changes)

    def tell(self, kind: EventKind, message: str, **data: object) -> None:
        """Add an event about this session."""
        self.events.append(Event(kind, self.session.name, message, data))

    def again(self, seconds: float) -> None:
        """Be looked at again after at most so many seconds."""
        self.wake = min(self.wake, seconds)


def run_id(name: str, boot: str, mono: float) -> str:
    """Id of a run: 12 hex digits, new for each (session, moment)."""
    return hashlib.blake2b(f"{boot}/{name}/{mono!r}".encode(), digest_size=6).hexdigest()


def conversation_id(run: str, boot: str) -> str:
    """A UUID (version 4 in form) for the conversation of a run."""
    digest = hashlib.blake2b(f"{boot}/{run}".encode(), digest_size=16).digest()
    return str(uuid.UUID(bytes=digest, version=4))
