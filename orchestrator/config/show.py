"""The effective config as tables, and the JSON Schema of agents.toml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from orchestrator.config.tables import ROOT
from orchestrator.model.config import Config, FromEnv


def effective(config: Config) -> dict[str, Any]:
    """The whole config with every default, as tables that TOML can hold.

    Values `{ from = "VAR" }` stay as they are: nothing is looked up.
    """
    tables: dict[str, Any] = {
        "defaults": _plain(config.defaults),
        "watchdog": _plain(config.watchdog),
        "backend": {name: _without(_plain(spec), "name") for name, spec in config.backends.items()},
        "agent": [_without(_plain(spec), "line") for spec in config.agents],
        "service": [_without(_plain(spec), "line", "session") for spec in config.services],
        "loop": [_plain(spec) for spec in config.loops],
    }
    return {name: table for name, table in tables.items() if table}


def schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of agents.toml, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "agents.toml",
        **ROOT.json_schema(),
    }


def _without(table: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key not in keys}


def _plain(value: Any) -> Any:
    """A value of the model in TOML's types; what is None is left out of its table."""
    match value:
        case FromEnv(variable=variable):
            return {"from": variable}
        case Enum():
            return value.value
        case Path():
            return str(value)
        case float() if value.is_integer():
            return int(value)
        case Mapping():
            return {key: _plain(item) for key, item in value.items()}
        case tuple():
            return [_plain(item) for item in value]
        case _ if is_dataclass(value):
            items = ((field.name, getattr(value, field.name)) for field in fields(value))
            return {name: _plain(item) for name, item in items if item is not None}
        case _:
            return value
