"""A text for a real program that can't take it now: nothing is typed, what it waits for is said, and later it arrives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest

from tests.support.fleet import SOCKET, TestFleet, fleet, until
from tests.support.model_server import ModelServer, Rule, reply, tool
from tests.support.person import attached
from tests.support.realcli import RealCli, need_cli, prepare

pytestmark = pytest.mark.real

PATIENCE = 60.0
CONFIG = """
[defaults]
session_prefix = "t-"
log_dir = "log"
tmux_socket = "{socket}"
[watchdog]
human_hold = 3
[[agent]]
name = "a"
backend = "{name}"
dir = "work"
{backend}
"""
DRAFT = "half a sente"
LOOKS = 8
"""How often it is seen that nothing is typed: each look asks `ao status`, and takes longer than a tick."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One agent of a real program, and the model that it talks to."""

    fleet: TestFleet
    models: ModelServer

    @property
    def pane(self) -> str:
        return self.fleet.rows()["a"].pane

    def box_holds(self, text: str) -> bool:
        """Whether the text stands on the last rows of the screen."""
        return text in self.fleet.screen("a")

    def press(self, *keys: str) -> None:
        """Press keys as somebody would who is not attached."""
        self.fleet.tmux("send-keys", "-t", self.pane, *keys)

    def text_waits_for(self) -> str:
        (row,) = self.fleet.status()["sessions"]
        return str(row["text_waits"] or "")

    def arrives_after(self, obstacle: str, text: str, remove: Callable[[], None]) -> None:
        """Send a text that an obstacle keeps back; it must arrive once when that is removed."""
        with self.fleet.begin("send", "a", text, "--timeout", "60") as sender:
            try:
                until(lambda: obstacle in self.text_waits_for(), f"it waits: {obstacle}", PATIENCE)
                for _ in range(LOOKS):
                    assert self.text_waits_for()
                    assert not self.box_holds(text)
                assert not self.models.turns(contains=text)
                remove()
                told, words = sender.communicate(timeout=PATIENCE + 10)
            finally:
                sender.kill()
        assert (sender.returncode, told) == (0, "a: delivered\n"), f"{words}\n{self.fleet.screen('a')}"
        until(lambda: len(self.models.turns(contains=text)) == 1, "it arrives once", PATIENCE)
        assert [turn.prompt.strip() for turn in self.models.turns(contains=text)] == [text]
        until(lambda: self.fleet.states()["a"] == "idle", "it is idle again", PATIENCE)


@contextmanager
def stage(
    name: str, *, trusted: bool = True, change: Callable[[RealCli], RealCli] = lambda cli: cli
) -> Iterator[Stage]:
    """A fleet of one real program, started and not spoken to yet."""
    with ModelServer() as models, fleet("") as f:
        program = need_cli(name)
        work = f.folder / "work"
        work.mkdir()
        cli = change(prepare(name, program, f.folder / "cli-home", [work] if trusted else [], models.url))
        f.write(CONFIG.format(socket=SOCKET, name=name, backend=cli.backend_table()))
        models.script(reply("All done."))
        f.ao("up", "--timeout", "60", check=0 if trusted else None, timeout=120)
        yield Stage(f, models)
        f.ao("down", timeout=120)


def wait_idle(on: Stage) -> None:
    until(lambda: on.fleet.states()["a"] == "idle", "it is idle", PATIENCE)


@pytest.mark.parametrize("name", ["claude", "codex", "gemini", "opencode"])
def test_a_draft_copy_mode_and_a_person_who_types(name: str) -> None:
    with stage(name) as on:
        wait_idle(on)
        on.fleet.ao("send", "a", "the first of all")
        wait_idle(on)

        on.press("-l", DRAFT)
        until(lambda: on.fleet.states()["a"] == "draft", "the draft is seen", PATIENCE)

        def finish_draft() -> None:
            assert on.box_holds(DRAFT), "it is intact"
            on.press(*["BSpace"] * len(DRAFT))

        on.arrives_after("somebody's text", "after the draft", finish_draft)

        on.fleet.tmux("copy-mode", "-t", on.pane)
        on.arrives_after("copy mode", "after copy mode", lambda: on.press("-X", "cancel"))

        with attached(on.fleet, "t-a") as person:
            person.type("typed by han")

            def stop_typing() -> None:
                assert on.box_holds("typed by han")
                person.type("\x7f" * len("typed by han"))

            on.arrives_after("a person uses it", "after the person", stop_typing)


def test_a_permission_question_of_claude() -> None:
    def asking(cli: RealCli) -> RealCli:
        return replace(cli, flags=("--permission-mode", "default"))

    with stage("claude", change=asking) as on:
        wait_idle(on)
        on.models.script(reply("All done."), rules=[Rule("make a file", tool("echo made > made.txt"))])
        on.fleet.ao("send", "a", "make a file, please")
        until(lambda: on.fleet.states()["a"] == "dialog", "it asks", PATIENCE)
        on.arrives_after("waits for a person", "after the question", lambda: on.press("Enter"))
        assert (on.fleet.folder / "work" / "made.txt").read_text() == "made\n"


def test_a_question_of_trust_of_claude() -> None:
    with stage("claude", trusted=False) as on:
        until(lambda: on.fleet.states()["a"] == "dialog", "it asks", PATIENCE)
        on.arrives_after("waits for a person", "after the trust", lambda: on.press("Up", "Enter"))
