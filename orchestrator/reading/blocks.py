"""The rows above the prompt box, cut into what was said: by the user, the agent, the program.

Only the program's own words tell its state; whose a row is follows from the mark in front of
its block, from how it hangs under the one above, and from what ended the turn below it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from orchestrator.reading.lines import Line, Mark

_INDENT = 2
"""Rows of one answer that follow a blank row stand at least this far in."""
_TOOL = re.compile(r"[$#] \S")
_ERROR = re.compile(
    r"(?:[\w-]+ ){1,3}is having trouble\b|error \w+ing\b[^.:]{0,40}:|[45]\d\d (?-i:[A-Z])"
    r"|[\[(]?(?:[\w/-]+[ .]){0,3}(?:\w*error|\w*exception|failed|failure)\b(?:[:·(\]\[]| [·(]| \d{3}\b| code\b|:? ?$)",
    re.IGNORECASE,
)
"""A row that calls itself an error."""
_ANSWERS_ONLY = frozenset("•✦⛬◆○◇")
"""Marks before an answer in programs that put no message of their own behind the same mark."""
_SENTENCE = re.compile(r"[a-z)\"'][.!?:]$")
_CALL = re.compile(r"[A-Z]\w*\(")
_JSON = re.compile(r'"(?:status|code|message|error|type)"\s*:')
"""An answer of the provider, printed as it came."""
_QUOTED = re.compile(
    r"[#`'+]|//|/\*|- |\d+[.)] |\||\"(?!(?:code|status|message|error|type)\")|[\w/.-]+:\d+:"
    r"|(?:raise|throw|return|except|catch|const|def|assert\w*)\b"
)
"""A row that begins like a comment, a quote, a list, a diff, a search result or code starts no message."""
_ASIDE = re.compile(r"(?:\S+ ){0,6}MCP\b")
"""A helper that does not start is told in the words of an outage, and stops no turn."""
_OWN_GLYPHS = frozenset("■⚠✕✖✗✘×⛔❌🚫")
"""Marks of an error. Others of the program's marks stand before a tool's output too."""
_FIRST_PERSON = re.compile(r"\bI(?:'(?:ve|ll|d|m))? [a-z]")
"""No program speaks of itself so."""
_DONE_GLYPHS = frozenset("✓✔⊷⊶")
"""Marks in the head of a tool's frame."""
_WENT_WELL = re.compile(r"[·•] (?:done )?\d{1,2}:\d\d\b")
"""Only a turn that was not stopped is closed with the time of day."""
_OPTION = re.compile(
    r"(?:\d+[.)]|\[\w+\]) |(?:yes|no|allow|approve|accept|deny|reject|skip|trust)\b", re.IGNORECASE
)
_QUOTABLE = frozenset({Mark.NONE, Mark.NOTICE, Mark.STATUS})
_WALL_MARK = "▣"
"""A program that closes its turns with it draws its messages behind a wall."""
_SILENT_MAX = 12
"""Unmarked rows that may follow a message before it counts as old."""


class Start(NamedTuple):
    """A place where a message can begin. own: the row says itself that the program speaks."""

    position: int
    own: bool


@dataclass
class Block:
    """Rows that belong together, oldest first.

    mark: of the first row.
    quoted: what stands above makes it a part of an answer, so it is nobody's message.
    """

    mark: Mark
    lines: list[Line] = field(default_factory=list)
    quoted: bool = False

    @cached_property
    def text(self) -> str:
        """The rows as one line, once all are there: a wrap inside a message is a blank."""
        return " ".join(line.text for line in self.lines if line.text)

    @property
    def _is_answer(self) -> bool:
        first = next(line for line in self.lines if line.text)
        return self.mark is Mark.NOTICE or first.text[0] in "{[" or _is_error(first)

    def starts(self) -> Iterator[Start]:
        """Where in `text` a message can begin: at each row that is no quotation."""
        position = 0
        if _ASIDE.match(self.text):
            return
        program = self.mark is not Mark.AGENT
        body = program and self._is_answer and bool(_JSON.search(self.text))
        for line in self.lines:
            if line.text:
                if line.glyph or not (_QUOTED.match(line.text) or _FIRST_PERSON.search(line.text)):
                    yield Start(position, body or (program and _is_error(line)))
                position += len(line.text) + 1


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
            blocks.append(_first(line, blocks[-1].lines[-1] if blocks else None, scrolled=scrolled))
        blocks[-1].lines.append(line)
        gap = False
    return [block for block in blocks if block.text]


def _first(line: Line, above: Line | None, *, scrolled: bool) -> Block:
    """A block that begins with a row. above: the one before it, None for the first of the screen."""
    rest = scrolled and _is_rest(line) if above is None else _is_quoted(line, above)
    if rest:
        return Block(Mark.AGENT, quoted=True)
    return Block(_mark_of(line))


def _is_error(line: Line) -> bool:
    return line.glyph in _OWN_GLYPHS or bool(_ERROR.match(line.text))


