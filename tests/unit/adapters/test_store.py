"""The store on a real disk: what it keeps, who may use it at once, and what it does with a broken file."""

from __future__ import annotations

import os
import resource
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.adapters import store as module
from orchestrator.adapters.store import MIGRATIONS, Store, StoreBroken
from orchestrator.model.action import Plan
from orchestrator.model.event import Event, EventKind
from orchestrator.model.memory import (
    Delivery,
    DeliveryState,
    Desire,
    Exit,
    Memory,
    PhaseMemory,
    ReadingMemory,
    SessionMemory,
    Stage,
)
from orchestrator.model.reading import State
from orchestrator.model.request import Outcome, Request, Result, Verb
from orchestrator.model.view import Condition, View
from tests.support.fleet import until

FULL_MEMORY = Memory(
    boot="boot-1", up=True, starts=(1.5, 2.25), server_pid=7, config_error="bad ✳",
    sessions={
        "a": SessionMemory(
            name="a", desire=Desire.UP, stage=Stage.RUNNING, run="r", deaths=(3.0,), due=9.75,
            exit=Exit(1.0, 2.0, status=3, words=("last", "wörds")), reading=ReadingMemory(state=State.LIMITED, reset_at=5.0, idle_mono=None),
            deliveries=(Delivery("k", 'text\nwith "lines" ✳', "wake", DeliveryState.TYPED, presses=2),), survivors=("1 sh",),
        ),
        "b/c d": SessionMemory(name="b/c d"),
    },
    phases={"loop": PhaseMemory(index=2, phase_id="p2", ids=("p1", "p2"))},
)  # fmt: skip


_opened: list[Store] = []


def open_store(path: Path, *, read_only: bool = False) -> Store:
    _opened.append(Store(path, read_only=read_only))
    return _opened[-1]


@pytest.fixture(autouse=True)
def _close_stores() -> Iterator[None]:
    yield
    while _opened:
        _opened.pop().close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ao.db"


def event(message: str, subject: str = "a") -> Event:
    return Event(EventKind.STARTED, subject, message, {"pid": 7, "words": ["x", "ü"]})


def view(name: str, reason: str = "") -> View:
    return View(name, "loop", name, "claude", "m", "heal", Condition.IDLE, 1.0, reason=reason)


def fill(path: Path) -> None:
    """A store with enough in it to have several pages."""
    store = open_store(path)
    store.load_memory()
    store.save(Plan(FULL_MEMORY, events=tuple(event("x" * 300) for _ in range(200)), views=(view("a"),)), 1.0)
    store.close()


# ---- what it keeps


def test_memory_comes_back_as_it_was(path: Path) -> None:
    store = open_store(path)
    assert store.load_memory() == Memory()
    store.save(Plan(FULL_MEMORY), 1.0)
    store.close()
    assert open_store(path).load_memory() == FULL_MEMORY


def test_what_is_no_more_is_forgotten(path: Path) -> None:
    store = open_store(path)
    store.save(Plan(FULL_MEMORY, views=(view("a"), view("b"))), 1.0)
    store.close()
    again = open_store(path)
    again.load_memory()
    again.save(Plan(Memory(boot="boot-2"), views=(view("b"),)), 2.0)
    assert again.load_memory() == Memory(boot="boot-2")
    assert [each.name for each in again.views()] == ["b"]


def test_views_follow_the_order_of_the_config(path: Path) -> None:
    store = open_store(path)
    store.save(Plan(Memory(), views=(view("a"), view("b"), view("c"))), 1.0)
    store.save(Plan(Memory(), views=(view("c"), view("a"), view("b"))), 2.0)
    assert [each.name for each in store.views()] == ["c", "a", "b"]


def test_only_what_changed_is_written(path: Path) -> None:
    store = open_store(path)
    store.save(Plan(FULL_MEMORY, views=(view("a"), view("b"))), 1.0)
    assert changes(store, Plan(FULL_MEMORY, views=(view("a"), view("b")))) == 0
    assert changes(store, Plan(FULL_MEMORY, views=(view("a"), view("b", "new")))) == 1
    moved = Memory(
        boot="boot-1",
        sessions={**FULL_MEMORY.sessions, "a": SessionMemory(name="a")},
        phases=FULL_MEMORY.phases,
    )
    assert changes(store, Plan(moved, views=(view("a"), view("b", "new")))) == 2
    store.close()
    again = open_store(path)
    again.load_memory()
    assert changes(again, Plan(moved, views=(view("a"), view("b", "new")))) == 0


def changes(store: Store, plan: Plan) -> int:
    before = store._db.total_changes
    store.save(plan, 1.0)
    return store._db.total_changes - before


def test_a_part_that_can_not_be_read_is_forgotten_alone(path: Path) -> None:
    fill(path)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE memory SET body = ? WHERE key = 'session/a'", (b'{"name": 5',))
        db.execute("UPDATE events SET data = ? WHERE id = 1", (b"\xff{",))
    db.close()
    store = open_store(path)
    assert set(store.load_memory().sessions) == {"b/c d"}
    assert store.load_memory().boot == "boot-1"
    assert len(store.events(limit=500)) == 200


