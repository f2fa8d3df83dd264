"""Where the prompt box is, and what is typed in it.

A box is what tells a free program from one that asks: while a dialog is open there is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from orchestrator.reading.lines import Line, Mark

_FRAMED_MAX = 16
"""Rows between the rules of a framed box, at most."""
_FOOTER_MAX = 6
"""Rows that can stand under an open box."""
_MENU_MAX = 24
"""Rows of the menu that opens under a command or a file name while it is typed."""
_MENU_INDENT = 2
_FRAME_SEARCH = 60
_WALL_SEARCH = 40
"""Rows from the end in which a box is looked for."""
_PROMPT = re.compile(r"(?P<mark>[❯›>→!*»]|\( ?[Oo0o]\)>|(?:\S+@\S+ ?)?[✨💫📋] ?)(?:\s+(?P<typed>.*))?$")
_OPTION = re.compile(r"(?:\d+[.)]|\[\w+\]) ")
_CHOICE = re.compile(
    r"(?:yes|no|allow|approve|accept|deny|reject|run|skip|trust|cancel|proceed|don't)\b", re.IGNORECASE
)
_CHOICE_KEY = re.compile(r"\((?:y|n|enter|tab|esc|shift\+tab|esc or \w)\)", re.IGNORECASE)
_DIALOG_KEYS = re.compile(
    r"(?:enter|↵|return) (?:to )?(?:confirm|select|continue|submit|resume|open|choose|apply)\b"
    r"|\besc (?:to )?(?:cancel|back|go back|start new)\b",
    re.IGNORECASE,
)
_FOOTER = re.compile(
    r"[▶⏵⏸]{1,2} |\? for shortcuts|\bctrl[+-]\w|shift\+tab|% |\S · \S|\b(?:context|tokens|model)\b|^[~/]\S*$",
    re.IGNORECASE,
)
_TALK = frozenset({Mark.USER, Mark.AGENT, Mark.STATUS, Mark.FINISHED})
_YES_OR_NO = re.compile(r"[\[(]y(?:es)?/n(?:o)?(?:/\w+)*[\])] ?[:?]?$", re.IGNORECASE)
_HINT = re.compile(
    r"[▶⏵⏸]|ask (?:codex|anything)|type your message|try [\"']|resend your message|once fixed, resend|press up to edit|plan, search, build"
    r"|(?:type|enter) @|add a follow-?up|explain this codebase|summarize recent|implement \{|find and fix a bug in @"
    r"|write tests for @|improve documentation in @|run /review on|use /skills|send a message|what (?:can|should) i|ask (?:me|a question)",
    re.IGNORECASE,
)
_DIM = re.compile("\x1b\\[(?:\\d+;)*2(?:;\\d+)*m|\x1b\\[38;5;(?:8|23[6-9]|24[0-8])m")
_SGR = re.compile("\x1b\\[[\\d;:]*m")


@dataclass(frozen=True, slots=True)
class Box:
    """The prompt box.

    top: first row that belongs to it; bottom: the row after its last; row: the one with the prompt.
    typed: what stands in it and is no hint.
    hint: the program's own grey words in an empty box, "" for none.
    """

    top: int
    bottom: int
    row: int
    typed: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Cues:
    """What may tell a hint from typed text: the cursor, and the rows with attributes."""

    cursor: tuple[int, int] | None = None
    rows: tuple[str, ...] = ()

    def is_hint(self, row: int, column: int, text: str) -> bool:
        """Whether the text that stands in a box at that place is only the program's hint."""
        if self.cursor is not None and self.cursor[1] == row:
            return self.cursor[0] <= column
        if row < len(self.rows) and (dim := _dim(self.rows[row], text)) is not None:
            return dim
        return bool(_HINT.match(text))


def _dim(row: str, text: str) -> bool | None:
    """Whether the text is drawn dim in a row with attributes; None when it can't be told."""
    start = row.find(text[:12])
    if start < 0:
        return None
    return any(_DIM.match(code) for code in _SGR.findall(row[:start])[-2:])


def find_box(lines: Sequence[Line], cues: Cues) -> Box | None:
    """The prompt box nearest to the end of the screen, or None.

    Args:
        lines: every row up to the last that has something in it.
        cues: cursor and attributes.
    """
    return _walled(lines, cues) or _framed(lines, cues) or _open(lines, cues)


def _filled(prompt: Line, typed: str, cues: Cues, top: int, bottom: int) -> Box:
    """The box around a prompt row, what stands in it judged to be typed or a hint."""
    if not typed:
        return Box(top, bottom, prompt.row)
    column = prompt.column if prompt.mark is not Mark.NONE else prompt.column + len(prompt.text) - len(typed)
    if cues.is_hint(prompt.row, column, typed):
        return Box(top, bottom, prompt.row, hint=typed)
    return Box(top, bottom, prompt.row, typed=typed)


def _typed(line: Line) -> str | None:
    """What follows the prompt mark of a row; None when it has no such mark."""
    if line.mark is Mark.USER:
        return line.text
    match = _PROMPT.match(f"{line.glyph} {line.text}".rstrip() if line.glyph else line.text)
    return (match["typed"] or "").strip() if match else None


def _framed(lines: Sequence[Line], cues: Cues) -> Box | None:
    """A prompt row between the two lowest drawn lines."""
    rules = [index for index in range(max(0, len(lines) - _FRAME_SEARCH), len(lines)) if lines[index].rule][
        -2:
    ]
    if len(rules) < 2 or rules[1] - rules[0] > _FRAMED_MAX:
        return None
    newer = any(line.indent < _MENU_INDENT and _typed(line) is not None for line in lines[rules[1] + 1 :])
    return None if newer else _prompt_in(lines, rules[0], rules[1], cues)


