"""Step 5 of a tick: carry the plan's actions out. Decides nothing; what fails is told, and seen again next tick."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import assert_never

from orchestrator.decide.delivery import TEXT_FILE
from orchestrator.decide.outbox import KICKOFF_FILE
from orchestrator.errors import AoError, TmuxUnavailable
from orchestrator.model.action import (
    Action,
    CloseSession,
    EndProcesses,
    Export,
    NudgeServer,
    Paste,
    PressKey,
    RemoveWorktree,
    ReopenLog,
    RestoreSocket,
    RunGate,
    Start,
)
from orchestrator.model.config import Config
from orchestrator.model.event import Event, EventKind
from orchestrator.model.observation import StartFailure
from orchestrator.model.text import without_controls
from orchestrator.watchdog.ports import Clock, Gates, Launcher, Logs, Processes, Store, Tmux, Worktrees


@dataclass(slots=True)
class Hands:
    """The ports that acting needs. fleet: the mark of this fleet's panes."""

    tmux: Tmux
    processes: Processes
    launcher: Launcher
    logs: Logs
    store: Store
    clock: Clock
    gates: Gates
    worktrees: Worktrees
    fleet: str


@dataclass(slots=True)
class Failed:
    """What could not be done, by session: starts, and texts of which nothing was typed."""

    starts: dict[str, StartFailure] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)


def apply(actions: tuple[Action, ...], hands: Hands, config: Config) -> Failed:
    """Carry out actions in order; what failed of them and matters for the next tick."""
    failed = Failed()
    for action in actions:
        unknown = False
        try:
            words = _carry_out(action, hands, config)
        except (AoError, OSError) as error:
            unknown = isinstance(error, TmuxUnavailable)  # it may have been typed, for all that is known
            words = (
                f"{error.message}. {error.hint}".rstrip(". ") if isinstance(error, AoError) else str(error)
            )
        if not words:
            continue
        if isinstance(action, Start):
            failed.starts[action.launch.name] = StartFailure(action.run, words)
        else:
            subject = getattr(action, "name", "")
            if isinstance(action, Paste) and not unknown:
                failed.texts[action.name] = words
            told = Event(EventKind.ACTION_FAILED, subject, f"{type(action).__name__}: {words}")
            # A store that can't be written is told once, by the tick; the other actions go on.
            with contextlib.suppress(AoError):
                hands.store.add_event(told, hands.clock.now())
    return failed


def _carry_out(action: Action, hands: Hands, config: Config) -> str:
    """Do one thing; "" or why it could not be done."""
    match action:
        case Start():
            return _start(action, hands)
        case NudgeServer(server_pid):
            hands.tmux.nudge(server_pid)
            return ""
        case RestoreSocket(server_pid):
            hands.tmux.restore_socket(server_pid)
            return ""
        case EndProcesses(_, processes, kill):
            refused = [process for process in processes if not hands.processes.end(process, kill=kill)]
            return ", ".join(f"may not signal pid {process.pid} ({process.command})" for process in refused)
        case CloseSession(_, _, pane):
            return hands.tmux.close_pane(pane)
        case PressKey(_, pane, key):
            return hands.tmux.press(pane, key)
        case RunGate():
            return hands.gates.run(action)
        case RemoveWorktree(name):
            return hands.worktrees.remove(name)
        case Paste() | ReopenLog() | Export():
            return _write(action, hands, config)
        case _:
            assert_never(action)


def _write(action: Paste | ReopenLog | Export, hands: Hands, config: Config) -> str:
    """Do what goes by way of a file."""
    match action:
        case Paste(name, pane, text, attachment, kickoff):
            if attachment:
                text = text.replace(TEXT_FILE, str(hands.logs.write_text(name, attachment)))
            elif kickoff:
                text = text.replace(KICKOFF_FILE, str(hands.launcher.kickoff_file(name)))
            return hands.tmux.paste(pane, hands.logs.write_scratch(name, without_controls(text)))
        case ReopenLog(name, pane, rotate):
            if rotate:
                hands.logs.rotate(name, config.watchdog.log_keep)
            hands.logs.make(name)
            return hands.tmux.record(pane, hands.logs.path(name))
        case Export(path, text):
            return hands.logs.export(path, text)


def _start(action: Start, hands: Hands) -> str:
    name = action.launch.name
    command = hands.launcher.prepare(action)
    try:
        hands.logs.make(name)
        marks = {"fleet": hands.fleet, "name": name, "spec": action.spec, "run": action.run}
        log = hands.logs.path(name)
        if action.pane:
            words = hands.tmux.respawn(action.pane, command, marks, log)
        else:
            words = hands.tmux.start(action.launch.session, command, marks, log)
    except (AoError, OSError):
        hands.launcher.discard(name)
        raise
    if words:
        hands.launcher.discard(name)  # it may hold secrets, and nobody will run it
    return words
