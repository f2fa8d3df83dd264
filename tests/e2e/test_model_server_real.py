"""The real agent programs, run directly in tmux, against the model server: what later tests stand on."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.support.model_server import Behaviour, ModelServer, auth, limit, overloaded, slow, tool
from tests.support.private_tmux import PrivateTmux
from tests.support.realcli import NAMES, RealCli, need_cli, prepare, use_subscription

pytestmark = pytest.mark.real

PATIENCE = 90.0
PROMPT = 'please make the file\n\n  with "quotes", $(date), `ls` and <tags>'


def installed(name: str, tmp_path: Path, models: ModelServer) -> RealCli:
    """The program, prepared to work in tmp_path/work."""
    program = need_cli(name)
    work = tmp_path / "work"
    work.mkdir()
    return prepare(name, program, tmp_path / "home", [work], models.url)


@pytest.mark.parametrize("name", NAMES)
def test_one_turn_with_tools(name: str, tmp_path: Path) -> None:
    with ModelServer() as models, PrivateTmux(tmp_path) as tmux:
        cli = installed(name, tmp_path, models)
        models.script(
            tool("echo made by the agent > made.txt", "echo again >> made.txt", text="REPLY-9182 is here.")
        )
        tmux.start("agent", cli.command(PROMPT), cli.env, tmp_path / "work")
        tmux.until_shown("agent", "REPLY-9182", PATIENCE)
        assert (tmp_path / "work" / "made.txt").read_text() == "made by the agent\nagain\n"
        turns = [request for request in models.requests if not request.side]
        assert [(turn.prompt, turn.tool_results, turn.status) for turn in turns] == [
            (PROMPT, n, 200) for n in range(3)
        ]
        assert len(models.turns(contains="$(date)")) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_slow_answer_streams(name: str, tmp_path: Path) -> None:
    with ModelServer() as models, PrivateTmux(tmp_path) as tmux:
        cli = installed(name, tmp_path, models)
        models.script(slow("alpha bravo " + "\n\ncharlie delta " * 400, word_delay=0.3))
        tmux.start("agent", cli.command("tell me the alphabet"), cli.env, tmp_path / "work")
        tmux.until_shown("agent", "alpha(.|\n)*charlie", PATIENCE)


@pytest.mark.parametrize("name", ["claude", "codex"])
def test_a_usage_limit_is_shown_with_its_reset_and_lifts(name: str, tmp_path: Path) -> None:
    reset_at = time.time() + 20
    with ModelServer() as models, PrivateTmux(tmp_path) as tmux:
        cli = installed(name, tmp_path, models)
        cli = use_subscription(cli) if name == "claude" else cli
        models.script(limit(reset_at, text="REPLY-5 works again."))
        tmux.start("agent", cli.command("please do the thing"), cli.env, tmp_path / "work")
        tmux.until_shown(
            "agent", r"hit your (5-hour|usage) limit(.|\n)*(resets|try again at) +\d+:\d\d", PATIENCE
        )
        tmux.until(lambda: time.time() > reset_at, lambda: "the clock stands still", PATIENCE)
        tmux.paste("agent", "please go on")
        tmux.until_shown("agent", "please go on", PATIENCE)
        press_enter_until_shown(tmux, "REPLY-5")


@pytest.mark.parametrize(
    ("name", "behaviour", "shown"),
    [
        ("claude", overloaded(1, text="REPLY-6 got through."), "REPLY-6"),
        ("claude", auth(), "invalid x-api-key"),
        ("codex", overloaded(1, text="REPLY-6 got through."), "REPLY-6"),
        ("codex", auth(), "401 Unauthorized"),
        ("gemini", overloaded(1, text="REPLY-6 got through."), "REPLY-6"),
        ("opencode", overloaded(1, text="REPLY-6 got through."), "REPLY-6"),
        ("opencode", auth(), "Incorrect API key"),
    ],
)
def test_refusals_are_understood(name: str, behaviour: Behaviour, shown: str, tmp_path: Path) -> None:
    with ModelServer() as models, PrivateTmux(tmp_path) as tmux:
        cli = installed(name, tmp_path, models)
        models.script(behaviour)
        tmux.start("agent", cli.command("please do the thing"), cli.env, tmp_path / "work")
        tmux.until_shown("agent", shown, PATIENCE)
        assert len(models.turns(contains="please do the thing")) == 1


def press_enter_until_shown(tmux: PrivateTmux, pattern: str) -> None:
    """Presses Enter once a second: a program may take the first for part of the paste."""
    last = 0.0

    def pressed_and_shown() -> bool:
        nonlocal last
        if time.monotonic() - last > 1:
            last = time.monotonic()
            tmux.press("agent", "Enter")
        return pattern in tmux.screen("agent")

    tmux.until(pressed_and_shown, lambda: tmux.screen("agent"), PATIENCE)
