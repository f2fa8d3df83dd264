"""A fleet as verbs see it: where it is, who looks after it, and how to ask it for something."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.adapters import clock
from orchestrator.adapters.knock import knock
from orchestrator.adapters.lock import FleetLock, Holder
from orchestrator.adapters.processes import find_by_words
from orchestrator.adapters.store import Store
from orchestrator.errors import AoError, UsageError
from orchestrator.model.config import Config
from orchestrator.model.event import Event
from orchestrator.model.request import Request, Verb

FOLLOW_PAUSE = 0.03
"""Seconds between two looks at the store while a request is followed."""
HIDDEN_PATIENCE = 3.0
"""Seconds in which a watchdog that does not hold the lock yet takes it."""
ANSWER_GRACE = 3.0
"""Seconds that an answer may come later than the patience it was asked with."""

Listener = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Fleet:
    """One config's fleet."""

    config: Config

    @property
    def state_dir(self) -> Path:
        """Its state folder."""
        return self.config.state_dir

    @property
    def store_path(self) -> Path:
        """Its store."""
        return self.state_dir / "ao.db"

    @property
    def lock(self) -> FleetLock:
        """Its lock, not taken."""
        return FleetLock(self.state_dir / "lock")

    def watchdog(self) -> Holder | None:
        """Who looks after it now, or None."""
        lock = self.lock
        return (lock.holder() or Holder(0, "", "unknown", 0.0)) if lock.is_held() else None

    def hidden_watchdog(self) -> int:
        """Pid of a watchdog of this config that its present log_dir does not show, 0 when there is none.

        It was started with another log_dir, or its lock file was removed.
        """
        return next(iter(find_by_words("watchdog", "--config", str(self.config.path))), 0)

    def refuse_hidden_watchdog(self) -> None:
        """Say so instead of acting beside it.

        Raises:
            AoError: there is one.
        """
        deadline = clock.mono() + HIDDEN_PATIENCE
        while self.watchdog() is None and (pid := self.hidden_watchdog()):
            if clock.mono() < deadline:  # it may be about to take the lock, or to end
                clock.pause(0.1)
                continue
            raise AoError(
                f"a watchdog of this config runs (pid {pid}) and does not belong to {self.config.defaults.log_dir}",
                "if log_dir was edited, put the old one back and `ao down` first",
            )

    def names(self) -> tuple[str, ...]:
        """Every declared name, services first."""
        return (*(s.name for s in self.config.services), *(a.name for a in self.config.agents))

    def check_names(self, names: Iterable[str], also: Iterable[str] = ()) -> None:
        """Refuse names that nothing bears.

        Raises:
            UsageError: with the nearest names.
        """
        known = (*self.names(), *also)
        unknown = [name for name in names if name not in known]
        if unknown:
            raise UsageError(
                f"no agent or service is called {', '.join(unknown)}", f"there are: {', '.join(self.names())}"
            )


@dataclass(slots=True)
class Asked:
    """A request that is stored. seen: the newest event of the journal that was listened to."""

    fleet: Fleet
    request: Request
    number: int
    seen: int

    def follow(self, listen: Listener, drive: Callable[[], None] | None = None) -> Request | None:
        """Follow the journal until the request is answered.

        Args:
            listen: called with every event on the way.
            drive: called again and again instead of waiting, where no watchdog runs and the verb ticks itself.

        Returns:
            The request, answered or not; None when the watchdog ended before it had answered, or when this
            verb ticks itself and a watchdog wants to take over.

        Raises:
            AoError: nobody took it on in time.
        """
        store = Store(self.fleet.store_path, asking=True)
        try:
            deadline = self.request.at + self.request.patience + ANSWER_GRACE
            while True:
                if drive is not None:
                    drive()
                lonely = drive is None and not self.fleet.lock.is_held()
                for recorded in store.events(after=self.seen):
                    self.seen = recorded.id
                    listen(recorded.event)
                current = store.request(self.number)
                if current is not None and current.answered:
                    return current
                if clock.mono() > deadline:
                    return self._unanswered(current or self.request)
                if lonely or (drive is not None and self.fleet.lock.is_wanted()):
                    return None
                if drive is None:
                    clock.pause(FOLLOW_PAUSE)
        finally:
            store.close()

    def _unanswered(self, request: Request) -> Request:
        if request.accepted:
            return request
        holder = self.fleet.watchdog()
        if holder is None:
            raise AoError(
                "the watchdog ended before it took the request on",
                f"see {self.fleet.config.defaults.log_dir / 'watchdog.log'}",
            )
        raise AoError(
            f"the watchdog (pid {holder.pid}) does not answer",
            f"if it hangs, `kill -9 {holder.pid}` and ask again",
        )


def ask(fleet: Fleet, request: Request) -> Asked:
    """Store a request, and wake the watchdog; its number and time are filled in here."""
    store = Store(fleet.store_path, asking=True)
    try:
        asked = Asked(fleet, request, seen=store.last_event_id(), number=store.add_request(request))
    finally:
        store.close()
    knock(fleet.state_dir)
    return asked


def new_request(verb: Verb, names: Iterable[str], patience: float, **more: object) -> Request:
    """A request as of now."""
    fields: Mapping[str, object] = {
        "id": 0,
        "verb": verb,
        "names": tuple(names),
        "at": clock.mono(),
        "patience": patience,
        **more,
    }
    return Request(**fields)  # type: ignore[arg-type]  # keyword names and types are those of Request
