"""`ao config`: the effective config, and the schema for editors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import tomli_w

from orchestrator.config.load import effective, load, parse, schema
from orchestrator.config.shapes import Table
from orchestrator.config.tables import ROOT, TABLES
from orchestrator.model.config import Config

OLDER = Path(__file__).parents[2] / "data" / "config" / "older_form" / "agents.toml"


def comparable(config: Config) -> Config:
    """Without what the text of the file alone decides, and without rules, which only ever are added."""
    return replace(
        config,
        digest="",
        agents=tuple(replace(agent, line=0) for agent in config.agents),
        services=tuple(replace(service, line=0) for service in config.services),
        backends={name: replace(spec, rules=()) for name, spec in config.backends.items()},
    )


def test_the_effective_config_is_a_config_that_means_the_same(root: Path) -> None:
    for path in (root / "agents.example.toml", OLDER):
        config = load(path)
        assert comparable(parse(tomli_w.dumps(effective(config)), path)) == comparable(config)


def test_secrets_are_shown_as_where_they_come_from(root: Path) -> None:
    shown = effective(load(root / "agents.example.toml"))
    assert shown["backend"]["mine"]["env"] == {"API_KEY": {"from": "DEMO_API_KEY"}}


def test_the_schema_knows_every_key() -> None:
    whole = schema()
    assert whole["$schema"].endswith("2020-12/schema")
    assert set(whole["properties"]) == set(ROOT.keys)
    assert whole["properties"]["agent"]["items"]["properties"]["watch"]["description"]
    assert whole["properties"]["defaults"]["required"] == ["session_prefix", "log_dir"]
    assert whole["properties"]["watchdog"]["properties"]["max_restarts"]["default"] == 5


def test_every_table_is_in_the_list_of_tables() -> None:
    nested = [key.type for table in TABLES for key in table.keys.values() if isinstance(key.type, Table)]
    assert all(table in TABLES for table in nested)
