"""The rows above the prompt box, cut into what was said: by the user, the agent, the program.

Only the program's own words tell its state; whose a row is follows from the mark in front of
its block, from how it hangs under the one above, and from what ended the turn below it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from orchestrator.reading.lines import Line, Mark

_INDENT = 2
"""Rows of one answer that follow a blank row stand at least this far in."""
_TOOL = re.compile(r"[$#] \S")
_ERROR = re.compile(
    r"[\[(]?(?:[\w/-]+[ .]){0,3}(?:\w*error|\w*exception|failed|failure)\b(?:[:·(\]\[]| [·(]| \d{3}\b| code\b|:? ?$)",
    re.IGNORECASE,
)
"""A row that calls itself an error."""
_JSON = re.compile(r'"(?:status|code|message|error|type)"\s*:')
"""An answer of the provider, printed as it came."""
_QUOTED = re.compile(r"[#`'+]|//|/\*|- |\d+[.)] |\||\"(?!(?:code|status|message|error|type)\")|[\w/.-]+:\d+:")
"""A row that begins like a comment, a quote, a list, a diff or a search result starts no message."""
_OWN_GLYPHS = frozenset("■⚠✕✖✗✘×⛔❌🚫")
"""Marks of an error. Others of the program's marks stand before a tool's output too."""
_WENT_WELL = re.compile(r"[·•] (?:done )?\d{1,2}:\d\d\b")
"""Only a turn that was not stopped is closed with the time of day."""
_OPTION = re.compile(
    r"(?:\d+[.)]|\[\w+\]) |(?:yes|no|allow|approve|accept|deny|reject|skip|trust)\b", re.IGNORECASE
)
_SILENT_MAX = 12
"""Unmarked rows that may follow a message before it counts as old."""


class Start(NamedTuple):
    """A place where a message can begin. own: the row says itself that the program speaks."""

    position: int
    own: bool


@dataclass(slots=True)
class Block:
    """Rows that belong together, oldest first. mark: of the first row."""

    mark: Mark
    lines: list[Line] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The rows as one line: a wrap inside a message is a blank."""
        return " ".join(line.text for line in self.lines if line.text)

    def starts(self) -> list[Start]:
        """Where in `text` a message can begin: at each row that is no quotation."""
        found, position = [], 0
        body = bool(_JSON.search(self.text))
        for line in self.lines:
            if line.text:
                if line.glyph or not _QUOTED.match(line.text):
                    own = body or line.glyph in _OWN_GLYPHS or bool(_ERROR.match(line.text))
                    found.append(Start(position, own and self.mark is not Mark.AGENT))
                position += len(line.text) + 1
        return found


def cut_blocks(lines: Sequence[Line], *, scrolled: bool = False) -> list[Block]:
    """The blocks of the rows, oldest first.

    Args:
        lines: the rows.
        scrolled: older rows have left the screen. Then rows at its top that stand in are the
            rest of an answer.
    """
    blocks: list[Block] = []
    gap = True
    for line in lines:
        if line.rule or (line.blank and not line.sided):
            gap = True
            continue
        if not blocks or _begins(line, blocks[-1], gap=gap):
            rest = scrolled and not blocks and _is_rest(line)
            blocks.append(Block(Mark.AGENT if rest else _mark_of(line)))
        blocks[-1].lines.append(line)
        gap = False
    return [block for block in blocks if block.text]


def _is_rest(line: Line) -> bool:
    return line.indent >= _INDENT and line.mark is Mark.NONE and not line.sided


def _mark_of(line: Line) -> Mark:
    if line.mark is Mark.SUB:
        return Mark.NOTICE
    if line.sided and _TOOL.match(line.text):
        return Mark.AGENT
    return line.mark


def _begins(line: Line, current: Block, *, gap: bool) -> bool:
    if line.mark is Mark.SUB:
        if current.mark is not Mark.AGENT:
            return gap or current.mark is Mark.USER
        return line.indent <= _INDENT and (gap or _has_result(current))
    if line.mark is not Mark.NONE:
        return line.mark is Mark.FINISHED or not _inside(line, current)
    if line.sided and current.lines[-1].sided and not gap:
        return not current.text and bool(line.text)
    if not gap:
        return line.sided is not current.lines[-1].sided
    return not (current.mark in {Mark.AGENT, Mark.USER} and line.indent >= _INDENT and not line.sided)


def _has_result(tool: Block) -> bool:
    """Whether a tool's result is in the block already, so that the next one hangs under the turn."""
    return any(line.mark is Mark.SUB and line.indent <= _INDENT for line in tool.lines)


def _inside(line: Line, answer: Block) -> bool:
    """Whether a marked row is part of an answer, such as a list or a tool's output."""
    return answer.mark is Mark.AGENT and line.indent >= _INDENT and line.sided is answer.lines[-1].sided


@dataclass(frozen=True, slots=True)
class OwnWords:
    """A block in which the program itself may speak.

    reply: it is drawn like an answer of the agent, so only wordings that are known to be
        drawn so can be the program's.
    """

    block: Block
    reply: bool = False


def own_words(blocks: Sequence[Block], *, asking: bool = False) -> Iterator[OwnWords]:
    """The program's own blocks from the newest up, as far as they are news.

    Finished work makes what stands above it old. So does an answer: whoever walks stops at a
    `reply` that turns out to be one.

    Args:
        blocks: oldest first.
        asking: the screen has no prompt box, so a marked option belongs to a dialog.
    """
    finished = False
    silent = 0
    for block in reversed(blocks):
        if block.mark is Mark.FINISHED:
            if _WENT_WELL.search(block.text):
                return
            finished = True
        elif block.mark is Mark.AGENT and not (asking and _OPTION.match(block.text)):
            if finished:
                return
            yield OwnWords(block, reply=True)
        elif block.mark is Mark.NOTICE:
            yield OwnWords(block)
        elif block.mark in {Mark.NONE, Mark.AGENT}:
            if finished and not block.lines[0].sided:
                return
            yield OwnWords(block)
            silent += len(block.lines)
            if silent > _SILENT_MAX:
                return
