"""What happens to tmux from outside, and what is known then: never more than is true."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from orchestrator.adapters.tmux_words import whole
from orchestrator.adapters.wake import Waker
from orchestrator.errors import EnvironmentMissing, TmuxUnavailable
from orchestrator.model.observation import ServerState
from tests.contract.bench import Bench, bench, lives
from tests.support.fleet import until


def test_without_tmux_on_path_it_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentMissing, match="not on PATH"), bench(env={"PATH": str(tmp_path)}):
        pass


def test_no_server_is_absent_and_looking_starts_none(world: Bench) -> None:
    snapshot = world.tmux.snapshot()
    assert (snapshot.state, snapshot.panes) == (ServerState.ABSENT, {})
    assert not world.tmux.has_socket()
    assert world.tmux.fileno() is None


def test_a_killed_control_client_is_replaced(world: Bench) -> None:
    world.start("a")
    waker = Waker(world.folder)
    try:
        waker.watch_tmux(world.tmux.fileno())
        _control_client(world).kill()
        until(lambda: waker.wait(0.1)[1], "its end wakes")
        assert world.tmux.take_news()
        assert world.tmux.fileno() is None
        assert set(world.panes()) == {"a"}
        waker.watch_tmux(world.tmux.fileno())
        world.plain("new-session", "-d", "-s", "theirs", "cat")
        until(lambda: waker.wait(0.1)[1] and world.tmux.take_news(), "the new one hears of sessions")
    finally:
        waker.close()


def test_the_next_call_after_a_killed_control_client_is_answered(world: Bench) -> None:
    world.start("a")
    pane = world.pane("a")
    client = _control_client(world)
    client.kill()
    until(lambda: not lives(client), "killed")
    with pytest.raises(TmuxUnavailable):
        world.tmux.press(pane, "Enter")
    assert world.tmux.press(pane, "Enter") == ""
    assert len(world.clients()) == 1


def test_a_killed_server_is_absent_and_can_be_had_again(world: Bench) -> None:
    world.start("a")
    server = psutil.Process(world.server_pid())
    server.kill()
    until(lambda: world.tmux.snapshot().state is ServerState.ABSENT, "absent")
    assert world.tmux.has_socket()
    assert world.start("a", run="r2") == ""
    assert world.panes()["a"].run == "r2"
    assert world.server_pid() != server.pid


def test_a_stopped_server_is_unknown_and_nothing_piles_up() -> None:
    with bench(timeout=0.4) as world:
        world.start("a")
        pane = world.pane("a")
        server = psutil.Process(world.server_pid())
        server.suspend()
        try:
            for _ in range(8):
                snapshot = world.tmux.snapshot()
                assert (snapshot.state, snapshot.panes) == (ServerState.UNKNOWN, None)
                assert "answer" in snapshot.reason
                with pytest.raises(TmuxUnavailable):
                    world.tmux.press(pane, "Enter")
                assert len(world.clients()) <= 1
        finally:
            server.resume()
        until(lambda: world.tmux.snapshot().state is ServerState.UP, "it answers again")
        assert set(world.panes()) == {"a"}
        assert world.panes()["a"].pane_id == pane
        until(lambda: len(world.clients()) == 1, "one client is left")


def test_a_lost_socket_is_made_again(world: Bench) -> None:
    world.start("a")
    pid = world.server_pid()
    world.tmux.socket_path.unlink()
    assert not world.tmux.has_socket()
    late = world.adapter()
    assert late.snapshot().state is ServerState.ABSENT
    assert set(world.panes()) == {"a"}
    world.tmux.restore_socket(pid)
    until(world.tmux.has_socket, "the socket is back")
    assert set(late.snapshot().panes or {}) == {"a"}
    assert late.snapshot().server_pid == pid


def test_a_lost_folder_of_the_socket_is_made_again(world: Bench) -> None:
    world.start("a")
    pid = world.server_pid()
    world.tmux.socket_path.unlink()
    world.tmux.socket_path.parent.rmdir()
    world.tmux.restore_socket(pid)
    until(world.tmux.has_socket, "the socket is back")
    assert world.server_pid() == pid


def test_the_signal_for_a_socket_goes_to_a_tmux_server_only(world: Bench) -> None:
    with subprocess.Popen(["sleep", "60"]) as stranger:
        try:
            for pid in (0, 1, stranger.pid):  # 0 would be this test itself
                world.tmux.restore_socket(pid)
                world.tmux.nudge(pid)
            with pytest.raises(subprocess.TimeoutExpired):
                stranger.wait(0.2)
        finally:
            stranger.kill()


def test_the_socket_is_where_tmux_has_it(world: Bench) -> None:
    world.start("a")
    assert str(world.tmux.socket_path) == world.plain("display-message", "-p", "#{socket_path}")


@pytest.mark.parametrize("value", ["", "/no/such/folder"])
def test_the_socket_is_in_tmp_when_its_variable_names_no_folder(world: Bench, value: str) -> None:
    world.env["TMUX_TMPDIR"] = value
    assert world.adapter().socket_path == Path("/tmp").resolve() / f"tmux-{os.getuid()}" / "bench"


def test_an_empty_server_is_ended_with_its_socket(world: Bench) -> None:
    world.start("a")
    server = psutil.Process(world.server_pid())
    assert not world.tmux.end_empty_server()
    assert world.tmux.close_pane(world.pane("a")) == ""
    assert world.tmux.end_empty_server()
    assert not world.tmux.socket_path.exists()
    until(lambda: not lives(server), "the server has ended")
    assert world.tmux.end_empty_server()


def test_a_server_with_a_session_of_somebody_else_stays(world: Bench) -> None:
    world.start("a")
    world.plain("new-session", "-d", "-s", "theirs", "cat")
    world.tmux.close_pane(world.pane("a"))
    assert not world.tmux.end_empty_server()
    assert "theirs" in world.plain("list-sessions", "-F", "#{session_name}")


def test_a_server_that_does_not_answer_keeps_its_socket() -> None:
    with bench(timeout=0.4) as world:
        world.start("a")
        server = psutil.Process(world.server_pid())
        server.suspend()
        try:
            assert not world.tmux.end_empty_server()
            assert world.tmux.has_socket()
        finally:
            server.resume()


def test_the_environment_of_the_process_itself_does_not_redirect(
    world: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.start("a")
    with bench() as other:
        other.start("wrong")
        monkeypatch.setenv("TMUX_TMPDIR", str(other.folder))
        monkeypatch.setenv("TMUX", f"{other.tmux.socket_path},{other.server_pid()},0")
        late = world.adapter()
        assert late.fileno() is None
        assert set(late.snapshot().panes or {}) == {"a"}


def test_marks_of_an_outer_agent_do_not_reach_the_server(world: Bench) -> None:
    world.env |= {"AO_RUN": "outer", "AO_AGENT": "outer", "TMUX": "/nowhere,1,0", "TMUX_PANE": "%9"}
    world.tmux = world.adapter()
    world.start("a", "env; exec cat")
    until(lambda: "TMUX_TMPDIR=" in world.logged("a"), "the environment is printed")
    assert "outer" not in world.logged("a")
    assert "/nowhere" not in world.logged("a")


def test_without_a_scope_to_be_had_the_server_starts_all_the_same(world: Bench) -> None:
    _fake_scope(world, "exit 1")
    assert world.start("a") == ""
    assert "--scope" in (world.folder / "asked").read_text()


def test_a_new_server_gets_a_scope_even_beside_a_stale_socket(world: Bench) -> None:
    world.start("a")
    psutil.Process(world.server_pid()).kill()
    until(lambda: world.tmux.snapshot().state is ServerState.ABSENT, "absent")
    _fake_scope(world, 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"')
    assert world.start("a") == ""
    assert "--user --scope" in (world.folder / "asked").read_text()


def test_a_hostile_tmux_conf_changes_nothing() -> None:
    conf = """
