"""Types that hold other types: lists, maps, paths, and tables of keys."""

# ruff: noqa: D102 -- an override does what ValueType says of the method

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from orchestrator.config.findings import Findings
from orchestrator.config.locate import At
from orchestrator.config.values import BAD, Text, ValueType
from orchestrator.config.words import did_you_mean, printable


class Must(StrEnum):
    """What has to be at a path already."""

    NOTHING = "nothing"
    FILE = "file"
    FOLDER = "folder"
    NO_FILE = "no file"
    """A folder, or nothing yet: it will be made."""


class PathText(Text):
    """A path, made absolute when it is read."""

    expected = "a path"

    def __init__(self, must: Must = Must.NOTHING, *, in_config_folder: bool = False) -> None:
        super().__init__(empty=False)
        self._must = must
        self._in_config_folder = in_config_folder

    def read(self, value: object, at: At, findings: Findings) -> Any:
        text = super().read(value, at, findings)
        if text is BAD:
            return BAD
        if any(ord(character) < 32 or ord(character) == 127 for character in text):
            # tmux takes commands by the line, and nobody means such a path.
            findings.add(at, f"{printable(text)} holds a line break or control character")
            return BAD
        path = findings.resolve(text, findings.folder if self._in_config_folder else None)
        problem = standing(path, self._must)
        if problem:
            findings.add(at, problem)
            return BAD
        return path


def standing(path: Path, must: Must) -> str:
    """What is wrong with what is at the path now, or ""."""
    name = printable(str(path))
    match must:
        case Must.FILE if os.path.isdir(path):  # noqa: PTH112 -- Path.is_dir raises on a folder that can't be searched
            return f"{name} is a folder, not a file"
        case Must.FILE if not os.path.isfile(path):  # noqa: PTH113 -- as above
            return f"there is no file {name}"
        case Must.FOLDER if not os.path.isdir(path):  # noqa: PTH112 -- as above
            return f"there is no folder {name}"
        case Must.NO_FILE if os.path.isfile(path):  # noqa: PTH113 -- as above
            return f"{name} is a file, not a folder"
        case _:
            return ""


class ListOf(ValueType):
    """A list of values of one type; `lengths` restricts how many."""

    def __init__(self, item: ValueType, lengths: Sequence[int] = (), *, tables: str = "") -> None:
        self.item = item
        self._lengths = lengths
        self._tables = tables
        self.expected = f"a list, each {item.expected}"

    def read(self, value: object, at: At, findings: Findings) -> Any:
        if self._tables and isinstance(value, dict):
            findings.add(at, f"write [[{self._tables}]], with two brackets, above each of them")
            return BAD
        if not isinstance(value, list):
            findings.add(at, str(self.mismatch(value)))
            return BAD
        if self._lengths and len(value) not in self._lengths:
            counts = " or ".join(map(str, self._lengths))
            findings.add(at, f"expected {counts} items, got {len(value)}")
            return BAD
        read = (self.item.read(item, (*at, index), findings) for index, item in enumerate(value))
        return tuple(item for item in read if item is not BAD)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "array", "items": self.item.json_schema()}


class OneOrMany(ValueType):
    """A value, or a list of such values; read as a tuple."""

    def __init__(self, item: ValueType) -> None:
        self.item = item
        self._many = ListOf(item)
        self.expected = f"{item.expected}, or a list of them"

    def read(self, value: object, at: At, findings: Findings) -> Any:
        if isinstance(value, list):
            return self._many.read(value, at, findings)
        one = self.item.read(value, at, findings)
        return BAD if one is BAD else (one,)

    def json_schema(self) -> dict[str, Any]:
        return {"anyOf": [self.item.json_schema(), self._many.json_schema()]}


