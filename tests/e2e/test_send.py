"""`ao send` in a terminal's place: said once, whole, in order, or reported as not said."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.support.fleet import TestFleet, demo_config, fleet, until


def send(f: TestFleet, name: str, *words: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run `ao send`; text: on its standard input."""
    command = [
        sys.executable,
        "-m",
        "orchestrator",
        "send",
        name,
        *words,
        *(["-"] if text is not None else []),
    ]
    return subprocess.run(
        command,
        input=text or "",
        env=f.env,
        cwd=f.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_texts_arrive_in_order_and_a_key_only_once() -> None:
    with fleet(demo_config(1)) as f:
        f.ao("up")
        for text in ("first of all", "two\n\n   lines", "-leading dash", "tail \\", "ünï ☃"):
            done = send(f, "a0", text=text)
            assert (done.returncode, done.stdout) == (0, "a0: delivered\n"), done.stderr
        assert send(f, "a0", "--key", "k", text="said once").returncode == 0
        assert "said before" in send(f, "a0", "--key", "k", text="said once").stdout
        until(lambda: f.states()["a0"] == "idle", "it is idle")
        said = [
            line[2:] for line in f.screen("a0").splitlines() if line.startswith("❯ ") and line[2:].strip()
        ]
        assert said == ["/say hello", "first of all", "two", "-leading dash", "tail \\", "ünï ☃", "said once"]


def test_nothing_is_typed_into_a_dialog_and_what_is_late_is_withdrawn() -> None:
    config = demo_config(1).replace("/say hello", "/dialog shall I?")
    with fleet(config) as f:
        f.ao("up")
        until(lambda: f.states()["a0"] == "dialog", "it asks")
        late = send(f, "a0", "--timeout", "1", "--json", text="are you there?")
        told = json.loads(late.stdout)
        assert (late.returncode, told["result"]) == (1, "late")
        assert "waits for a person (dialog); nothing was typed" in told["detail"]
        f.tmux("send-keys", "-t", f.rows()["a0"].pane, "1")
        until(lambda: f.states()["a0"] == "idle", "it is answered")
        assert "are you there" not in f.screen("a0")
        assert send(f, "a0", text="now you are").returncode == 0


def test_a_persons_draft_is_left_alone() -> None:
    with fleet(demo_config(1)) as f:
        f.ao("up")
        pane = f.rows()["a0"].pane
        f.tmux("send-keys", "-t", pane, "-l", "half a sente")
        until(lambda: f.states()["a0"] == "draft", "a draft stands there")
        late = send(f, "a0", "--timeout", "1", text="a text")
        assert late.returncode == 1
        assert "somebody's text stands in its prompt box" in late.stderr
        assert "half a sente" in f.screen("a0")
        assert "a text" not in f.screen("a0")


def test_what_can_not_be_said_is_refused() -> None:
    with fleet(demo_config(2)) as f:
        f.ao("up")
        f.ao("down", "a1")
        refused = send(f, "a1", text="hello")
        assert (refused.returncode, "ao up a1" in refused.stderr) == (1, True)
        assert send(f, "nobody", text="hello").returncode == 2
        assert send(f, "a0", text=" ").returncode == 1
        assert send(f, "a0").returncode == 2


def test_a_dialog_is_answered_only_as_the_config_says() -> None:
    more = '[backend.demo]\ndialog_keys = { "build the docs" = "Enter" }\n'
    config = demo_config(2, more=more).replace("/say hello", "/dialog build the docs\\n/say it was built", 1)
    with fleet(config.replace("/say hello", "/dialog delete everything")) as f:
        f.ao("up")
        until(lambda: "● it was built" in f.screen("a0"), "the known one is answered")
        answers = [e for e in f.events() if e["kind"] == "dialog-answered"]
        assert [(e["subject"], e["data"]["keys"]) for e in answers] == [("a0", "Enter")]
        assert f.states()["a1"] == "dialog"