set -g base-index 1
setw -g pane-base-index 1
set -g renumber-windows on
set -g default-shell /bin/false
set -g default-command "exec false"
set -g remain-on-exit off
set -g destroy-unattached on
set -g automatic-rename on
set -g allow-rename on
set -g window-size smallest
set -g default-size 30x10
set -g status-right "#(touch harm)"
set -g prefix C-a
set -g mouse on
set -g escape-time 500
set-hook -g after-new-session "kill-session -t =no-such"
set-hook -g session-created "display-message -p from-a-hook"
set-hook -g after-set-option "display-message -p from-a-hook"
set-hook -g after-capture-pane "display-message -p from-a-hook"
set-hook -g after-send-keys "kill-pane -t %99"
set-hook -g pane-died "kill-pane"
bind-key -n Enter kill-server
"""
    with bench(own=False, env={"SHELL": "/bin/sh"}, conf=conf) as world:
        assert world.tmux.socket_path.name == "default"
        for name in ("a", "b"):
            assert (
                world.start(name, f"echo first {name}; while read word; do [ $word = end ] && exit 4; done")
                == ""
            )
        until(lambda: all(f"first {name}" in world.screen(name).text for name in ("a", "b")), "shown")
        until(lambda: all(world.logged(name) == f"first {name}\n" for name in ("a", "b")), "logged")
        assert (
            world.plain("display-message", "-p", "-t", "=a:", "#{window_width}x#{window_height}") == "200x50"
        )
        text = world.folder / "text"
        text.write_text("word")
        assert world.tmux.paste(world.pane("b"), text) == ""
        assert world.tmux.press(world.pane("b"), "Enter") == ""
        world.tmux.close()
        until(lambda: "word" in world.screen("b").text, "typed")
        assert set(world.panes()) == {"a", "b"}
        assert not world.tmux.end_empty_server()


def test_a_dead_pane_stays_where_the_user_wants_none_to_stay() -> None:
    with bench(own=False, conf="set -g remain-on-exit off\nset -g default-shell /bin/false\n") as world:
        assert world.start("a", "echo last words; exit 4") == ""
        until(lambda: world.panes()["a"].dead, "dead")
        assert "last words" in world.tmux.look({"a": world.pane("a")}, history=50)["a"].text


def _control_client(world: Bench) -> psutil.Process:
    (client,) = [each for each in world.clients() if "-C" in each.cmdline()]
    return client


def _fake_scope(world: Bench, script: str) -> None:
    """A systemd-run of the test's own, in a session that seems to have a systemd."""
    tools = world.folder / "tools"
    tools.mkdir()
    tool = tools / "systemd-run"
    tool.write_text(f'#!/bin/sh\necho "$@" >> "{world.folder}/asked"\n{script}\n')
    tool.chmod(0o755)
    (world.folder / "run" / "systemd" / "private").mkdir(parents=True)
    world.env |= {"PATH": f"{tools}:{world.env['PATH']}", "XDG_RUNTIME_DIR": str(world.folder / "run")}
    world.tmux = world.adapter()


