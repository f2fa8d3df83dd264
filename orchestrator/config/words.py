"""How values and names of the file are put into messages."""

from __future__ import annotations

import re
from collections.abc import Iterable

_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
_SHOWN_MAX = 60
_UNITS = (("d", 86400), ("h", 3600), ("m", 60))
_TYPES = {
    bool: "the boolean",
    int: "the integer",
    float: "the number",
    str: "the string",
    list: "a list",
    dict: "a table",
}


def quoted(text: str) -> str:
    """The text in quotes, cut at 60 characters, safe to print."""
    cut = text if len(text) <= _SHOWN_MAX else text[: _SHOWN_MAX - 1] + "…"
    return f'"{printable(cut)}"'


def printable(text: str) -> str:
    """The text with control characters, also those of writing direction, as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def key_name(text: str) -> str:
    """A key as it stands in TOML: bare where it can be, else quoted."""
    return text if _PLAIN.fullmatch(text) and len(text) <= _SHOWN_MAX else quoted(text)


def shown(value: object) -> str:
    """A scalar as it stands in TOML; lists, tables and dates by their kind."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return quoted(value)
        case int():
            # Past 4300 digits Python refuses to print an int at all.
            return str(value) if value.bit_length() < 128 else "a number of many digits"
        case float():
            return f"{value:g}"
        case _:
            return _TYPES.get(type(value), "a date or time")


def given(value: object) -> str:
    """A value with its type, for a message that says another type was expected."""
    if isinstance(value, list | dict):
        return _TYPES[type(value)]
    article = _TYPES.get(type(value))
    return f"{article} {shown(value)}" if article else "a date or time"


def seconds(value: float) -> str:
    """A duration the way a person writes it: 45s, 6h, 30d."""
    for unit, size in _UNITS:
        if value >= size and value % size == 0:
            return f"{value / size:g}{unit}"
    return f"{value:g}s"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was most likely meant, or None."""
    import difflib  # noqa: PLC0415 -- only a wrong file pays for it

    return next(iter(difflib.get_close_matches(word[:100], list(known), n=1)), None)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a message: `; did you mean X?`, or nothing when no known word is near."""
    guess = nearest(word, known)
    return f"; did you mean {guess}?" if guess else ""
