"""The parts of a screen that rules can look at.

`title`, `command`: what tmux says of the pane.
`box`: what is typed in the prompt box, "" when it is empty; `hint`: its grey words.
`footer`: the rows under the box.
`status`: the spinner's block above the box.
`dialog`: the last rows of a screen without a prompt box; `last`: the last two of them.
`notices`: the program's own messages, newest first; `replies`: those drawn like an answer.
`finished`: the row that ends the newest turn.
`screen`: all rows. `lines:REGEX`: the rows that the expression matches.

A region that the screen does not have is None, and no rule on it matches.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from orchestrator.model.reading import BY_LINE, Screen
from orchestrator.reading.blocks import Block, cut_blocks
from orchestrator.reading.box import Box, Cues, find_box
from orchestrator.reading.lines import Line, Mark, parse_line

_DIALOG_ROWS = 36
_SCROLLED_ROWS = 15
"""This much above the prompt has been scrolled, where the height of the screen is not known."""
_LAST_ROWS = 2
_STATUS_BLOCKS = 4
"""How many blocks (tips, queued messages) may stand between the spinner and the box."""


_CROSSING = re.compile("[┬┼┴]")
"""What only the lines of a table have."""


@dataclass(frozen=True)
class Found:
    """The text of a region and the rows it came from."""

    text: str
    rows: tuple[Line, ...] = ()


class View:
    """A screen, cut up on demand."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        raw = screen.text.expandtabs().split("\n")
        self._height = len(raw) - (not raw[-1])
        self._crossed = frozenset(row for row, text in enumerate(raw) if _CROSSING.search(text))
        self.lines = [parse_line(row, text) for row, text in enumerate(raw)]
        while self.lines and self.lines[-1].blank:
            self.lines.pop()

    @cached_property
    def box(self) -> Box | None:
        """The prompt box, None while a dialog is open or the program draws none."""
        rows = tuple(self.screen.ansi.split("\n")) if self.screen.ansi else ()
        return find_box(self.lines, Cues(self.screen.cursor, rows))

    @cached_property
    def blocks(self) -> list[Block]:
        """What stands above the box."""
        end = self.box.top if self.box else len(self.lines)
        return cut_blocks(_without_tables(self.lines[:end], self._crossed), scrolled=self._scrolled(end))

    def _scrolled(self, end: int) -> bool:
        """Whether older rows have left the screen: its top is written on, and so is its bottom.

        Args:
            end: where the prompt box begins, or the rows end.
        """
        filled = self.screen.cursor is not None and len(self.lines) >= self._height - 1
        return (filled or end > _SCROLLED_ROWS) and any(line.text for line in self.lines[:2])

    @property
    def empty(self) -> bool:
        """Nothing has been drawn."""
        return not self.lines

    def find(self, region: str) -> Found | None:
        """A region's text, None when this screen has no such region."""
        if region == "title":
            return Found(self.screen.title.strip()) if self.screen.title.strip() else None
        if region == "command":
            return Found(self.screen.command.strip()) if self.screen.command.strip() else None
        if region == "screen":
            return Found(self.screen.text, tuple(self.lines))
        if region.startswith(BY_LINE):
            return _joined(
                [line for line in self.lines if re.search(region[len(BY_LINE) :], line.text, re.IGNORECASE)]
            )
        finder = getattr(self, f"_{region}", None)
        found: Found | None = finder() if finder else None
        return found

    def _box(self) -> Found | None:
        return Found(self.box.typed, (self.lines[self.box.row],)) if self.box else None

    def _hint(self) -> Found | None:
        return Found(self.box.hint, (self.lines[self.box.row],)) if self.box else None

    def _footer(self) -> Found | None:
        return _joined(self.lines[self.box.bottom :]) if self.box else None

    def _status(self) -> Found | None:
        for block in reversed(self.blocks[-_STATUS_BLOCKS:]):
            if block.mark is Mark.STATUS:
                return _joined(block.lines)
            if block.mark in {Mark.AGENT, Mark.FINISHED}:
                return None
        return None

    def _finished(self) -> Found | None:
        block = self.blocks[-1] if self.blocks else None
        return _joined(block.lines) if block and block.mark is Mark.FINISHED else None

    def _dialog(self) -> Found | None:
        return (
            None
            if self.box
            else _joined([x for x in self.lines if not x.blank and not x.rule][-_DIALOG_ROWS:])
        )

    def _last(self) -> Found | None:
        return (
            None if self.box else _joined([x for x in self.lines if not x.blank and not x.rule][-_LAST_ROWS:])
        )


def _without_tables(lines: list[Line], crossed: frozenset[int]) -> list[Line]:
    """The rows without those of tables: only an answer draws one, and its cells are no messages.

    Args:
        lines: rows of the screen.
        crossed: numbers of the rows in which lines cross.
    """
    if not crossed:
        return lines
    kept: list[Line] = []
    for drawn, group in groupby(lines, key=lambda line: line.sided or line.rule):
        rows = list(group)
        if not (drawn and any(line.rule and line.row in crossed for line in rows)):
            kept += rows
    return kept


def _joined(lines: list[Line]) -> Found | None:
    rows = [line for line in lines if line.text or line.glyph]
    if not rows:
        return None
    return Found(
        "\n".join(f"{line.glyph} {line.text}".strip() if line.glyph else line.text for line in rows),
        tuple(rows),
    )