def _is_rest(line: Line) -> bool:
    """Whether a row goes on with what has left the screen: it stands in, deeper yet if it has a mark."""
    deep = {Mark.NONE: _INDENT, Mark.NOTICE: _INDENT + 1}.get(line.mark)
    return deep is not None and line.indent >= deep and not line.sided


def _is_quoted(line: Line, above: Line) -> bool:
    """Whether unmarked rows are what the words above them announce."""
    deeper = line.indent > above.indent and line.mark in _QUOTABLE and not line.sided
    return deeper and above.text.endswith(":") and not _is_error(above)


def _mark_of(line: Line) -> Mark:
    if line.mark is Mark.SUB:
        return Mark.NOTICE
    if (line.sided or line.indent >= _INDENT) and _TOOL.match(line.text):
        return Mark.AGENT
    if line.sided and line.glyph in _DONE_GLYPHS:
        return Mark.AGENT
    if line.glyph == "•" and line.indent:
        return Mark.NONE  # an item of a list: who speaks begins at the margin
    return line.mark


def _begins(line: Line, current: Block, *, gap: bool) -> bool:
    if line.mark is Mark.SUB:
        if current.mark is not Mark.AGENT:
            own_command = current.lines[0].text[:1] == "!"
            return gap or (current.mark is Mark.USER and not own_command)
        return line.indent <= _INDENT and (gap or _has_result(current) or _is_prose(current))
    if line.mark is not Mark.NONE:
        return line.mark is Mark.FINISHED or not _inside(line, current)
    if line.sided and _draws(current, line):
        return False
    if line.sided and current.lines[-1].sided and not gap:
        return bool(line.text) and not any(row.text for row in current.lines)
    if not gap:
        return line.sided is not current.lines[-1].sided
    bare = not (line.sided or current.lines[-1].sided)
    return not (current.mark in {Mark.AGENT, Mark.USER} and line.indent >= _INDENT and bare)


def _has_result(tool: Block) -> bool:
    """Whether a tool's result is in the block already, so that the next one hangs under the turn."""
    return any(line.mark is Mark.SUB and line.indent <= _INDENT for line in tool.lines)


def _is_prose(answer: Block) -> bool:
    """Whether the agent's words end with a sentence: they call no tool, so what hangs under them is no result."""
    return bool(_SENTENCE.search(answer.lines[-1].text)) and not _CALL.match(answer.lines[0].text)


def _inside(line: Line, answer: Block) -> bool:
    """Whether a marked row is part of an answer, such as a list or a tool's output."""
    framed = line.sided and answer.lines[0].sided
    deep = framed or line.indent >= _INDENT
    return answer.mark is Mark.AGENT and deep and line.sided is answer.lines[-1].sided


def _draws(answer: Block, line: Line) -> bool:
    """Whether a row in a frame is drawn by the agent: the frame stands in, as its answer does."""
    first = answer.lines[0]
    rest = first.mark is not Mark.AGENT and not _TOOL.match(first.text)  # its margin has left the screen
    margin = 0 if rest else first.indent
    return answer.mark is Mark.AGENT and not first.sided and _outer(line) >= margin + _INDENT


def _outer(line: Line) -> int:
    """Blanks before the side of a row in a frame."""
    return line.column - line.indent - _INDENT


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
    closing: Block | None = None
    silent = 0
    for block in reversed(blocks):
        if _is_old(block, closing, asking=asking):
            return
        if block.mark is Mark.FINISHED:
            closing = block
        elif block.mark is Mark.AGENT and not (asking and _OPTION.match(block.text)):
            yield OwnWords(block, reply=True)
        elif block.mark is Mark.NOTICE:
            yield OwnWords(block)
        elif block.mark in {Mark.NONE, Mark.AGENT}:
            yield OwnWords(block)
            silent += len(block.lines)
            if silent > _SILENT_MAX:
                return


def _is_old(block: Block, closing: Block | None, *, asking: bool) -> bool:
    """Whether a block, and with it all above, is no news.

    Args:
        block: the one to judge.
        closing: the end of a turn that stands below it, if one does.
        asking: as for `own_words`.
    """
    option = asking and bool(_OPTION.match(block.text))
    if block.mark is Mark.USER:  # a dialog belongs to what was typed last
        return asking and not option and block.text[:1] != "/"
    if block.mark is Mark.FINISHED:
        return bool(_WENT_WELL.search(block.text))
    if block.quoted or (block.mark is Mark.AGENT and block.lines[0].glyph in _ANSWERS_ONLY and not option):
        return True
    if closing is None:
        return False
    first, end = block.lines[0], closing.lines[0]
    if end.glyph == _WALL_MARK and block.mark in {Mark.NOTICE, Mark.NONE}:
        return not first.sided or _outer(first) >= end.indent
    return block.mark is Mark.AGENT or (block.mark is Mark.NONE and not first.sided)
