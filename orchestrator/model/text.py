"""Text from outside, made fit for a line that people read."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable


def printable(text: str) -> str:
    """The text with control, format and bidirectional characters shown as escapes.

    What an agent, a commit or a file name holds must not reach the user's terminal as commands.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if not unicodedata.category(c).startswith("C") else _escape(c) for c in text)


def without_controls(text: str) -> str:
    """The text as it may be pasted: line ends and tabs are kept, what could command a terminal is not."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) != "Cc")


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def one_line(lines: Iterable[str]) -> str:
    """The lines as one, whatever their breaks and blanks."""
    return " ".join(" ".join(lines).split())


def last_lines(text: str, count: int) -> tuple[str, ...]:
    """The last lines that are not blank, made printable, oldest first."""
    lines = [printable(line.rstrip()) for line in text.splitlines() if line.strip()]
    return tuple(lines[-count:])
