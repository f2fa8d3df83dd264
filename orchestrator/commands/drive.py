"""Asking a fleet for something, whether or not a watchdog runs.

With one, the request is stored and followed. Without one, the verb takes the lock and ticks itself
until the request is answered, so that starting, stopping and restarting exist once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from orchestrator.adapters import clock
from orchestrator.adapters.lock import Holder
from orchestrator.adapters.spawn import spawn_watchdog
from orchestrator.commands.fleet import Asked, Fleet, Listener, ask
from orchestrator.errors import AoError, Busy, ExitCode
from orchestrator.model.request import Request

TICK = 0.05
"""Seconds between two looks at the journal while a verb ticks itself."""
TAKE_OVER = 5.0
"""Seconds in which a watchdog that wants the lock takes it."""
WATCHDOG_START = 20.0
LOCK_PATIENCE = 30.0
NEXT_WATCHDOG = 2.0
"""Seconds in which another watchdog may take the place of one that ended."""
WATCHDOG = "watchdog"


class Driver(Protocol):
    """A supervisor that a verb runs itself."""

    def drive(self, longest: float) -> None:
        """Wait for at most so many seconds, and tick."""


OpenDriver = Callable[[], AbstractContextManager[Driver]]


def carry_out(fleet: Fleet, request: Request, listen: Listener, open_driver: OpenDriver) -> Request:
    """Ask the watchdog, or do it here when there is none; the answered request.

    Raises:
        Busy: another config's watchdog has this log folder.
        AoError: nobody took the request on.
    """
    asked: Asked | None = None
    deadline, alone_from = clock.mono() + LOCK_PATIENCE, 0.0
    while True:
        holder = fleet.watchdog()
        if holder is not None and holder.role == WATCHDOG:
            check_same_config(fleet, holder)
            asked = asked or ask(fleet, request)
            answered = asked.follow(listen)
            if answered is not None:
                return answered
            # It ended. The next one finds the request; without one this verb does what is left to do.
            deadline, alone_from = clock.mono() + LOCK_PATIENCE, clock.mono() + NEXT_WATCHDOG
        elif holder is None and clock.mono() >= alone_from:
            try:
                with open_driver() as driver:
                    asked = asked or ask(fleet, request)
                    answered = asked.follow(listen, lambda: driver.drive(TICK))
                    if answered is not None:
                        return answered
                deadline, alone_from = clock.mono() + LOCK_PATIENCE, clock.mono() + TAKE_OVER
            except Busy:
                if clock.mono() > deadline:
                    raise
        elif clock.mono() > deadline and holder is not None:
            raise Busy(f"`ao {holder.role}` (pid {holder.pid}) holds this fleet", "wait for it, or end it")
        clock.pause(TICK)


def check_same_config(fleet: Fleet, holder: Holder) -> None:
    """Refuse a log folder that another config's watchdog has.

    Raises:
        Busy: it is another config's.
    """
    if holder.config and holder.config != str(fleet.config.path):
        raise Busy(
            f"the log folder {fleet.config.defaults.log_dir} belongs to the fleet of {holder.config} (watchdog pid {holder.pid})",
            "give this config a log_dir of its own",
        )


def ensure_watchdog(fleet: Fleet, environ: Mapping[str, str]) -> bool:
    """Have a watchdog in the background; True when it was started now.

    Raises:
        AoError: it ended at once; its words are in the message.
        Busy: the log folder is another config's.
    """
    log = fleet.state_dir / "watchdog.out"
    deadline = clock.mono() + WATCHDOG_START
    process = None
    while clock.mono() < deadline:
        holder = fleet.watchdog()
        if holder is not None and holder.role == WATCHDOG:
            check_same_config(fleet, holder)
            return process is not None
        if holder is not None:
            fleet.lock.want()  # a verb that waits for an answer ticks meanwhile
        if process is None and holder is None:
            log.unlink(missing_ok=True)
            process = spawn_watchdog(fleet.config.path, log, environ)
        if process is not None and process.poll() is not None:
            if process.returncode != ExitCode.BUSY:
                words = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
                raise AoError(
                    f"the watchdog ended at once: {words[-1] if words else process.returncode}",
                    f"its words are in {log}",
                )
            process = None  # another one was quicker
        clock.pause(0.02)
    raise AoError(
        "the watchdog did not come up in time", f"see {fleet.config.defaults.log_dir / 'watchdog.log'}"
    )
