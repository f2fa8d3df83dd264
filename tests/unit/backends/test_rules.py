from __future__ import annotations

from typing import Any

import pytest

from orchestrator.backends.rules import parse_rule
from orchestrator.model.reading import RuleSpec, State


def test_a_whole_rule() -> None:
    table = {
        "state": "limited",
        "pattern": "x+",
        "region": "footer",
        "priority": 7,
        "name": "mine",
        "needs": "x",
    }
    assert parse_rule(table, "other") == RuleSpec(State.LIMITED, "x+", "footer", 7, "mine", needs="x")


def test_the_least_rule_takes_the_default_name() -> None:
    assert parse_rule({"state": "idle", "pattern": "x"}, "codex 3") == RuleSpec(
        State.IDLE, "x", name="codex 3"
    )


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"pattern": "x"}, "needs the key 'state'"),
        ({"state": "idle"}, "needs the key 'pattern'"),
        ({"state": "tired", "pattern": "x"}, "'tired'; it must be one of starting, working, idle"),
        ({"state": "idle", "pattern": "("}, "is no regular expression"),
        (
            {"state": "idle", "pattern": "x", "also_region": "box", "also_pattern": "["},
            "is no regular expression",
        ),
        ({"state": "idle", "pattern": "x", "region": "lines:("}, "is no regular expression"),
        ({"state": "idle", "pattern": "x", "region": "foot"}, "there is no region 'foot'"),
        ({"state": "idle", "pattern": 3}, "pattern must be text"),
        ({"state": "idle", "pattern": "x", "priority": "high"}, "priority must be a whole number"),
        ({"state": "idle", "pattern": "x", "priority": True}, "priority must be a whole number"),
        ({"state": "idle", "pattern": "x", "regoin": "box"}, "no key 'regoin'"),
    ],
)
def test_what_is_wrong_is_said(table: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says.replace("(", r"\(")):
        parse_rule(table, "rule")
