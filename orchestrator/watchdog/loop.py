"""The loop around the tick: wait until something asks for a look, then look.

A quiet fleet costs one cheap glance a second. Everything that wakes earlier (a death, a request, a
saved config, news from tmux) only brings the next tick forward.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from orchestrator.errors import AoError
from orchestrator.model.action import Plan
from orchestrator.model.event import Event, EventKind
from orchestrator.watchdog.ports import Clock, Snapshot, Store
from orchestrator.watchdog.tick import Ticker

GLANCE = 1.0
"""Seconds between two glances at a fleet in which nothing is due."""
TROUBLE_PAUSE = 1.0
TIDY_INTERVAL = 3600.0


class Waker(Protocol):
    """Waits for what may wake the loop."""

    @property
    def signalled(self) -> bool: ...
    def wait(self, seconds: float) -> tuple[bool, bool]: ...
    def watch_tmux(self, descriptor: int | None) -> None: ...


class News(Protocol):
    """tmux's notifications."""

    def fileno(self) -> int | None: ...
    def take_news(self) -> bool: ...


class Journal(Protocol):
    """Where events are written for people."""

    def write(self, event: Event) -> None: ...
    def trouble(self, message: str, *, trace: bool = False) -> None: ...


@dataclass(slots=True)
class Loop:
    """One watchdog's life.

    tidy: called now and then to keep the store bounded.
    is_lock_lost: whether the fleet's lock file is gone; another may look after the fleet then.
    """

    ticker: Ticker
    waker: Waker
    news: News
    journal: Journal
    store: Store
    clock: Clock
    tidy: Callable[[], None]
    is_lock_lost: Callable[[], bool]
    _due: float = 0.0
    _stop: bool = False
    _tidied: float = 0.0
    _told_error: str = ""

    def run(self) -> None:
        """Tick until a signal or a request ends it; agents are left as they are."""
        while not (self.waker.signalled or self._stop):
            self.once()

    def once(self, longest: float = GLANCE) -> None:
        """Wait for at most `longest` seconds; tick if something asks for it or it is time, else glance."""
        self.waker.watch_tmux(self.news.fileno())
        asked, news = self.waker.wait(min(longest, GLANCE, max(0.0, self._due - self.clock.mono())))
        if self.waker.signalled:
            return
        if self.is_lock_lost():
            self.journal.trouble(
                "the lock file was removed or replaced; this watchdog ends, and touches nothing more"
            )
            self._stop = True
            return
        if news:
            asked = self.news.take_news() or asked
        if asked or self.clock.mono() >= self._due:
            self._tick()
        else:
            self._glance()

    def settle(self, within: float) -> None:
        """Go on until nothing is due within so many seconds: whatever can be done at once is done."""
        self.once()
        while self._due - self.clock.mono() < within and not self.waker.signalled:
            self.once()

    def _glance(self) -> None:
        try:
            moved = self.ticker.observer.glance()
        except (AoError, OSError) as error:
            self.journal.trouble(f"could not look: {error}")
            return
        if moved is not None:
            self._tick(moved)

    def _tick(self, snapshot: Snapshot | None = None) -> None:
        try:
            plan = self.ticker.tick(snapshot)
        except Exception:  # noqa: BLE001 - a fleet must be looked after whatever one tick met
            self.journal.trouble("a tick failed; the next one follows", trace=True)
            self._due = self.clock.mono() + TROUBLE_PAUSE
            return
        self._due = self.clock.mono() + plan.wake_after
        self._stop = plan.stop
        self._report(plan)

    def _report(self, plan: Plan) -> None:
        """Step 6: events to whoever listens."""
        for event in plan.events:
            self.journal.write(event)
        error = self.ticker.store_error
        if error != self._told_error:
            self.journal.trouble(error or "the store can be written again")
            self._told_error = error
        mono = self.clock.mono()
        if mono - self._tidied >= TIDY_INTERVAL:
            self._tidied = mono
            self.tidy()

    def announce(self, kind: EventKind, message: str) -> None:
        """An event about the watchdog itself."""
        event = Event(kind, "watchdog", message)
        self.journal.write(event)
        try:
            self.store.add_event(event, self.clock.now())
        except AoError as error:
            self.journal.trouble(error.message)
