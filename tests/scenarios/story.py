"""The small language of the stories.

A line is a command to the world; a `tick` or `run` is followed by what the watchdog did, indented:

    12.50  > an action          seconds since the story began, then what is done to the machine
    12.50  one exited: words    an event of the journal

Lines that begin with "|" are the block of text that belongs to the command above them. A line that
begins with "#" is for readers.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, assert_never

from orchestrator.model.action import (
    Action,
    CloseSession,
    EndProcesses,
    Export,
    NudgeServer,
    Paste,
    Plan,
    PressKey,
    RemoveWorktree,
    ReopenLog,
    RestoreSocket,
    RunGate,
    Start,
)
from orchestrator.model.event import Event
from orchestrator.model.request import Verb
from orchestrator.model.view import View
from tests.support.builders import NOW, PRELUDE
from tests.support.machine import Behaviour
from tests.support.world import World

INDENT = "    "


def tell(text: str, folder: Path) -> str:
    """The story with its outcome written anew beneath every command."""
    commands = list(_commands(text))
    for command in (each for each in commands if each.words[:1] == ["file"]):
        path = folder / command.words[1]
        path.parent.mkdir(exist_ok=True)
        path.write_text(command.block)
    first = next(each for each in commands if each.words[:1] == ["config"])
    story = Story(World(folder, PRELUDE + first.block))
    try:
        return "".join(f"{command.source}{story.carry_out(command)}" for command in commands)
    finally:
        story.world.close()


@dataclass(slots=True)
class Command:
    """source: its lines as they stand. words: of the command itself, none for a comment or a blank line."""

    source: str
    words: list[str]
    block: str = ""


def _commands(text: str) -> Iterator[Command]:
    current: Command | None = None
    for line in text.splitlines():
        if line.startswith(INDENT):
            continue
        if line.startswith("|") and current is not None:
            current.source += f"{line}\n"
            current.block += f"{line[1:].removeprefix(' ')}\n"
            continue
        if current is not None:
            yield current
        current = Command(f"{line}\n", [] if line.startswith("#") else shlex.split(line))
    if current is not None:
        yield current


@dataclass(slots=True)
class Story:
    """A world, and the names under which its ever new ids are told."""

    world: World
    last_request: int = 0
    _set_by: float = 0.0
    _conversations: dict[str, str] = field(default_factory=dict)

    def carry_out(self, command: Command) -> str:
        """Do one command; the lines that it prints."""
        if not command.words:
            return ""
        verb, *rest = command.words
        verbs: dict[str, Callable[[], str | None]] = {
            "file": lambda: None,  # they are all there from the beginning
            "config": lambda: self.world.configure(PRELUDE + command.block),
            "tick": lambda: self._told(self.world.tick()),
            "run": lambda: "".join(self._told(plan) for plan in self.world.run(_seconds(rest[0]))),
            "crash": lambda: self._told(self.world.crash()),
            "advance": lambda: self._pass_by(_seconds(rest[0])),
            "status": self._status,
            "request": lambda: self._request(rest),
            "answers": self._answers,
            "program": lambda: self._program(rest[0], rest[1:]),
            "screen": lambda: self.world.tmux.draw(rest[0], command.block or " ".join(rest[1:])),
            "kill": lambda: self._kill(*rest),
            "kill-session": lambda: self._close(rest[0]),
            "kill-server": self.world.tmux.kill_server,
            "tmux": lambda: self._tmux(" ".join(rest)),
            "foreign": lambda: self._foreign(rest[0]),
            "foreign-gone": lambda: self.world.tmux.foreign.discard(rest[0]),
            "answering": lambda: self.world.around.answering.add(rest[0]),
            "not-installed": lambda: self.world.around.missing.add(rest[0]),
            "installed": lambda: self.world.around.missing.discard(rest[0]),
            "attach": lambda: self._attach(rest[0], there=True),
            "detach": lambda: self._attach(rest[0], there=False),
            "log": lambda: self._log(*rest),
            "commit": lambda: self._commit(" ".join(rest), command.block),
            "remote": lambda: setattr(
                self.world.handoffs, "trouble", "" if rest == ["ok"] else " ".join(rest)
            ),
            "rewrite": lambda: setattr(self.world.handoffs, "rewritten", rest == ["on"]),
            "gate": lambda: self.world.gates.finish(rest[0], passed=rest[1] == "pass"),
            "read": lambda: self._read(rest[0]),
            "restart-watchdog": self.world.restart_watchdog,
            "lose-store": lambda: self.world.restart_watchdog(forget=True),
            "reboot": self.world.reboot,
            "set-clock": lambda: self._set_clock(float(rest[0])),
        }
        return verbs[verb]() or ""

    # ---- the world

    def _pass_by(self, seconds: float) -> None:
        self.world.pass_by(seconds)

    def _set_clock(self, seconds: float) -> None:
        """Somebody sets the wall clock; the times of the story go on as if nothing had happened."""
        self.world.clock.wall += seconds
        self._set_by += seconds

    def _request(self, words: list[str]) -> None:
        verb, names = Verb(words[0]), words[1:]
        if verb is Verb.PHASE:
            self.last_request = self.world.ask(verb, argument=names[0], loop="loop")
        else:
            self.last_request = self.world.ask(verb, *names)

    def _program(self, name: str, changes: list[str]) -> None:
        kinds: dict[str, Callable[[str], object]] = {
            "exits": int, "children": int, "deaf": int, "after": float,
            "ignores_term": "yes".__eq__, "immortal": "yes".__eq__, "screen": str, "command": str,
        }  # fmt: skip
        pairs = (change.split("=", 1) for change in changes)
        known: dict[str, Any] = {key: kinds[key](value) for key, value in pairs}
        self.world.tmux.behaviours[name] = Behaviour(**known)

    def _kill(self, name: str, how: str = "signal", number: str = "9", late: str = "") -> None:
        if how == "status":
            self.world.kill(name, status=int(number), late=bool(late))
        else:
            self.world.kill(name, signal=int(number), late=bool(late))

    def _close(self, name: str) -> None:
        self.world.tmux.drop(self.world.tmux.window(name))

    def _tmux(self, state: str) -> None:
        tmux = self.world.tmux
        tmux.answers = state != "unknown"
        tmux.socket = state != "without its socket"

    def _foreign(self, session: str) -> None:
        tmux = self.world.tmux
        tmux.server_pid = tmux.server_pid or self.world.machine.spawn("tmux", "", Behaviour()).pid
        tmux.foreign.add(session)

    def _attach(self, name: str, *, there: bool) -> None:
        window = self.world.tmux.window(name)
        window.attached, window.used = there, self.world.clock.now()

    def _log(self, name: str, what: str) -> None:
        if what == "closed":
            self.world.tmux.window(name).piped = False
        else:
            (self.world.folder / "log" / f"{name}.log").unlink()

    def _commit(self, subject: str, block: str) -> None:
        """Somebody commits and pushes; in the block are paths, and indented their contents."""
        files: dict[str, str] = {}
        path = ""
        for line in block.splitlines():
            if line.startswith("  "):
                files[path] += f"{line[2:]}\n"
            else:
                path = line
                files[path] = ""
        self.world.handoffs.commit(subject, **files)

    def _read(self, name: str) -> str:
        """What a file in the log folder holds."""
        path = self.world.folder / "log" / name
        return f"{INDENT}{path.read_text().strip() if path.exists() else '(not there)'}\n"

    # ---- what it prints

    def _told(self, plan: Plan) -> str:
        at = f"{INDENT}{self._since():7.2f}"
        did = [f"{at}  > {self._action(action)}\n" for action in plan.actions]
        said = [f"{at}  {self._event(event)}\n" for event in plan.events]
        return "".join((*said, *did))

    def _since(self) -> float:
        return self.world.clock.wall - NOW - self._set_by

    def _event(self, event: Event) -> str:
        message = event.message.replace(str(self.world.folder.absolute()), "FOLDER")
        return f"{event.subject or 'fleet'} {event.kind.value}: {message}"

    def _action(self, action: Action) -> str:
        match action:
            case Start():
                return self._start(action)
            case NudgeServer():
                return "nudge the server"
            case RestoreSocket():
                return "have the server make its socket again"
            case EndProcesses(name, processes, kill):
                return f"{'kill' if kill else 'end'} {name}: {', '.join(p.command for p in processes)}"
            case CloseSession(name, session, pane):
                return f"close {name} ({session} {pane})"
            case Paste(name, _, text):
                return f"paste into {name}: {text}"
            case PressKey(name, _, key):
                return f"press {key} in {name}"
            case ReopenLog(name, _, rotate):
                return f"{'rotate' if rotate else 'reopen'} the log of {name}"
            case RunGate(name, phase, _, commit):
                return f"run the gate of {name}/{phase} on {commit[:12]}"
            case RemoveWorktree(name):
                return f"remove the worktree of {name}"
            case Export(path, text):
                return f"remove {path.name}" if text is None else f"write {path.name}: {text.strip()}"
            case _:
                assert_never(action)

    def _start(self, start: Start) -> str:
        words = [f"start {start.launch.name}"]
        if start.pane:
            words.append(f"in {start.pane}")
        if start.launch.model:
            words.append(f"with {start.launch.model}")
        if start.conversation:
            words.append(f"{'resuming' if start.resume else 'as'} {self._conversation(start.conversation)}")
        if start.silent:
            words.append("without a word")
        if start.words:
            words.append(f'saying "{start.words}"')
        return " ".join(words)

    def _conversation(self, conversation: str) -> str:
        return self._conversations.setdefault(conversation, f"c{len(self._conversations) + 1}")

    def _status(self) -> str:
        _, plan = self.world.ticker.consider()
        return "".join(f"{INDENT}{self._row(view)}\n" for view in plan.views)

    def _row(self, view: View) -> str:
        words = [f"{view.name}: {view.condition.value}"]
        if view.reason:
            words.append(f"({view.reason})")
        if view.next:
            when = f" in {view.next_at - self.world.clock.now():.1f} s" if view.next_at is not None else ""
            words.append(f"→ {view.next}{when}")
        if view.account_limited:
            words.append(f"[its account is limited: {view.account_limited}]")
        if view.drift:
            words.append("[drift]")
        return " ".join(words)

    def _answers(self) -> str:
        answer = self.world.answer(self.last_request)
        return "".join(f"{INDENT}{name}: {result}\n" for name, result in answer.items())


def _seconds(words: str) -> float:
    return float(words.removesuffix("s"))
