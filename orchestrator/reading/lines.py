"""A terminal row as the reader sees it: without box sides, with its mark told apart.

Agent programs draw much the same way: a mark in front of what the user typed, another in
front of what the agent says, others for the program's own messages, and a spinner. Which
mark means what is the data at the head of this file.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache


class Mark(Enum):
    """Who speaks in a row, by the mark it begins with."""

    NONE = "none"
    USER = "user"
    AGENT = "agent"
    NOTICE = "notice"
    """The program's own message: an error, a warning, a note."""
    SUB = "sub"
    """Hangs under the row above: a tool's result, or the answer to what the user typed."""
    STATUS = "status"
    """The spinner: a turn runs, or is being retried."""
    FINISHED = "finished"
    """A turn has ended."""

    __hash__ = object.__hash__  # there is one of each; an Enum's own hash is many times slower


_SIDES = "│┃║▌▐"
_RULE_CHARS = "─━═▀▄▔▁╌┄╴╶╭╮╰╯┌┐└┘├┤┬┴╔╗╚╝╹╻"
_CORNERS = "╭╮╰╯┌┐└┘╔╗╚╝"
"""A frame may have a title in its border; a bare line with words in it is a message."""
_BRAILLE = "\u2800-\u28ff"
_SPINNER = f"·✢✳✶✻✽∗✺✲*◐◑◒◓◴◵◶◷{_BRAILLE}"

