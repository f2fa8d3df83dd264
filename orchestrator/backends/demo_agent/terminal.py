"""The demo agent's screen: a transcript that scrolls, and a live area redrawn in place under it.

The normal screen is used, as most agent programs do, so that scrollback and session log hold
the whole story.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

KEPT_LINES = 200
"""Transcript lines kept for a redraw after the terminal changed its size."""

HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
WRAP_OFF, WRAP_ON = "\x1b[?7l", "\x1b[?7h"
ERASE_BELOW = "\r\x1b[J"
CLEAR = "\x1b[H\x1b[2J"
BRACKETED_PASTE_ON, BRACKETED_PASTE_OFF = "\x1b[?2004h", "\x1b[?2004l"

VISIBLE = {code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if code != 0x09}
"""Translation that drops control characters: what is shown never drives the terminal."""


class Frame:
    """What the live area shows: lines above the box, the draft (None: no box), lines below."""

    __slots__ = ("above", "below", "draft")

    def __init__(self, above: Sequence[str], draft: str | None, below: Sequence[str]) -> None:
        self.above = above
        self.draft = draft
        self.below = below


class Screen:
    """Draws on a terminal; where the output is none, prints the transcript alone."""

    def __init__(self, fd: int, *, tty: bool) -> None:
        self.fd = fd
        self.tty = tty
        self._history: list[str] = []
        self._drawn = ""
        self._cursor_row = 0
        self._title = ""

    def open(self) -> None:
        """Tells the terminal that pastes are understood."""
        if self.tty:
            self._write(BRACKETED_PASTE_ON)

    def close(self) -> None:
        """Leaves the terminal as a shell wants it."""
        if self.tty:
            self._write(BRACKETED_PASTE_OFF + SHOW_CURSOR)

    def show(self, lines: Iterable[str]) -> None:
        """Adds lines to the transcript."""
        clean = [line.translate(VISIBLE) for line in lines]
        self._history = (self._history + clean)[-KEPT_LINES:]
        self._write(self._erase() + "".join(line + "\n" for line in clean))

    def draw(self, frame: Frame, title: str) -> None:
        """Brings the live area and the terminal's title up to date; writes nothing when they are."""
        if not self.tty:
            return
        area, cursor_row = self._area(frame)
        if area != self._drawn:
            self._write(self._erase() + area)
            self._drawn, self._cursor_row = area, cursor_row
        if title != self._title:
            self._title = title
            self._write(f"\x1b]0;{title.translate(VISIBLE)}\x07")

    def resized(self) -> None:
        """Starts again on an empty screen: the terminal has wrapped what was drawn."""
        if self.tty:
            self._drawn = ""
            self._write(CLEAR + "".join(line + "\n" for line in self._history))

    def _erase(self) -> str:
        if not self._drawn:
            return ""
        up = f"\x1b[{self._cursor_row}A" if self._cursor_row else ""
        self._drawn = ""
        return up + ERASE_BELOW

    def _area(self, frame: Frame) -> tuple[str, int]:
        """The bytes of the live area, and the row in it where they leave the cursor."""
        columns, rows = self._size()
        box = [] if frame.draft is None else _box(frame.draft, columns, rows // 2)
        lines = [*frame.above, *box, *frame.below][-(rows - 1) :]
        text = WRAP_OFF + "\n".join(line.translate(VISIBLE) for line in lines)
        if not box:
            return text + WRAP_ON + HIDE_CURSOR, len(lines) - 1
        # The row of the cursor is written a second time: so no width of a character need be known.
        back = len(frame.below) + 1
        return text + f"\x1b[{back}A\r{box[-2]}" + WRAP_ON + SHOW_CURSOR, len(lines) - 1 - back

    def _size(self) -> tuple[int, int]:
        size = os.get_terminal_size(self.fd)
        return max(size.columns, 20), max(size.lines, 12)

    def _write(self, text: str) -> None:
        data = text.encode("utf-8", "replace")
        while data:
            data = data[os.write(self.fd, data) :]


def _box(draft: str, columns: int, height: int) -> list[str]:
    """The prompt box: the last `height` rows of the draft between two rules."""
    rows = [
        row
        for line in draft.translate({**VISIBLE, 0x0A: "\n"}).split("\n")
        for row in _wrapped(line, columns - 3)
    ]
    rows = [("❯ " if i == 0 else "  ") + row for i, row in enumerate(rows)]
    rule = "─" * columns
    return [rule, *rows[-height:], rule]


def _wrapped(line: str, width: int) -> list[str]:
    """The line in pieces of at most `width` cells; what is not Latin may take two."""
    rows, used = [""], 0
    for char in line.expandtabs(4):
        cells = 2 if char >= "\u1100" else 1
        if used + cells > width:
            rows.append("")
            used = 0
        rows[-1] += char
        used += cells
    return rows
