"""The main job from outside: real `ao`, real tmux, the demo agent, and faults done with kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.support.fleet import demo_config, fleet, until, words_of

WEB = '[[service]]\nname = "web"\ncommand = "exec sleep 10000"\n'


def test_a_fleet_comes_up_is_seen_and_goes_down_without_a_trace() -> None:
    with fleet(demo_config(3, more=WEB)) as f:
        up = f.ao("up")
        assert up.stdout.splitlines()[-1] == "watchdog: started"
        assert {row.session for row in f.rows().values()} == {"t-a0", "t-a1", "t-a2", "t-web"}
        until(lambda: f.states() == {"web": "running", "a0": "idle", "a1": "idle", "a2": "idle"}, "all idle")
        assert f.ao("status", "--exit-code").returncode == 0
        down = f.ao("down")
        assert "watchdog: stopped" in down.stdout
        assert f.rows() == {}
        assert f.processes() == []
        assert not list(f.folder.glob("tmux-*/*")), "the socket is left behind"


def test_up_and_down_twice_change_nothing_the_second_time() -> None:
    with fleet(demo_config(2)) as f:
        f.ao("up")
        before = f.rows()
        again = f.ao("up")
        assert "a0: running" in again.stdout
        assert "watchdog: running" in again.stdout
        assert f.rows() == before
        f.ao("down")
        second = f.ao("down")
        assert "watchdog: not running" in second.stdout


def test_six_ups_at_once_make_one_of_each() -> None:
    with fleet(demo_config(3)) as f:
        runs = [f.begin("up") for _ in range(6)]
        results = [(run.communicate(timeout=90), run.returncode) for run in runs]
        assert [code for _, code in results] == [0] * 6, results
        assert f.sessions() == ["t-a0", "t-a1", "t-a2"]
        watchdogs = [p for p in f.processes() if "watchdog" in words_of(p)]
        assert [p.pid for p in watchdogs] == [f.watchdog_pid()]
        assert sum(event["kind"] == "started" for event in f.events()) == 3


@pytest.mark.parametrize("fault", ["process", "session", "server"])
def test_what_was_killed_is_healed_and_the_others_keep_their_processes(fault: str) -> None:
    with fleet(demo_config(3, more=WEB)) as f:
        f.ao("up")
        before = f.rows()
        if fault == "process":
            os.kill(before["a1"].pid, signal.SIGKILL)
        elif fault == "session":
            f.tmux("kill-session", "-t", "=t-a1")
        else:
            os.kill(f.server_pid(), signal.SIGKILL)
        until(lambda: f.replaced("a1", before["a1"].pid), "a1 is back")
        until(lambda: set(f.rows()) == set(before), "everything is there")
        for name in ("a0", "a2", "web"):
            assert (f.rows()[name].pid == before[name].pid) == (fault != "server")
        until(lambda: f.states() == {"web": "running", "a0": "idle", "a1": "idle", "a2": "idle"}, "all idle")
        lost = {"process": "exited", "session": "vanished", "server": "vanished"}[fault]
        told = [event["kind"] for event in f.events() if event["subject"] == "a1"]
        assert told.count(lost) == 1
        assert told.count("started") == 2


def test_a_killed_watchdog_harms_nobody_and_up_brings_it_back() -> None:
    with fleet(demo_config(2)) as f:
        f.ao("up")
        before = f.rows()
        os.kill(f.watchdog_pid(), signal.SIGKILL)
        until(lambda: f.status()["watchdog"] is None, "status says so")
        assert "not running" in f.ao("status").stdout
        assert f.ao("status", "--exit-code", check=None).returncode == 3
        assert f.rows() == before
        assert "watchdog: started" in f.ao("up").stdout
        assert f.rows() == before
        pid = f.kill("a0")
        until(lambda: f.replaced("a0", pid), "the new watchdog heals")


def test_a_death_while_no_watchdog_runs_is_healed_by_the_next_one() -> None:
    with fleet(demo_config(2)) as f:
        f.ao("up")
        os.kill(f.watchdog_pid(), signal.SIGKILL)
        pid = f.kill("a1")
        f.ao("up")
        assert f.replaced("a1", pid)
        assert f.sessions() == ["t-a0", "t-a1"]


def test_what_a_person_stopped_stays_down_until_asked_up() -> None:
    with fleet(demo_config(2)) as f:
        f.ao("up")
        f.ao("down", "a0")
        assert f.states()["a0"] == "stopped"
        pid = f.kill("a1")
        until(lambda: f.replaced("a1", pid), "the watchdog still heals others")
        assert f.sessions() == ["t-a1"]
        f.ao("up", "a0")
        assert f.sessions() == ["t-a0", "t-a1"]


def test_a_session_of_that_name_that_is_not_ours_is_left_alone_and_said() -> None:
    with fleet(demo_config(2)) as f:
        f.tmux("-f", "/dev/null", "new-session", "-d", "-s", "t-a0", "sleep 1000")
        theirs = f.tmux("list-panes", "-t", "=t-a0:", "-F", "#{pane_pid}").stdout
        up = f.ao("up", check=1)
        assert "not this fleet's" in up.stderr
        assert f.states()["a0"] == "taken"
        f.ao("down")
        assert f.tmux("list-panes", "-t", "=t-a0:", "-F", "#{pane_pid}").stdout == theirs


def test_down_ends_children_that_left_the_session_and_those_that_ignore_term() -> None:
    script = "trap '' TERM HUP; setsid sleep 9871 & (setsid sleep 9872 &) ; nohup sleep 9873 >/dev/null 2>&1 & while :; do sleep 1; done"
    service = f'[[service]]\nname = "stubborn"\ncommand = """{script}"""\nstop_grace = 0.5\n'
    with fleet(demo_config(0, more=service)) as f:
        f.ao("up")

        def sleepers() -> list[str]:
            return sorted(
                words_of(p)[-1]
                for p in f.processes()
                if words_of(p)[0] == "sleep" and words_of(p)[-1].startswith("987")
            )

        until(lambda: sleepers() == ["9871", "9872", "9873"], "the children run")
        f.ao("down")
        assert sleepers() == []
        assert f.processes() == []


def test_the_config_is_followed_agents_come_go_and_change() -> None:
    with fleet(demo_config(2)) as f:
        f.ao("up")
        before = f.rows()
        f.write(demo_config(3))
        until(lambda: "a2" in f.rows(), "a new agent is started")
        f.write(demo_config(3) + "[[agent")
        until(lambda: f.status()["config_error"], "the broken config is named")
        pid = f.kill("a0")
        until(lambda: f.replaced("a0", pid), "healed by the last good config")
        f.write(demo_config(2) + 'model = "other"\n')
        until(lambda: "a2" not in f.rows(), "a removed agent is stopped")
        until(lambda: f.replaced("a1", before["a1"].pid), "a changed agent is restarted")
        assert f.status()["config_error"] is None


def test_a_crash_loop_backs_off_and_is_called_failed() -> None:
    crash = '[backend.crash]\nbin = "false"\n[[agent]]\nname = "bad"\nbackend = "crash"\n'
    with fleet(demo_config(1, more=crash, watchdog="max_restarts = 3\nbackoff_initial = 0.05")) as f:
        up = f.ao("up", check=1)
        assert "bad: died: exited with status 1" in up.stderr
        until(lambda: f.states()["bad"] == "failed", "it is called failed")
        assert sum(e["kind"] == "started" and e["subject"] == "bad" for e in f.events()) == 4
        assert f.states()["a0"] in {"idle", "working"}
        assert f.ao("status", "--exit-code", check=None).returncode == 3


def test_phases_are_shown_and_moved_by_name_and_number() -> None:
    loop = (
        '[loop]\nroles_dir = "roles"\n[[loop.phases]]\nid = "first"\nplan = "p1.md"\nstatus = "s1.md"\n'
        '[[loop.phases]]\nid = "second"\nplan = "p2.md"\nstatus = "s2.md"\n'
        '[[agent]]\nname = "builder"\nkind = "loop"\nrole = "builder"\n'
    )
    with fleet(demo_config(0)) as f:
        (f.folder / "roles").mkdir()
        (f.folder / "roles" / "builder.md").write_text("/say building\n")
        f.write(demo_config(0, more=loop))
        f.ao("up")
        assert "→ loop  0  first" in f.ao("phase").stdout
        pid = f.rows()["builder"].pid
        f.ao("phase", "set", "second")
        until(lambda: f.replaced("builder", pid), "the loop's agent is restarted into the phase")
        assert "→ loop  1  second" in f.ao("phase").stdout
        wrong = f.ao("phase", "set", "7", check=2)
        assert "0 first, 1 second" in wrong.stderr
        assert "last phase" in f.ao("phase", "next", check=2).stderr


def test_first_output_and_last_words_are_kept() -> None:
    talk = '[backend.talk]\nbin = "printf \'first words\\\\n\'; echo last words; exit 3"\nprompt_delivery = "exec"\n[[agent]]\nname = "talker"\nbackend = "talk"\nwatch = "none"\n'
    with fleet(demo_config(0, more=talk)) as f:
        up = f.ao("up", check=1)
        assert "exited with status 3" in up.stderr
        assert "last words" in up.stderr
        assert "first words" in f.ao("logs", "talker").stdout
        assert f.states()["talker"] == "dead"


def test_once_and_dry_run_look_without_a_watchdog() -> None:
    with fleet(demo_config(1)) as f:
        f.ao("up", "--no-watchdog")
        pid = f.kill("a0")
        until(lambda: f.rows()["a0"].dead, "it is dead")
        assert "start" in f.ao("watchdog", "--dry-run").stdout.lower() or f.rows()["a0"].dead
        assert f.rows()["a0"].dead, "a dry run does nothing"
        f.ao("watchdog", "--once")
        assert f.replaced("a0", pid)
        assert f.status()["watchdog"] is None


def test_a_second_watchdog_is_refused_with_the_pid_of_the_first() -> None:
    with fleet(demo_config(1)) as f:
        f.ao("up")
        second = f.ao("watchdog", check=4)
        assert str(f.watchdog_pid()) in second.stderr


def test_term_ends_the_watchdog_and_leaves_the_agents() -> None:
    with fleet(demo_config(1)) as f:
        f.ao("up")
        before = f.rows()
        watchdog = psutil.Process(f.watchdog_pid())
        watchdog.terminate()
        psutil.wait_procs([watchdog], timeout=10)
        assert not watchdog.is_running()
        assert f.rows() == before
        assert "Traceback" not in (f.folder / "log" / "watchdog.log").read_text()


def test_private_files_whatever_the_umask() -> None:
    with fleet(demo_config(1)) as f:
        command = f"umask 000; exec {subprocess.list2cmdline([sys.executable, '-m', 'orchestrator', 'up'])}"
        done = subprocess.run(
            ["sh", "-c", command],
            env=f.env,
            cwd=f.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        log = f.folder / "log"
        assert log.stat().st_mode & 0o777 == 0o700
        loose = [p for p in log.rglob("*") if p.is_file() and p.stat().st_mode & 0o077]
        assert loose == []


def broken(config: str) -> str:
    return demo_config(1) + config


@pytest.mark.parametrize(
    ("config", "words", "code"),
    [
        ('[[agent]]\nname = "x"\nbackend = "nope"\n', "nope", 2),
        (
            '[backend.gone]\nbin = "no-such-program-here"\n[[agent]]\nname = "x"\nbackend = "gone"\n',
            "not on PATH",
            1,
        ),
        ('[[agent]]\nname = "x"\nprompt_file = "missing.md"\n', "missing.md", 2),
        ('[[agent]]\nname = "x"\nwacth = "heal"\n', "did you mean", 2),
        ('[[agent]]\nname = "a0"\n', "a0", 2),
        ('[[agent]]\nname = "a; touch x"\n', "a; touch x", 2),
    ],
)
def test_bad_input_is_named_and_nothing_is_half_started(config: str, words: str, code: int) -> None:
    with fleet(broken(config)) as f:
        up = f.ao("up", check=code)
        assert words in up.stderr
        assert not (f.folder / "x").exists()
        if code == 2:
            assert f.sessions() == []
            assert f.processes() == []


@pytest.mark.parametrize("text", ["", "not toml at all [", "# only a comment\n"])
def test_a_file_that_declares_nothing_is_refused(text: str) -> None:
    with fleet(text) as f:
        assert f.ao("up", check=2).stderr.strip()
        assert f.processes() == []


def test_a_missing_dir_is_made(tmp_path: Path) -> None:
    with fleet(demo_config(1, more=f'dir = "{tmp_path}/deep/er"\n')) as f:
        f.ao("up")
        assert (tmp_path / "deep" / "er").is_dir()


def test_an_agent_with_a_worktree_has_a_branch_of_its_own_and_loses_nothing_when_it_goes() -> None:
    extra = '[[agent]]\nname = "w{n}"\nworktree = true\ndir = "repo"\nprompt = "/sh git rev-parse --abbrev-ref HEAD; pwd"\n'
    with fleet("") as f:
        repo = f.folder / "repo"
        for words in (
            ["init", "-q", "-b", "main", str(repo)],
            [
                "-C",
                str(repo),
                "-c",
                "user.name=a",
                "-c",
                "user.email=a@b",
                "commit",
                "-q",
                "--allow-empty",
                "-m",
                "begin",
            ],
        ):
            subprocess.run(["git", *words], check=True)
        f.write(demo_config(1, more="".join(extra.format(n=n) for n in range(4))))
        f.ao("up")
        trees = f.folder / "log" / "state" / "worktrees"
        for n in range(4):
            until(lambda n=n: f"ao/w{n}" in f.screen(f"w{n}"), "it is on its branch")
            assert str(trees / f"w{n}") in f.screen(f"w{n}")
        (trees / "w1" / "only-here.txt").write_text("x")
        f.write(demo_config(1))
        until(lambda: not (trees / "w0").exists(), "what holds nothing is taken away")
        until(lambda: any(e["kind"] == "worktree-kept" for e in f.events()), "what holds something is kept")
        (kept,) = [e["message"] for e in f.events() if e["kind"] == "worktree-kept"]
        assert "only-here.txt" in kept
        assert (trees / "w1" / "only-here.txt").exists()
        f.ao("down")


def test_an_agent_that_stands_idle_is_restarted_unless_it_says_that_it_waits() -> None:
    more = "[backend.demo]\nstall_idle = 2\n"
    config = demo_config(2, more=more).replace('watch = "heal"', 'watch = "heal+stall"')
    config = config.replace("/say hello", "/say WAITING-UNTIL: 2099-01-01T00:00:00Z", 1)
    with fleet(config) as f:
        f.ao("up")
        until(lambda: any(e["kind"] == "stalled" for e in f.events()), "it is noticed")
        until(lambda: f.rows()["a1"].pid and f.status()["sessions"][1]["restarts"] >= 1, "it is restarted")
        assert {e["subject"] for e in f.events() if e["kind"] == "stalled"} == {"a1"}
        assert "says that it waits until 2099-01-01" in f.ao("explain", "a0").stdout
        f.ao("down")
