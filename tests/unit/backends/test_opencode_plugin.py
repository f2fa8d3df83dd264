"""What the plugin for opencode makes of its events, run by the JavaScript of this machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from orchestrator.backends.hooks import COMMAND_PLACE, HOOKS, settings

NODE = shutil.which("node")
DRIVER = """
import { existsSync, readFileSync } from "node:fs"
import { Reporter } from "./plugin.mjs"
const hooks = await Reporter()
console.log(JSON.stringify(process.env.OPENCODE_CONFIG_CONTENT ?? null))
for (const event of JSON.parse(readFileSync(0))) {
  if (event.type === "chat.message") await hooks["chat.message"](event.properties)
  else await hooks.event({ event })
}
const until = Date.now() + 30_000
while (!(existsSync("out") && readFileSync("out", "utf8").trimEnd().endsWith(process.env.END)) && Date.now() < until)
  await new Promise((resolve) => setTimeout(resolve, 10))
await hooks.dispose()
console.log(JSON.stringify(process.env.OPENCODE_CONFIG_CONTENT ?? null))
"""


COMMAND = "(cat; echo) >> 'out'"


def run(folder: Path, events: list[Any], command: str = COMMAND) -> tuple[list[Any], list[Any]]:
    """The reports, as their command got them, and the variable while the plugin is loaded and after."""
    if NODE is None:
        pytest.skip("node is not on PATH")
    (folder / "plugin.mjs").write_text(settings(HOOKS["opencode"], command))
    (folder / "driver.mjs").write_text(DRIVER)
    env = {
        "PATH": os.environ["PATH"],
        "OPENCODE_CONFIG_CONTENT": "mine",
        "END": json.dumps(TOLD_END, separators=(",", ":")),
    }
    done = subprocess.run(
        [NODE, "driver.mjs"], cwd=folder, input=json.dumps([*events, END]), text=True, env=env, timeout=60, capture_output=True, check=False
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    reports = [json.loads(line) for line in (folder / "out").read_text().splitlines()]
    assert reports.pop() == TOLD_END
    return reports, [json.loads(line) for line in done.stdout.splitlines()]


def event(kind: str, session: str = "s", **properties: Any) -> dict[str, Any]:
    return {"type": kind, "properties": {"sessionID": session, **properties}}


def status(kind: str, session: str = "s", **more: Any) -> dict[str, Any]:
    return event("session.status", session, status={"type": kind, **more})


def told(name: str, **fields: Any) -> dict[str, Any]:
    return {"hook_event_name": name, **fields}


def part(kind: str) -> dict[str, Any]:
    return event("message.part.updated", part={"type": kind, "sessionID": "s", "text": "secret"})


END, TOLD_END = status("end", "end"), told("session.status", status="end")
PROMPT, BUSY, IDLE = event("chat.message"), status("busy"), status("idle")
TOLD_BUSY, TOLD_IDLE = told("session.status", status="busy"), told("session.status", status="idle")
RETRY = status("retry", message="\n The usage limit is reached\nsecret", next=7)
TOLD_RETRY = told("session.status", status="retry", message="The usage limit is reached")
CHILD = event("session.created", "c", info={"id": "c", "parentID": "s"})


@pytest.mark.parametrize(
    ("events", "reports"),
    [
        ([PROMPT, BUSY, part("step-start"), BUSY, IDLE, event("session.idle")], [told("chat.message"), TOLD_IDLE]),
        ([BUSY, BUSY, PROMPT, BUSY, event("session.idle")], [TOLD_BUSY, told("chat.message"), TOLD_IDLE]),
        ([BUSY, RETRY, BUSY, RETRY, BUSY, part("text"), part("step-start"), BUSY, IDLE], [TOLD_BUSY, TOLD_RETRY, TOLD_BUSY, TOLD_IDLE]),
        ([BUSY, RETRY, IDLE, BUSY], [TOLD_BUSY, TOLD_RETRY, TOLD_IDLE, TOLD_BUSY]),
        ([BUSY, event("permission.asked", id="p"), event("permission.replied", requestID="p"), BUSY, IDLE],
         [TOLD_BUSY, told("permission.asked"), told("permission.replied"), TOLD_IDLE]),
        ([event("permission.asked", id="p"), event("permission.asked", id="q"), event("permission.replied", requestID="p")],
         [told("permission.asked")]),
        ([event("question.asked", id="q"), event("question.rejected", requestID="q")], [told("question.asked"), told("question.rejected")]),
        ([BUSY, CHILD, event("chat.message", "c"), status("busy", "c"), event("permission.asked", "c", id="p"), status("idle", "c"), IDLE],
         [TOLD_BUSY, TOLD_IDLE]),
        ([BUSY, status("busy", "other"), IDLE, status("idle", "other")], [TOLD_BUSY, TOLD_IDLE]),
        ([status("retry"), status("retry", message=7)], [told("session.status", status="retry"), told("session.status", status="retry", message="7")]),
        ([{"type": "session.status"}, {"type": 7, "properties": {}}, status("idle")], [TOLD_IDLE]),
        ([event("message.updated", info={"id": "s", "parentID": "m"}), event("tui.toast.show"), BUSY], [TOLD_BUSY]),
    ],
    ids=["turn", "queued prompt", "refused", "given up", "permission", "two questions", "question", "subagent", "two sessions",
         "odd retry", "garbage", "messages"],
)  # fmt: skip
def test_what_is_reported(tmp_path: Path, events: list[Any], reports: list[Any]) -> None:
    found, _ = run(tmp_path, events)
    assert found == reports
    assert "secret" not in json.dumps(found)


def test_the_variable_is_gone_while_the_plugin_is_loaded(tmp_path: Path) -> None:
    assert run(tmp_path, [])[1] == [None, "mine"]


@pytest.mark.parametrize("end", ["exit 7", "no-such-command", "kill -9 $$"])
def test_a_command_that_fails_is_let_pass(tmp_path: Path, end: str) -> None:
    assert run(tmp_path, [BUSY, IDLE], f"{COMMAND}; {end}")[0] == [TOLD_BUSY, TOLD_IDLE]


def test_a_command_that_does_not_read_is_let_pass(tmp_path: Path) -> None:
    unread = status("retry", message="x" * 5000)
    assert run(
        tmp_path, [unread] * 3, f"exec <&-; echo '{json.dumps(TOLD_END, separators=(',', ':'))}' >> out"
    )[1]


def test_reports_come_in_their_order_however_slow_one_is(tmp_path: Path) -> None:
    """The first takes its time; those after it wait."""
    slow = 'text=$(cat); case $text in *chat*) sleep 0.3;; esac; echo "$text" >> out'
    assert run(tmp_path, [PROMPT, IDLE, BUSY], slow)[0] == [told("chat.message"), TOLD_IDLE, TOLD_BUSY]


def test_the_command_has_its_place() -> None:
    command = "x 'y' \"z\" \\ ü"
    text = settings(HOOKS["opencode"], command)
    assert COMMAND_PLACE not in text
    assert json.dumps(command) in text
