"""Terminal output played again, so that what an agent program drew and redrew can be read as lines.

Everything in it came from an agent. Only the sequences that the emulator knows reach it, in the
form that it knows; all others are left out, and no control character is in what comes out.
"""

from __future__ import annotations

import codecs
import re
from collections import deque
from difflib import SequenceMatcher

import pyte

from orchestrator.model.text import printable

WIDTH, HEIGHT = 200, 50
"""As sessions are created."""
_LONGEST = 4096
"""Characters of a title or the like; longer ones have no end, and are text."""
_SEQUENCE = re.compile(
    rf"\x1b(?:[\]PX^_][^\x1b\x07]{{0,{_LONGEST}}}(?:\x07|\x1b\\)|\[[0-?]*[ -/]*[@-~]|[ -/]+[0-~]|[0-~])?"
    r"|[\x00-\x06\x0e-\x1a\x1c-\x1f\x7f-\x9f]"
)
_KNOWN = re.compile(
    r"\x1b(?:[78DEMc]|\[(?:\??[0-9]+[hl]|\??[0-2]?[JK]|[0-9]*[@A-GLMPX`ade]|[0-9]*(?:;[0-9]*)?[Hfr]))"
)
_UNFINISHED = re.compile(rf"\x1b(?:[\]PX^_][^\x1b\x07]{{0,{_LONGEST}}}\x1b?|\[[0-?]*[ -/]*|[ -/]+)?\Z")
_RUNS = re.compile(r"[ -~]+|.", re.DOTALL)
_WANDERING = re.compile(r"[\d\W_]+")


class Replay:
    """A terminal that output is fed to.

    Args:
        history: lines that are kept above its screen.
    """

    def __init__(self, history: int) -> None:
        self._screen = _Screen(history)
        self._stream = pyte.Stream(self._screen)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self._before: list[str] = []
        self._told: list[str] = []

    def feed(self, data: bytes) -> None:
        """Play more output; a sequence that is cut off at its end waits for the rest."""
        text = self._held + self._decoder.decode(data)
        start = max(0, len(text) - _LONGEST - 4)
        unfinished = _UNFINISHED.search(text, start)
        cut = unfinished.start() if unfinished else len(text)
        text, self._held = text[:cut], text[cut:]
        self._stream.feed(_SEQUENCE.sub(_known, text))

    def lines(self) -> list[str]:
        """Everything that can be read now, what has left the screen first, without blank lines at the end."""
        rows = self._screen.rows()
        above = list(self._screen.gone)
        self._screen.gone.clear()
        self._before = self._told = rows
        return _unpadded([*above, *rows])

    def news(self) -> list[str]:
        """Lines that were not there at the last call and have come to rest.

        A line is at rest when it left the screen, or stood on it at the last call too. One that
        differs from what stood there only in numbers and signs (a spinner, a clock) is no news.
        """
        rows = self._screen.rows()
        standing = set(map(_likeness, self._before))
        rested = [*self._screen.gone, *(row for row in rows if _likeness(row) in standing)]
        self._screen.gone.clear()
        self._before = rows
        fresh = _added(self._told, rested)
        self._told = rested[-HEIGHT:]
        return fresh


class _Screen(pyte.Screen):
    """Keeps what scrolls off its top."""

    def __init__(self, history: int) -> None:
        super().__init__(WIDTH, HEIGHT)
        self.gone: deque[str] = deque(maxlen=history)

    def draw(self, data: str) -> None:
        """The emulator gives up a text at the first character without width, so those come alone."""
        for run in (data,) if data.isascii() else _RUNS.findall(data):
            super().draw(run)

    def index(self) -> None:
        """A line feed in the last row."""
        top, bottom = self.margins or (0, self.lines - 1)
        if self.cursor.y == bottom and top == 0:
            self.gone.append(self._row(0))
        super().index()

    def rows(self) -> list[str]:
        """The screen as text, without blank rows at the end."""
        return _unpadded([self._row(y) for y in range(self.lines)])

    def _row(self, y: int) -> str:
        cells = self.buffer[y]
        return printable("".join(cells[x].data for x in range(max(cells, default=-1) + 1)).rstrip())


def _known(match: re.Match[str]) -> str:
    return match[0] if _KNOWN.fullmatch(match[0]) else ""


def _unpadded(lines: list[str]) -> list[str]:
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _likeness(row: str) -> str:
    """A row without what moves while nothing is said; a row that is nothing else stays as it is."""
    return _WANDERING.sub(" ", row).strip() or row


def _added(old: list[str], new: list[str]) -> list[str]:
    """Lines of `new` that `old` does not have in that place; blank ones only between others."""
    matcher = SequenceMatcher(None, [*map(_likeness, old)], [*map(_likeness, new)], autojunk=False)
    changed = (
        new[start:end] for tag, _, _, start, end in matcher.get_opcodes() if tag in {"insert", "replace"}
    )
    return _unpadded([line for lines in changed for line in lines])
