"""A made-up machine: its clock, its processes, and a tmux server, as the watchdog's ports show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from orchestrator.errors import TmuxUnavailable
from orchestrator.model.observation import Pane, Process, ServerState
from orchestrator.model.reading import Screen
from tests.support.builders import MONO, NOW

FLEET = "fleet"


@dataclass(slots=True)
class Clock:
    """Time that passes only when it is told to."""

    wall: float = NOW
    monotonic: float = MONO
    boots: int = 1

    def now(self) -> float:
        return self.wall

    def mono(self) -> float:
        return self.monotonic

    def slept(self) -> float:
        return 0.0

    def boot(self) -> str:
        return f"boot-{self.boots}"

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.monotonic += seconds


@dataclass(slots=True)
class Behaviour:
    """How a session's program behaves from its next start on.

    screen: what it shows. exits, after: the status with which it ends, and the seconds until then.
    ignores_term, immortal: what does not end it. children: processes that outlive it.
    command: its command line, "" for the right one. deaf: submit keys that get lost.
    """

    screen: str = "IDLE"
    exits: int | None = None
    after: float = 0.0
    ignores_term: bool = False
    immortal: bool = False
    children: int = 0
    command: str = ""
    deaf: int = 0


@dataclass(slots=True)
class FakeProcess:
    """One process; a child has its leader's mark and behaves like it."""

    pid: int
    started: int
    command: str
    run: str
    behaviour: Behaviour
    parent: int = 0
    ends_at: float | None = None
    status: int | None = None
    signal: int | None = None
    alive: bool = True


@dataclass(slots=True)
class Machine:
    """The processes, as the ports `Processes`, `Table` and `Deaths` show them."""

    clock: Clock
    all: dict[int, FakeProcess] = field(default_factory=dict)
    _last_pid: int = 1000

    def spawn(self, command: str, run: str, behaviour: Behaviour, parent: int = 0) -> FakeProcess:
        self._last_pid += 1
        ends_at = self.clock.mono() + behaviour.after if behaviour.exits is not None and not parent else None
        made = FakeProcess(
            self._last_pid, self._last_pid, command, run, behaviour, parent, ends_at, behaviour.exits
        )
        self.all[made.pid] = made
        for _ in range(0 if parent else behaviour.children):
            self.spawn(f"child of {command}", run, behaviour, parent=made.pid)
        return made

    def finish_due(self) -> None:
        """End what has reached its own end."""
        for process in self.living():
            if process.ends_at is not None and process.ends_at <= self.clock.mono():
                process.alive = False

    def living(self) -> list[FakeProcess]:
        return [process for process in self.all.values() if process.alive]

    def kill(self, pid: int, *, status: int | None = None, signal: int | None = 9) -> None:
        process = self.all[pid]
        process.alive, process.status, process.signal = False, status, None if status is not None else signal

    # ---- ports

    def table(self) -> Machine:
        return self

    def members(self, leader: int, run: str, *, living: bool) -> tuple[Process, ...]:
        mine = [
            p for p in self.living() if (run and p.run == run) or (living and leader in {p.pid, p.parent})
        ]
        return tuple(Process(p.pid, p.started, p.command) for p in mine)

    def is_alive(self, pid: int) -> bool:
        return pid in self.all and self.all[pid].alive

    def command_name(self, pid: int) -> str:
        return self.all[pid].command.split()[0] if pid in self.all else ""

    def tree_command_lines(self, leader: int) -> tuple[str, ...]:
        return tuple(p.command for p in self.living() if leader in {p.pid, p.parent})

    def end(self, process: Process, *, kill: bool) -> bool:
        behaviour = self.all[process.pid].behaviour
        if not behaviour.immortal and (kill or not behaviour.ignores_term):
            self.kill(process.pid, signal=9 if kill else 15)
        return True

    def watch(self, pids: Iterable[int]) -> None:
        """Nothing to prepare: `ended` knows at once."""

    def ended(self, pid: int) -> bool:
        return not self.is_alive(pid)


@dataclass(slots=True)
class Window:
    """One pane. knows_end: tmux has collected its dead program's status."""

    session: str
    session_id: str
    pane_id: str
    process: FakeProcess
    marks: Mapping[str, str]
    screen: str
    activity: int
    attached: bool = False
    used: float = 0.0
    piped: bool = True
    knows_end: bool = True


@dataclass(frozen=True, slots=True)
class Shot:
    """What the port calls a snapshot."""

    state: ServerState
    reason: str = ""
    panes: Mapping[str, Pane] | None = None
    taken: frozenset[str] = frozenset()


@dataclass(slots=True)
class Typed:
    """What was typed, and into what."""

    run: str
    text: str
    screen: str
    alive: bool
    ours: bool
    used: bool


