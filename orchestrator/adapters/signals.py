"""Reports of programs about themselves, on their way into the store.

A hook must cost next to nothing and never fail its program, so this opens the store by itself,
adds one row, and keeps the table short whoever floods it.
"""

from __future__ import annotations

import contextlib
import json
import math
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
LONGEST_LIMIT = 35 * 86_400.0
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


def parse_signals(rows: Iterator[tuple[int, bytes, bytes]]) -> dict[str, tuple[Signal, ...]]:
    """Rows of the table by agent, oldest first; what is no report is one of no run, so that it is taken and means nothing."""
    found: dict[str, tuple[Signal, ...]] = {}
    for number, name, body in rows:
        agent = name.decode("utf-8", "replace")
        try:
            signal = _signal(number, json.loads(body))
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            signal = Signal(number, "", 0.0, 0.0, "")
        found[agent] = (*found.get(agent, ()), signal)
    return found


def _signal(number: int, body: dict[str, Any]) -> Signal:
    at, reset = _finite(body["at"]), body["reset_at"]
    reset_at = None if reset is None else _finite(reset)
    if reset_at is not None and abs(reset_at - at) > LONGEST_LIMIT:
        reset_at = None
    return Signal(
        number, str(body["run"]), at, _finite(body["mono"]), printable(str(body["event"])[:LONGEST_NAME]),
        state=State(body["state"]) if body["state"] is not None else None, submitted=body["submitted"] is True,
        reset_at=reset_at, words=printable(str(body["words"])[:LONGEST_WORDS]),
    )  # fmt: skip


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"no number of seconds: {value}")
    return number
