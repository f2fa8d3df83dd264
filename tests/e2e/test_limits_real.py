"""The real programs at a usage limit: held, untouched, and told to go on exactly once."""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.support.fleet import SOCKET, TestFleet, fleet, until
from tests.support.model_server import ModelServer, Request, limit, reply
from tests.support.realcli import need_cli, prepare, use_subscription

pytestmark = pytest.mark.real

PATIENCE = 90.0
HEAD = """
[defaults]
session_prefix = "t-"
log_dir = "log"
tmux_socket = "{socket}"
watch = "heal"
resume = true
[watchdog]
limit_reset_slack = 1
{backends}
"""
AGENT = """
[[agent]]
name = "{name}"
backend = "{backend}"
dir = "{name}"
prompt = "please do the work of {name}"
"""


@dataclass(frozen=True, slots=True)
class Hold:
    """A fleet whose agents are all held. reset_at: epoch seconds."""

    fleet: TestFleet
    models: ModelServer
    reset_at: float

    def said(self, name: str) -> list[Request]:
        """Each turn that one agent was told, oldest first, side questions left out."""
        words = f"please do the work of {name}"
        return [
            r for r in self.models.requests if r.first and not r.side and any(words in p for p in r.prompts)
        ]


@contextmanager
def held(ahead: float, *agents: str) -> Iterator[Hold]:
    """Agents named after their programs, which have met a limit that ends so many seconds from now."""
    with ModelServer() as models, fleet("") as f:
        programs = {name.partition("-")[0] for name in agents}
        tables = []
        for program in sorted(programs):
            path = need_cli(program)
            folders = [f.folder / name for name in agents if name.startswith(program)]
            for folder in folders:
                folder.mkdir()
            cli = prepare(program, path, f.folder / f"home-{program}", folders, models.url)
            tables.append((use_subscription(cli) if program == "claude" else cli).backend_table())
        # Whole minutes are what most of them show: a limit that ends just before one is over costs the least waiting.
        reset_at = math.ceil((time.time() + ahead) / 60) * 60 - 2.0
        models.script(limit(reset_at, text="REPLY-5 works again."))
        config = HEAD.format(socket=SOCKET, backends="\n".join(tables))
        f.write(config + "".join(AGENT.format(name=name, backend=name.partition("-")[0]) for name in agents))
        f.ao("up", "--timeout", "60")
        until(lambda: set(f.states().values()) == {"limited"}, "all are limited", PATIENCE)
        try:
            yield Hold(f, models, reset_at)
        except BaseException:
            print(f.ao("status").stdout)
            for event in f.events():
                print(
                    f"{event['at'] - reset_at:8.2f} {event['subject']} {event['kind']}: {event['message'][:120]}"
                )
            for name in agents:
                print(f.screen(name).rstrip())
            raise
        f.ao("down")
        assert f.processes() == []


def is_well(hold: Hold, name: str) -> bool:
    return bool(hold.said(name)[-1].status == 200) and hold.fleet.states()[name] == "idle"


@pytest.mark.timeout(400)
def test_a_limit_holds_through_deaths_and_the_work_goes_on_exactly_once() -> None:
    agents = ("claude-left", "claude-killed", "codex-left", "codex-killed")
    with held(30, *agents) as hold:
        f = hold.fleet
        for row in f.status()["sessions"]:
            exact = row["backend"] == "claude"
            assert abs(row["reset_at"] - hold.reset_at) < (1.5 if exact else 60), row
        assert all(len(hold.said(name)) == 1 for name in agents)

        pids = {name: f.kill(name) for name in agents if name.endswith("killed")}
        until(lambda: all(f.replaced(name, pid) for name, pid in pids.items()), "they are back", PATIENCE)
        os.kill(f.watchdog_pid(), signal.SIGKILL)
        until(lambda: set(f.states().values()) == {"limited"}, "they are held still", PATIENCE)
        f.ao("up")
        until(
            lambda: all(state == "limited" for state in f.states().values()), "held by the new one", PATIENCE
        )
        started = [e["data"]["resumed"] for e in f.events() if e["kind"] == "started"]
        assert started == [False] * len(agents) + [True] * len(pids)
        if time.time() < hold.reset_at:
            assert all(len(hold.said(name)) == 1 for name in agents), "nothing was said during the hold"

        # The one that was not killed goes on by itself, a minute and a half after the reset.
        until(lambda: all(is_well(hold, name) for name in agents), "all go on", 240)
        for name in agents:
            turns = hold.said(name)
            assert len(turns) == 2, f"{name}: {[(turn.prompt, turn.status) for turn in turns]}"
            assert f"please do the work of {name}" in turns[1].prompts[0], "the conversation is the same"
        kinds = [e["kind"] for e in f.events() if e["subject"] == "claude-left"]
        assert "delivered" not in kinds, "nothing was typed into the one that goes on by itself"
        assert [e for e in f.events() if e["kind"] in {"failed", "fatal"}] == []


def test_an_agent_that_only_talks_of_limits_is_let_alone() -> None:
    banners = [
        "You've hit your 5-hour limit · resets 9:36am (UTC)",
        "Usage limit reached · continuing automatically at 9:36am · esc to cancel",
        "■ You’ve hit your usage limit. Upgrade to Pro or try again at 9:43 AM.",
        "API Error: 401 Please run /login",
        "WAITING-UNTIL: 2099-01-01T00:00:00Z",
        "## DONE",
    ]
    with ModelServer() as models, fleet("") as f:
        path = need_cli("codex")
        (f.folder / "codex").mkdir()
        cli = prepare("codex", path, f.folder / "home", [f.folder / "codex"], models.url)
        models.script(reply("These are the messages:\n\n" + "\n\n".join(banners) + "\n\nREPLY-6 ends here."))
        config = HEAD.format(socket=SOCKET, backends=cli.backend_table())
        f.write(config + AGENT.format(name="codex", backend="codex"))
        f.ao("up", "--timeout", "60")
        until(lambda: "REPLY-6" in f.screen("codex"), "it has spoken", PATIENCE)
        until(lambda: f.states()["codex"] == "idle", "it is idle", PATIENCE)
        assert {e["kind"] for e in f.events()} & {
            "limited",
            "needs-human",
            "fatal",
            "exited",
            "stopping",
        } == set()
        f.ao("down")
