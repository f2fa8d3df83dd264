"""What the store does with a file of an earlier version, a broken one, and a full disk."""

from __future__ import annotations

import os
import resource
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.adapters import store as module
from orchestrator.adapters import store_schema
from orchestrator.adapters.store import Store
from orchestrator.adapters.store_schema import MIGRATIONS, StoreBroken
from orchestrator.model.action import Plan
from orchestrator.model.memory import (
    Memory,
)
from tests.support.fleet import until
from tests.unit.adapters.stores import FULL_MEMORY, close_stores, event, fill, open_store


@pytest.fixture(autouse=True)
def _close_stores() -> Iterator[None]:
    yield
    close_stores()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ao.db"


# ---- versions


def test_a_store_of_version_0_is_brought_up_to_date(path: Path) -> None:
    sqlite3.connect(path).close()
    store = open_store(path)
    store.save(Plan(FULL_MEMORY), 1.0)
    assert store._db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    assert store.moved_aside is None


def test_a_step_is_added_to_a_store_that_is_in_use(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(path)
    steps = (*MIGRATIONS, ("ALTER TABLE events ADD COLUMN extra TEXT", "CREATE TABLE more (id INTEGER)"))
    for each in (module, store_schema):
        monkeypatch.setattr(each, "MIGRATIONS", steps)
    store = open_store(path)
    assert store.moved_aside is None
    assert store.load_memory() == FULL_MEMORY
    assert store._db.execute("PRAGMA user_version").fetchone() == (len(steps),)
    store.close()
    assert open_store(path).moved_aside is None


def test_a_step_that_fails_leaves_no_half_of_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(path)
    for each in (module, store_schema):
        monkeypatch.setattr(each, "MIGRATIONS", (*MIGRATIONS, ("CREATE TABLE more (id INTEGER)", "NONSENSE")))
    with pytest.raises(sqlite3.OperationalError):
        open_store(path)
    (aside,) = path.parent.glob("ao.db.broken-1")
    monkeypatch.undo()
    kept = open_store(aside)
    assert kept.moved_aside is None
    assert kept.load_memory() == FULL_MEMORY


# ---- broken files


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "something").write_text("of value")


def a_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def a_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def damage_inside(path: Path) -> None:
    data = bytearray(path.read_bytes())
    page = 4096
    for start in range(page, len(data), 2 * page):
        data[start : start + 400] = os.urandom(400)
    path.write_bytes(data)


