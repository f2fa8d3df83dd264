"""`ao up`, `ao down`, `ao restart`: what they ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from orchestrator.adapters import clock
from orchestrator.adapters.lock import Holder
from orchestrator.adapters.processes import is_alive
from orchestrator.adapters.store import Store
from orchestrator.commands.drive import OpenDriver, carry_out, ensure_watchdog
from orchestrator.commands.fleet import Fleet, Listener, new_request
from orchestrator.errors import AoError
from orchestrator.model.request import FAILURES, Outcome, Request, Result, Verb

START_PATIENCE = 30.0
"""Seconds that a start may take before `up` returns without it."""
STOP_SLACK = 8.0
RELEASE_PATIENCE = 10.0


UNANSWERED = Outcome(Result.LATE, "the watchdog gave no answer in time")


class Server(Protocol):
    """The fleet's tmux server, as far as `down` is concerned."""

    def end_empty_server(self) -> bool:
        """End it when no session but ao's own is left; False when it stays."""


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a verb: each session's outcome, in order. watchdog: what happened to it, in words."""

    outcomes: Mapping[str, Outcome]
    watchdog: str = ""

    @property
    def ok(self) -> bool:
        """Whether everything that was asked for was done."""
        return all(outcome.result not in FAILURES for outcome in self.outcomes.values())


def up(
    fleet: Fleet, names: Sequence[str], listen: Listener, open_driver: OpenDriver, environ: Mapping[str, str],
    *, watchdog: bool, patience: float,
) -> Report:  # fmt: skip
    """Start what is enabled, or the named ones, and have a watchdog look after them.

    Raises:
        UsageError: nothing bears one of the names.
        AoError: nobody took the request on.
    """
    fleet.check_names(names)
    told = ""
    if watchdog:
        told = "started" if ensure_watchdog(fleet, environ) else "running"
    answer = carry_out(fleet, new_request(Verb.UP, names, patience), listen, open_driver)
    return _report(answer, told)


def restart(
    fleet: Fleet, names: Sequence[str], listen: Listener, open_driver: OpenDriver, *, patience: float
) -> Report:
    """Stop the named ones and start them again; raises as `up`."""
    fleet.check_names(names)
    wait = patience + _grace(fleet, names)
    return _report(carry_out(fleet, new_request(Verb.RESTART, names, wait), listen, open_driver))


def down(
    fleet: Fleet, names: Sequence[str], listen: Listener, open_driver: OpenDriver, server: Server
) -> Report:
    """Stop the named ones, or everything and the watchdog with it; raises as `up`."""
    fleet.check_names(names, also=_remembered(fleet))
    fleet.refuse_hidden_watchdog()
    holder = fleet.watchdog()
    if holder is None and not fleet.store_path.exists():
        return Report({}, "not running")
    wait = _grace(fleet, names) + STOP_SLACK
    request = new_request(Verb.DOWN, names, wait, stop_watchdog=not names)
    answer = carry_out(fleet, request, listen, open_driver)
    if names:
        return _report(answer)
    _await_end(fleet, holder)
    server.end_empty_server()
    return _report(answer, "stopped" if holder else "not running")


def _report(answer: Request, watchdog: str = "") -> Report:
    return Report({name: answer.outcomes.get(name, UNANSWERED) for name in answer.targets}, watchdog)


def _remembered(fleet: Fleet) -> tuple[str, ...]:
    """Names that left the config and may still run."""
    if not fleet.store_path.exists():
        return ()
    store = Store(fleet.store_path, read_only=True)
    try:
        return tuple(view.name for view in store.views())
    finally:
        store.close()


def _grace(fleet: Fleet, names: Sequence[str]) -> float:
    graces = {s.name: s.stop_grace for s in fleet.config.services} | {
        a.name: a.stop_grace for a in fleet.config.agents
    }
    return max((grace for name, grace in graces.items() if not names or name in names), default=0.0)


def _await_end(fleet: Fleet, holder: Holder | None) -> None:
    """Wait until the watchdog has let go of the lock and its process is gone."""
    deadline = clock.mono() + RELEASE_PATIENCE
    while holder is not None and (fleet.watchdog() is not None or (holder.pid > 1 and is_alive(holder.pid))):
        if clock.mono() > deadline:
            raise AoError(
                f"the watchdog (pid {holder.pid}) is still there", f"end it with `kill {holder.pid}`"
            )
        clock.pause(0.02)
