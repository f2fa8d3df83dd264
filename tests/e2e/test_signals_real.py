"""What the real programs report of themselves, as the store and the transcript have it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from orchestrator.adapters.conversations import TranscriptConversations
from orchestrator.adapters.transcripts import SEARCH_INTERVAL, Transcripts
from orchestrator.config.load import load
from orchestrator.model.memory import SessionMemory, Stage
from orchestrator.model.reading import Signal, State
from tests.support.model_server import Behaviour, ModelServer, auth, limit, tool
from tests.support.private_tmux import PrivateTmux
from tests.support.realcli import find_cli, prepare

pytestmark = pytest.mark.real

PATIENCE = 90.0


def follow_codex(tmp_path: Path, behaviour: Behaviour, last: str) -> list[Signal]:
    """Everything its transcript reports in one turn, until `last`."""
    program = find_cli("codex")
    if program is None:
        pytest.skip("codex is not in $AO_REAL_CLIS/bin; ./test.sh --real installs it")
    work = tmp_path / "work"
    work.mkdir()
    (tmp_path / "agents.toml").write_text(
        '[defaults]\nsession_prefix = "t-"\nlog_dir = "log"\n[[agent]]\nname = "a"\nbackend = "codex"\ndir = "work"\n'
    )
    config, began = load(tmp_path / "agents.toml"), time.time()
    session = SessionMemory(name="a", run="r1", stage=Stage.RUNNING, started_at=began)
    transcripts = Transcripts(TranscriptConversations({"HOME": str(tmp_path / "home")}))
    found: list[Signal] = []
    with ModelServer() as models, PrivateTmux(tmp_path) as tmux:
        models.script(behaviour)
        cli = prepare("codex", program, tmp_path / "home", [work], models.url)
        tmux.start("agent", cli.command("please do it"), cli.env, work)

        def is_over() -> bool:
            found.extend(transcripts.news(session, config, time.time(), time.monotonic()))
            return any(signal.event == last for signal in found)

        tmux.until(is_over, lambda: f"{found}\n{tmux.screen('agent')}", PATIENCE)
    assert all(signal.run == "r1" and began <= signal.at <= time.time() for signal in found)
    return found


def test_codex_tells_of_a_turn(tmp_path: Path) -> None:
    # The command outlasts a search, so that both ends of the turn are seen as they happen.
    found = follow_codex(tmp_path, tool(f"sleep {SEARCH_INTERVAL + 2}"), "task_complete")
    assert [(s.event, s.state, s.submitted) for s in found] == [
        ("task_started", State.WORKING, True),
        ("task_complete", State.IDLE, False),
    ]


def test_codex_tells_of_a_limit(tmp_path: Path) -> None:
    found = follow_codex(tmp_path, limit(time.time() + 600), "task_complete")
    assert found[-1].state is State.LIMITED
    assert "hit your usage limit" in found[-1].words


def test_codex_tells_of_an_error_that_is_no_limit(tmp_path: Path) -> None:
    found = follow_codex(tmp_path, auth(), "task_complete")
    assert found[-1].state is None
    assert "401" in found[-1].words
