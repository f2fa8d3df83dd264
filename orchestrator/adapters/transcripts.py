"""What a program's transcript says of its turns, followed line by line as it grows.

Codex tells by no hook (they need a person's trust) but writes each turn's beginning, end and error.
A transcript is found once per run and costs one `stat` per look while nothing is added.
"""

from __future__ import annotations

import json
import math
import os
import stat
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestrator.adapters.conversations import TranscriptConversations
from orchestrator.model.config import Config
from orchestrator.model.memory import SessionMemory
from orchestrator.model.reading import Signal, State
from orchestrator.model.text import one_line, printable

TAIL = 262_144
"""Bytes at the end of a transcript in which its last turn is looked for, and the most that is read at one look."""
LONGEST_LINE = 65_536
"""A line about a turn is far shorter; what is longer holds somebody's text."""
LONGEST_WORDS = 300
LONGEST_LIMIT = 35 * 86_400.0
DAY = 86_400.0
FRESH = 60.0
"""Seconds that a new line's own time may lie back; else a clock was set, and it counts as written now."""

SEARCH_INTERVAL = 2.0
"""Seconds between two searches for one session's transcript."""

TURNS: Mapping[str, State] = {
    "task_started": State.WORKING,
    "task_complete": State.IDLE,
    "turn_aborted": State.IDLE,
}
_MARKS = (b'"task_started"', b'"task_complete"', b'"turn_aborted"', b'"token_count"')


@dataclass(slots=True)
class _Followed:
    """A transcript of one run. offset: of the first byte that was not read yet. limits: what was last said of usage."""

    run: str
    path: Path
    file: tuple[int, int]
    offset: int
    limits: Mapping[str, Any] = field(default_factory=dict)


class Transcripts:
    """Follows the transcripts of running sessions.

    Args:
        conversations: finds the file of a run.
    """

    def __init__(self, conversations: TranscriptConversations) -> None:
        self._conversations = conversations
        self._followed: dict[str, _Followed] = {}
        self._sought: dict[str, float] = {}

    def news(self, session: SessionMemory, config: Config, now: float, mono: float) -> tuple[Signal, ...]:
        """What its transcript says since the last look, oldest first.

        At the first look, which may follow a restart of the watchdog, it is only the last event of this run.

        Args:
            session: a running one, of an agent whose backend has transcripts.
            config: in force.
            now: epoch seconds.
            mono: seconds since boot.
        """
        known = self._followed.get(session.name)
        if known is not None and known.run == session.run and (size := _size_of(known)) is not None:
            return tuple(_signals(known, _take(known, size), now, mono, oldest=-math.inf))
        return self._begin(session, config, now, mono)

    def keep(self, names: Container[str]) -> None:
        """Follow no others than these any longer."""
        self._followed = {name: known for name, known in self._followed.items() if name in names}
        self._sought = {name: mono for name, mono in self._sought.items() if name in names}

    def _begin(self, session: SessionMemory, config: Config, now: float, mono: float) -> tuple[Signal, ...]:
        self._followed.pop(session.name, None)
        if mono - self._sought.get(session.name, -math.inf) < SEARCH_INTERVAL:
            return ()
        self._sought[session.name] = mono
        path = self._conversations.file(session.started_at, session.name, session.conversation, config)
        found = _status(path) if path is not None else None
        if path is None or found is None:
            return ()
        begun = _Followed(session.run, path, (found.st_dev, found.st_ino), max(0, found.st_size - TAIL))
        cut = begun.offset > 0
        lines = _take(begun, found.st_size)
        self._followed[session.name] = begun
        # An earlier run's last turn says nothing of this one.
        signals = list(_signals(begun, lines[1:] if cut else lines, now, mono, oldest=session.started_at - 1))
        return tuple(signals[-1:])


def _status(path: Path) -> os.stat_result | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def _size_of(followed: _Followed) -> int | None:
    """Bytes of a transcript that goes on; None when it is gone, replaced, or shorter than it was."""
    found = _status(followed.path)
    if found is None or (found.st_dev, found.st_ino) != followed.file or found.st_size < followed.offset:
        return None
    return found.st_size


def _take(followed: _Followed, size: int) -> list[bytes]:
    """The whole lines that were added; of a great deal only the end."""
    if size <= followed.offset:
        return []
    skipped = size - followed.offset > TAIL
    if skipped:
        followed.offset = size - TAIL
    try:
        descriptor = os.open(followed.path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            data = os.pread(descriptor, size - followed.offset, followed.offset)
        finally:
            os.close(descriptor)
    except OSError:
        return []
    whole, newline, _ = data.rpartition(b"\n")
    if not newline and len(data) < TAIL:
        return []  # its line is still being written
    followed.offset += len(whole) + 1 if newline else len(data)
    lines = whole.split(b"\n")
    return lines[1:] if skipped else lines


def _signals(
    followed: _Followed, lines: list[bytes], now: float, mono: float, *, oldest: float
) -> Iterator[Signal]:
    for line in lines:
        if len(line) > LONGEST_LINE or not any(mark in line for mark in _MARKS):
            continue
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        payload = _table(_table(entry).get("payload"))
        if _table(entry).get("type") != "event_msg":
            continue
        if payload.get("type") == "token_count":
            followed.limits = _table(payload.get("rate_limits"))
            continue
        at = _written(_table(entry).get("timestamp"), now, oldest)
        signal = turn_signal(payload, followed.limits, now) if at is not None else None
        if at is not None and signal is not None:
            state, words, reset = signal
            event = str(payload["type"])
            yield Signal(
                0, followed.run, at, mono - (now - at), event, state, submitted=event == "task_started",
                reset_at=reset, words=words,
            )  # fmt: skip


def _written(timestamp: object, now: float, oldest: float) -> float | None:
    """When a line was written, epoch seconds; None when that was before `oldest`."""
    try:
        at = datetime.fromisoformat(timestamp).timestamp() if isinstance(timestamp, str) else now
    except (ValueError, OverflowError):
        at = now
    if math.isinf(oldest):
        return at if now - FRESH <= at <= now else now
    return None if at < oldest else min(at, now)


def turn_signal(
    payload: Mapping[str, Any], limits: Mapping[str, Any], now: float
) -> tuple[State | None, str, float | None] | None:
    """State, words and reset (epoch seconds) that follow from an event; None when it says nothing of a turn."""
    kind = payload.get("type")
    state = TURNS.get(kind) if isinstance(kind, str) else None
    if state is None:
        return None
    error = payload.get("error")
    if not error:
        return state, "", None
    error = _table(error)
    message = error.get("message")
    words = printable(one_line([message]))[:LONGEST_WORDS] if isinstance(message, str) else ""
    if error.get("codex_error_info") == "usage_limit_exceeded":
        return State.LIMITED, words, _reset(limits, now)
    return None, words, None


def _reset(limits: Mapping[str, Any], now: float) -> float | None:
    """When the last of the windows that are used up begins anew."""
    windows = [_table(limits.get(name)) for name in ("primary", "secondary")]
    ends = [
        float(end)
        for window in windows
        if _number(window.get("used_percent"), 0.0) >= 100
        and now - DAY < (end := _number(window.get("resets_at"), 0.0)) < now + LONGEST_LIMIT
    ]
    return max(ends, default=None)


def _number(value: object, default: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return default
    try:
        number = float(value)
    except OverflowError:
        return default
    return number if math.isfinite(number) else default


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
