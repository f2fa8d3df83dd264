"""The store on a real disk: what it keeps, and who may use it at once."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.adapters import store as module
from orchestrator.adapters.store import Store
from orchestrator.adapters.store_schema import StoreBroken
from orchestrator.model.action import Plan
from orchestrator.model.memory import (
    Memory,
    SessionMemory,
)
from orchestrator.model.request import Outcome, Request, Result, Verb
from tests.unit.adapters.stores import FULL_MEMORY, close_stores, event, fill, open_store, view


@pytest.fixture(autouse=True)
def _close_stores() -> Iterator[None]:
    yield
    close_stores()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ao.db"


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
