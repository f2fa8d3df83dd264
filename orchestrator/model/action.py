"""What will be done: a closed set. Every action is idempotent, and none decides anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.model.event import Event
from orchestrator.model.launch import LaunchSpec
from orchestrator.model.memory import Memory
from orchestrator.model.observation import Process
from orchestrator.model.request import Request
from orchestrator.model.view import View


@dataclass(frozen=True, slots=True)
class Start:
    """Start a session, or its program anew in the pane it already has.

    pane: id of the dead pane to use again, "" for a new session.
    conversation: id to give to the CLI, or to resume when `resume` is set.
    words: what to say first to a resumed conversation, "" for nothing.
    silent: say no kickoff either; its file is written.
    """

    launch: LaunchSpec
    run: str
    spec: str
    pane: str = ""
    conversation: str = ""
    resume: bool = False
    words: str = ""
    silent: bool = False


@dataclass(frozen=True, slots=True)
class NudgeServer:
    """Make the tmux server collect a child whose death it missed (SIGCHLD)."""

    server_pid: int


@dataclass(frozen=True, slots=True)
class RestoreSocket:
    """Make a living tmux server create its lost socket again (SIGUSR1)."""

    server_pid: int


@dataclass(frozen=True, slots=True)
class EndProcesses:
    """Ask processes to end (TERM), or end them (KILL)."""

    name: str
    processes: tuple[Process, ...]
    kill: bool


@dataclass(frozen=True, slots=True)
class CloseSession:
    """Close a session of ours whose processes are gone, by its pane."""

    name: str
    session_id: str
    pane: str


@dataclass(frozen=True, slots=True)
class Paste:
    """Paste text into a pane, without submitting it.

    attachment: what a file that the text points to shall hold, "" for none. kickoff: the text points to the run's kickoff file.
    """

    name: str
    pane: str
    text: str
    attachment: str = ""
    kickoff: bool = False


@dataclass(frozen=True, slots=True)
class PressKey:
    """Press one key in a pane, by its tmux name."""

    name: str
    pane: str
    key: str


@dataclass(frozen=True, slots=True)
class ReopenLog:
    """Record the pane's output in its log again; with `rotate`, in a fresh one."""

    name: str
    pane: str
    rotate: bool


@dataclass(frozen=True, slots=True)
class RunGate:
    """Run a phase's gate in the background, on a clean checkout of a commit.

    name: of the loop. commit: "" where there is no repository; then it runs in the folder itself. key: names what it is run on.
    timeout: seconds.
    """

    name: str
    phase: str
    repo: Path
    commit: str
    command: str
    timeout: float
    key: str


@dataclass(frozen=True, slots=True)
class Export:
    """Have a small file hold a text for other programs to read; None: have no such file."""

    path: Path
    text: str | None


@dataclass(frozen=True, slots=True)
class RemoveWorktree:
    """Take away the worktree of an agent that wants none any more, unless something would be lost with it."""

    name: str


Action = (
    RemoveWorktree
    | RunGate
    | Export
    | Start
    | NudgeServer
    | RestoreSocket
    | EndProcesses
    | CloseSession
    | Paste
    | PressKey
    | ReopenLog
)


@dataclass(frozen=True, slots=True)
class Plan:
    """All that one tick decided.

    Memory, events, views and answers are stored before any action is applied, so a crash between
    the two counts what was about to be done.
    wake_after: seconds until the next tick is due by itself. stop: the watchdog was asked to end.
    signals_taken: number of the newest report that was heard; the store drops those up to it.
    """

    memory: Memory
    actions: tuple[Action, ...] = ()
    events: tuple[Event, ...] = ()
    views: tuple[View, ...] = ()
    requests: tuple[Request, ...] = ()
    """Those whose state changed."""
    wake_after: float = field(default=30.0)
    stop: bool = False
    signals_taken: int = 0
