from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.config.load import override, parse
from orchestrator.errors import ConfigError

CONFIG = parse(
    '[defaults]\nsession_prefix = "t-"\nlog_dir = "logs"\nbackend = "demo"\nmodel = "m"\n'
    '[[agent]]\nname = "a-b"\n[[agent]]\nname = "c"\n[[agent]]\nname = "d-e"\n[[agent]]\nname = "d_e"\n',
    Path("/fleet/agents.toml"),
)


def chosen(env: dict[str, str]) -> list[tuple[str, str, str | None]]:
    return [(agent.name, agent.backend, agent.model) for agent in override(CONFIG, env).agents]


def test_only_the_named_agent_changes() -> None:
    env = {"AGENT_BACKEND_c": "claude", "AGENT_MODEL_c": "opus", "AGENT_MODEL_nobody": "x"}
    assert chosen(env)[:2] == [("a-b", "demo", "m"), ("c", "claude", "opus")]
    assert override(CONFIG, env).backends["claude"].bin
    assert "claude" not in CONFIG.backends


def test_a_dash_may_be_written_as_a_shell_can_export_it() -> None:
    assert chosen({"AGENT_MODEL_a-b": "x"})[0] == ("a-b", "demo", "x")
    assert chosen({"AGENT_MODEL_a_b": "x"})[0] == ("a-b", "demo", "x")
    assert chosen({"AGENT_MODEL_d_e": "x"})[2:] == [("d-e", "demo", "m"), ("d_e", "demo", "x")]


def test_nothing_set_changes_nothing() -> None:
    assert override(CONFIG, {"AGENT_BACKEND_c": ""}) == CONFIG


@pytest.mark.parametrize(
    ("backend", "words"), [("cluade", "did you mean claude"), ("generic", "names no program")]
)
def test_a_backend_that_can_not_be_used(backend: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        override(CONFIG, {"AGENT_BACKEND_c": backend})
    assert "AGENT_BACKEND_c" in caught.value.message