_PLAIN = str.maketrans(
    {
        "’": "'",
        "‘": "'",
        "“": '"',
        "”": '"',
        "–": "-",
        "—": "-",
        "−": "-",
        "∙": "·",
        "\u00a0": " ",
        "\u202f": " ",
    }
)
_TYPOGRAPHIC = re.compile(f"[{''.join(map(chr, _PLAIN))}]")
"""Whether there is anything to make plain: to look costs less than to translate."""
_SIDED = re.compile(rf"\s*(?:[{_SIDES}]|\|(?=[^|]*\|?$))(?:\s|$)")
_RIGHT_SIDE = re.compile(rf"\s+(?:[{_SIDES}].*|\|)$")
_RULE = re.compile(rf"[{_RULE_CHARS}\-_=\s]*$")
_LABEL = re.compile(rf"[{_RULE_CHARS}]+ (?P<label>.*?)[\s{_RULE_CHARS}]*$")
_GLUED = re.compile(r"[░█]+(?=[A-Za-z])")
_FINISHED = re.compile(
    rf"(?:[{_SPINNER}] +)?\w[\w'-]* for (?:<?\d+[hms]\s?)+(?:\s*[·•].*)?$"
    r"|▣ "
    r"|Tokens: .* (?:sent|received)"
    r"|[●•⏺] Completed in [\d.]+"
)
_STATUS = re.compile(
    rf"(?![·*•])[{_SPINNER}] +\S[^.]{{0,60}}(?:…|\.\.\.)"
    r"|[·*] [A-Z][\w'-]+(?:…|\.\.\.)"
    rf"|[{_BRAILLE}]{{1,3}} +\S"
    rf"|[{_SPINNER}] .*\b(?:retrying|attempt \d)"
    r"|[✻✶✽✢✳·*∗] Waiting for "
    r"|[✻✶✽✢✳] (?:Connection|Network|API error|Overloaded|No response|Server|Request)\b"
    r"|(?:\S +)?(?:[\w'.,:…/-]+ ){1,6}\((?:[^()]*\b)?(?:esc|ctrl[+-]c)(?: again)? to (?:interrupt|cancel|stop)\b[^()]*\)"
    r"|(?:\S )?[A-Z][\w'-]+ing(?:…|\.\.\.)(?: \(?\d[^.]*)?$"
    r"|[≈≋⋯∙∼] [A-Z][\w'-]+ing [^.]{1,40}(?:…|\.\.\.)$"
    r"|[•◦] Reconnecting"
    r"|[░█ ]{1,3} *Waiting for |(?:\S +)?Waiting for (?:a |the )?(?:response|model|reply)\b"
    r"|↻ ",
    re.IGNORECASE,
)
_MAY_BE_STATUS = re.compile(r"\W|.*(?:\(|…|\.\.\.|waiting)", re.IGNORECASE).match
"""Whether the longer search is worth it: most rows are plain words."""
_ERROR = re.compile(r"litellm\.\w+(?:Error|Exception)\b|❯ API Error: ")
"""Errors that stand where otherwise the user's or the agent's words do."""
_MARKS = {
    **dict.fromkeys("❯›>", Mark.USER),
    **dict.fromkeys("●•⏺✦⛬◆○◇!", Mark.AGENT),
    **dict.fromkeys("■⚠✕✖✗✘ℹ×☒⛔❌🚫▲△", Mark.NOTICE),
    **dict.fromkeys("⎿└↳⤷", Mark.SUB),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the screen.

    row: its number, from 0.
    indent: blanks before its first sign, box sides not counted.
    text: without sides, marks and outer blanks; typographic quotes and dashes made plain.
    glyph: the mark itself, "" for none.
    sided: it stood behind a box side.
    column: where `text` begins on the screen.
    rule: it is a drawn line and nothing else.
    """

    row: int
    indent: int
    text: str
    mark: Mark
    glyph: str = ""
    sided: bool = False
    rule: bool = False
    column: int = 0

    @property
    def blank(self) -> bool:
        """Nothing is written in it, though it may be inside a box."""
        return not self.text and not self.rule and not self.glyph


@lru_cache(maxsize=8192)
def parse_line(row: int, raw: str) -> Line:
    """A row of `capture-pane` as a `Line`. Most rows of a screen were on the one before."""
    if not raw or raw.isspace():
        return Line(row, 0, "", Mark.NONE)
    text = (raw.translate(_PLAIN) if _TYPOGRAPHIC.search(raw) else raw).rstrip()
    column = 0
    sided = _SIDED.match(text)
    if sided:
        column = sided.end()
        text = _RIGHT_SIDE.sub("", text[column:])
    indent = len(text) - len(text.lstrip())
    text = text.strip()
    if len(text) > 3 and _RULE.match(text):
        return Line(row, indent, "", Mark.NONE, sided=bool(sided), rule=True)
    if label := _LABEL.match(text):
        if text[0] in _CORNERS:
            return Line(row, indent, "", Mark.NONE, sided=bool(sided), rule=True)
        text = label["label"]
    if text[:1] in {"░", "█"}:
        text = _GLUED.sub("", text, count=1)
    mark, glyph, rest = _told_apart(text)
    return Line(row, indent, rest, mark, glyph, bool(sided), column=column + indent + len(text) - len(rest))


def _told_apart(text: str) -> tuple[Mark, str, str]:
    """The mark that a row begins with, the sign it is known by, and the text without it."""
    glyph = text[:1]
    if _FINISHED.match(text):
        return Mark.FINISHED, glyph, text
    if _ERROR.match(text):
        return Mark.NOTICE, text[:1] if text[:1] == "❯" else "", text.lstrip("❯ ")
    if _MAY_BE_STATUS(text) and _STATUS.match(text):
        mark = Mark.STATUS
    else:
        mark = _MARKS.get(glyph) or _other_mark(glyph)
        if mark is Mark.NONE or text[1:2] not in {"", " ", "\ufe0f"}:
            return Mark.NONE, "", text
    if mark is Mark.STATUS and glyph.isalnum():
        return mark, "", text
    rest = text[1:].lstrip("\ufe0f").lstrip()
    if mark is Mark.SUB and rest[1:2] in {" ", "\ufe0f"} and _MARKS.get(rest[0]) is Mark.NOTICE:
        rest = rest[1:].lstrip("\ufe0f").lstrip()
    return mark, glyph, rest


def _other_mark(glyph: str) -> Mark:
    """Programs put many a pictograph before a message of their own."""
    if not glyph or glyph.isascii() or "\u2500" <= glyph <= "\u259f":
        return Mark.NONE
    return Mark.NOTICE if unicodedata.category(glyph) == "So" else Mark.NONE
