"""docs/config.md, written from the tables. A test keeps the file equal to it."""

from __future__ import annotations

from orchestrator.config.shapes import Key, Table
from orchestrator.config.tables import TABLES
from orchestrator.config.words import shown

_HEAD = """\
# agents.toml

One file declares the whole fleet. Every key is shown in use in `agents.example.toml`; `ao config` prints
what is in force, `ao config --schema` a JSON Schema for editors, and `ao check` every mistake at once.

The file is the one that `--config PATH` names, else `$AO_CONFIG`, else `agents.toml` in the working folder
or the nearest folder above it, up to the root of the repository.

Durations are numbers of seconds, or strings such as "45s", "5m", "1h30m". In paths `~` is expanded, and a
relative path starts from `project_dir`. A key that is not listed here is an error.
"""


def markdown() -> str:
    """The reference of every table and key."""
    return "\n".join([_HEAD, *(_section(table) for table in TABLES)])


def _section(table: Table) -> str:
    rows = "\n".join(_row(key) for key in table.keys.values())
    return f"## `{table.title}`\n\n{table.intro}\n\n| key | value | default | meaning |\n|---|---|---|---|\n{rows}\n"


def _row(key: Key) -> str:
    cells = (f"`{key.name}`", key.type.label or key.type.expected, _default(key), key.help)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(key: Key) -> str:
    if key.required:
        return "required"
    if key.default_words:
        return key.default_words
    if key.default is None:
        return "none"
    return f"`{_toml(key.default)}`"


def _toml(value: object) -> str:
    if isinstance(value, list | dict):
        return "[]" if isinstance(value, list) else "{}"
    return shown(value)
