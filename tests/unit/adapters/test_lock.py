"""The fleet's lock, between real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.adapters.lock import FleetLock, Holder
from orchestrator.errors import Busy
from tests.support.fleet import until

ME = Holder(os.getpid(), "/x/agents.toml", "watchdog", 1.0)
HOLD = """
import os, pathlib, subprocess, sys
from orchestrator.adapters.lock import FleetLock, Holder
lock = FleetLock(pathlib.Path(sys.argv[1]))
lock.acquire(Holder(os.getpid(), "/y/agents.toml", "up", 2.0))
child = subprocess.Popen(["sleep", "60"])
print(child.pid, flush=True)
sys.stdin.read()
lock.release()
child.kill()
"""
PROBE = """
import pathlib, sys
from orchestrator.adapters.lock import FleetLock
lock = FleetLock(pathlib.Path(sys.argv[1]))
print("probing", flush=True)
while True:
    lock.is_held()
"""
Run = Callable[[str], subprocess.Popen[str]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


@pytest.fixture
def run(path: Path) -> Iterator[Run]:
    started: list[subprocess.Popen[str]] = []

    def start(code: str) -> subprocess.Popen[str]:
        program = subprocess.Popen(
            [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        )  # fmt: skip
        started.append(program)
        return program

    yield start
    for program in started:
        program.kill()
        program.communicate()


def first_line(program: subprocess.Popen[str]) -> str:
    assert program.stdout is not None
    return program.stdout.readline().strip()


def test_one_holder_at_a_time(path: Path) -> None:
    first, second = FleetLock(path), FleetLock(path)
    assert not second.is_held()
    first.acquire(ME)
    assert second.is_held()
    assert second.holder() == ME
    with pytest.raises(Busy, match=rf"pid {os.getpid()}, watchdog, /x/agents\.toml"):
        second.acquire(ME)
    first.release()
    assert not second.is_held()
    assert second.holder() is None
    second.acquire(ME)
    second.release()


def test_children_of_the_holder_do_not_keep_it(path: Path, run: Run) -> None:
    holder = run(HOLD)
    child = int(first_line(holder))
    lock = FleetLock(path)
    assert lock.is_held()
    with pytest.raises(Busy, match=rf"pid {holder.pid}, up, /y/agents\.toml"):
        lock.acquire(ME)
    try:
        holder.kill()
        holder.wait()
        os.kill(child, 0)
        assert not lock.is_held()
        lock.acquire(ME)
        assert lock.holder() == ME
        lock.release()
    finally:
        os.kill(child, 9)


def test_a_release_lets_the_next_one_in(path: Path, run: Run) -> None:
    holder = run(HOLD)
    first_line(holder)
    holder.communicate("")
    assert holder.returncode == 0
    FleetLock(path).acquire(ME)


def test_probes_never_keep_a_watchdog_from_starting(path: Path, run: Run) -> None:
    path.touch()
    for _ in range(3):
        assert first_line(run(PROBE)) == "probing"
    for _ in range(60):
        lock = FleetLock(path)
        lock.acquire(ME)
        lock.release()


@pytest.mark.parametrize(
    "stale",
    [
        b"",
        b"\0\0",
        b"{",
        b"[]",
        b"null",
        b"5",
        b'{"pid": 1}',
        b"\xff\xfe",
        b'{"pid":1,"config":"/gone","role":"watchdog","at":0.0}',
    ],
)
def test_what_the_file_says_does_not_hold_it(path: Path, stale: bytes) -> None:
    path.write_bytes(stale)
    lock = FleetLock(path)
    assert not lock.is_held()
    other = FleetLock(path)
    other.acquire(ME)
    assert lock.holder() == ME
    path.write_bytes(stale)
    with pytest.raises(Busy):
        lock.acquire(ME)
    other.release()


def test_a_planted_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    path.symlink_to(victim)
    with pytest.raises(OSError, match="symbolic"):
        FleetLock(path).acquire(ME)
    assert not FleetLock(path).is_held()
    assert victim.read_text() == "precious"


def test_a_refused_lock_leaks_no_descriptor(path: Path) -> None:
    holder = FleetLock(path)
    holder.acquire(ME)
    before = len(list(Path("/dev/fd").iterdir()))
    for _ in range(3):
        with pytest.raises(Busy):
            FleetLock(path).acquire(ME)
    until(lambda: len(list(Path("/dev/fd").iterdir())) == before, "as many descriptors as before")
    holder.release()
    assert path.stat().st_mode & 0o777 == 0o600