@pytest.mark.parametrize(
    ("lines", "rows"),
    [
        (["a", "b", "off"], ["a", "b"]),
        (["on"], []),
        (["a", "b"], None),
        ([], None),
    ],
)
def test_an_answer_without_its_end_is_no_answer(lines: list[str], rows: list[str] | None) -> None:
    assert whole(lines) == rows


def test_a_tmux_that_hangs_is_given_up_and_ended(tmp_path: Path) -> None:
    real = shutil.which("tmux")
    shim = tmp_path / "tmux"
    shim.write_text(
        f'#!/bin/sh\n[ -e {tmp_path}/hang ] && exec {sys.executable} -c "import time; time.sleep(1000)" "$@"\nexec {real} "$@"\n'
    )
    shim.chmod(0o755)
    (tmp_path / "hang").touch()
    with bench(env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, timeout=0.3) as world:
        world.tmux.close()
        for _ in range(2):
            snapshot = world.tmux.snapshot()
            assert snapshot.state is ServerState.UNKNOWN
            assert "did not answer within 0.3 s" in snapshot.reason
        assert not [p for p in psutil.Process().children() if "import time; time.sleep(1000)" in p.cmdline()]
        (tmp_path / "hang").unlink()
        world.start("a")
        assert set(world.panes()) == {"a"}