class MapOf(ValueType):
    """A table whose keys the user chooses."""

    def __init__(self, name: ValueType, item: ValueType) -> None:
        self.name, self.item = name, item
        self.expected = f"a table, each value {item.expected}"

    def read(self, value: object, at: At, findings: Findings) -> Any:
        if not isinstance(value, dict):
            findings.add(at, str(self.mismatch(value)))
            return BAD
        out: dict[str, Any] = {}
        for key, item in value.items():
            name = self.name.read(key, (*at, key), findings)
            read = self.item.read(item, (*at, key), findings)
            if name is not BAD and read is not BAD:
                out[name] = read
        return out

    def json_schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "propertyNames": self.name.json_schema(),
            "additionalProperties": self.item.json_schema(),
        }


class ModelVariables(MapOf):
    """`{VAR = "{model}"}`, or just the variable's name."""

    def __init__(self, name: ValueType, item: ValueType) -> None:
        super().__init__(name, item)
        self.expected = "the name of a variable, or a table { VAR = template }"

    def read(self, value: object, at: At, findings: Findings) -> Any:
        if not isinstance(value, str):
            return super().read(value, at, findings)
        if not value:
            return {}
        name = self.name.read(value, at, findings)
        return BAD if name is BAD else {name: "{model}"}

    def json_schema(self) -> dict[str, Any]:
        return {"anyOf": [{"type": "string"}, super().json_schema()]}


@dataclass(frozen=True)
class Key:
    """One key of a table.

    help: one sentence for people, without a full stop.
    default: what stands in for a missing key, as it would be written in the file; None: nothing.
    default_words: the default where it is no fixed value.
    """

    name: str
    type: ValueType
    help: str
    default: Any = None
    default_words: str = ""
    required: bool = False


class Given(dict[str, Any]):
    """The good keys of one table of the file, converted.

    at: where the table stands.
    bad: the known keys that are in the file with a problem, which has been noted.
    """

    def __init__(self, at: At) -> None:
        super().__init__()
        self.at = at
        self.bad: set[str] = set()


class Table(ValueType):
    """A table with known keys: any other is an error.

    title: how its header is written, e.g. "[backend.NAME]".
    """

    expected = "a table"

    def __init__(self, title: str, intro: str, *keys: Key) -> None:
        self.title, self.intro = title, intro
        self.keys: Mapping[str, Key] = {key.name: key for key in keys}

    def read(self, value: object, at: At, findings: Findings) -> Any:
        if not isinstance(value, dict):
            findings.add(at, str(self.mismatch(value)))
            return BAD
        out = Given(at)
        for name, item in value.items():
            key = self.keys.get(name)
            if key is None:
                findings.add((*at, name), self._unknown(name))
            elif (read := key.type.read(item, (*at, name), findings)) is BAD:
                out.bad.add(name)
            else:
                out[name] = read
        for key in self.keys.values():
            if key.required and key.name not in value:
                findings.add((*at, key.name), _missing(key))
        return out

    def filled(self, given: Mapping[str, Any], findings: Findings) -> dict[str, Any]:
        """Every key of the table: as given, or its default, or None."""
        return {
            name: given[name] if name in given else self._default(key, findings)
            for name, key in self.keys.items()
        }

    def _default(self, key: Key, findings: Findings) -> Any:
        return None if key.default is None else key.type.read(key.default, (), findings)

    def _unknown(self, name: str) -> str:
        word = "unknown key" if self.title else "unknown table"
        return word + did_you_mean(name, self.keys)

    def json_schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {key.name: _property(key) for key in self.keys.values()},
            "required": [key.name for key in self.keys.values() if key.required],
            "additionalProperties": False,
        }


def _missing(key: Key) -> str:
    if not isinstance(key.type, Table):
        return "missing"
    needed = [inner.name for inner in key.type.keys.values() if inner.required]
    return f"missing; it must have {' and '.join(needed)}"


def _property(key: Key) -> dict[str, Any]:
    schema = {**key.type.json_schema(), "description": key.help}
    return schema if key.default is None else {**schema, "default": key.default}