def written_later(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    db.commit()
    db.close()


def of_another_program(path: Path) -> None:
    path.unlink()
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("CREATE TABLE memory (something TEXT)")
    db.close()


BROKEN: dict[str, Callable[[Path], object]] = {
    "garbage": lambda path: path.write_bytes(os.urandom(5000)),
    "text": lambda path: path.write_text("hello\n"),
    "NULs": lambda path: path.write_bytes(b"\0" * 8192),
    "cut in the header": lambda path: os.truncate(path, 60),
    "cut after a page": lambda path: os.truncate(path, 4096),
    "cut in the middle": lambda path: os.truncate(path, path.stat().st_size // 2),
    "damaged inside": damage_inside,
    "a folder": a_folder,
    "a link": a_link,
    "a FIFO": a_fifo,
    "written by a later version": written_later,
    "of another program": of_another_program,
}


@pytest.mark.parametrize("break_it", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_store_is_kept_aside_and_begun_anew(path: Path, break_it: Callable[[Path], object]) -> None:
    fill(path)
    break_it(path)
    before = content(path)
    store = open_store(path)
    assert store.moved_aside == path.with_name("ao.db.broken-1")
    assert content(store.moved_aside) == before
    assert store.load_memory() == Memory()
    store.save(Plan(FULL_MEMORY, events=(event("new"),)), 1.0)
    store.close()
    again = open_store(path)
    assert again.moved_aside is None
    assert again.load_memory() == FULL_MEMORY


def test_a_second_broken_store_does_not_replace_the_first(path: Path) -> None:
    for text in ("first", "second"):
        path.write_text(text)
        open_store(path).close()
    assert [path.with_name(f"ao.db.broken-{number}").read_text() for number in (1, 2)] == ["first", "second"]


def test_an_empty_file_is_a_new_store(path: Path) -> None:
    path.touch()
    store = open_store(path)
    assert store.moved_aside is None
    assert store.load_memory() == Memory()


def test_the_file_behind_a_planted_link_is_not_touched(path: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    path.symlink_to(victim)
    open_store(path).close()
    assert victim.read_text() == "precious"
    assert not path.is_symlink()


@pytest.mark.parametrize("umask", [0, 0o022, 0o077, 0o377])
def test_nobody_else_can_read_it(path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        store = open_store(path)
        store.add_event(event("x"), 1.0)
    finally:
        os.umask(before)
    files = sorted(path.parent.iterdir())
    assert [each.name for each in files] == ["ao.db", "ao.db-shm", "ao.db-wal"]
    assert {stat.S_IMODE(each.stat().st_mode) for each in files} == {0o600}


def test_a_full_disk_loses_no_store_and_is_got_over(path: Path) -> None:
    """With a limit on file sizes in the place of a full disk, in a process of its own."""
    fill(path)
    code = """
import pathlib, resource, sys
from orchestrator.adapters.store import Store, StoreBroken
from orchestrator.model.event import Event, EventKind
path = pathlib.Path(sys.argv[1])
def limit(size): resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
def refused(do):
    try: do()
    except StoreBroken as error: return str(error)
    raise SystemExit("it was not refused")
large = Event(EventKind.STARTED, "a", "x" * 200_000)
store = Store(path)
limit(100_000)
print(refused(lambda: store.add_event(large, 1.0)))
print(refused(lambda: store.add_event(large, 1.0)))
limit(resource.RLIM_INFINITY)
store.add_event(large, 1.0)
store.close()
limit(10)
print(refused(lambda: Store(path)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "can't be written" in done.stdout.splitlines()[0]
    assert "can't be opened" in done.stdout.splitlines()[2]
    assert not list(path.parent.glob("*.broken*"))
    store = open_store(path)
    assert store.load_memory() == FULL_MEMORY
    assert len(store.events(limit=500)) == 201


def test_a_full_database_is_named_as_full_each_time(path: Path) -> None:
    store = open_store(path)
    large = event("x" * 200_000)
    store._db.execute("PRAGMA max_page_count = 20")
    for _ in range(2):
        with pytest.raises(StoreBroken, match="full"):
            store.add_event(large, 1.0)
    store._db.execute("PRAGMA max_page_count = 1000")
    store.add_event(large, 1.0)
    assert len(store.events()) == 1


def test_no_descriptor_left_is_no_fault_of_the_store(path: Path) -> None:
    fill(path)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = [os.open(os.devnull, os.O_RDONLY)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (taken[0] + 1, hard))
    try:
        with pytest.raises(StoreBroken):
            open_store(path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        os.close(taken[0])
    assert open_store(path).load_memory() == FULL_MEMORY


def content(path: Path) -> object:
    if path.is_symlink():
        return path.readlink()
    if path.is_dir():
        return {each.name: each.read_text() for each in path.iterdir()}
    return path.read_bytes() if path.is_file() else stat.S_IFMT(path.lstat().st_mode)


def test_killed_in_the_middle_of_writing_it_is_whole(path: Path) -> None:
    code = """
import pathlib, sys
from orchestrator.adapters.store import Store
from orchestrator.model.action import Plan
from orchestrator.model.event import Event, EventKind
from orchestrator.model.memory import Memory
store = Store(pathlib.Path(sys.argv[1]))
for number in range(10**6):
    store.save(Plan(Memory(boot=str(number)), events=(Event(EventKind.STARTED, "a", str(number)),)), 1.0)
"""
    writer = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], env={**os.environ, "PYTHONPATH": str(Path.cwd())}
    )
    try:
        until(lambda: path.exists() and path.stat().st_size > 0 and _written(path) > 20, "it writes")
    finally:
        writer.kill()
        writer.wait()
    store = open_store(path)
    assert store.moved_aside is None
    assert store.load_memory().boot == store.events()[-1].event.message


def _written(path: Path) -> int:
    try:
        reader = Store(path, read_only=True)
        try:
            return reader.last_event_id()
        finally:
            reader.close()
    except StoreBroken:
        return 0
