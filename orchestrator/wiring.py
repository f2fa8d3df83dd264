"""The one place where real adapters are built and joined to what needs them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from orchestrator.adapters import clock, processes
from orchestrator.adapters.config_file import LAST_GOOD, ConfigFile
from orchestrator.adapters.conversations import TranscriptConversations
from orchestrator.adapters.follow import Repositories
from orchestrator.adapters.gates import Gates
from orchestrator.adapters.jobs import TcpProbes
from orchestrator.adapters.journal import Journal
from orchestrator.adapters.launcher import FileLauncher
from orchestrator.adapters.lock import FleetLock, Holder
from orchestrator.adapters.logfiles import LogFiles, private_folder
from orchestrator.adapters.store import Store
from orchestrator.adapters.store_schema import StoreBroken
from orchestrator.adapters.tmux import TmuxServer
from orchestrator.adapters.transcripts import Transcripts
from orchestrator.adapters.wake import Waker
from orchestrator.adapters.worktrees import Worktrees
from orchestrator.decide.plan import plan
from orchestrator.model.action import Plan, RunGate
from orchestrator.model.config import Config
from orchestrator.model.event import Event, EventKind
from orchestrator.model.handoff import GateResult, Query, Sight
from orchestrator.model.memory import Memory
from orchestrator.model.observation import Observation
from orchestrator.model.reading import Signal
from orchestrator.model.request import Request
from orchestrator.watchdog.apply import Failed, Hands
from orchestrator.watchdog.loop import Loop
from orchestrator.watchdog.observe import Eyes, Observer
from orchestrator.watchdog.tick import Ticker

ONCE_DUE = 0.5
"""Seconds: what is due later than this is not waited for by a single pass."""


class ProcessesHere:
    """This machine's processes."""

    def table(self) -> processes.ProcessTable:
        """The process table now."""
        return processes.ProcessTable.read()

    is_alive = staticmethod(processes.is_alive)
    command_name = staticmethod(processes.command_name)
    tree_command_lines = staticmethod(processes.tree_command_lines)
    end = staticmethod(processes.end)


def fleet_mark(config: Config) -> str:
    """What marks the panes of a fleet: its log folder is its identity, so that a lost store loses nobody."""
    return hashlib.blake2b(os.path.realpath(config.defaults.log_dir).encode(), digest_size=6).hexdigest()


def open_tmux(config: Config, environ: Mapping[str, str]) -> TmuxServer:
    """The tmux server that a config names.

    Raises:
        EnvironmentMissing: tmux is not installed.
    """
    return TmuxServer(config.defaults.tmux_socket, fleet_mark(config), environ)


def prepare_folders(config: Config) -> None:
    """Have the fleet's folders, private.

    Raises:
        EnvironmentMissing: they can't be made or are not ours.
    """
    private_folder(config.defaults.log_dir)
    private_folder(config.state_dir)


@dataclass(slots=True)
class Supervisor:
    """All that looks after one fleet, holding its lock: the whole watchdog, or a verb that ticks itself."""

    loop: Loop
    tmux: TmuxServer
    store: Store
    waker: Waker
    journal: Journal
    lock: FleetLock
    gates: Gates

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def drive(self, longest: float) -> None:
        """One pass of the loop, for a verb that ticks itself."""
        self.loop.once(longest)

    def run(self, path: Path) -> None:
        """Look after the fleet until a signal or a request ends it. For the main thread."""
        self.waker.catch_signals()
        self.waker.watch_files("config", [path])
        self.loop.announce(EventKind.WATCHDOG_STARTED, f"looks after {path} (pid {os.getpid()})")
        if self.store.moved_aside is not None:
            self.loop.announce(
                EventKind.STORE_REBUILT,
                f"the store could not be used; it is kept as {self.store.moved_aside.name}",
            )
        self.loop.run()
        self.loop.announce(EventKind.WATCHDOG_STOPPED, "ended; sessions are left as they are")

    def run_once(self) -> None:
        """Do everything that can be done at once, and return."""
        self.loop.settle(ONCE_DUE)

    def close(self) -> None:
        """Let go of everything; sessions are left as they are."""
        self.gates.close()
        self.tmux.close()
        self.waker.close()
        self.store.close()
        self.journal.close()
        self.lock.release()


def open_supervisor(path: Path, environ: Mapping[str, str], *, role: str, echo: bool) -> Supervisor:
    """Take the fleet's lock and build its supervisor.

    Args:
        path: of agents.toml.
        environ: what sessions inherit.
        role: "watchdog", or the verb that ticks itself.
        echo: write events to the terminal too.

    Raises:
        Busy: somebody else holds the lock.
        ConfigError: the config can't be used.
        EnvironmentMissing: tmux or a folder is missing.
    """
    source = ConfigFile(path, last_good=role == "down")  # a fleet can be stopped whatever its file says
    config = source.current()
    prepare_folders(config)
    lock = FleetLock(config.state_dir / "lock")
    lock.acquire(Holder(os.getpid(), str(path), role, clock.now()))
    try:
        source.keep_copy(config.state_dir / LAST_GOOD)
        return _build(source, config, environ, lock, echo=echo)
    except BaseException:
        lock.release()
        raise


