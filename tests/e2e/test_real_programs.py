"""`ao` with the real agent programs: started with an awkward prompt, killed, and back with their conversation."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.support.fleet import SOCKET, TestFleet, fleet, until
from tests.support.model_server import ModelServer, Rule, reply, tool
from tests.support.realcli import need_cli, prepare

pytestmark = pytest.mark.real

PATIENCE = 90.0
PROMPT = "\n".join(
    f"""{number}: it's "quoted", $(touch pwned) `touch pwned` ${{HOME}} \\n %s #{{pid}} 'single' \\ ; | & > ~ ünï"""
    for number in range(300)
)
CONFIG = """
[defaults]
session_prefix = "t-"
log_dir = "log"
tmux_socket = "{socket}"
watch = "heal"
resume = true
[[agent]]
name = "builder"
backend = "{name}"
dir = "work"
prompt_file = "prompt.md"
{backend}
"""


def set_up(f: TestFleet, name: str, models: ModelServer) -> None:
    program = need_cli(name)
    work = f.folder / "work"
    work.mkdir()
    cli = prepare(name, program, f.folder / "cli-home", [work], models.url)
    (f.folder / "prompt.md").write_text(PROMPT)
    f.write(CONFIG.format(socket=SOCKET, name=name, backend=cli.backend_table()))


def say(f: TestFleet, text: str, shown: str) -> None:
    """Type into the agent's box as a person would, and wait for the answer."""
    pane = f.rows()["builder"].pane
    f.tmux("set-buffer", "-b", "said", text)
    f.tmux("paste-buffer", "-p", "-d", "-b", "said", "-t", pane)
    until(lambda: text in f.screen("builder"), "the text stands in the box", PATIENCE)

    # A program may still be busy with the paste and lose the key; a further one in an empty box does nothing.
    pressed = 0.0

    def answered() -> bool:
        nonlocal pressed
        if shown not in f.screen("builder") and time.monotonic() - pressed > 2:
            f.tmux("send-keys", "-t", pane, "Enter")
            pressed = time.monotonic()
        return shown in f.screen("builder")

    until(answered, "the answer is there", PATIENCE)


@pytest.mark.parametrize("name", ["claude", "codex", "gemini"])
def test_start_work_kill_and_resume(name: str) -> None:
    with ModelServer() as models, fleet("") as f:
        set_up(f, name, models)
        models.script(
            rules=[
                Rule("299: it's", tool("echo made by the agent > made.txt", text="REPLY-4711 is done.")),
                Rule("what did you do", reply("REPLY-4712 remembers.")),
            ]
        )
        up = f.ao("up", "--timeout", "60")
        assert "builder: started" in up.stdout
        until(lambda: "REPLY-4711" in f.screen("builder"), "the turn is done", PATIENCE)
        turns = models.turns(contains="299: it's")
        assert [turn.prompt for turn in turns] == [PROMPT]
        assert (f.folder / "work" / "made.txt").read_text() == "made by the agent\n"
        assert not list(Path(f.folder).rglob("pwned"))
        until(lambda: f.states()["builder"] == "idle", "idle again", PATIENCE)

        pid = f.rows()["builder"].pid
        os.kill(pid, signal.SIGKILL)
        took = until(lambda: f.replaced("builder", pid), "it is back", PATIENCE)
        print(f"{name}: back after {took:.2f} s")
        until(lambda: f.states()["builder"] == "idle", "it is ready", PATIENCE)
        assert len(models.turns(contains="299: it's")) == 1, "the kickoff is not said twice"

        say(f, "what did you do", "REPLY-4712")
        (again,) = models.turns(contains="what did you do")
        assert PROMPT in again.prompts, "the request carries the earlier turns"
        started = [event for event in f.events() if event["kind"] == "started"]
        assert [event["data"]["resumed"] for event in started] == [False, True], [
            e["message"] for e in f.events()
        ]
        f.ao("down")
        assert f.processes() == []
