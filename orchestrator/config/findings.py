"""What is wrong with one file: collected in any order, shown in the order of its lines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestrator.config.find import resolve
from orchestrator.config.locate import At, Lines
from orchestrator.config.words import key_name, quoted

_NAMED = ("agent", "service", "loop")


class Findings:
    """The problems of one config, and the folders that its relative paths stand on.

    folder: the folder of the file, base of `project_dir`.
    project_dir: base of every other path.
    """

    def __init__(self, doc: Mapping[str, Any], lines: Lines, path: Path) -> None:
        self._doc = doc
        self._lines = lines
        self._file = path.name
        self._found: list[tuple[int, str]] = []
        self.folder = path.parent
        self.project_dir = self.folder
        defaults = doc.get("defaults")
        root = defaults.get("project_dir") if isinstance(defaults, dict) else None
        if isinstance(root, str):
            self.project_dir = self.resolve(root, self.folder)

    def add(self, at: At, text: str) -> None:
        """Note a problem with the value at a path."""
        line = self._lines.of(at)
        place = ": ".join(part for part in (self.owner(at), _inner(at)) if part)
        self._found.append((line, f"{self._file}:{line}  {place}: {text}"))

    def line(self, at: At) -> int:
        """The line of a path."""
        return self._lines.of(at)

    def owner(self, at: At) -> str:
        """The table a path belongs to, as a person calls it: `agent "builder"`, `[defaults]`."""
        match at:
            case (str(table), int(index), *_):
                return f"{key_name(table)} {self._called(table, index)}"
            case ("backend", str(name), *_):
                return f"backend {quoted(name)}"
            case (str(table), *_):
                return f"[{key_name(table)}]"
            case _:
                return ""

    def resolve(self, text: str, base: Path | None = None) -> Path:
        """A path of the file made absolute: `~` expanded, relative to base or else project_dir."""
        return resolve(text, base or self.project_dir)

    def problems(self) -> tuple[str, ...]:
        """Every problem as `file:line  table: key: what is wrong`, by line."""
        return tuple(text for _, text in sorted(self._found, key=lambda found: found[0]))

    def _called(self, table: str, index: int) -> str:
        items = self._doc.get(table)
        item = items[index] if table in _NAMED and isinstance(items, list) else None
        name = item.get("name") if isinstance(item, dict) else None
        return quoted(name) if isinstance(name, str) and name else f"#{index + 1}"


def _inner(at: At) -> str:
    """The part of a path below its table: `phases[1].id`."""
    match at:
        case (str(), int(), *rest) | ("backend", str(), *rest) | (str(), *rest):
            parts = (f"[{p}]" if isinstance(p, int) else f".{key_name(p)}" for p in rest)
            return "".join(parts).lstrip(".")
        case _:
            return ""
