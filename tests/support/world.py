"""A fleet in memory: the real watchdog above a made-up machine.

Everything that can be real is: the config file, the store, the log files, and all of `watchdog/`
and `decide/`. Only tmux, processes and time are made up, so that a story of hours takes moments
and a fault happens exactly when it is told to.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.adapters.config_file import ConfigFile
from orchestrator.adapters.logfiles import LogFiles, private_folder
from orchestrator.adapters.store import Store
from orchestrator.adapters.worktrees import Worktrees
from orchestrator.errors import EnvironmentMissing
from orchestrator.model.action import Plan, Start
from orchestrator.model.config import Config, ServiceSpec
from orchestrator.model.launch import LaunchSpec
from orchestrator.model.memory import Memory, SessionMemory
from orchestrator.model.reading import Signal
from orchestrator.model.request import Request, Verb
from orchestrator.watchdog.apply import Hands
from orchestrator.watchdog.loop import GLANCE
from orchestrator.watchdog.observe import Eyes, Observer
from orchestrator.watchdog.tick import Ticker
from tests.support.machine import FLEET, Clock, Machine, Tmux
from tests.support.repository import Gates, Repository

SHORTEST = 0.01
"""Seconds that any tick takes at the least."""


@dataclass(slots=True)
class Surroundings:
    """The small ports: programs on PATH, services that answer, conversations that programs named.

    missing, ready: names of sessions and services. named: conversation by session. reported: new lines of transcripts.
    """

    folder: Path
    missing: set[str] = field(default_factory=set)
    answering: set[str] = field(default_factory=set)
    named: dict[str, str] = field(default_factory=dict)
    reported: dict[str, tuple[Signal, ...]] = field(default_factory=dict)

    def prepare(self, start: Start) -> Sequence[str]:
        launch = start.launch
        if launch.name in self.missing:
            raise EnvironmentMissing("the program fake is not on PATH", "install it")
        return (launch.backend.process_name if launch.backend else launch.command,)

    def lacks(self, launch: LaunchSpec) -> Sequence[Exception]:
        missing = launch.name in self.missing
        return [EnvironmentMissing("the program fake is not on PATH", "install it")] if missing else []

    def discard(self, name: str) -> None:
        """There is no script to remove."""

    def kickoff_file(self, name: str) -> Path:
        return self.folder / "launch" / f"{name}.kickoff.md"

    def read_prompt(self, path: Path) -> str:
        try:
            return path.read_text()
        except OSError:
            raise EnvironmentMissing(f"the prompt file {path.name} can't be read") from None

    def ready(self, service: ServiceSpec, run: str) -> bool:
        return service.name in self.answering

    def news(self, session: SessionMemory, config: Config, now: float, mono: float) -> tuple[Signal, ...]:
        return self.reported.pop(session.name, ())

    def keep(self, names: Container[str]) -> None:
        """Nothing is kept between looks."""

    def find(self, start_at: float, agent: str, config: Config) -> str:
        return self.named.get(agent, "")


class World:
    """One fleet on its machine.

    Args:
        folder: for its config, store and logs.
        text: of agents.toml.
    """

    def __init__(self, folder: Path, text: str) -> None:
        self.folder = folder
        self.path = folder / "agents.toml"
        self.configure(text)
        private_folder(folder / "log")
        private_folder(folder / "log" / "state")
        self.clock = Clock()
        self.machine = Machine(self.clock)
        self.tmux = Tmux(self.machine, self.clock)
        self.around = Surroundings(folder / "log" / "state")
        self.handoffs = Repository()
        self.worktrees = Worktrees(folder / "log" / "state" / "worktrees", lambda: None, {})
        self.gates = Gates(folder / "log" / "gates")
        self.store = Store(folder / "log" / "state" / "ao.db")
        self.ticker = self._watchdog()

    def configure(self, text: str) -> None:
        self.path.write_text(text)

    def _watchdog(self) -> Ticker:
        logs = LogFiles(self.folder / "log")
        eyes = Eyes(
            self.tmux,
            self.machine,
            self.machine,
            self.store,
            logs,
            self.around,
            self.around,
            self.clock,
            ConfigFile(self.path),
            self.around,
            self.around,
            self.handoffs,
            self.gates,
            self.worktrees,
        )
        hands = Hands(
            self.tmux,
            self.machine,
            self.around,
            logs,
            self.store,
            self.clock,
            self.gates,
            self.worktrees,
            FLEET,
        )
        return Ticker(Observer(eyes), hands, self.store.load_memory(), "UTC")

    @property
    def memory(self) -> Memory:
        return self.ticker.memory

    # ---- time

    def pass_by(self, seconds: float) -> None:
        """Let time go, and programs end when theirs is over."""
        self.clock.pass_by(seconds)
        self.machine.finish_due()

    def tick(self) -> Plan:
        self.machine.finish_due()
        made = self.ticker.tick()
        self.machine.finish_due()
        return made

    def run(self, seconds: float) -> Iterator[Plan]:
        """Tick as the watchdog's loop would for so long: when due, and when a glance shows news."""
        end = self.clock.mono() + seconds
        wait = 0.0
        while True:
            step = min(max(wait, SHORTEST), GLANCE)
            if self.clock.mono() + step > end:
                self.pass_by(max(0.0, end - self.clock.mono()))
                return
            self.pass_by(step)
            wait -= step
            if wait <= 0 or self.ticker.observer.glance() is not None:
                made = self.tick()
                wait = made.wake_after
                yield made

    def settle(self, seconds: float) -> list[Plan]:
        """Run for so long; every plan."""
        return list(self.run(seconds))

    # ---- what people and faults do

    def ask(self, verb: Verb, *names: str, argument: str = "", loop: str = "", patience: float = 60.0) -> int:
        """Store a wish; its number."""
        wish = Request(0, verb, names, self.clock.mono(), patience, argument=argument, loop=loop)
        return self.store.add_request(wish)

    def answer(self, number: int) -> dict[str, str]:
        """The outcomes of a wish so far, by session."""
        found = self.store.request(number)
        return {name: outcome.result.value for name, outcome in found.outcomes.items()} if found else {}

    def kill(self, name: str, *, status: int | None = None, signal: int = 9, late: bool = False) -> None:
        """End a session's program; `late`: tmux has not noticed."""
        window = self.tmux.window(name)
        window.knows_end = not late
        self.machine.kill(window.process.pid, status=status, signal=signal)

    def crash(self) -> Plan:
        """A tick whose plan is stored; then the watchdog is killed before it does anything, and starts again."""
        observation, made = self.ticker.consider()
        self.store.save(made, observation.now)
        self.restart_watchdog()
        return made

    def restart_watchdog(self, *, forget: bool = False) -> None:
        """A new watchdog process; `forget`: the store is lost too."""
        self.gates.forget()
        self.store.close()
        path = self.folder / "log" / "state" / "ao.db"
        if forget:
            for file in path.parent.glob("ao.db*"):
                file.unlink()
        self.store = Store(path)
        self.ticker = self._watchdog()

    def reboot(self) -> None:
        """Everything ends but the disk; the monotonic clock begins anew."""
        self.tmux.kill_server()
        for process in self.machine.living():
            process.alive = False
        self.clock.boots += 1
        self.clock.monotonic = 30.0
        self.clock.wall += 60
        self.restart_watchdog()

    def close(self) -> None:
        self.store.close()