def test_events_in_order_by_subject_and_from_a_number_on(path: Path) -> None:
    store = open_store(path)
    for number in range(6):
        store.add_event(event(f"m{number}", "ab"[number % 2]), float(number))
    assert [each.event.message for each in store.events()] == [f"m{number}" for number in range(6)]
    assert [each.event.message for each in store.events(subject="b")] == ["m1", "m3", "m5"]
    assert [each.event.message for each in store.events(limit=2)] == ["m4", "m5"]
    third = store.events()[2]
    assert (third.at, third.event) == (2.0, event("m2", "a"))
    assert [each.event.message for each in store.events(after=third.id)] == ["m3", "m4", "m5"]
    assert store.last_event_id() == store.events()[-1].id


def test_old_events_and_answers_are_tidied_away(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVENTS_KEPT", 3)
    monkeypatch.setattr(module, "REQUESTS_KEPT", 1)
    store = open_store(path)
    for number in range(5):
        store.add_event(event(f"m{number}"), 1.0)
        store.add_request(request())
    answered = [Request(n, Verb.UP, (), 1.0, 2.0, accepted=True) for n in (1, 2, 5)]
    store.save(Plan(Memory(), requests=tuple(answered)), 1.0)
    store.tidy()
    assert [each.event.message for each in store.events()] == ["m2", "m3", "m4"]
    assert [store.request(n) is not None for n in range(1, 6)] == [False, False, True, True, True]


def request() -> Request:
    return Request(0, Verb.RESTART, ("a", "b"), 3.5, 60.0, argument="ü")


def test_requests_are_numbered_answered_and_kept(path: Path) -> None:
    verb, watchdog = open_store(path), open_store(path)
    first, second = verb.add_request(request()), verb.add_request(request())
    assert [each.id for each in watchdog.open_requests()] == [first, second]
    outcomes = {"a": Outcome(Result.STARTED), "b": Outcome(Result.DIED, "words")}
    done = Request(
        first, Verb.RESTART, ("a", "b"), 3.5, 60.0, accepted=True, targets=("a", "b"), outcomes=outcomes
    )
    watchdog.save(Plan(Memory(), requests=(done,)), 1.0)
    assert verb.request(first) == done
    assert [each.id for each in verb.open_requests()] == [second]
    assert verb.request(99) is None


# ---- several at once


def test_a_reader_sees_whole_ticks_while_a_writer_writes(path: Path) -> None:
    writer = open_store(path)
    writer.save(Plan(Memory(boot="0"), views=(view("a", "0"), view("b", "0"))), 1.0)
    reader = open_store(path, read_only=True)
    stop, torn = threading.Event(), list[object]()

    def read() -> None:
        own = Store(path, read_only=True)
        while not stop.is_set():
            reasons = {each.reason for each in own.views()}
            if len(reasons) != 1:
                torn.append(reasons)
        own.close()

    thread = threading.Thread(target=read)
    thread.start()
    before = reader.version()
    for number in range(150):
        writer.save(
            Plan(Memory(boot=str(number)), views=(view("a", str(number)), view("b", str(number)))), 1.0
        )
    stop.set()
    thread.join()
    assert torn == []
    assert reader.version() != before
    assert {each.reason for each in reader.views()} == {"149"}


def test_a_reader_never_writes_or_creates(path: Path) -> None:
    with pytest.raises(StoreBroken, match="no store"):
        open_store(path, read_only=True)
    fill(path)
    reader = open_store(path, read_only=True)
    with pytest.raises(StoreBroken):
        reader.add_event(event("x"), 1.0)
    assert len(reader.events(limit=500)) == 200


def test_two_that_begin_at_once_share_one_store(path: Path) -> None:
    code = """
import sys, pathlib
from orchestrator.adapters.store import Store
from orchestrator.model.event import Event, EventKind
print("ready", flush=True); sys.stdin.readline()
store = Store(pathlib.Path(sys.argv[1]))
for number in range(20):
    store.add_event(Event(EventKind.STARTED, sys.argv[2], str(number)), 1.0)
sys.exit(store.moved_aside is not None)
"""
    openers = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(path), str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        ) for number in range(4)
    ]  # fmt: skip
    for opener in openers:
        assert opener.stdout is not None
        assert opener.stdout.readline() == "ready\n"
    for opener in openers:
        assert opener.stdin is not None
        opener.stdin.write("\n")
        opener.stdin.flush()
    for opener in openers:
        opener.communicate()
    assert [opener.returncode for opener in openers] == [0] * 4
    assert len(open_store(path).events()) == 80


def test_a_store_that_is_locked_is_left_where_it_is(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(path)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("PRAGMA journal_mode = DELETE")
    holder.execute("BEGIN EXCLUSIVE")
    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda *args, **kwargs: connect(*args, **{**kwargs, "timeout": 0.1})
    )
    with pytest.raises(StoreBroken, match="locked"):
        open_store(path)
    holder.close()
    assert os.listdir(path.parent) == ["ao.db"]  # noqa: PTH208


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
    monkeypatch.setattr(module, "MIGRATIONS", steps)
    store = open_store(path)
    assert store.moved_aside is None
    assert store.load_memory() == FULL_MEMORY
    assert store._db.execute("PRAGMA user_version").fetchone() == (len(steps),)
    store.close()
    assert open_store(path).moved_aside is None


def test_a_step_that_fails_leaves_no_half_of_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(path)
    monkeypatch.setattr(module, "MIGRATIONS", (*MIGRATIONS, ("CREATE TABLE more (id INTEGER)", "NONSENSE")))
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
