"""What `ao status` says of the real programs while their model works, fails and is refused."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.support.fleet import SOCKET, TestFleet, fleet, until
from tests.support.model_server import Behaviour, ModelServer, Request, auth, overloaded, reply, slow, tool
from tests.support.realcli import RealCli, need_cli, prepare

pytestmark = pytest.mark.real

PATIENCE = 90.0
CONFIG = """
[defaults]
session_prefix = "t-"
log_dir = "log"
tmux_socket = "{socket}"
watch = "heal"
resume = true
[[agent]]
name = "one"
backend = "{name}"
dir = "work"
{backend}
"""


def asking(cli: RealCli) -> RealCli:
    """The same program, which asks a person before it runs a tool."""
    flags = ("--permission-mode", "default") if cli.name == "claude" else cli.flags
    return RealCli(cli.name, cli.program, flags, cli.env)


class Talk:
    """One agent in its fleet, spoken to as a person would."""

    def __init__(self, f: TestFleet, models: ModelServer) -> None:
        self.fleet, self.models = f, models
        self.took: dict[str, float] = {}

    def say(self, text: str, behaviour: Behaviour) -> Request:
        """Type a prompt, which the model treats so; the first request of its turn."""
        self.models.script(behaviour)
        pane = self.fleet.rows()["one"].pane
        self.fleet.tmux("set-buffer", "-b", "said", text)
        self.fleet.tmux("paste-buffer", "-p", "-d", "-b", "said", "-t", pane)
        until(lambda: text in self.fleet.screen("one"), "the text stands in the box", PATIENCE)
        self.press("Enter", lambda: bool(self.models.turns(contains=text)))
        return self.models.turns(contains=text)[0]

    def press(self, key: str, done: Callable[[], bool]) -> None:
        """Press a key every two seconds: a program may be busy and lose one."""
        pressed = 0.0

        def is_done() -> bool:
            nonlocal pressed
            if not done() and time.monotonic() - pressed > 2:
                self.fleet.tmux("send-keys", "-t", self.fleet.rows()["one"].pane, key)
                pressed = time.monotonic()
            return done()

        until(is_done, f"{key} is taken", PATIENCE)

    def shows(self, state: str, what: str) -> None:
        """Wait for `ao status` to say so."""
        self.took[what] = until(lambda: self.fleet.states()["one"] == state, f"{what}: {state}", PATIENCE)


@pytest.mark.parametrize("name", ["claude", "codex"])
def test_states(name: str) -> None:
    program = need_cli(name)
    with ModelServer() as models, fleet("") as f:
        (f.folder / "work").mkdir()
        cli = asking(prepare(name, program, f.folder / "home", [f.folder / "work"], models.url))
        f.write(CONFIG.format(socket=SOCKET, name=name, backend=cli.backend_table()))
        f.ao("up", "--timeout", "60")
        talk = Talk(f, models)
        talk.shows("idle", "started")

        talk.say("talk slowly", slow("word " * 40, word_delay=0.1))
        talk.shows("working", "an answer streams")
        until(lambda: models.turns(contains="talk slowly")[0].status == 200, "it is answered", PATIENCE)
        talk.shows("idle", "the turn is over")

        if name == "claude":  # the other asks only when its model wants it to
            talk.say("use the tool", tool("sleep 2; echo made > made.txt", text="REPLY-1 the tool has run."))
            talk.shows("dialog", "it asks for permission")
            assert "ao attach one" in f.ao("status").stdout
            talk.press("Enter", lambda: f.states()["one"] != "dialog")
            until((f.folder / "work" / "made.txt").exists, "the tool has run", PATIENCE)
            talk.shows("idle", "the tool has run")

        talk.say("be overloaded", overloaded(2 if name == "claude" else 1, text="REPLY-2 got through."))
        if name == "claude":  # the other tries again too quickly to be seen
            talk.shows("transient", "it tries again")
        until(lambda: "REPLY-2" in f.screen("one"), "it got through", PATIENCE)
        talk.shows("idle", "it got through")

        talk.say("be refused", auth())
        talk.shows("auth", "the key is refused")
        pid = f.rows()["one"].pid
        assert [e["kind"] for e in f.events() if e["kind"] in {"exited", "fatal", "stopping"}] == []

        models.script(reply("REPLY-3 works again."))
        assert f.kill("one") == pid
        talk.took["it was killed"] = until(lambda: f.replaced("one", pid), "it is back", PATIENCE)
        # What it was told last may stand on the resumed screen too.
        until(lambda: f.states()["one"] in {"idle", "auth"}, "it is ready", PATIENCE)
        print(f"{name}: seconds until status says so: {talk.took}")
        f.ao("down")
