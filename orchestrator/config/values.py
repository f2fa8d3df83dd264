"""Types of single values: what each accepts, how it is converted, and how it is described."""

# ruff: noqa: D102 -- an override does what ValueType says of the method

from __future__ import annotations

import math
import re
import shlex
import warnings
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

from orchestrator.config.findings import Findings
from orchestrator.config.locate import At
from orchestrator.config.words import did_you_mean, given, quoted, seconds, shown
from orchestrator.model.config import FromEnv
from orchestrator.model.reading import BY_LINE, REGIONS

BAD: Final = object()
"""What `read` gives for a value whose problem has been noted."""

LONGEST: Final = 30 * 86400.0
"""Longest duration that is believed, seconds."""

_DURATION = (
    r"(?:(\d+(?:\.\d+)?) *d)? *(?:(\d+(?:\.\d+)?) *h)? *(?:(\d+(?:\.\d+)?) *m)? *(?:(\d+(?:\.\d+)?) *s)?"
)
_SIZE = r"(\d+(?:\.\d+)?) *([KMGT]?)(i?)B?"
_PLACEHOLDER = re.compile(r"(?<!\$)\{([A-Za-z_][A-Za-z0-9_]*)\}")


class WrongValue(Exception):
    """A value that its type does not accept; the text says why."""


class ValueType:
    """One type of value. `expected` names it in messages; `label`, if set, in the reference."""

    expected = "a value"
    label = ""

    def read(self, value: object, at: At, findings: Findings) -> Any:
        """The converted value; or BAD, its problem noted."""
        try:
            return self.convert(value)
        except WrongValue as wrong:
            findings.add(at, str(wrong))
            return BAD

    def convert(self, value: object) -> Any:
        """The value as the model has it; WrongValue when it is not of this type."""
        raise NotImplementedError

    def json_schema(self) -> dict[str, Any]:
        """This type in JSON Schema."""
        raise NotImplementedError

    def mismatch(self, value: object) -> WrongValue:
        """The error for a value of another type."""
        return WrongValue(f"expected {self.expected}, got {given(value)}")


class Text(ValueType):
    """A string."""

    expected = "a string"

    def __init__(self, *, empty: bool = True) -> None:
        self._empty = empty

    def convert(self, value: object) -> str:
        """The string, unless it can't be an argument or must not be empty."""
        if not isinstance(value, str):
            raise self.mismatch(value)
        if "\0" in value:
            raise WrongValue("holds a NUL character, which no program can be given")
        if not value and not self._empty:
            raise WrongValue("must not be empty")
        return value

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string"} if self._empty else {"type": "string", "minLength": 1}


class Name(Text):
    """A string that is safe in tmux targets, file names and shells without quoting."""

    expected = "a name of letters, digits, _ and -"
    label = "a name"

    def __init__(self, *, longest: int = 64, empty: bool = False) -> None:
        super().__init__(empty=empty)
        self._longest = longest
        self._pattern = rf"[A-Za-z0-9_-]{{{0 if empty else 1},{longest}}}"

    def convert(self, value: object) -> str:
        text = super().convert(value)
        if re.fullmatch(self._pattern, text):
            return text
        if len(text) > self._longest:
            raise WrongValue(f"{quoted(text)} is too long; at most {self._longest} characters")
        raise WrongValue(f"{quoted(text)} is no name; use letters, digits, _ and - only")

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{self._pattern}$"}


class Matching(Text):
    """A string of one fixed form."""

    def __init__(self, pattern: str, expected: str) -> None:
        super().__init__()
        self._pattern = pattern
        self.expected = expected

    def convert(self, value: object) -> str:
        text = super().convert(value)
        if not re.fullmatch(self._pattern, text):
            raise WrongValue(f"{quoted(text)} is not {self.expected}")
        return text

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^(?:{self._pattern})$"}


class HostPort(Matching):
    """An address to connect to."""

    def __init__(self) -> None:
        super().__init__(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}", '"HOST:PORT"')

    def convert(self, value: object) -> str:
        text = super().convert(value)
        if not 1 <= int(text.rpartition(":")[2]) <= 65535:
            raise WrongValue(f"{quoted(text)}: a port is between 1 and 65535")
        return text


class Words(Text):
    """Arguments, as a shell splits them."""

    expected = "a string of arguments"

    def convert(self, value: object) -> str:
        text = super().convert(value)
        try:
            shlex.split(text)
        except ValueError as error:
            raise WrongValue(f"{quoted(text)}: {str(error).lower()}; close the quote") from None
        return text


class Template(Text):
    """A string with `{placeholders}`; `${VARIABLE}` is left to the shell."""

    def __init__(self, *placeholders: str) -> None:
        super().__init__()
        self.placeholders = placeholders
        self.expected = "a string with " + ", ".join(f"{{{name}}}" for name in placeholders)

    def convert(self, value: object) -> str:
        text = super().convert(value)
        for name in _PLACEHOLDER.findall(text):
            if name not in self.placeholders:
                known = ", ".join(f"{{{known}}}" for known in self.placeholders)
                raise WrongValue(f"unknown placeholder {{{name[:60]}}}; there is {known}")
        return text


class Regex(Text):
    """A regular expression, kept as text."""

    expected = "a regular expression"

    def convert(self, value: object) -> str:
        text = super().convert(value)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                re.compile(text, re.IGNORECASE | re.MULTILINE)
        except (re.error, OverflowError, RecursionError) as error:
            raise WrongValue(f"{quoted(text)} is no regular expression: {error}") from None
        return text

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "regex"}