@dataclass(slots=True)
class Tmux:
    """A tmux server, as the port of that name shows it. answers: it can be asked at all."""

    machine: Machine
    clock: Clock
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    windows: dict[str, Window] = field(default_factory=dict)
    foreign: set[str] = field(default_factory=set)
    typed: list[Typed] = field(default_factory=list)
    answers: bool = True
    socket: bool = True
    server_pid: int = 0
    _made: int = 0

    # ---- faults and people

    def window(self, name: str) -> Window:
        """The newest pane that carries a name."""
        return next(
            w
            for w in reversed(self.windows.values())
            if w.marks["name"] == name and w.marks["fleet"] == FLEET
        )

    def draw(self, name: str, text: str) -> None:
        window = self.window(name)
        window.screen, window.activity = text, int(self.clock.now())

    def strange(self, session: str, name: str) -> Window:
        """A session of another fleet whose agent has the same name."""
        self._made += 1
        self._run(
            session,
            f"${self._made}",
            f"%{self._made}",
            ["fake"],
            {"fleet": "other", "name": name, "spec": "", "run": "x"},
        )
        return self.windows[f"%{self._made}"]

    def drop(self, window: Window) -> None:
        """A pane is closed, which hangs its program up."""
        del self.windows[window.pane_id]
        if window.process.alive and not window.process.behaviour.immortal:
            self.machine.kill(window.process.pid, signal=1)

    def kill_server(self) -> None:
        for window in list(self.windows.values()):
            self.drop(window)
        if self.server_pid:
            self.machine.kill(self.server_pid)
        self.server_pid = 0
        self.foreign.clear()

    # ---- the port

    def snapshot(self) -> Shot:
        if not self.answers:
            return Shot(ServerState.UNKNOWN, "no answer within 5 s")
        if not self.socket or not self.server_pid:
            return Shot(ServerState.ABSENT, "no server running")
        panes: dict[str, Pane] = {}
        taken = set(self.foreign)
        for window in self.windows.values():
            if window.marks["fleet"] == FLEET:
                panes.setdefault(window.marks["name"], self._row(window))
        return Shot(ServerState.UP, "", panes, frozenset(taken))

    def _row(self, window: Window) -> Pane:
        process, marks = window.process, window.marks
        dead = not process.alive and window.knows_end
        return Pane(
            session=window.session, session_id=window.session_id, pane_id=window.pane_id, pid=process.pid,
            server_pid=self.server_pid, dead=dead, dead_status=process.status if dead and process.signal is None else None,
            dead_signal=process.signal if dead else None, activity=window.activity, attached=int(window.attached), in_mode=False,
            piped=window.piped, alternate=False, fleet=marks["fleet"], name=marks["name"], spec=marks["spec"], run=marks["run"],
        )  # fmt: skip

    def look(
        self,
        panes: Mapping[str, str],
        *,
        attributes: Iterable[str] = (),
        history: int = 0,
    ) -> dict[str, Screen]:
        self._ask()
        return {
            name: Screen(self.windows[pane].screen) for name, pane in panes.items() if pane in self.windows
        }

    def human_activity(self) -> dict[str, int]:
        self._ask()
        return {w.session_id: int(w.used) for w in self.windows.values() if w.attached}

    def start(self, session: str, command: Sequence[str], marks: Mapping[str, str], log: Path) -> str:
        self._ask()
        if not self.server_pid:
            self.server_pid = self.machine.spawn("tmux", "", Behaviour()).pid
        if session in self.foreign or any(w.session == session for w in self.windows.values()):
            return f"duplicate session: {session}"
        self._made += 1
        self._run(session, f"${self._made}", f"%{self._made}", command, marks)
        return ""

    def respawn(self, pane: str, command: Sequence[str], marks: Mapping[str, str], log: Path) -> str:
        self._ask()
        if pane not in self.windows:
            return f"can't find pane: {pane}"
        old = self.windows[pane]
        if old.process.alive:
            self.machine.kill(old.process.pid)
        self._run(old.session, old.session_id, pane, command, marks)
        return ""

    def _run(
        self, session: str, session_id: str, pane: str, command: Sequence[str], marks: Mapping[str, str]
    ) -> None:
        behaviour = replace(self.behaviours.get(marks["name"], Behaviour()))
        process = self.machine.spawn(behaviour.command or " ".join(command), marks["run"], behaviour)
        self.windows[pane] = Window(
            session, session_id, pane, process, dict(marks), behaviour.screen, int(self.clock.now())
        )

    def record(self, pane: str, log: Path) -> str:
        self._ask()
        self.windows[pane].piped = True
        return ""

    def close_pane(self, pane: str) -> str:
        self._ask()
        if pane not in self.windows:
            return f"can't find pane: {pane}"
        self.drop(self.windows[pane])
        return ""

    def paste(self, pane: str, file: Path) -> str:
        self._ask()
        if pane not in self.windows:
            return f"can't find pane: {pane}"
        window, text = self.windows[pane], file.read_text()
        used = window.attached and self.clock.now() - int(window.used) < 20
        ours = window.marks["fleet"] == FLEET
        self.typed.append(Typed(window.marks["run"], text, window.screen, window.process.alive, ours, used))
        self.draw(window.marks["name"], f"DRAFT {text}")
        return ""

    def press(self, pane: str, key: str) -> str:
        self._ask()
        if pane not in self.windows:
            return f"can't find pane: {pane}"
        window = self.windows[pane]
        behaviour = window.process.behaviour
        if behaviour.deaf:
            behaviour.deaf -= 1
        elif window.screen.startswith("DRAFT"):
            self.draw(window.marks["name"], window.screen.replace("DRAFT", "WORKING", 1))
        return ""

    def nudge(self, server_pid: int) -> None:
        for window in self.windows.values() if server_pid == self.server_pid else ():
            window.knows_end = True

    def restore_socket(self, server_pid: int) -> None:
        self.socket = self.socket or server_pid == self.server_pid

    def has_socket(self) -> bool:
        return self.socket

    def _ask(self) -> None:
        if not self.answers or not self.socket:
            raise TmuxUnavailable("no answer within 5 s")
