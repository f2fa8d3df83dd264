"""docs/config.md and agents.example.toml have every key; the examples load."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.config.load import load
from orchestrator.config.locate import Lines
from orchestrator.config.reference import markdown
from orchestrator.config.shapes import ListOf, MapOf, OneOrMany, Table
from orchestrator.config.tables import ROOT
from orchestrator.config.values import ValueType

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*/agents.toml"))


def test_the_reference_is_up_to_date(root: Path, rewrite: bool) -> None:
    path = root / "docs" / "config.md"
    if rewrite:
        path.write_text(markdown(), encoding="utf-8")
    assert path.read_text(encoding="utf-8") == markdown()


def used(kind: ValueType, value: Any) -> Iterator[tuple[str, str]]:
    """Every (table, key) that a value of this type uses."""
    match kind:
        case Table():
            for name, item in value.items():
                yield kind.title, name
                yield from used(kind.keys[name].type, item)
        case ListOf() | OneOrMany():
            for item in value if isinstance(value, list) else [value]:
                yield from used(kind.item, item)
        case MapOf():
            for item in value.values() if isinstance(value, dict) else ():
                yield from used(kind.item, item)


def known(kind: ValueType) -> Iterator[tuple[str, str]]:
    """Every (table, key) below a type."""
    match kind:
        case Table():
            for key in kind.keys.values():
                yield kind.title, key.name
                yield from known(key.type)
        case ListOf() | OneOrMany() | MapOf():
            yield from known(kind.item)


def test_the_example_uses_every_key(root: Path) -> None:
    path = root / "agents.example.toml"
    load(path)
    shown = set(used(ROOT, tomllib.loads(path.read_text(encoding="utf-8"))))
    assert set(known(ROOT)) - shown == set()


def test_the_example_says_of_each_key_what_it_is(root: Path) -> None:
    text = (root / "agents.example.toml").read_text(encoding="utf-8")
    lines, rows = Lines(text), text.splitlines()
    explained: dict[str, bool] = {}
    for at in lines.paths():
        if isinstance(at[-1], str) and len(at) > 1:
            row = rows[lines.of(at) - 1]
            key = ".".join(str(part) for part in at if isinstance(part, str))
            explained[key] = explained.get(key, False) or "#" in row or rows[lines.of(at) - 2].startswith("#")
    template = {"backend.template.bin", "backend.template.prompt_delivery"}
    assert [key for key, said in explained.items() if not said and key not in template] == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_each_example_loads_and_stays_in_its_folder(path: Path) -> None:
    config = load(path)
    folder = path.parent
    inside = [config.defaults.log_dir, config.defaults.project_dir, *(agent.dir for agent in config.agents)]
    assert all(each.is_relative_to(folder) for each in inside)
    assert path.read_text(encoding="utf-8").startswith("# ")


def test_no_two_examples_share_a_tmux_server() -> None:
    sockets = [load(path).defaults.tmux_socket for path in EXAMPLES]
    assert None not in sockets
    assert len(set(sockets)) == len(EXAMPLES) >= 4
