"""What is typed into panes, and what they write."""

from __future__ import annotations

import os
import pty
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.bench import SOCKET, Bench
from tests.support.fleet import until

BRACKETED = r"\033[?2004h"
TEXTS = {
    "dash": "-n --help -",
    "semicolon": "do this;",
    "only semicolon": ";",
    "escaped": "a\\;b \\",
    "quotes": 'it\'s "so" `id` $(id) $HOME #{pid} #(id) %d ~',
    "unicode": "Zeile ✳ 漢字 é 👩‍💻 ﷽",
    "lines": "one\ntwo\n\nfour\n",
    "tab": "a\tb",
    "long line": "x" * 9000,
    "large": "".join(f"line {number} of a long text\n" for number in range(7500)),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
@pytest.mark.parametrize("bracketed", [True, False])
def test_pasted_text_arrives_unchanged(world: Bench, text: str, bracketed: bool) -> None:
    got = world.receive("a", BRACKETED if bracketed else "")
    assert world.tmux.paste(world.pane("a"), _file(world, text)) == ""
    wanted = text.encode()
    if bracketed:
        wanted = b"\x1b[200~" + wanted + b"\x1b[201~"
    until(lambda: len(got.read_bytes()) >= len(wanted), "all of it")
    assert got.read_bytes() == wanted
    assert world.plain("list-buffers") == ""


@pytest.mark.parametrize("name", ["a b'c\"", "#(touch harm)", "#{pid}", "%d%%", "-é;", "##"])
def test_pasted_from_exactly_the_named_file(world: Bench, name: str) -> None:
    got = world.receive("a")
    file = world.folder / name
    file.write_text("the text")
    assert world.tmux.paste(world.pane("a"), file) == ""
    until(lambda: got.read_bytes() == b"the text", "all of it")
    assert not list(world.folder.rglob("harm"))


def test_paste_leaves_copy_mode_first(world: Bench) -> None:
    got = world.receive("a")
    world.plain("copy-mode", "-t", "=a:")
    assert world.panes()["a"].in_mode
    assert world.tmux.paste(world.pane("a"), _file(world, "hello")) == ""
    until(lambda: got.read_bytes() == b"hello", "the text")
    assert not world.panes()["a"].in_mode


def test_a_key_reaches_the_program_from_copy_mode_too(world: Bench) -> None:
    got = world.receive("a")
    world.plain("copy-mode", "-t", "=a:")
    assert world.tmux.press(world.pane("a"), "Enter") == ""
    until(lambda: got.read_bytes() == b"\r", "the key")


def test_keys_by_name_and_as_they_are(world: Bench) -> None:
    got = world.receive("a")
    for key in ("Enter", "C-c", "1", "-", ";", "Tab"):
        assert world.tmux.press(world.pane("a"), key) == ""
    until(lambda: got.read_bytes() == b"\r\x031-;\t", "the keys")


def test_typing_into_a_pane_that_is_gone_says_so(world: Bench) -> None:
    world.start("a")
    assert "can't find pane" in world.tmux.press("%99", "Enter")
    assert "can't find pane" in world.tmux.paste("%99", _file(world, "x"))
    assert world.plain("list-buffers") == ""


def test_log_that_ended_is_opened_again(world: Bench) -> None:
    world.start("a", "while read line; do echo said $line; done")
    world.plain("pipe-pane", "-t", "=a:")
    assert not world.panes()["a"].piped
    assert world.tmux.record(world.pane("a"), world.log("a")) == ""
    assert world.panes()["a"].piped
    world.plain("send-keys", "-t", "=a:", "once", "Enter")
    until(lambda: "said once" in world.logged("a"), "the log goes on")


def test_log_moves_to_a_new_file_and_is_whole_but_for_the_seam(world: Bench) -> None:
    stop = world.folder / "stop"
    world.start("a", f"i=0; while [ ! -e {stop} ]; do i=$((i+1)); echo line $i; done; echo over; exec cat")
    logs = [world.log("a")]
    for number in range(5):
        until(lambda: _text(logs[-1]) != "", "written to")
        fresh = world.folder / f"rotated {number}.log"
        assert world.tmux.record(world.pane("a"), fresh) == ""
        logs.append(fresh)
    stop.touch()
    until(lambda: _text(logs[-1]).endswith("over\n"), "all was written")
    lines = [_text(log).splitlines()[1:-1] for log in logs]  # tmux drops what the old pipe had not taken yet
    for inside in lines:
        assert (
            inside == [f"line {int(inside[0].split()[1]) + number}" for number in range(len(inside))]
            if inside
            else True
        )
    whole = [int(line.split()[1]) for inside in lines for line in inside]
    assert whole == sorted(whole)


def test_recording_a_pane_that_is_gone_says_so(world: Bench) -> None:
    world.start("a")
    assert "can't find pane" in world.tmux.record("%99", world.log("a"))


@pytest.fixture
def person(world: Bench) -> Iterator[int]:
    """A person's client, attached to session `a` on a terminal; the descriptor to type into."""
    world.start("a")
    master, slave = pty.openpty()
    client = subprocess.Popen(
        ["tmux", "-L", SOCKET, "attach-session", "-t", "=a"], env=world.env, stdin=slave, stdout=slave, stderr=slave,
        start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    os.set_blocking(master, False)
    try:
        until(lambda: world.panes()["a"].attached == 1, "attached")
        yield master
    finally:
        client.kill()
        client.wait()
        os.close(master)


def test_a_person_who_types_is_noticed(world: Bench, person: int) -> None:
    session = world.panes()["a"].session_id
    attached_at = world.tmux.human_activity()[session]
    assert abs(time.time() - attached_at) < 30
    until(lambda: time.time() > attached_at + 1, "the next second")
    os.write(person, b"x")
    until(lambda: world.tmux.human_activity()[session] > attached_at, "typing counts")


def test_our_own_client_is_no_person(world: Bench) -> None:
    world.start("a")
    assert world.tmux.fileno() is not None
    assert world.tmux.human_activity() == {}
    assert world.panes()["a"].attached == 0


def test_a_person_does_not_change_the_size_and_leaves_the_session_running(world: Bench, person: int) -> None:
    assert world.plain("display-message", "-p", "-t", "=a:", "#{window_width}x#{window_height}") == "200x50"
    os.write(person, b"\x02d")
    until(lambda: world.panes()["a"].attached == 0, "detached")
    assert not world.panes()["a"].dead


def _file(world: Bench, text: str) -> Path:
    file = world.folder / "text.paste"
    file.write_bytes(text.encode())
    return file


def _text(log: Path) -> str:
    return log.read_text() if log.exists() else ""
