"""The control protocol, spoken by a peer that says exactly what the test wants."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.adapters.control import ControlClient, quote, render
from orchestrator.errors import TmuxUnavailable

GREETING = "%begin 1 1 0\n%end 1 1 0\n%session-changed $0 x\n"
PEER = """
import sys
def say(text):
    sys.stdout.write(text); sys.stdout.flush()
say(sys.argv[1])
for answer in sys.argv[2:]:
    sys.stdin.readline()
    say(answer)
sys.stdin.read()
"""
Peer = Callable[..., ControlClient]


@pytest.fixture
def peer(tmp_path: Path) -> Peer:
    program = tmp_path / "peer.py"
    program.write_text(PEER)

    def made(*answers: str, greeting: str = GREETING, timeout: float = 10) -> ControlClient:
        return ControlClient([sys.executable, str(program), greeting, *answers], dict(os.environ), timeout)

    return made


def block(number: int, *lines: str, flags: int = 1, word: str = "end") -> str:
    return "".join(
        f"{line}\n" for line in (f"%begin 5 {number} {flags}", *lines, f"%{word} 5 {number} {flags}")
    )


def test_blocks_of_hooks_and_notifications_between_are_not_answers(peer: Peer) -> None:
    client = peer(
        "%sessions-changed\n"
        + block(2, "mine")
        + block(3, "a hook's", flags=0)
        + "%window-add @1\na hook's words\n\n"
        + block(4, "mine too")
    )
    ((one, two),) = client.call([[("a",), ("b",)]])
    assert (one.lines, two.lines) == (("mine",), ("mine too",))
    assert client.sessions_changed
    client.close()


def test_a_failed_command_ends_its_sequence_and_not_the_next(peer: Peer) -> None:
    client = peer(block(2, "no such pane", word="error"), block(3, "fine"))
    first, second = client.call([[("a",), ("b",)], [("c",)]])
    assert [(b.text, b.failed) for b in first] == [("no such pane", True)]
    assert [(b.text, b.failed) for b in second] == [("fine", False)]
    client.close()


def test_an_end_that_fits_no_begin_is_content(peer: Peer) -> None:
    client = peer(block(2, "%end 5 9 1", "%error 5 2 0", "%begin 5 2 1", "", "%exit"))
    ((one,),) = client.call([[("a",)]])
    assert one.lines == ("%end 5 9 1", "%error 5 2 0", "%begin 5 2 1", "", "%exit")
    client.close()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("%end 5 2 1\n", "out of step"),
        ("%error 5 2 1\n", "out of step"),
        ("%exit server exited\n", "server exited"),
        ("", "no answer within"),
        ("%begin 5 2 1\nhalf", "no answer within"),
    ],
)
def test_a_peer_that_can_not_be_followed_is_dropped(peer: Peer, answer: str, words: str) -> None:
    client = peer(answer, timeout=10 if answer.endswith("\n") else 0.5)
    with pytest.raises(TmuxUnavailable, match=words):
        client.call([[("a",)]])
    assert client._process.returncode is not None
    client.close()


@pytest.mark.parametrize("greeting", ["", "%begin 1 1 0\nno sessions\n%error 1 1 0\n%exit\n"])
def test_a_peer_that_does_not_attach_is_an_error(peer: Peer, greeting: str) -> None:
    with pytest.raises(TmuxUnavailable, match="could not attach"):
        peer(greeting=greeting, timeout=0.5)


def test_a_program_that_ends_at_once_is_an_error() -> None:
    with pytest.raises(TmuxUnavailable, match="could not attach"):
        ControlClient(["false"], dict(os.environ), 5)


def test_words_are_quoted_for_one_line() -> None:
    assert quote("it's") == "'it'\\''s'"
    assert render([("a", "b ;"), ("c",)]) == b"'a' 'b ;' ; 'c'\n"
    for word in ("a\nb", "a\rb", "a\0b"):
        with pytest.raises(ValueError, match="line break or NUL"):
            quote(word)
