"""Reports of programs about themselves, on their way into the store.

A hook must cost next to nothing and never fail its program, so this opens the store by itself,
adds one row, and keeps the table short whoever floods it.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from orchestrator.model.reading import Signal, State
from orchestrator.model.text import printable

LOCK_PATIENCE = 0.5
"""Seconds that a hook waits for another writer; then its report is lost, and the screen has to do."""
KEPT = 1000
"""Reports that wait at the most."""
LONGEST_NAME = 100
LONGEST_WORDS = 300


def add_signal(database: Path, agent: str, signal: Signal) -> None:
    """Store a report.

    Raises:
        sqlite3.Error: it could not be stored.
    """
    body = json.dumps(
        {
            "run": signal.run, "at": signal.at, "mono": signal.mono, "event": printable(signal.event[:LONGEST_NAME]),
            "state": signal.state, "submitted": signal.submitted, "reset_at": signal.reset_at,
            "words": printable(signal.words[:LONGEST_WORDS]),
        }
    )  # fmt: skip
    uri = f"{database.absolute().as_uri()}?mode=rw"
    with contextlib.closing(
        sqlite3.connect(uri, uri=True, isolation_level=None, timeout=LOCK_PATIENCE)
    ) as db:
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("BEGIN IMMEDIATE")
        db.execute("INSERT INTO signals (agent, body) VALUES (?, ?)", (agent, body))
        db.execute("DELETE FROM signals WHERE id <= (SELECT max(id) FROM signals) - ?", (KEPT,))
        db.execute("COMMIT")


def parse_signals(rows: Iterator[tuple[int, str, str]]) -> dict[str, tuple[Signal, ...]]:
    """Rows of the table by agent, oldest first; what is no report is one of no run, so that it is taken and means nothing."""
    found: dict[str, tuple[Signal, ...]] = {}
    for number, agent, body in rows:
        try:
            signal = _signal(number, json.loads(body))
        except (ValueError, TypeError, KeyError):
            signal = Signal(number, "", 0.0, 0.0, "")
        found[agent] = (*found.get(agent, ()), signal)
    return found


def _signal(number: int, body: dict[str, Any]) -> Signal:
    reset = body["reset_at"]
    return Signal(
        number, str(body["run"]), float(body["at"]), float(body["mono"]), str(body["event"]),
        state=State(body["state"]) if body["state"] is not None else None, submitted=body["submitted"] is True,
        reset_at=None if reset is None else float(reset), words=str(body["words"]),
    )  # fmt: skip