class Region(Text):
    """A part of the screen that a rule looks at."""

    expected = "a region of the screen"

    def convert(self, value: object) -> str:
        text = super().convert(value)
        if text.startswith(BY_LINE):
            return BY_LINE + Regex().convert(text.removeprefix(BY_LINE))
        known = (*REGIONS, f"{BY_LINE}REGEX")
        if text and text not in known[:-1]:
            guess = did_you_mean(text, known)
            raise WrongValue(f"there is no region {quoted(text)}{guess} (known: {', '.join(known)})")
        return text


class Flag(ValueType):
    """true or false."""

    expected = "true or false"

    def convert(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise self.mismatch(value)
        return value

    def json_schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


class Choice(ValueType):
    """One of a few words."""

    def __init__(self, options: type[StrEnum], without: Sequence[StrEnum] = ()) -> None:
        self._options = {str(option): option for option in options if option not in without}
        self.expected = "one of " + ", ".join(self._options)

    def convert(self, value: object) -> StrEnum:
        if not isinstance(value, str):
            raise self.mismatch(value)
        if value not in self._options:
            raise WrongValue(
                f"must be {self.expected}, not {quoted(value)}{did_you_mean(value, self._options)}"
            )
        return self._options[value]

    def json_schema(self) -> dict[str, Any]:
        return {"enum": list(self._options)}


class Integer(ValueType):
    """A whole number within bounds."""

    def __init__(self, least: int, most: int) -> None:
        self._least, self._most = least, most
        self.expected = f"a whole number from {least} to {most}"

    def convert(self, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.mismatch(value)
        if not self._least <= value <= self._most:
            raise WrongValue(f"must be {self.expected}, not {shown(value)}")
        return value

    def json_schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self._least, "maximum": self._most}


class Duration(ValueType):
    """Seconds: a number, or a string of days, hours, minutes and seconds."""

    expected = 'a number of seconds, or a string such as "45s", "5m", "1h30m"'
    label = "a duration"

    def __init__(self, least: float = 0.0, most: float = LONGEST) -> None:
        self._least, self._most = least, most

    def convert(self, value: object) -> float:
        number = self._seconds(value)
        # NaN compares false with everything, so it falls out here too.
        if not self._least <= number <= self._most:
            raise WrongValue(
                f"must be from {seconds(self._least)} to {seconds(self._most)}, not {shown(value)}"
            )
        return number

    def _seconds(self, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise self.mismatch(value)
        if isinstance(value, str):
            found = re.fullmatch(_DURATION, value.strip(), re.ASCII)
            if found is None or not any(found.groups()):
                raise WrongValue(f"{quoted(value)} is no duration; expected {self.expected}")
            sizes = (86400, 3600, 60, 1)
            return sum(float(part or 0) * size for part, size in zip(found.groups(), sizes, strict=True))
        try:
            return float(value)
        except OverflowError:
            return math.inf

    def json_schema(self) -> dict[str, Any]:
        number = {"type": "number", "minimum": self._least, "maximum": self._most}
        return {"anyOf": [number, {"type": "string", "pattern": f"^{_DURATION}$"}]}


class Size(ValueType):
    """Bytes: a whole number, or a string with a unit."""

    expected = 'a number of bytes, or a string such as "50MiB", "200KB"'

    def __init__(self, least: int, most: int) -> None:
        self._least, self._most = least, most

    def convert(self, value: object) -> int:
        number = self._bytes(value)
        if not self._least <= number <= self._most:
            raise WrongValue(f"must be from {self._least} to {self._most} bytes, not {shown(value)}")
        return int(number)

    def _bytes(self, value: object) -> float:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if not isinstance(value, str):
            raise self.mismatch(value)
        found = re.fullmatch(_SIZE, value.strip(), re.ASCII)
        if found is None:
            raise WrongValue(f"{quoted(value)} is no size; expected {self.expected}")
        step = 1024 if found[3] else 1000
        return float(found[1]) * float(step ** " KMGT".index(found[2] or " "))

    def json_schema(self) -> dict[str, Any]:
        number = {"type": "integer", "minimum": self._least, "maximum": self._most}
        return {"anyOf": [number, {"type": "string", "pattern": f"^{_SIZE}$"}]}


class EnvValue(ValueType):
    """Value of an environment variable: given here, or `{ from = "VAR" }`."""

    expected = 'a string, or { from = "VAR" }'
    _text = Text()

    def convert(self, value: object) -> str | FromEnv:
        if isinstance(value, str):
            return self._text.convert(value)
        if not isinstance(value, dict):
            raise self.mismatch(value)
        source = value.get("from")
        if set(value) != {"from"} or not isinstance(source, str) or not re.fullmatch(ENV_NAME, source):
            raise WrongValue('expected a string, or a table { from = "VAR" } and nothing else in it')
        return FromEnv(source)

    def json_schema(self) -> dict[str, Any]:
        source = {"from": {"type": "string", "pattern": f"^{ENV_NAME}$"}}
        table = {"type": "object", "properties": source, "required": ["from"], "additionalProperties": False}
        return {"anyOf": [{"type": "string"}, table]}


ENV_NAME: Final = r"[A-Za-z_][A-Za-z0-9_]*"
