"""Who belongs to a run, and that a signal hits nobody else: on real processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from orchestrator.adapters import processes
from orchestrator.adapters.processes import (
    DeathWatch,
    ProcessTable,
    Row,
    command_line,
    end,
    is_alive,
    tree_command_lines,
)
from orchestrator.model.observation import Process
from tests.support.fleet import until
from tests.unit.adapters.zoo import Zoo, zoo

CROWD = """
sleep 10.WORD &
setsid sleep 11.WORD &
nohup sleep 12.WORD >/dev/null 2>&1 &
sh -c 'trap "" HUP TERM; sleep 13.WORD; :' &
sh -c 'sleep 14.WORD & exit 0'
sh -c 'setsid sleep 15.WORD & exit 0'
env -i setsid sleep 16.WORD &
sh -c 'env -i sleep 17.WORD & exit 0'
sh -c 'env -i setsid sleep 18.WORD & exit 0'
sleep 19.WORD
"""
ALL = {str(number) for number in range(10, 20)}
UNMARKED_DAEMON = {"18"}
"""Left its session, its parent and its environment: nothing tells whose it was."""
UNMARKED_CHILD = {"16"}
"""Left its session and its environment: known as a child only while its parents live."""
needs_proc = pytest.mark.skipif(not processes.LINUX, reason="compares with /proc")


@pytest.fixture
def crowd() -> Iterator[Zoo]:
    with zoo(CROWD, {"AO_RUN": "run-1"}) as made:
        until(lambda: set(made.sleepers()) == ALL, "all are there")
        yield made


def found(table: ProcessTable, made: Zoo, leader: int, run: str, *, living: bool) -> set[str]:
    pids = {process.pid for process in table.members(leader, run, living=living)}
    return {name for name, process in made.sleepers().items() if process.pid in pids}


def test_members_while_the_leader_lives(crowd: Zoo) -> None:
    table = ProcessTable.read()
    assert found(table, crowd, crowd.leader, "run-1", living=True) == ALL - UNMARKED_DAEMON
    assert crowd.leader in {process.pid for process in table.members(crowd.leader, "run-1", living=True)}


def test_members_without_a_run_to_go_by(crowd: Zoo) -> None:
    assert found(ProcessTable.read(), crowd, crowd.leader, "", living=True) == ALL - UNMARKED_DAEMON - {"15"}


def test_members_without_a_leader_to_go_by(crowd: Zoo) -> None:
    marked = found(ProcessTable.read(), crowd, 0, "run-1", living=False)
    assert marked == ALL - UNMARKED_DAEMON - {"17"}


def test_members_after_the_leader_died(crowd: Zoo) -> None:
    psutil.Process(crowd.leader).kill()
    until(lambda: not is_alive(crowd.leader), "the leader is dead")
    assert (
        found(ProcessTable.read(), crowd, crowd.leader, "run-1", living=False)
        == ALL - UNMARKED_DAEMON - UNMARKED_CHILD
    )


@pytest.mark.parametrize("leader", [0, 1, -1])
@pytest.mark.parametrize("living", [True, False])
def test_no_leader_and_no_run_is_nobody(leader: int, living: bool) -> None:
    assert ProcessTable.read().members(leader, "", living=living) == ()
    assert ProcessTable.read().members(leader, "no such run", living=living) == ()


def test_a_pid_that_is_used_again_is_not_taken_for_the_leader(crowd: Zoo) -> None:
    with zoo("sleep 30.WORD & sleep 31.WORD") as stranger:
        until(lambda: len(stranger.sleepers()) == 2, "the stranger is there")
        table = ProcessTable.read()
        assert found(table, stranger, stranger.leader, "run-1", living=False) == set()
        assert found(table, crowd, stranger.leader, "run-1", living=False) == ALL - UNMARKED_DAEMON - {"17"}


@pytest.mark.parametrize("run", ["run-", "run-11", "un-1", "RUN-1"])
def test_a_run_is_matched_as_a_whole(crowd: Zoo, run: str) -> None:
    assert found(ProcessTable.read(), crowd, 0, run, living=False) == set()


def test_neither_this_process_nor_its_ancestors_nor_its_helpers() -> None:
    """An `ao` that is run inside an agent, and ends that agent."""
    code = """
import os, subprocess, sys
from orchestrator.adapters.processes import ProcessTable
with subprocess.Popen(["sleep", "60"]) as helper:
    members = ProcessTable.read().members(os.getpid() if sys.argv[1] == "self" else os.getppid(), "run-2", living=True)
    print(os.getpid(), helper.pid, *[each.pid for each in members])
    helper.kill()
