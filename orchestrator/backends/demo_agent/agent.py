"""The demo agent itself: one loop that waits for a key, a signal, or what the running turn waits for."""

from __future__ import annotations

import os
import select
import signal
import time

from orchestrator.backends.demo_agent.draft import Draft
from orchestrator.backends.demo_agent.keys import Key, decode
from orchestrator.backends.demo_agent.terminal import Frame, Screen
from orchestrator.backends.demo_agent.turns import DeclinedError, Refusal, Wait, play, steps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from orchestrator.backends.demo_agent.conversation import Conversation
    from orchestrator.backends.demo_agent.script import Script
    from orchestrator.backends.demo_agent.turns import Turn

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
MODE_LINE = "  ⏵⏵ demo mode on"
SHOWN_PROMPT_LINES = 20
ESCAPE_SECONDS = 0.05
"""A lone ESC byte is the Escape key when nothing follows it for this long."""
TWICE_SECONDS = 2.0
"""A second Ctrl-C within this time ends the program."""


class Agent:
    """A conversation at a terminal: a queue of submitted texts, and at most one running turn."""

    def __init__(self, screen: Screen, conversation: Conversation, script: Script | None) -> None:
        self.name = "demo"
        self.retry = ""
        """What the line above the box says instead of "Working"."""
        self.refusal: Refusal | None = None
        self.reactions: list[tuple[str, str]] = []
        """Words in a text, and the shell command that answers it."""
        self._screen = screen
        self._conversation = conversation
        self._script = script
        self._queue: list[str] = []
        self._todo: list[tuple[str, str]] = []
        self._turn: Turn | None = None
        self._wait = Wait()
        self._due: float | None = None
        self._began = 0.0
        self._question: str | None = None
        self._yes_selected = True
        self._draft = Draft()
        self._unread = b""
        self._last_ctrl_c: float | None = None
        self._closed = False
        self._first = conversation.turns == 0

    # What a turn uses.

    def show(self, lines: Iterable[str]) -> None:
        """Adds lines to the transcript."""
        self._screen.show(lines)

    def note(self, text: str) -> None:
        """Says something of the program's own, not of the model's."""
        self.show([f"  ⎿  {text}"])

    def answer(self, text: str) -> None:
        """Says something as the model."""
        self.show([f"● {text}"])
        self._conversation.add("assistant", text)

    def ask(self, question: str | None) -> None:
        """Opens the permission dialog, or closes it (None).

        Raises:
            DeclinedError: there is no terminal, so nobody to ask.
        """
        if question is not None and not self._screen.tty:
            raise DeclinedError
        self._question, self._yes_selected = question, True

    def answered_yes(self) -> bool:
        """Which answer of the dialog is selected."""
        return self._yes_selected

    def refusing(self) -> bool:
        """Whether a limit, a login or a dead conversation stands in the way of work."""
        if self.refusal and self.refusal.until is not None and self.refusal.until <= time.time():
            self.refusal = None
        return self.refusal is not None

    def submit(self, text: str) -> None:
        """Queues a text, unless it is blank; it is begun as soon as no turn runs."""
        if text.strip():
            self._queue.append(text)

    # The loop.

    def run(self, stdin: int, signals: int) -> int:
        """Works until the terminal ends or is told to.

        Args:
            stdin: descriptor of the keys.
            signals: descriptor where the numbers of received signals can be read.

        Returns:
            The exit status.
        """
        while True:
            self._begin_next()
            if self._closed and not self._turn:
                return 0
            self.refresh()
            ready = select.select(self._descriptors(stdin, signals), [], [], self._patience())[0]
            if signals in ready and (status := self._heed(os.read(signals, 64))) is not None:
                return status
            if stdin in ready:
                self._read(stdin)
            elif self._unread:
                self._take(final=True)
            self._resume_if_due(ready)

    def _descriptors(self, stdin: int, signals: int) -> list[int]:
        fds = [signals] if self._closed else [signals, stdin]
        return fds if self._turn is None or self._wait.fd is None else [*fds, self._wait.fd]

    def _patience(self) -> float | None:
        """How long to sleep at most, in seconds; None: there is nothing to do until something happens."""
        if self._unread:
            return ESCAPE_SECONDS
        if self._turn is None or self._question is not None:
            return None
        now = time.monotonic()
        next_frame = 1.0 - (now - self._began) % 1.0
        return next_frame if self._due is None else max(0.0, min(next_frame, self._due - now))

    def _heed(self, numbers: bytes) -> int | None:
        for number in numbers:
            if number in {signal.SIGHUP, signal.SIGTERM, signal.SIGINT}:
                return 128 + number
        self._screen.resized()
        return None

    # Turns.

    def _begin_next(self) -> None:
        while self._queue and self._turn is None:
            self._begin(self._queue.pop(0))

    def _begin(self, text: str) -> None:
        self._echo(text)
        self._conversation.add("user", text)
        if self.refusal and self.refusal.cure == text.strip():
            self.refusal = None
            self.note("Ready")
            return
        if self.refusing():
            self._note_refusal()
            return
        # What a limit cut off comes first: the text that found it lifted only woke the agent.
        wanted = self._script.for_text(text, first=self._first) if self._script else text
        self._first = False
        self._todo += steps(wanted)
        self._began = time.monotonic()
        self._turn = play(self, self._todo)
        self._advance(None)

    def _resume_if_due(self, ready: list[int]) -> None:
        if self._turn is None:
            return
        due = self._due is not None and time.monotonic() >= self._due
        if due or self._wait.fd in ready:
            self._advance("")

    def _advance(self, value: str | None) -> None:
        """Lets the turn go on until it waits again; `value` is the key that it waited for."""
        if self._turn is None:
            return
        try:
            self._wait = self._turn.send(value) if value is not None else next(self._turn)
        except StopIteration:
            self._end_turn()
        except DeclinedError:
            self._interrupt()
        else:
            seconds = self._wait.seconds
            self._due = None if seconds is None else time.monotonic() + seconds

    def _end_turn(self) -> None:
        self._turn = None
        if self.refusing():
            self._note_refusal()
        else:
            self.show([f"✻ Worked for {self._elapsed()}s", ""])

    def _interrupt(self) -> None:
        if self._turn is not None:
            self._turn.close()
            self._turn = None
            self._todo.clear()
            self.ask(None)
            self.note("Interrupted · What should the agent do instead?")

    def _note_refusal(self) -> None:
        if self.refusal:
            self.note(self.refusal.notice)

    def _elapsed(self) -> int:
        return int(time.monotonic() - self._began)

    # Keys.

    def _read(self, stdin: int) -> None:
        try:
            data = os.read(stdin, 65536)
        except OSError:  # a terminal that has gone gives EIO
            data = b""
        if not data:
            self._close()
            return
        self._unread += data if self._screen.tty else data.replace(b"\n", b"\r")
        self._take(final=False)

    def _close(self) -> None:
        """No key will come any more: a terminal's end is ours, a pipe's lets the queue be worked off."""
        self._closed = True
        if self._screen.tty:
            raise SystemExit(0)
        self._unread += b"\r"
        self._take(final=True)

    def _take(self, *, final: bool) -> None:
        keys, self._unread = decode(self._unread, final=final)
        for key in keys:
            self._press(key)

    def _press(self, key: Key) -> None:
        name, text = key
        if name == "ctrl-c":
            self._ctrl_c()
        elif self._question is not None:
            self._press_in_dialog(name, text)
        elif name == "enter":
            self.submit(self._draft.take())
        elif name == "escape":
            self._interrupt()
        elif name == "ctrl-d" and not self._draft.shown:
            raise SystemExit(0)
        else:
            self._draft.press(name, text)
        if name != "ctrl-c":
            self._last_ctrl_c = None

    def _ctrl_c(self) -> None:
        now = time.monotonic()
        if self._last_ctrl_c is not None and now - self._last_ctrl_c < TWICE_SECONDS:
            raise SystemExit(0)
        self._last_ctrl_c = now
        self._draft.clear()
        self._interrupt()

    def _press_in_dialog(self, name: str, text: str) -> None:
        if name in {"up", "down"}:
            self._yes_selected = name == "up"
        elif name == "text":
            for char in text:
                if self._question is not None:
                    self._advance(char)
        else:
            self._advance(name)

    # Drawing.

    def refresh(self) -> None:
        """Brings screen and title up to date."""
        if self._question is not None:
            frame = Frame((), None, self._dialog_lines(self._question))
            self._screen.draw(frame, f"✳ {self.name}")
            return
        busy = self._turn is not None
        spin = SPINNER[self._elapsed() % len(SPINNER)] if busy else "✳"
        self._screen.draw(Frame(self._above(), self._draft.shown, [self._mode_line()]), f"{spin} {self.name}")

    def _above(self) -> list[str]:
        if self._turn is None:
            return []
        queued = [line for text in self._queue for line in (f"❯ {text.split(chr(10))[0]}", "  ⎿  Queued")]
        working = self.retry or f"Working… ({self._elapsed()}s · esc to interrupt)"
        return [*queued, f"✻ {working}", ""]

    def _mode_line(self) -> str:
        if self._last_ctrl_c is not None:
            return "  Press Ctrl-C again to exit"
        return MODE_LINE + (" · esc to interrupt" if self._turn is not None else "")

    def _dialog_lines(self, question: str) -> list[str]:
        marks = ("❯", " ") if self._yes_selected else (" ", "❯")
        return [
            "─" * 40,
            " Permission needed",
            f"   {question}",
            "",
            " Do you want to proceed?",
            f" {marks[0]} 1. Yes",
            f" {marks[1]} 2. No",
            "",
            " Esc to cancel",
        ]

    def _echo(self, text: str) -> None:
        """The submitted text, as it stands above its answer."""
        lines = text.split("\n")
        shown = [f"{'❯' if i == 0 else ' '} {line}" for i, line in enumerate(lines[:SHOWN_PROMPT_LINES])]
        if len(lines) > SHOWN_PROMPT_LINES:
            shown.append(f"  … +{len(lines) - SHOWN_PROMPT_LINES} lines")
        self.show(shown)
