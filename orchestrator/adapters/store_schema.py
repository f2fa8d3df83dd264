"""The store's schema, and what is done with a file that can not serve as a store."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

from orchestrator.errors import AoError

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE memory (key TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID",
        "CREATE TABLE views (name TEXT PRIMARY KEY, place INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID",
        """CREATE TABLE events (
            id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, kind TEXT NOT NULL,
            subject TEXT NOT NULL, message TEXT NOT NULL, data BLOB NOT NULL)""",
        "CREATE INDEX events_by_subject ON events (subject, id)",
        """CREATE TABLE requests (
            id INTEGER PRIMARY KEY AUTOINCREMENT, answered INTEGER NOT NULL DEFAULT 0, body BLOB NOT NULL)""",
    ),
    ("CREATE TABLE signals (id INTEGER PRIMARY KEY AUTOINCREMENT, agent TEXT NOT NULL, body TEXT NOT NULL)",),
)
"""Append-only: a store of any earlier version is brought up to date step by step."""


PASSING = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_CANTOPEN,
    }
)
PASSING_ERRNO = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
)


class StoreBroken(AoError):
    """The store can't be read or written."""


def migrate(db: sqlite3.Connection, present: int) -> None:
    """Bring the schema up to date; two openers at once take turns."""
    if present == len(MIGRATIONS):
        return
    if present > len(MIGRATIONS):
        raise sqlite3.DatabaseError(f"written by a later version of ao (schema {present})")
    db.execute("BEGIN IMMEDIATE")
    (present,) = db.execute("PRAGMA user_version").fetchone()
    for step in MIGRATIONS[present:]:
        for statement in step:
            db.execute(statement)
    db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    db.execute("COMMIT")


def check(db: sqlite3.Connection) -> None:
    """Damage in the middle of a file shows in no other way until it is met."""
    (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)


def move_aside(path: Path, error: Exception) -> Path:
    """Rename a broken store and its side files, keeping whatever may be saved from it."""
    number = 1
    while (aside := path.with_name(f"{path.name}.broken-{number}")).exists():
        number += 1
    try:
        path.rename(aside)
        for suffix in ("-wal", "-shm"):
            side = path.with_name(path.name + suffix)
            if side.exists():
                side.rename(aside.with_name(aside.name + suffix))
    except OSError as second:
        raise StoreBroken(
            f"the store {path} can't be used ({error}) nor moved aside ({second})",
            "mend the rights of its folder",
        ) from second
    return aside


def may_pass(error: Exception) -> bool:
    """Whether an error says nothing against the file itself: another's lock, a full disk, no descriptor left."""
    if isinstance(error, sqlite3.OperationalError):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in PASSING
    return isinstance(error, OSError) and error.errno in PASSING_ERRNO