"""
    for whose in ("self", "parent"):
        done = subprocess.run(
            [sys.executable, "-c", code, whose], env={**os.environ, "AO_RUN": "run-2", "PYTHONPATH": os.getcwd()},  # noqa: PTH109
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        own, helper, *members = map(int, done.stdout.split())
        assert not {own, helper, os.getpid(), os.getppid(), 1} & set(members)


def test_zombies_and_rings_of_parents() -> None:
    rows = [
        Row(100, 1, 100, 5, True, "leader"), Row(101, 100, 100, 6, False, "child"), Row(102, 101, 7, 7, False, "grandchild"),
        Row(200, 201, 0, 1, False, "ring"), Row(201, 200, 0, 1, False, "ring"),
    ]  # fmt: skip
    table = ProcessTable(rows)
    assert [each.pid for each in table.members(100, "", living=False)] == [101, 102]
    assert [each.pid for each in table.members(200, "", living=True)] == [200, 201]


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        ["sleep", "60"], env={"PATH": os.environ["PATH"], "AO_RUN": "x", "UMLAUT": "ü"}
    ) as made:
        until(lambda: command_line(made.pid) == "sleep 60", "it runs")
        yield made
        made.kill()


def named(pid: int) -> Process:
    row = processes._row(pid) if processes.LINUX else processes._psutil_row(pid)
    assert row is not None
    return Process(pid, row.started, row.command)


def test_end_asks_and_kills(child: subprocess.Popen[bytes]) -> None:
    assert end(named(child.pid), kill=False)
    assert child.wait(10) == -15
    with subprocess.Popen(["sh", "-c", "trap '' TERM; while :; do sleep 1; done"]) as deaf:
        assert end(named(deaf.pid), kill=True)
        assert deaf.wait(10) == -9


@pytest.mark.parametrize("off", [-1, 1])
def test_end_leaves_a_process_of_another_start_time_alone(child: subprocess.Popen[bytes], off: int) -> None:
    right = named(child.pid)
    assert end(Process(right.pid, right.started + off, right.command), kill=True)
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(0.2)


def test_end_of_what_is_gone_is_done(child: subprocess.Popen[bytes]) -> None:
    gone = named(child.pid)
    child.kill()
    child.wait()
    assert end(gone, kill=True)


def test_a_zombie_is_not_alive(child: subprocess.Popen[bytes]) -> None:
    assert is_alive(child.pid)
    child.kill()
    until(lambda: not is_alive(child.pid), "it counts as ended before it is collected")
    assert child.returncode is None
    assert psutil.pid_exists(child.pid)


def test_command_lines_of_a_tree_and_its_threads() -> None:
    code = (
        "import subprocess, threading\n"
        "def run(): subprocess.run(['sleep', '41.WORD'])\n"
        "threading.Thread(target=run).start()\n"
        "subprocess.run(['sh', '-c', 'sleep 42.WORD; :'])\n"
    )
    with zoo(f'{sys.executable} -c "{code}"; :') as made:
        until(lambda: set(made.sleepers()) == {"41", "42"}, "both are there")
        for lines in (tree_command_lines(made.leader), ProcessTable.read().command_lines(made.leader)):
            assert lines[0].startswith("/bin/sh -c")
            assert {f"sleep 41.{made.word}", f"sleep 42.{made.word}"} <= set(lines)


def test_command_lines_of_nobody() -> None:
    assert tree_command_lines(0) == ()
    assert tree_command_lines(2**22 + 1) == ()


@needs_proc
def test_psutil_sees_what_proc_shows(child: subprocess.Popen[bytes]) -> None:
    mine, theirs = processes._row(child.pid), processes._psutil_row(child.pid)
    assert mine is not None
    assert theirs is not None
    assert (theirs.pid, theirs.parent, theirs.session, theirs.zombie, theirs.command) == (
        mine.pid, mine.parent, mine.session, mine.zombie, mine.command,
    )  # fmt: skip
    assert theirs == processes._psutil_row(child.pid)
    assert processes._psutil_command_line(child.pid) == command_line(child.pid) == "sleep 60"
    assert set(processes._psutil_environment(child.pid).split(b"\0")) == set(
        processes._environment(child.pid).split(b"\0")
    )
    child.kill()
    until(lambda: not is_alive(child.pid), "dead")
    zombie = processes._psutil_row(child.pid)
    assert zombie is not None
    assert zombie.zombie
    child.wait()
    assert processes._psutil_row(child.pid) is processes._row(child.pid) is None
    assert processes._psutil_command_line(child.pid) == ""
    assert processes._psutil_environment(child.pid) == b""


@needs_proc
def test_psutil_finds_the_same_members(crowd: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "LINUX", False)
    table = ProcessTable.read()
    assert found(table, crowd, crowd.leader, "run-1", living=True) == ALL - UNMARKED_DAEMON
    sleeper = crowd.sleepers()["10"].pid
    (process,) = [each for each in table.members(crowd.leader, "run-1", living=True) if each.pid == sleeper]
    assert end(Process(process.pid, process.started + 1, ""), kill=True)
    assert is_alive(sleeper)
    assert end(process, kill=True)
    until(lambda: not is_alive(sleeper), "ended by its psutil name")
    assert f"sleep 11.{crowd.word}" in tree_command_lines(crowd.leader)


@pytest.fixture(params=["pidfd", "polling"])
def watch(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[DeathWatch]:
    if request.param == "polling":
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    made = DeathWatch()
    yield made
    made.watch([])


def test_deaths_are_known(watch: DeathWatch, child: subprocess.Popen[bytes]) -> None:
    opened, closed = watch.watch([child.pid])
    assert closed == set()
    assert not watch.ended(child.pid)
    child.kill()
    until(lambda: not is_alive(child.pid), "dead")
    if opened:
        assert watch.note(list(opened)) == opened
    assert watch.ended(child.pid)
    assert watch.watch([child.pid]) == (set(), set())


def test_a_process_that_died_before_it_was_watched(watch: DeathWatch, child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()
    assert watch.watch([child.pid, 0]) == (set(), set())
    assert watch.ended(child.pid)
    assert watch.ended(0)


def test_watching_other_pids_lets_go_of_the_first(child: subprocess.Popen[bytes]) -> None:
    watch = DeathWatch()
    opened, _ = watch.watch([child.pid])
    assert watch.watch([child.pid]) == (set(), set())
    assert watch.watch([os.getpid()])[1] == opened
    assert watch.watch([])[1]
    for descriptor in opened:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)


@needs_proc
def test_start_times_are_clock_ticks_since_boot(child: subprocess.Popen[bytes]) -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    assert abs(named(child.pid).started / ticks - time.clock_gettime(time.CLOCK_BOOTTIME)) < 30