def look(path: Path, environ: Mapping[str, str]) -> tuple[Observation, Plan]:
    """Observe and plan without the lock, and change nothing: for `status` and `--dry-run`.

    Raises:
        ConfigError: the config can't be used.
        EnvironmentMissing: tmux is missing.
    """
    source = ConfigFile(path, last_good=True)
    config = source.current()
    tmux = open_tmux(config, environ)
    database = config.state_dir / "ao.db"
    store = _open_to_look(database)
    deaths, conversations = processes.DeathWatch(), TranscriptConversations(environ)
    try:
        eyes = Eyes(
            tmux=tmux, processes=ProcessesHere(), deaths=_Unwatched(deaths), store=store or _NoStore(),
            logs=LogFiles(config.defaults.log_dir), probes=TcpProbes(lambda: None),
            conversations=conversations, transcripts=Transcripts(conversations), clock=clock, config=source,
            launcher=FileLauncher(config.state_dir, source.path, environ), handoffs=_Unasked(), gates=_Unasked(), worktrees=_NoWorktrees(),
        )  # fmt: skip
        memory = store.load_memory() if store else Memory()
        observation = Observer(eyes).observe(memory, Failed())
        return observation, plan(observation, memory, clock.local_zone(environ))
    finally:
        deaths.watch([])
        tmux.close()
        if store:
            store.close()


def _open_to_look(path: Path) -> Store | None:
    """The store, or None when there is none that can be read: then a look goes by what tmux shows alone."""
    try:
        return Store(path, read_only=True)
    except StoreBroken:
        return None


class _Unwatched:
    """Deaths for a single look: nothing waits for them."""

    def __init__(self, deaths: processes.DeathWatch) -> None:
        self._deaths = deaths
        self.ended = deaths.ended

    def watch(self, pids: Iterable[int]) -> None:
        self._deaths.watch(pids)


class _Unasked:
    """Repositories and gates for a single look: nothing is fetched or run for it."""

    def look(self, loop: str, query: Query) -> Sight | None:  # noqa: ARG002 - the port's form
        return None

    def keep(self, loops: Container[str]) -> None:
        """Nothing is kept."""

    def run(self, gate: RunGate) -> str:  # noqa: ARG002 - the port's form
        return "a look runs nothing"

    def running(self) -> Mapping[str, str]:
        return {}

    def results(self) -> Mapping[str, GateResult]:
        return {}


class _NoWorktrees:
    """A look takes nothing away."""

    def names(self) -> frozenset[str]:
        return frozenset()

    def refusals(self) -> Mapping[str, str]:
        return {}

    def remove(self, name: str) -> str:  # noqa: ARG002 - the port's form
        return "a look takes nothing away"


class _NoStore:
    """A fleet that was never started has nothing stored, and a look does not create it."""

    def load_memory(self) -> Memory:
        return Memory()

    def open_requests(self) -> tuple[Request, ...]:
        return ()

    def new_signals(self) -> dict[str, tuple[Signal, ...]]:
        return {}

    def save(self, plan: Plan, at: float) -> None:  # noqa: ARG002 - the port's form
        raise StoreBroken("a look stores nothing")

    def add_event(self, event: Event, at: float) -> None:  # noqa: ARG002 - the port's form
        raise StoreBroken("a look stores nothing")


def _build(
    source: ConfigFile, config: Config, environ: Mapping[str, str], lock: FleetLock, *, echo: bool
) -> Supervisor:
    store = Store(config.state_dir / "ao.db")
    tmux = open_tmux(config, environ)
    waker = Waker(config.state_dir)
    journal = Journal(config.defaults.log_dir / "watchdog.log", echo=echo)
    logs, here = LogFiles(config.defaults.log_dir), ProcessesHere()
    launcher = FileLauncher(config.state_dir, source.path, environ)
    conversations = TranscriptConversations(environ)
    worktrees = Worktrees(config.worktrees_dir, waker.poke, environ)
    gates = Gates(config.defaults.log_dir, waker.poke, environ)
    repositories = Repositories(
        waker.poke, lambda files: waker.watch_files("handoff", files), environ, fleet_mark(config)
    )
    eyes = Eyes(
        handoffs=repositories, gates=gates, worktrees=worktrees, launcher=launcher, tmux=tmux, processes=here, deaths=waker, store=store, logs=logs, probes=TcpProbes(waker.poke),
        conversations=conversations, transcripts=Transcripts(conversations), clock=clock, config=source,
    )  # fmt: skip
    hands = Hands(
        tmux=tmux,
        processes=here,
        launcher=launcher,
        logs=logs,
        store=store,
        clock=clock,
        gates=gates,
        worktrees=worktrees,
        fleet=fleet_mark(config),
    )
    ticker = Ticker(Observer(eyes), hands, store.load_memory(), clock.local_zone(environ))
    loop = Loop(
        ticker=ticker,
        waker=waker,
        news=tmux,
        journal=journal,
        store=store,
        clock=clock,
        tidy=store.tidy,
        is_lock_lost=lock.is_lost,
    )
    return Supervisor(loop, tmux, store, waker, journal, lock, gates)
