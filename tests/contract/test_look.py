"""What panes show."""

from __future__ import annotations

import pytest

from tests.contract.bench import Bench, bench
from tests.support.fleet import until

LOOKALIKES = (
    "%end 123 4 1", "%begin 123 4 1", "%error 1 2 1", "%exit", "%exit bye", "%session-changed $9 x", "%sessions-changed",
    "%begin", "%end", "%output %1 x", "%", "|||||||||||||||||",
)  # fmt: skip


def test_text_title_cursor_and_program(world: Bench) -> None:
    world.start("a", "printf 'one\\ntwo ✳ 漢'; printf '\\033]2;✳ title | with bar\\007'; exec cat")
    until(
        lambda: (
            world.screen("a").title != ""
            and "two" in world.screen("a").text
            and world.screen("a").command == "cat"
        ),
        "shown",
    )
    screen = world.screen("a")
    assert screen.text.splitlines()[:2] == ["one", "two ✳ 漢"]
    assert screen.title == "✳ title | with bar"
    assert screen.cursor == (8, 1)
    assert not screen.alternate
    assert screen.ansi is None


def test_attributes_only_where_asked_for(world: Bench) -> None:
    for name in ("a", "b"):
        world.start(name, "printf '\\033[2mdim\\033[0m \\033[31mred'; exec cat")
    until(lambda: all("red" in world.screen(name).text for name in ("a", "b")), "shown")
    screens = world.tmux.look({"a": world.pane("a"), "b": world.pane("b")}, attributes=["b"])
    assert screens["a"].ansi is None
    assert screens["b"].ansi is not None
    assert "\x1b[2mdim" in screens["b"].ansi
    assert "\x1b" not in screens["b"].text


def test_alternate_screen(world: Bench) -> None:
    world.start("a", "printf '\\033[?1049hfull screen'; exec cat")
    until(lambda: "full screen" in world.screen("a").text, "shown")
    assert world.screen("a").alternate
    assert world.panes()["a"].alternate


def test_history_above_the_screen(world: Bench) -> None:
    world.start("a", "seq 1 120; exec cat")
    until(lambda: "120" in world.screen("a").text, "shown")
    pane = {"a": world.pane("a")}
    assert "\n20\n" not in world.tmux.look(pane)["a"].text
    assert "\n20\n" in world.tmux.look(pane, history=200)["a"].text


def test_a_pane_that_went_in_between_is_left_out(world: Bench) -> None:
    world.start("a", "echo here a; exec cat")
    world.start("b", "echo here b; exec cat")
    until(lambda: "here b" in world.screen("b").text and "here a" in world.screen("a").text, "shown")
    panes = {"gone": "%97", "a": world.pane("a"), "never": "%98", "b": world.pane("b")}
    screens = world.tmux.look(panes, attributes=["gone", "b"])
    assert set(screens) == {"a", "b"}
    assert "here a" in screens["a"].text
    assert "here b" in screens["b"].text


def test_answers_of_many_panes_are_not_mixed_up(world: Bench) -> None:
    for name in ("a", "b", "c"):
        world.start(name, f"echo this is {name}; exec cat")
        until(lambda name=name: f"this is {name}" in world.screen(name).text, "shown")  # type: ignore[misc]  # bound early
    panes = {f"{name}{number}": world.pane(name) for number in range(60) for name in ("a", "b", "c")}
    screens = world.tmux.look(panes)
    assert list(screens) == list(panes)
    assert all(f"this is {name[0]}" in screen.text for name, screen in screens.items())


def test_nothing_to_look_at_asks_nothing(world: Bench) -> None:
    assert world.tmux.look({}) == {}
    assert not world.tmux.has_socket()


@pytest.mark.parametrize("line", LOOKALIKES)
def test_a_pane_that_speaks_the_protocol_confuses_nobody(world: Bench, line: str) -> None:
    world.start("a", f"for i in 1 2 3; do echo '{line}'; done; echo over; exec cat")
    world.start("b", "echo here b; exec cat")
    until(lambda: "over" in world.screen("a").text and "here b" in world.screen("b").text, "shown")
    channel = world.tmux.fileno()
    screens = world.tmux.look({"a": world.pane("a"), "b": world.pane("b")}, attributes=["a", "b"])
    assert screens["a"].text.splitlines()[:4] == [line, line, line, "over"]
    assert "here b" in screens["b"].text
    assert world.tmux.fileno() == channel is not None


def test_titles_keep_their_signs_in_a_locale_that_is_not_utf8() -> None:
    with bench(env={"LC_ALL": "C", "LANG": "C"}) as world:
        world.start("a", "printf '\\033]2;✳ thinking\\007é'; exec cat")
        until(lambda: world.screen("a").text.strip() != "", "shown")
        assert world.screen("a").title == "✳ thinking"
        assert world.screen("a").text.startswith("é")
