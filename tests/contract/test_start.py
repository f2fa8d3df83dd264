"""Sessions: how they begin, what is known of them, and how they end."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from orchestrator.model.observation import ServerState
from tests.contract.bench import Bench
from tests.support.fleet import until


def test_no_first_output_is_lost_in_twenty_starts(world: Bench) -> None:
    names = [f"s{number}" for number in range(20)]
    assert [world.start(name, f"echo first {name}; exec cat") for name in names] == [""] * 20
    until(lambda: all(world.logged(name).startswith(f"first {name}\n") for name in names), "20 first lines")


def test_marks_come_back_in_the_snapshot(world: Bench) -> None:
    assert world.start("a", run="run-7") == ""
    pane = world.panes()["a"]
    assert (pane.session, pane.fleet, pane.name, pane.spec, pane.run) == ("a", "ours", "a", "s1", "run-7")
    assert (pane.pane_id, str(pane.pid)) == tuple(
        world.plain("display-message", "-p", "-t", "=a:", "#{pane_id} #{pane_pid}").split()
    )
    assert pane.server_pid == world.server_pid()
    assert (pane.dead, pane.dead_status, pane.dead_signal, pane.piped, pane.in_mode) == (
        False,
        None,
        None,
        True,
        False,
    )


def test_window_has_the_stated_size_and_keeps_its_name(world: Bench) -> None:
    assert world.start("a", "printf '\\033kother\\033\\\\'; echo said; exec cat") == ""
    until(lambda: "said" in world.screen("a").text, "output")
    size, name = world.plain(
        "display-message", "-p", "-t", "=a:", "#{window_width}x#{window_height} #{window_name}"
    ).split(" ")
    assert size == "200x50"
    assert name != "other"


@pytest.mark.parametrize(
    "name",
    [
        "with blank", "it's", 'quo"te', "#(touch harm)", "#{pid}", "##", "%d-%H", "100%", "héé ✳ 漢", "$HOME `touch harm` ;x",
        "back\\slash", "-dash", "a;", "~", "*?[x]",
    ],
)  # fmt: skip
def test_log_goes_to_exactly_the_named_path(world: Bench, name: str) -> None:
    folder = world.folder / "logs"
    folder.mkdir()
    assert world.start("a", "echo first; exec cat", log=folder / name) == ""
    until(lambda: (folder / name).exists() and (folder / name).read_text() == "first\n", "the log is there")
    assert [path.name for path in folder.iterdir()] == [name]
    assert not list(Path(world.folder).rglob("harm"))
    assert not Path("/harm").exists()


def test_environment_of_our_own_server_is_small(world: Bench) -> None:
    world.env["MARKER_OF_THE_TEST"] = "1"
    world.tmux = world.adapter()
    assert world.start("a", "env; exec cat") == ""
    until(lambda: "TMUX_TMPDIR=" in world.logged("a"), "the environment is printed")
    assert "MARKER_OF_THE_TEST" not in world.logged("a")


def test_duplicate_session_is_refused_and_the_first_lives_on(world: Bench) -> None:
    world.start("a")
    first = world.panes()["a"]
    assert "duplicate session" in world.start("a", run="r2")
    assert world.panes() == {"a": first}


def test_names_are_exact_where_one_begins_like_another(world: Bench) -> None:
    assert world.start("a-b") == ""
    assert world.start("a") == ""
    assert world.start("a-b-c") == ""
    assert {name: pane.session for name, pane in world.panes().items()} == {
        "a": "a",
        "a-b": "a-b",
        "a-b-c": "a-b-c",
    }
    assert world.tmux.close_pane(world.pane("a")) == ""
    assert set(world.panes()) == {"a-b", "a-b-c"}
    assert world.start("a") == ""


def test_sessions_of_others_are_taken_and_not_ours(world: Bench) -> None:
    world.start("a")
    world.plain("new-session", "-d", "-s", "theirs", "cat")
    other = world.adapter("other fleet")
    assert other.start("b", ["cat", "-"], {**world.marks("b"), "fleet": "other fleet"}, world.log("b")) == ""
    mine, theirs = world.tmux.snapshot(), other.snapshot()
    assert mine.panes is not None
    assert theirs.panes is not None
    assert (set(mine.panes), mine.taken) == ({"a"}, {"b", "theirs"})
    assert (set(theirs.panes), theirs.taken) == ({"b"}, {"a", "theirs"})


def test_a_pane_split_off_in_our_session_is_not_ours(world: Bench) -> None:
    world.start("a")
    before = world.panes()
    world.plain("split-window", "-d", "-t", "=a:", "cat")
    after = world.tmux.snapshot()
    assert after.panes is not None
    assert {name: pane.pane_id for name, pane in after.panes.items()} == {"a": before["a"].pane_id}
    assert after.taken == frozenset()


def test_an_option_of_several_lines_blinds_nobody(world: Bench) -> None:
    world.start("a")
    world.plain("new-session", "-d", "-s", "odd", "cat")
    world.plain("set-option", "-p", "-t", "=odd:", "@ao_name", "one\n%end 1 2 1\ntwo|three")
    snapshot = world.tmux.snapshot()
    assert snapshot.state is ServerState.UP
    assert set(snapshot.panes or {}) == {"a"}


def test_a_program_that_ends_at_once_leaves_status_and_words(world: Bench) -> None:
    assert world.start("a", "echo last words; exit 7") == ""
    until(lambda: _settled(world, "a"), "the exit status is known")
    pane = world.panes()["a"]
    assert (pane.dead, pane.dead_status, pane.dead_signal) == (True, 7, None)
    assert "last words" in world.tmux.look({"a": pane.pane_id}, history=200)["a"].text


def test_status_of_every_death_is_known_after_a_nudge(world: Bench) -> None:
    names = [f"s{number}" for number in range(12)]
    for name in names:
        assert world.start(name) == ""
    for name in names:
        os.kill(world.panes()[name].pid, signal.SIGKILL)
    until(lambda: all(_settled(world, name) for name in names), "12 deaths")
    assert {world.panes()[name].dead_signal for name in names} == {int(signal.SIGKILL)}


def test_respawn_keeps_the_pane_and_changes_the_run(world: Bench) -> None:
    world.start("a", "echo one; exit 3")
    until(lambda: _settled(world, "a"), "dead")
    old = world.panes()["a"]
    answer = world.tmux.respawn(
        old.pane_id, ["/bin/sh", "-c", "echo two; exec cat"], world.marks("a", "r2"), world.log("a")
    )
    assert answer == ""
    new = world.panes()["a"]
    assert (new.pane_id, new.session_id, new.run, new.dead, new.dead_status) == (
        old.pane_id,
        old.session_id,
        "r2",
        False,
        None,
    )
    assert new.pid != old.pid
    assert new.piped
    until(lambda: world.logged("a").endswith("two\n"), "the log goes on")
    assert world.logged("a").startswith("one\n")


def test_respawn_of_a_pane_that_is_gone_says_so(world: Bench) -> None:
    world.start("a")
    assert "can't find pane" in world.tmux.respawn("%99", ["cat", "-"], world.marks("a"), world.log("a"))


def test_closing_a_pane_ends_its_session_alone(world: Bench) -> None:
    world.start("a")
    world.start("b")
    pane = world.pane("a")
    assert world.tmux.close_pane(pane) == ""
    assert set(world.panes()) == {"b"}
    assert "can't find pane" in world.tmux.close_pane(pane)


def test_ao_has_no_session_that_users_see(world: Bench) -> None:
    world.start("a")
    assert world.tmux.snapshot().taken == frozenset()
    world.tmux.close()
    until(
        lambda: world.plain("list-sessions", "-F", "#{session_name}") == "a",
        "the control session is gone with its client",
    )


def _settled(world: Bench, name: str) -> bool:
    """As the watchdog does: a death whose status tmux missed is brought in by a nudge."""
    pane = world.panes()[name]
    if pane.dead and pane.dead_status is None and pane.dead_signal is None:
        world.tmux.nudge(pane.server_pid)
        return False
    return pane.dead
