"""`ao status`: the last tick's views while a watchdog runs, else a look of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from orchestrator.adapters import clock
from orchestrator.adapters.lock import FleetLock, Holder
from orchestrator.adapters.store import Store
from orchestrator.adapters.store_schema import StoreBroken
from orchestrator.commands.fleet import Fleet
from orchestrator.commands.phase import Standing, show
from orchestrator.config.find import locate_state
from orchestrator.model.memory import LoopMemory, PhaseMemory
from orchestrator.model.view import HEALTHY, View


@dataclass(frozen=True, slots=True)
class Status:
    """All that `ao status` shows. error: of the config or the store, "" when there is none."""

    views: tuple[View, ...]
    loops: tuple[Standing, ...]
    watchdog: Holder | None
    error: str
    at: float

    @property
    def healthy(self) -> bool:
        """Whether everything that is wanted is well and looked after."""
        return (
            self.watchdog is not None
            and not self.error
            and all(view.condition in HEALTHY for view in self.views)
        )


def status(fleet: Fleet, look: Callable[[], tuple[tuple[View, ...], str]]) -> Status:
    """What each session is now.

    Args:
        fleet: whose.
        look: observes and assesses by itself; used when no watchdog does.
    """
    holder = fleet.watchdog()
    if holder is None:
        fleet.refuse_hidden_watchdog()
        views, error = look()
    else:
        store = Store(fleet.store_path, read_only=True)
        try:
            views, error = store.views(), store.config_error()
        finally:
            store.close()
    try:
        loops = show(fleet)
    except StoreBroken as broken:
        loops, error = (), error or broken.message
    return Status(views, loops, holder, error, clock.now())


def quick_status(path: Path) -> Status | None:
    """The status from what the watchdog stored alone, without reading the config's sense; None without a watchdog.

    Raises:
        ConfigError: the config does not say where its fleet is.
    """
    log_dir, _ = locate_state(path)
    lock = FleetLock(log_dir / "state" / "lock")
    if not lock.is_held():
        return None
    store = Store(log_dir / "state" / "ao.db", read_only=True)
    try:
        known = store.loops()
        loops = tuple(_standing(name, phase, known.get(name, LoopMemory())) for name, phase in store.phases())
        return Status(
            store.views(),
            loops,
            lock.holder() or Holder(0, "", "unknown", 0.0),
            store.config_error(),
            clock.now(),
        )
    finally:
        store.close()


def _standing(name: str, phase: PhaseMemory, known: LoopMemory) -> Standing:
    waits = "" if phase.complete else known.waits
    return Standing(name, phase.index, phase.ids, phase.complete, waits, known.trouble)
