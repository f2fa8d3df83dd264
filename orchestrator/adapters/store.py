"""The store: `state/ao.db`, SQLite in WAL mode. One writer of memory; readers never wait.

Memory is small and may be lost: the fleet converges from what tmux shows. Events are append-only.
Requests are what verbs add, and the tick answers. A file that can't be used is moved aside under a
name that says so, and a new one is begun; running agents are not touched for it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from orchestrator.adapters.signals import parse_signals
from orchestrator.adapters.store_schema import MIGRATIONS, StoreBroken, check, may_pass, migrate, move_aside
from orchestrator.model.action import Plan
from orchestrator.model.event import Event, EventKind, Recorded
from orchestrator.model.memory import LoopMemory, Memory, PhaseMemory, SessionMemory
from orchestrator.model.reading import Signal
from orchestrator.model.request import Request
from orchestrator.model.view import View

T = TypeVar("T")

KINDS = frozenset(kind.value for kind in EventKind)
EVENTS_KEPT = 100_000
OPEN_PATIENCE = 5.0
"""Seconds that a verb waits for the owner to make the store ready."""
REQUESTS_KEPT = 1_000
SIGNALS_AT_ONCE = 500
"""A program gone mad must not make a tick long."""
FLEET, SESSION, PHASE, LOOP = "fleet", "session/", "phase/", "loop/"


class Store:
    """An open store.

    Args:
        path: of the database; its folder exists.
        read_only: never creates, migrates or repairs.
        asking: of a verb, which adds requests; the owner creates, migrates and repairs. Only who
            holds the fleet's lock may be the owner, which is what neither of the two means.
    """

    def __init__(self, path: Path, *, read_only: bool = False, asking: bool = False) -> None:
        self.path = path
        self.moved_aside: Path | None = None
        """Where a broken store was moved when this one was opened."""
        self._written: dict[str, bytes] = {}
        self._views: dict[str, tuple[int, bytes]] = {}
        if read_only:
            self._db = self._open_read_only()
            return
        if asking:
            self._db = self._open_to_ask()
            return
        try:
            self._db = self._open()
        except (sqlite3.DatabaseError, OSError) as error:
            if may_pass(error):
                raise StoreBroken(
                    f"the store {path} can't be opened: {error}", "free space, or end what holds it"
                ) from error
            self.moved_aside = move_aside(path, error)
            self._db = self._open()

    # ---- memory: only the holder of the fleet's lock writes it

    def load_memory(self) -> Memory:
        """What was remembered; a part that can't be read counts as forgotten."""
        memory = Memory()
        sessions: dict[str, SessionMemory] = {}
        phases: dict[str, PhaseMemory] = {}
        loops: dict[str, LoopMemory] = {}
        for key, body in self._rows("SELECT key, body FROM memory"):
            self._written[key] = bytes(body)
            if key.startswith(SESSION) and (session := _decode(body, SessionMemory)):
                sessions[session.name] = session
            elif key.startswith(PHASE) and (phase := _decode(body, PhaseMemory)):
                phases[key.removeprefix(PHASE)] = phase
            elif key.startswith(LOOP) and (loop := _decode(body, LoopMemory)):
                loops[key.removeprefix(LOOP)] = loop
            elif key == FLEET:
                memory = _decode(body, Memory) or memory
        self._views = {
            name: (place, bytes(body))
            for name, place, body in self._rows("SELECT name, place, body FROM views")
        }
        return replace(memory, sessions=sessions, phases=phases, loops=loops)

    def save(self, plan: Plan, at: float) -> None:
        """Write a plan's memory, events, views and answers in one transaction; only what changed.

        Raises:
            StoreBroken: it could not be written; nothing of it was.
        """
        rows = dict(_memory_rows(plan.memory))
        views = {view.name: (place, msgspec.json.encode(view)) for place, view in enumerate(plan.views)}
        changed = {key: body for key, body in rows.items() if self._written.get(key) != body}
        gone = self._written.keys() - rows.keys()
        new_views = {name: row for name, row in views.items() if self._views.get(name) != row}
        old_views = self._views.keys() - views.keys()
        if not (
            changed or gone or new_views or old_views or plan.events or plan.requests or plan.signals_taken
        ):
            return
        try:
            with self._transaction() as db:
                db.executemany("INSERT OR REPLACE INTO memory VALUES (?, ?)", changed.items())
                db.executemany("DELETE FROM memory WHERE key = ?", [(key,) for key in gone])
                db.executemany(
                    "INSERT OR REPLACE INTO views VALUES (?, ?, ?)",
                    [(name, *row) for name, row in new_views.items()],
                )
                db.executemany("DELETE FROM views WHERE name = ?", [(name,) for name in old_views])
                _insert_events(db, plan.events, at)
                answers = [(r.answered, msgspec.json.encode(r), r.id) for r in plan.requests]
                db.executemany("UPDATE requests SET answered = ?, body = ? WHERE id = ?", answers)
                db.execute("DELETE FROM signals WHERE id <= ?", (plan.signals_taken,))
        except sqlite3.Error as error:
            raise StoreBroken(
                f"the store {self.path} can't be written: {error}", "free space or mend its rights"
            ) from error
        self._written, self._views = rows, views

    def add_event(self, event: Event, at: float) -> None:
        """Append one event outside a tick.

        Raises:
            StoreBroken: it could not be written.
        """
        try:
            with self._transaction() as db:
                _insert_events(db, [event], at)
        except sqlite3.Error as error:
            raise StoreBroken(f"the store {self.path} can't be written: {error}") from error

    def tidy(self) -> None:
        """Drop what nobody will read again, so that the file stays bounded."""
        with contextlib.suppress(sqlite3.Error), self._transaction() as db:
            db.execute("DELETE FROM events WHERE id <= (SELECT max(id) FROM events) - ?", (EVENTS_KEPT,))
            db.execute(
                "DELETE FROM requests WHERE answered = 1 AND id <= (SELECT max(id) FROM requests) - ?",
                (REQUESTS_KEPT,),
            )

    # ---- requests: any verb adds them

    def add_request(self, request: Request) -> int:
        """Store a wish; its number.

        Raises:
            StoreBroken: it could not be written.
        """
        try:
            with self._transaction() as db:
                cursor = db.execute("INSERT INTO requests (body) VALUES (?)", (msgspec.json.encode(request),))
                number = cursor.lastrowid or 0
                body = msgspec.json.encode(replace(request, id=number))
                db.execute("UPDATE requests SET body = ? WHERE id = ?", (body, number))
        except sqlite3.Error as error:
            raise StoreBroken(f"the store {self.path} can't be written: {error}") from error
        return number

    def open_requests(self) -> tuple[Request, ...]:
        """Wishes without an answer, oldest first."""
        rows = self._rows("SELECT body FROM requests WHERE answered = 0 ORDER BY id")
        return tuple(request for (body,) in rows if (request := _decode(body, Request)))

    def request(self, number: int) -> Request | None:
        """One wish as it stands now."""
        for (body,) in self._rows("SELECT body FROM requests WHERE id = ?", (number,)):
            return _decode(body, Request)
        return None

    def new_signals(self) -> dict[str, tuple[Signal, ...]]:
        """What programs reported since the last tick, by agent, oldest first; a plan that is saved takes them."""
        query = "SELECT id, CAST(agent AS BLOB), CAST(body AS BLOB) FROM signals ORDER BY id LIMIT ?"
        return parse_signals(self._rows(query, (SIGNALS_AT_ONCE,)))

    # ---- reading

    def views(self) -> tuple[View, ...]:
        """The last tick's views, in the order of the config."""
        rows = self._rows("SELECT body FROM views ORDER BY place, name")
        return tuple(view for (body,) in rows if (view := _decode(body, View)))

    def phases(self) -> tuple[tuple[str, PhaseMemory], ...]:
        """Where each loop stands, by its name."""
        rows = self._rows("SELECT key, body FROM memory WHERE key LIKE 'phase/%'")
        return tuple(
            (key.removeprefix(PHASE), phase) for key, body in rows if (phase := _decode(body, PhaseMemory))
        )

    def loops(self) -> dict[str, LoopMemory]:
        """What each loop knows of its repository, by its name."""
        rows = self._rows("SELECT key, body FROM memory WHERE key LIKE 'loop/%'")
        return {key.removeprefix(LOOP): loop for key, body in rows if (loop := _decode(body, LoopMemory))}

    def config_error(self) -> str:
        """Why the last edit of the config is not in force, "" when it is."""
        for (body,) in self._rows("SELECT body FROM memory WHERE key = ?", (FLEET,)):
            fleet = _decode(body, Memory)
            return (
                f"{fleet.config_error}; the last good config is in force"
                if fleet and fleet.config_error
                else ""
            )
        return ""

    def events(self, after: int = 0, subject: str | None = None, limit: int = 1000) -> tuple[Recorded, ...]:
        """Events with a higher number than `after`, oldest first; the last `limit` of them."""
        where, values = "id > ?", [after]
        query_values: list[Any] = list(values)
        if subject is not None:
            where += " AND subject = ?"
            query_values.append(subject)
        query = (
            f"SELECT id, at, kind, subject, message, data FROM events WHERE {where} ORDER BY id DESC LIMIT ?"  # noqa: S608 - fixed words
        )
        rows = list(self._rows(query, (*query_values, limit)))
        return tuple(
            Recorded(
                number, at, Event(EventKind(kind), about, message, _decode(data, dict[str, object]) or {})
            )
            for number, at, kind, about, message, data in reversed(rows)
            if kind in KINDS
        )

    def last_event_id(self) -> int:
        """Number of the newest event, 0 when there is none."""
        for (number,) in self._rows("SELECT coalesce(max(id), 0) FROM events"):
            return int(number)
        return 0

    def version(self) -> int:
        """A number that changes whenever another process has written."""
        for (number,) in self._rows("PRAGMA data_version"):
            return int(number)
        return 0

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    # ---- underneath

    def _open_read_only(self) -> sqlite3.Connection:
        if not self.path.exists():
            raise StoreBroken(f"there is no store at {self.path}", "start the fleet with `ao up`")
        try:
            # Not mode=ro: a reader of a WAL database needs its shared-memory file.
            db = sqlite3.connect(self.path, isolation_level=None, timeout=5)
            db.execute("PRAGMA query_only = 1")
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version != len(MIGRATIONS):
                raise sqlite3.DatabaseError(f"its schema is {version}, not {len(MIGRATIONS)}")
        except sqlite3.Error as error:
            raise StoreBroken(
                f"the store {self.path} can't be read: {error}", "the watchdog moves it aside and rebuilds it"
            ) from error
        return db

    def _open(self) -> sqlite3.Connection:
        # Created by hand first, so that its rights never depend on the umask and no link is followed.
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "no plain file")
            os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)
        db = sqlite3.connect(self.path, isolation_level=None, timeout=5)
        try:
            _use_wal(db)
            db.execute("PRAGMA synchronous = NORMAL")
            (present,) = db.execute("PRAGMA user_version").fetchone()
            migrate(db, present)
            check(db)
        except BaseException:
            db.close()
            raise
        return db

    def _open_to_ask(self) -> sqlite3.Connection:
        """Open what its owner has made ready, waiting for that; nothing is created, migrated or moved."""
        deadline = time.monotonic() + OPEN_PATIENCE
        while True:
            try:
                db = sqlite3.connect(
                    f"{self.path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=5
                )
                (present,) = db.execute("PRAGMA user_version").fetchone()
                if present == len(MIGRATIONS):
                    return db
                error: Exception = sqlite3.DatabaseError(f"its schema is {present}, not {len(MIGRATIONS)}")
                db.close()
            except sqlite3.Error as broken:
                error = broken
            if time.monotonic() > deadline:
                raise StoreBroken(
                    f"the store {self.path} can't be opened: {error}", "see watchdog.log beside it"
                ) from error
            time.sleep(0.02)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # after some errors SQLite has rolled back by itself
                self._db.execute("ROLLBACK")
            raise

    def _rows(self, query: str, values: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise StoreBroken(f"the store {self.path} can't be read: {error}") from error


def _use_wal(db: sqlite3.Connection) -> None:
    """Switch to a write-ahead log; SQLite does not wait by itself for another that does the same."""
    deadline = time.monotonic() + OPEN_PATIENCE
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _memory_rows(memory: Memory) -> Iterator[tuple[str, bytes]]:
    yield FLEET, msgspec.json.encode(replace(memory, sessions={}, phases={}, loops={}))
    for name, session in memory.sessions.items():
        yield SESSION + name, msgspec.json.encode(session)
    for name, phase in memory.phases.items():
        yield PHASE + name, msgspec.json.encode(phase)
    for name, loop in memory.loops.items():
        yield LOOP + name, msgspec.json.encode(loop)


def _insert_events(db: sqlite3.Connection, events: Iterable[Event], at: float) -> None:
    rows = [(at, e.kind.value, e.subject, e.message, msgspec.json.encode(e.data)) for e in events]
    db.executemany("INSERT INTO events (at, kind, subject, message, data) VALUES (?, ?, ?, ?, ?)", rows)


def _decode(body: bytes, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
