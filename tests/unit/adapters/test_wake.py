"""What wakes the watchdog, each by the real thing."""

from __future__ import annotations

import gc
import os
import signal
import stat
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.adapters.knock import FIFO, knock
from orchestrator.adapters.wake import Waker
from tests.support.fleet import until

LONG = 20.0


@pytest.fixture
def waker(tmp_path: Path) -> Iterator[Waker]:
    made = Waker(tmp_path)
    yield made
    made.close()


def descriptors() -> int:
    gc.collect()  # so that nothing of other tests is closed in between
    return len(list(Path("/dev/fd").iterdir()))


def test_nothing_wakes_it(waker: Waker) -> None:
    assert waker.wait(0) == (False, False)
    assert waker.wait(-1) == (False, False)


def test_a_knock_wakes_it_once(waker: Waker, tmp_path: Path) -> None:
    for _ in range(3):
        knock(tmp_path)
    assert waker.wait(LONG) == (True, False)
    assert waker.wait(0) == (False, False)


def test_a_knock_at_an_empty_house(tmp_path: Path) -> None:
    knock(tmp_path)
    knock(tmp_path / "nowhere")
    Waker(tmp_path).close()
    knock(tmp_path)


def test_knocks_never_wait_for_a_watchdog_that_hangs(waker: Waker, tmp_path: Path) -> None:
    for _ in range(70_000):
        knock(tmp_path)
    assert waker.wait(LONG) == (True, False)
    assert waker.wait(0) == (False, False)


@pytest.mark.parametrize("planted", ["file", "link", "open FIFO"])
def test_what_is_in_the_place_of_the_fifo(tmp_path: Path, planted: str) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    fifo = tmp_path / FIFO
    if planted == "open FIFO":
        os.mkfifo(fifo)
    elif planted == "link":
        fifo.symlink_to(victim)
    else:
        fifo.write_text("x")
    waker = Waker(tmp_path)
    knock(tmp_path)
    assert waker.wait(LONG) == (True, False)
    assert stat.S_ISFIFO(fifo.lstat().st_mode)
    assert victim.read_text() == "precious"
    waker.close()


def test_a_poke_from_another_thread(waker: Waker) -> None:
    thread = threading.Thread(target=waker.poke)
    thread.start()
    assert waker.wait(LONG) == (True, False)
    thread.join()


def test_a_late_poke_writes_into_nobody_elses_file(tmp_path: Path) -> None:
    waker = Waker(tmp_path)
    waker.close()
    files = [(tmp_path / f"file {number}").open("wb") for number in range(8)]
    waker.poke()
    for file in files:
        file.close()
    assert {path.stat().st_size for path in tmp_path.glob("file *")} == {0}


def test_a_death_wakes_it(waker: Waker) -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        waker.watch([child.pid])
        assert waker.wait(0) == (False, False)
        assert not waker.ended(child.pid)
        child.kill()
        assert waker.wait(LONG) == (True, False)
        assert waker.ended(child.pid)
        assert waker.wait(0) == (False, False)
        waker.watch([child.pid])
        assert waker.wait(0) == (False, False)


def test_tmux_has_news(waker: Waker) -> None:
    out, into = os.pipe()
    waker.watch_tmux(out)
    waker.watch_tmux(out)
    assert waker.wait(0) == (False, False)
    os.write(into, b"x")
    assert waker.wait(LONG) == (False, True)
    waker.watch_tmux(None)
    assert waker.wait(0) == (False, False)
    os.close(out)
    os.close(into)


def test_a_new_client_of_tmux_with_the_number_of_the_old_one_is_heard(waker: Waker) -> None:
    out, into = os.pipe()
    waker.watch_tmux(out)
    other_out, other_into = os.pipe()
    os.dup2(other_out, out)  # the old one is closed, and its number is used again at once
    waker.watch_tmux(out)
    os.write(other_into, b"x")
    assert waker.wait(LONG) == (False, True)
    waker.watch_tmux(None)
    for descriptor in (out, into, other_out, other_into):
        os.close(descriptor)


def test_a_death_is_heard_on_a_number_that_was_tmuxs(waker: Waker) -> None:
    out, into = os.pipe()
    waker.watch_tmux(out)
    os.close(out)
    with subprocess.Popen(["sleep", "60"]) as child, subprocess.Popen(["sleep", "60"]) as other:
        waker.watch([child.pid, other.pid])
        waker.watch_tmux(None)
        child.kill()
        other.kill()
        until(lambda: waker.wait(1) and waker.ended(child.pid) and waker.ended(other.pid), "both deaths")
    os.close(into)


def test_watching_leaks_no_descriptor(waker: Waker, tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        waker.watch([child.pid])
        waker.watch([])
        before = descriptors()
        for number in range(200):
            waker.watch([child.pid, os.getpid()] if number % 2 else [os.getppid()])
            knock(tmp_path)
            assert waker.wait(LONG) == (True, False)
        waker.watch([])
        assert descriptors() == before
        child.kill()


def test_closing_lets_go_of_everything(tmp_path: Path) -> None:
    Waker(tmp_path).close()
    before = descriptors()
    for _ in range(20):
        waker = Waker(tmp_path)
        waker.watch([os.getpid()])
        waker.close()
    assert descriptors() == before


def test_signals_end_it(waker: Waker) -> None:
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        for number in numbers:
            waker.signalled = False
            waker.catch_signals()
            timer = threading.Timer(0.05, os.kill, (os.getpid(), number))
            timer.start()
            assert waker.wait(LONG) == (True, False)
            assert waker.signalled
            timer.join()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def write(path: Path) -> None:
    path.write_text("changed")


def replace(path: Path) -> None:
    fresh = path.with_name(".fresh")
    fresh.write_text("changed")
    fresh.rename(path)


@pytest.mark.parametrize("change", [write, replace, Path.unlink])
@pytest.mark.parametrize("linked", [False, True])
def test_a_changed_file_wakes_it(waker: Waker, tmp_path: Path, change: object, linked: bool) -> None:
    folder = tmp_path / "config"
    folder.mkdir()
    real = folder / "real.toml"
    real.write_text("one")
    path = tmp_path / "agents.toml" if linked else real
    if linked:
        path.symlink_to(real)
    waker.watch_files("config", [path])
    assert callable(change)
    touched = folder / "ready.toml"
    until(lambda: _until_watching(waker, real, touched), "the thread watches")
    change(real)
    assert waker.wait(LONG) == (True, False)


def _until_watching(waker: Waker, real: Path, touched: Path) -> bool:
    """Nobody says when the watching begins; from the first wake on it does."""
    touched.write_text("another file does not matter")
    os.utime(real)
    real.write_text(real.read_text())
    woken, _ = waker.wait(0.3)
    while woken and waker.wait(0.3)[0]:
        pass
    return woken
