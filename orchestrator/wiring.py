"""The one place where real adapters are built and joined to what needs them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.adapters import clock, processes
from orchestrator.adapters.config_file import ConfigFile
from orchestrator.adapters.conversations import TranscriptConversations
from orchestrator.adapters.jobs import TcpProbes
from orchestrator.adapters.journal import Journal
from orchestrator.adapters.launcher import FileLauncher
from orchestrator.adapters.lock import FleetLock, Holder
from orchestrator.adapters.logfiles import LogFiles, private_folder
from orchestrator.adapters.store import Store
from orchestrator.adapters.tmux import TmuxServer
from orchestrator.adapters.wake import Waker
from orchestrator.model.config import Config
from orchestrator.watchdog.apply import Hands
from orchestrator.watchdog.loop import Loop
from orchestrator.watchdog.observe import Eyes, Observer
from orchestrator.watchdog.tick import Ticker


class ProcessesHere:
    """This machine's processes."""

    def table(self) -> processes.ProcessTable:
        """The process table now."""
        return processes.ProcessTable.read()

    is_alive = staticmethod(processes.is_alive)
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

    def close(self) -> None:
        """Let go of everything; sessions are left as they are."""
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
    source = ConfigFile(path)
    config = source.current()
    prepare_folders(config)
    lock = FleetLock(config.state_dir / "lock")
    lock.acquire(Holder(os.getpid(), str(path), role, clock.now()))
    try:
        return _build(source, config, environ, lock, echo=echo)
    except BaseException:
        lock.release()
        raise


def _build(source: ConfigFile, config: Config, environ: Mapping[str, str], lock: FleetLock, *, echo: bool) -> Supervisor:
    store = Store(config.state_dir / "ao.db")
    tmux = open_tmux(config, environ)
    waker = Waker(config.state_dir)
    journal = Journal(config.defaults.log_dir / "watchdog.log", echo=echo)
    logs, here = LogFiles(config.defaults.log_dir), ProcessesHere()
    eyes = Eyes(
        tmux=tmux, processes=here, deaths=waker, store=store, logs=logs, probes=TcpProbes(waker.poke),
        conversations=TranscriptConversations(environ), clock=clock, config=source,
    )  # fmt: skip
    launcher = FileLauncher(config.state_dir, source.path, environ)
    hands = Hands(
        tmux=tmux, processes=here, launcher=launcher, logs=logs, store=store, clock=clock, fleet=fleet_mark(config)
    )
    ticker = Ticker(Observer(eyes), hands, store.load_memory(), local_zone(environ))
    loop = Loop(ticker=ticker, waker=waker, news=tmux, journal=journal, store=store, clock=clock, tidy=store.tidy)
    return Supervisor(loop, tmux, store, waker, journal, lock)


def local_zone(environ: Mapping[str, str]) -> str:
    """IANA name of the machine's time zone; "UTC" when it does not say."""
    if name := environ.get("TZ", "").removeprefix(":"):
        return name
    target = os.path.realpath("/etc/localtime")
    _, found, name = target.partition("/zoneinfo/")
    return name if found else "UTC"
