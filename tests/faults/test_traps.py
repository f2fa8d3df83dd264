"""Faults done for real to a running fleet: its server stopped, its store broken, its logs replaced, its verbs racing."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.support.fleet import TestFleet, demo_config, fleet, until, words_of

pytestmark = pytest.mark.timeout(240)

CLOCK = '[[service]]\nname = "clock"\ncommand = "while :; do date; sleep 0.2; done"\n'


def test_nothing_is_judged_while_the_tmux_server_is_stopped() -> None:
    with fleet(demo_config(3)) as f:
        f.ao("up")
        before, server = f.rows(), f.server_pid()
        os.kill(server, signal.SIGSTOP)
        try:
            until(lambda: set(f.states().values()) == {"unknown"}, "status says that it does not know")
            clients = [p for p in f.processes() if p.name().startswith("tmux") and p.pid != server]
            assert len(clients) <= 3, "questions pile up behind the stopped server"
        finally:
            os.kill(server, signal.SIGCONT)
        until(lambda: set(f.states().values()) == {"idle"}, "it knows again")
        assert f.rows() == before
        assert not [e for e in f.events() if e["kind"] in {"vanished", "exited"}]


def test_a_lost_socket_is_made_again_and_no_second_fleet_is_started() -> None:
    with fleet(demo_config(2)) as f:
        f.ao("up")
        before, server = f.rows(), f.server_pid()
        socket = next(f.folder.glob("tmux-*/fleet"))
        socket.unlink()
        until(socket.exists, "the socket is back")
        assert f.server_pid() == server
        assert f.rows() == before


@pytest.mark.parametrize("content", [b"garbage" * 1000, b"", b"\0" * 8192], ids=["garbage", "empty", "zeros"])
def test_a_broken_store_is_kept_aside_and_the_fleet_taken_on(content: bytes) -> None:
    with fleet(demo_config(2)) as f:
        f.ao("up")
        before = f.rows()
        os.kill(f.watchdog_pid(), signal.SIGKILL)
        until(lambda: f.status()["watchdog"] is None, "the watchdog is dead")
        state = f.folder / "log" / "state"
        for side in ("ao.db-wal", "ao.db-shm"):
            (state / side).unlink(missing_ok=True)
        (state / "ao.db").write_bytes(content)
        assert f.states() == {"a0": "idle", "a1": "idle"} or content == b""
        f.ao("up")
        assert f.rows() == before
        assert len([e for e in f.events() if e["kind"] == "adopted"]) == 2
        assert not [e for e in f.events() if e["kind"] == "started"]


def delete(log: Path) -> None:
    log.unlink()


def replace_by_fifo(log: Path) -> None:
    log.unlink()
    os.mkfifo(log)


def replace_by_folder(log: Path) -> None:
    log.unlink()
    log.mkdir()


def replace_by_link(log: Path) -> None:
    log.unlink()
    log.symlink_to(log.with_name("elsewhere"))


@pytest.mark.parametrize("harm", [delete, replace_by_fifo, replace_by_folder, replace_by_link])
def test_output_goes_on_being_recorded(harm: Callable[[Path], None]) -> None:
    with fleet(demo_config(0, more=CLOCK)) as f:
        f.ao("up")
        log = f.folder / "log" / "clock.log"
        until(lambda: log.stat().st_size > 0, "it is written")
        harm(log)
        until(
            lambda: log.is_file() and not log.is_symlink() and log.stat().st_size > 0, "it is written again"
        )
        assert not (f.folder / "log" / "elsewhere").exists(), "nothing is written through a link"
        assert f.ao("logs", "clock", "-n", "1").stdout.strip()


def test_a_full_log_is_rotated_and_bounded() -> None:
    flood = '[[service]]\nname = "flood"\ncommand = "while :; do seq 1 2000; sleep 0.2; done"\n'
    with fleet(demo_config(0, more=flood, watchdog='log_max_bytes = "100KiB"\nlog_keep = 2')) as f:
        f.ao("up")
        log = f.folder / "log" / "flood.log"
        until(lambda: log.with_name("flood.log.2").exists(), "it was rotated twice", 60)
        assert not log.with_name("flood.log.3").exists()


def test_after_down_nothing_comes_back_whatever_died_at_that_moment() -> None:
    with fleet(demo_config(5)) as f:
        for _ in range(4):
            f.ao("up")
            for row in list(f.rows().values())[:3]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(row.pid, signal.SIGKILL)
            f.ao("down")
            assert f.rows() == {}
            assert f.processes() == []


def test_a_watchdog_killed_at_random_moments_of_a_start_doubles_nothing() -> None:
    chance = random.Random(20)
    with fleet(demo_config(4)) as f:
        for _ in range(10):
            run = f.begin("up")
            time.sleep(chance.uniform(0.05, 0.7))  # the moment is what is being tried
            with contextlib.suppress(OSError, ValueError):
                os.kill(f.watchdog_pid(), signal.SIGKILL)
            run.communicate(timeout=90)
        f.ao("up")
        assert f.sessions() == [f"t-a{number}" for number in range(4)]
        agents = [p for p in f.processes() if "orchestrator.backends.demo_agent" in words_of(p)]
        assert sorted(p.pid for p in agents) == sorted(row.pid for row in f.rows().values())


def test_inside_another_tmux_the_fleet_goes_to_its_own_server() -> None:
    with fleet(demo_config(1), env={"TMUX": "/nowhere/default,1,0", "TMUX_PANE": "%9"}) as f:
        f.ao("up")
        assert f.sessions() == ["t-a0"]
        f.ao("down")


HOSTILE = """
set -g base-index 1
set -g pane-base-index 1
set -g default-shell /bin/false
set -g destroy-unattached on
set -g exit-empty on
set -g mouse on
set -g remain-on-exit off
set -g renumber-windows on
set-hook -g after-new-session 'rename-session stolen'
"""


def test_a_users_own_server_with_a_hostile_tmux_conf() -> None:
    config = demo_config(2).replace('tmux_socket = "fleet"\n', "")
    with fleet(config) as f:
        (f.home / ".tmux.conf").write_text(HOSTILE)
        f.ao("up")
        until(lambda: f.states() == {"a0": "idle", "a1": "idle"}, "both are there and read")
        f.ao("down")
        assert f.processes() == [] or all(p.name().startswith("tmux") for p in f.processes())


def test_a_respawn_by_hand_of_another_program_is_a_mismatch_and_mended() -> None:
    with fleet(demo_config(1)) as f:
        f.ao("up")
        until(lambda: f.states() == {"a0": "idle"}, "it runs")
        f.tmux("respawn-pane", "-k", "-t", f.rows()["a0"].pane, "exec sleep 5000")
        until(lambda: any(e["kind"] == "mismatched" for e in f.events()), "the mismatch is seen", 60)
        until(lambda: "demo" in f.screen("a0"), "the right program is back")
        assert f.sessions() == ["t-a0"]


def crowd(f: TestFleet) -> int:
    return len(list(Path(f"/proc/{f.watchdog_pid()}/fd").iterdir()))


def test_descriptors_stay_flat_over_many_heals() -> None:
    with fleet(
        demo_config(3, watchdog="max_restarts = 1000\nbackoff_initial = 0.01\nbackoff_max = 0.02")
    ) as f:
        f.ao("up")

        def heal_each() -> None:
            for name in ("a0", "a1", "a2"):
                pid = f.kill(name)
                until(lambda name=name, pid=pid: f.replaced(name, pid), "it is back")

        heal_each()
        until(lambda: set(f.states().values()) == {"idle"}, "settled")
        before = crowd(f)
        for _ in range(6):
            heal_each()
        until(lambda: set(f.states().values()) == {"idle"}, "settled")
        until(lambda: crowd(f) <= before + 2, f"{crowd(f)} descriptors, {before} before")


def test_a_watchdog_whose_lock_file_is_gone_ends_and_a_new_one_takes_over() -> None:
    with fleet(demo_config(2)) as f:
        f.ao("up")
        before, old = f.rows(), psutil.Process(f.watchdog_pid())
        (f.folder / "log" / "state" / "lock").unlink()
        until(lambda: not old.is_running() or old.status() == psutil.STATUS_ZOMBIE, "the old one ends")
        f.ao("up")
        assert f.rows() == before
        pid = f.kill("a0")
        until(lambda: f.replaced("a0", pid), "the new one heals")
        assert sum(e["kind"] == "started" and e["subject"] == "a0" for e in f.events()) == 2


def test_a_fleet_whose_config_broke_can_be_stopped_without_its_watchdog() -> None:
    with fleet(demo_config(2)) as f:
        f.ao("up")
        os.kill(f.watchdog_pid(), signal.SIGKILL)
        f.write(demo_config(2) + "\n[[agent")
        f.ao("down")
        assert f.rows() == {}


def test_a_busy_agent_that_left_the_config_keeps_nobody_from_being_healed() -> None:
    busy = '[backend.busy]\nbin = "sh -c \'while :; do date; sleep 0.2; done\'"\n[[agent]]\nname = "b"\nbackend = "busy"\n'
    with fleet(demo_config(2, more=busy)) as f:
        f.ao("up")
        f.write(demo_config(2))
        until(lambda: any(e["kind"] == "drift-pending" for e in f.events()), "its removal is noticed")
        pid = f.kill("a0")
        until(lambda: f.replaced("a0", pid), "the others are healed")


RESUMING = demo_config(1).replace("[watchdog]", "resume = true\n[watchdog]")


def test_a_program_that_is_missing_for_a_moment_does_not_cost_the_conversation() -> None:
    with fleet("") as f:
        program = f.folder / "my-demo"
        script = f'#!/bin/sh\nexec {sys.executable} -P -m orchestrator.backends.demo_agent "$@"\n'
        program.write_text(script)
        program.chmod(0o755)
        settings = "[watchdog]\nbackoff_initial = 0.1\n"
        f.write(RESUMING.replace("[watchdog]\n", settings) + f'[backend.demo]\nbin = "{program}"\n')
        f.ao("up")
        until(lambda: f.states() == {"a0": "idle"}, "it runs")
        program.rename(f.folder / "away")
        pid = f.kill("a0")
        until(lambda: any(e["kind"] == "start-failed" for e in f.events()), "it can't be started")
        (f.folder / "away").rename(program)
        until(lambda: f.replaced("a0", pid), "it is back")
        assert [e["data"]["resumed"] for e in f.events() if e["kind"] == "started"][-1] is True
        assert not [e for e in f.events() if e["kind"] == "resume-failed"]


def test_an_edit_that_could_not_be_started_stops_nobody() -> None:
    with fleet(demo_config(1)) as f:
        f.ao("up")
        until(lambda: f.states() == {"a0": "idle"}, "it runs")
        before = f.rows()
        f.write(demo_config(1) + '[backend.demo]\nbin = "no-such-program"\n')
        until(lambda: any("not on PATH" in e["message"] for e in f.events()), "it is said")
        assert f.rows() == before
        f.write(demo_config(1, more='model = "other"\n'))
        until(lambda: f.replaced("a0", before["a0"].pid), "a good edit is applied")


def test_an_edited_log_dir_hides_no_fleet_that_runs() -> None:
    with fleet(demo_config(1)) as f:
        f.ao("up")
        before = f.rows()
        f.write(demo_config(1).replace('log_dir = "log"', 'log_dir = "log2"'))
        for verb in ("down", "status"):
            assert "put the old one back" in f.ao(verb, check=1).stderr
        assert f.rows() == before
        f.write(demo_config(1))
        f.ao("down")
        assert f.processes() == []


def test_a_server_left_without_a_session_is_started_on() -> None:
    with fleet(demo_config(1)) as f:
        f.ao("up")
        f.tmux("new-session", "-d", "-s", "mine", "sleep 300")
        f.ao("down")
        assert f.sessions() == ["mine"]
        f.tmux("set-option", "-s", "exit-empty", "off")
        f.tmux("kill-session", "-t", "=mine")
        f.ao("up")
        assert f.sessions() == ["t-a0"]


def test_another_socket_after_down_is_a_clean_start() -> None:
    with fleet(demo_config(1)) as f:
        f.ao("up")
        f.tmux("new-session", "-d", "-s", "mine", "sleep 300")
        f.ao("down")
        f.write(demo_config(1).replace('tmux_socket = "fleet"', 'tmux_socket = "other"'))
        f.ao("up")
        assert f.states()["a0"] in {"idle", "working"}
        f.ao("down")


def test_moving_to_the_present_phase_restarts_nobody() -> None:
    loop = (
        '[loop]\nroles_dir = "roles"\n[[loop.phases]]\nid = "first"\nplan = "p"\nstatus = "s"\n'
        '[[agent]]\nname = "builder"\nkind = "loop"\nrole = "builder"\n'
    )
    with fleet("") as f:
        (f.folder / "roles").mkdir()
        (f.folder / "roles" / "builder.md").write_text("/say building\n")
        f.write(demo_config(0, more=loop))
        f.ao("up")
        before = f.rows()
        f.ao("phase", "set", "first")
        assert f.rows() == before
        assert "no agent or service is called nope" in f.ao("events", "nope", check=2).stderr
