"""A real Claude Code builds, a real Codex reviews: two phases to the end, with no hand."""

from __future__ import annotations

import shutil

import pytest

from tests.support.fleet import REPOSITORY, SOCKET, TestFleet, fleet, until
from tests.support.model_server import ModelServer, Rule, reply, tool
from tests.support.realcli import need_cli, prepare

pytestmark = pytest.mark.real

PATIENCE = 110.0
CONFIG = """
[defaults]
session_prefix = "t-"
log_dir = "log"
tmux_socket = "{socket}"
watch = "heal"
{claude}
{codex}
[loop]
kickoff_template = "prompts/kickoff.md"
require_review = true
gate = "sh gate.sh"
phases = [
    {{ id = "lexer", plan = "plans/lexer.md", status = "STATUS-lexer.md" }},
    {{ id = "parser", plan = "plans/parser.md", status = "STATUS-parser.md" }},
]
[loop.handoff]
repo = "work/origin.git"
[[agent]]
name = "builder"
backend = "claude"
kind = "loop"
role = "builder"
[[agent]]
name = "adversary"
backend = "codex"
kind = "loop"
role = "adversary"
"""


def script(models: ModelServer) -> None:
    """What the model says: the example's script stands for its thoughts, and is run by the program's own tool."""
    rules: list[Rule] = []
    for role, words in (("builder", "^New review|^The gate"), ("adversary", "^New claim")):
        rules += [
            Rule(
                f"Begin {phase} as {role}",
                tool(f"mkdir -p work; echo {phase} > work/{role}.phase; sh agent.sh {role} {phase}"),
            )
            for phase in ("lexer", "parser")
        ]
        rules.append(Rule(words, tool(f"sh agent.sh {role} $(cat work/{role}.phase)")))
    models.script(reply("All done."), rules=rules)


def set_up(f: TestFleet, models: ModelServer) -> None:
    shutil.copytree(
        REPOSITORY / "examples" / "loop-demo",
        f.folder,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns(".ao", "work"),
    )
    (f.folder / "prompts" / "kickoff.md").write_text("Begin {phase_id} as {role}.\n")
    for role in ("builder", "adversary"):
        (f.folder / "prompts" / f"{role}.md").write_text(f"Do the work of the {role}.\n")
    tables = {
        name: prepare(name, need_cli(name), f.folder / f"home-{name}", [f.folder], models.url).backend_table()
        for name in ("claude", "codex")
    }
    f.write(CONFIG.format(socket=SOCKET, **tables))


def test_two_phases_by_claude_and_codex() -> None:
    with ModelServer() as models, fleet("") as f:
        set_up(f, models)
        script(models)
        f.ao("up", "--timeout", "60", timeout=120)
        until((f.folder / "log" / "SEQUENCE-COMPLETE").exists, "the sequence is complete", PATIENCE)
        events = f.events()
        moves = [
            e["message"].split(" ")[0] for e in events if e["kind"] in {"phase-moved", "sequence-complete"}
        ]
        assert moves == ["lexer", "parser"]
        subjects = [e["message"] for e in events if e["kind"] == "handoff"]
        assert len(subjects) == 8, subjects
        assert len([e for e in events if e["kind"] == "gate-failed"]) == 1
        pings = [turn.prompt for turn in models.turns() if turn.prompt.startswith(("New ", "The gate"))]
        assert len(pings) == len(set(pings)), "no text is said twice"
        for event in events:
            if event["kind"] == "handoff" and "accepted" not in event["message"]:
                assert any(event["data"]["commit"][:12] in ping for ping in pings), event
        f.ao("down")
