"""Raw facts of one tick: what was seen, judged by nobody yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from orchestrator.model.config import Config
from orchestrator.model.handoff import GateResult, Sight
from orchestrator.model.reading import Screen, Signal
from orchestrator.model.request import Request


class ServerState(StrEnum):
    """What is known of the tmux server."""

    UP = "up"
    ABSENT = "absent"
    """No server runs: every session is known to be gone."""
    UNKNOWN = "unknown"
    """It did not answer: nothing may be concluded."""


@dataclass(frozen=True, slots=True)
class Pane:
    """One pane, as `list-panes` shows it.

    pid: of the pane's first process. server_pid: of the tmux server.
    dead: the program ended and the pane was kept; status or signal may come later.
    activity: when the pane last wrote, epoch seconds, whole, up to one second late.
    fleet, name, spec, run: the marks that ao set on the pane at its start; "" on others' panes.
    """

    session: str
    session_id: str
    pane_id: str
    pid: int
    server_pid: int
    dead: bool
    dead_status: int | None
    dead_signal: int | None
    activity: int
    attached: int
    in_mode: bool
    piped: bool
    alternate: bool
    fleet: str
    name: str
    spec: str
    run: str


@dataclass(frozen=True, slots=True)
class Process:
    """One process, told from a later one of the same pid by `started` (clock ticks after boot)."""

    pid: int
    started: int
    command: str


@dataclass(frozen=True, slots=True)
class StartFailure:
    """A start that the edge could not carry out: the sentence for the user, and which run it was."""

    run: str
    message: str


@dataclass(frozen=True, slots=True)
class Observation:
    """All that one tick knows of the world.

    now: epoch seconds, UTC. mono: seconds since boot, for durations. boot: which boot that is.
    watchdog: which process looks; another one may have died in the middle of something.
    slept: seconds that the machine has slept since then, which `mono` leaves out.
    lost_socket_of: pid of a tmux server that lives and whose socket is gone, else 0.
    panes: those that carry this fleet's mark, by agent or service name.
    taken: session names in use that are not this fleet's.
    ended: names whose process is known to be gone, though tmux may not show it yet.
    screens: captured now, because the pane had written or someone needs to see it again.
    human: names whose pane an attached person used within `human_hold`.
    processes: for sessions that stop or died, what is left of their process trees.
    programs: for panes whose program was looked at now, its process tree's command lines.
    services_ready: services that answer, by name.
    conversations: ids that a program chose by itself, found in its files.
    wake_texts: of those whose time to be woken has come; wake_troubles: why there is none.
    signals: what programs reported since the last tick, by name, oldest first.
    failures: of the last tick's starts, by name.
    unsaid: texts of the last tick of which nothing could be typed, and why, by name.
    lacking: what keeps a running session from being started as the config says now, by name.
    sights: what the loops' repositories show, by loop. gates: how gates ended since the watchdog began; gating: the commit that one
    runs on now.
    exports: texts of the small files that other programs read, by path; those that are not there are left out.
    worktrees: agents that have one; worktree_refusals: why one could not be taken away, by name.
    unseen: agents that don't start yet, since their loop's repository was not looked at; the plan fills it in.
    log_sizes: bytes of each session's log, where it was looked at; -1: the file is gone.
    """

    now: float
    mono: float
    boot: str
    config: Config
    server: ServerState
    server_reason: str = ""
    lost_socket_of: int = 0
    watchdog: str = ""
    slept: float = 0.0
    config_error: str = ""
    panes: Mapping[str, Pane] = field(default_factory=dict)
    taken: frozenset[str] = frozenset()
    ended: frozenset[str] = frozenset()
    screens: Mapping[str, Screen] = field(default_factory=dict)
    human: frozenset[str] = frozenset()
    processes: Mapping[str, tuple[Process, ...]] = field(default_factory=dict)
    programs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    services_ready: frozenset[str] = frozenset()
    conversations: Mapping[str, str] = field(default_factory=dict)
    wake_texts: Mapping[str, str] = field(default_factory=dict)
    wake_troubles: Mapping[str, str] = field(default_factory=dict)
    signals: Mapping[str, tuple[Signal, ...]] = field(default_factory=dict)
    failures: Mapping[str, StartFailure] = field(default_factory=dict)
    unsaid: Mapping[str, str] = field(default_factory=dict)
    lacking: Mapping[str, str] = field(default_factory=dict)
    log_sizes: Mapping[str, int] = field(default_factory=dict)
    sights: Mapping[str, Sight] = field(default_factory=dict)
    gates: Mapping[str, GateResult] = field(default_factory=dict)
    gating: Mapping[str, str] = field(default_factory=dict)
    exports: Mapping[Path, str] = field(default_factory=dict)
    unseen: frozenset[str] = frozenset()
    worktrees: frozenset[str] = frozenset()
    worktree_refusals: Mapping[str, str] = field(default_factory=dict)
    requests: tuple[Request, ...] = ()

    @property
    def elapsed(self) -> float:
        """Seconds since boot, sleep included: for waits that go on while the machine sleeps."""
        return self.mono + self.slept
