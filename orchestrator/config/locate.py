"""Where keys and tables stand in TOML text.

tomllib gives lines for syntax errors only. This scanner runs on text that tomllib has already
accepted, so it can assume valid TOML and needs to know only where values end.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import cached_property

At = tuple[str | int, ...]
"""Path of a value: ("agent", 0, "watch")."""

_PART = r"""(?:[A-Za-z0-9_-]++|"(?:[^"\\\n]++|\\.)*+"|'[^'\n]*+')"""
_KEY = rf"({_PART}(?:[ \t]*+\.[ \t]*+{_PART})*+)"
_PARTS = re.compile(_PART)
_PAIR = re.compile(rf"{_KEY}[ \t]*+=[ \t]*+")
_HEADER = re.compile(rf"(\[\[?)[ \t]*+{_KEY}[ \t]*+\]\]?")
_BLANK = re.compile(r"(?:[ \t\r\n]++|#[^\n]*+)*+")
_BETWEEN = re.compile(r"(?:[ \t\r\n,]++|#[^\n]*+)*+")
_STRING = (
    r'"""(?:[^"\\]++|\\.|"(?!""))*+"{3,5}'
    r"|'''(?:[^']++|'(?!''))*+'{3,5}"
    r'|"(?:[^"\\\n]++|\\.)*+"'
    r"|'[^'\n]*+'"
)
_SCALAR = re.compile(rf"{_STRING}|[^,\]}}#\n]*+", re.DOTALL)
_LIST_HEADER = re.compile(
    rf"{_STRING}|#[^\n]*+|^[ \t]*+\[\[[ \t]*+([A-Za-z0-9_-]++)[ \t]*+\]\]", re.DOTALL | re.MULTILINE
)


class Lines:
    """Line numbers, from 1, of every key, table and list item of one text.

    A file without problems is asked only where its `[[agent]]` tables are, which is much cheaper
    to find than every key.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._line_of: dict[At, int] = {}
        self._count: dict[At, int] = {}
        self._is_scanned = False

    def of(self, at: At) -> int:
        """The line of a path; of its nearest parent when it is not in the text; else 1."""
        if at in self._headers:
            return self._headers[at]
        self._scan()
        while at and at not in self._line_of:
            at = at[:-1]
        return self._line_of.get(at, 1)

    def paths(self) -> Iterator[At]:
        """Every path in the text."""
        self._scan()
        return iter(self._line_of)

    @cached_property
    def _newlines(self) -> list[int]:
        return [found.start() for found in re.finditer("\n", self._text)]

    @cached_property
    def _headers(self) -> dict[At, int]:
        """The lines of `[[name]]` headers, the usual way to write a list of tables."""
        found: dict[At, int] = {}
        count: dict[str, int] = {}
        for header in _LIST_HEADER.finditer(self._text):
            if name := header[1]:
                number = count[name] = count.get(name, -1) + 1
                found[name, number] = self._line_at(header.start(1))
        return found

    def _line_at(self, pos: int) -> int:
        return bisect_left(self._newlines, pos) + 1

    def _scan(self) -> None:
        if self._is_scanned:
            return
        self._is_scanned = True
        text, pos = self._text, 0
        table: At = ()
        while (pos := _end(_BLANK, text, pos)) < len(text):
            if header := _HEADER.match(text, pos):
                table = self._enter(_names(header[2]), is_list=header[1] == "[[", pos=pos)
                pos = header.end()
            else:
                at, pos = self._pair(table, pos)
                pos = self._skip_value(at, pos)

    def _enter(self, names: list[str], *, is_list: bool, pos: int) -> At:
        """The path that a table header opens; a list of tables is entered at its last item."""
        at: At = ()
        for name in names[:-1]:
            at = self._last_item((*at, name))
            self._record(at, pos)
        at = (*at, names[-1])
        if is_list:
            self._record(at, pos)
            self._count[at] = self._count.get(at, 0) + 1
            at = self._last_item(at)
        self._record(at, pos)
        return at

    def _last_item(self, at: At) -> At:
        return (*at, self._count[at] - 1) if at in self._count else at

    def _pair(self, table: At, pos: int) -> tuple[At, int]:
        """Record `key =` at pos; its path, and where the value begins."""
        pair = _PAIR.match(self._text, pos)
        if pair is None:  # tomllib accepted the text, so this is a gap in the patterns above
            raise ValueError(f"no key at offset {pos}")
        at = table
        for name in _names(pair[1]):
            at = (*at, name)
            self._record(at, pos)
        return at, pair.end()

    def _skip_value(self, at: At, pos: int) -> int:
        """The end of the value at pos. A loop, since nesting may be deeper than Python's stack."""
        text = self._text
        opened: list[tuple[At, Iterator[int] | None]] = []
        while True:
            if text[pos] in "[{":
                opened.append((at, iter(range(len(text))) if text[pos] == "[" else None))
                pos += 1
            else:
                pos = _end(_SCALAR, text, pos)
            while opened and text[pos := _end(_BETWEEN, text, pos)] in "]}":
                opened.pop()
                pos += 1
            if not opened:
                return pos
            at, pos = self._member(*opened[-1], pos)

    def _member(self, parent: At, index: Iterator[int] | None, pos: int) -> tuple[At, int]:
        """The next item of an open list (it has an index) or inline table."""
        if index is None:
            return self._pair(parent, pos)
        at = (*parent, next(index))
        self._record(at, pos)
        return at, pos

    def _record(self, at: At, pos: int) -> None:
        if at not in self._line_of:
            self._line_of[at] = self._line_at(pos)


def _end(pattern: re.Pattern[str], text: str, pos: int) -> int:
    found = pattern.match(text, pos)
    return found.end() if found else pos


def _names(key: str) -> list[str]:
    """The parts of a dotted key, quotes and escapes resolved."""
    return [_unquoted(part) for part in _PARTS.findall(key)]


def _unquoted(part: str) -> str:
    if part[0] == "'":
        return part[1:-1]
    if part[0] != '"':
        return part
    if "\\" not in part:
        return part[1:-1]
    import tomllib  # noqa: PLC0415 -- a key with escapes is very rare

    return next(iter(tomllib.loads(f"{part} = 0")))