def _prompt_in(lines: Sequence[Line], upper: int, lower: int, cues: Cues) -> Box | None:
    inner = [line for line in lines[upper + 1 : lower] if not line.blank]
    if not inner and lower - upper > 1 and lines[upper + 1].sided:
        return Box(upper, lower + 1, upper + 1)  # a frame without a mark, and nothing in it
    typed = _typed(inner[0]) if inner else None
    if typed is None or (_OPTION.match(typed) and _names_keys([*inner[1:], *lines[lower + 1 :]])):
        return None
    more = " ".join(line.text for line in inner[1:])
    box = _filled(inner[0], typed, cues, upper, lower + 1)
    return replace(box, typed=f"{typed} {more}".strip()) if more and not box.hint else box


def _open(lines: Sequence[Line], cues: Cues) -> Box | None:
    """A prompt row with nothing but footers beneath."""
    footers = 0
    for index in range(len(lines) - 1, -1, -1):
        line = lines[index]
        if line.blank:
            continue
        typed = _typed(line)
        if typed is not None and not _is_told(line):
            top = _mode_top(lines, index)
            if (
                _asks(typed, lines[:index], lines[index + 1 :])
                or _answers(typed, lines[:index])
                or _exclaims(line, top)
            ):
                return None
            if footers > _FOOTER_MAX and typed[:1] not in {"/", "@"}:
                return None
            return _filled(line, typed, cues, top, index + 1)
        footers += 1
        if footers > _MENU_MAX or not _can_be_footer(line):
            return None
    return None


def _mode_top(lines: Sequence[Line], prompt: int) -> int:
    """Where an open box begins: some programs draw a line and their mode above the prompt."""
    for index in range(prompt - 1, max(-1, prompt - 4), -1):
        if lines[index].rule:
            return index
        if lines[index].mark is not Mark.NONE:
            break
    return prompt


def _is_told(line: Line) -> bool:
    """Whether a row has a sign that is a prompt elsewhere, but here begins what a program says."""
    return line.mark is Mark.STATUS or (line.mark is Mark.NOTICE and line.glyph == "❯")


def _exclaims(line: Line, top: int) -> bool:
    """Whether the mark, which is a shell prompt too, begins a message: then nothing is drawn above."""
    return line.glyph == "!" and bool(line.text) and top == line.row


def _answers(typed: str, above: Sequence[Line]) -> bool:
    """Whether what is awaited at a prompt is the answer to a question."""
    asked = next((line.text for line in reversed(above) if line.text), "")
    return not typed and bool(_YES_OR_NO.search(asked))


def _can_be_footer(line: Line) -> bool:
    if line.mark in {Mark.AGENT, Mark.SUB, Mark.STATUS, Mark.FINISHED} or line.rule:
        return False
    return line.indent > 0 or bool(_FOOTER.search(f"{line.glyph} {line.text}"))


def _asks(typed: str, above: Sequence[Line], below: Sequence[Line]) -> bool:
    """Whether a marked row is the chosen option of a dialog, and no prompt."""
    if _CHOICE_KEY.search(typed) or _names_keys(below):
        return True
    if _OPTION.match(typed):
        # A list that somebody types looks like a menu; under a prompt stand the model, a path, the keys of the composer.
        beside = (*_next_to(reversed(above)), *_next_to(below))
        footers = (line.text for line in below if not _OPTION.match(line.text))
        return any(_OPTION.match(line.text) for line in beside) and not any(map(_FOOTER.search, footers))
    following = [line.text for line in below if line.text]
    return bool(_CHOICE.match(typed)) and any(_CHOICE.match(text) for text in following[:3])


def _next_to(lines: Iterable[Line]) -> Iterator[Line]:
    """The rows up to the first empty one."""
    return takewhile(lambda line: not line.blank, lines)


def _names_keys(lines: Iterable[Line]) -> bool:
    """Whether a row tells by which keys a dialog is answered."""
    return any(_DIALOG_KEYS.search(line.text) for line in lines)


def _walled(lines: Sequence[Line], cues: Cues) -> Box | None:
    """A box with a wall at its left only, the model's name in its last row."""
    last = len(lines) - 1
    model = next(
        (i for i in range(last, max(-1, last - _WALL_SEARCH), -1) if lines[i].sided and lines[i].text), None
    )
    if model is None or not _names_model(lines, model):
        return None
    bottom = model + 2 if model < last and lines[model + 1].rule else model + 1
    if any(line.mark in _TALK and not line.text.startswith("Tip ") for line in lines[bottom:]):
        return None  # what is said below it makes it a part of the talk
    top = model
    while top > 0 and lines[top - 1].sided and not lines[top - 1].rule:
        top -= 1
    if top > 0 and lines[top - 1].rule:
        return None  # a closed frame: a tool's output or a dialog
    inner = [line for line in lines[top:model] if line.text]
    if not inner:
        return Box(top, bottom, top)
    box = _filled(inner[0], inner[0].text, cues, top, bottom)
    return box if box.hint else replace(box, typed=" ".join(line.text for line in inner))


def _names_model(lines: Sequence[Line], row: int) -> bool:
    under = lines[row + 1] if row + 1 < len(lines) else None
    return " · " in lines[row].text and (under is None or not under.sided)
