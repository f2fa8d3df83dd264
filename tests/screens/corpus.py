"""The recorded screens and banners, read once for all tests of this folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from orchestrator.backends import load_profile, profile_names
from orchestrator.backends.rules import parse_rule
from orchestrator.model.reading import Reading, Screen, State
from orchestrator.reading import Rules, compile_rules, read

DATA = Path(__file__).parents[1] / "data" / "screens"
NO_CLOCK = datetime(2026, 6, 1, 12, tzinfo=UTC)
QUIET = {State.IDLE, State.WORKING, State.DRAFT, State.WARNING, State.UNKNOWN}
"""What may be read from a screen on which the words are only talked about."""


@dataclass(frozen=True)
class Row:
    """One screen. states: what it may be read as, the best first; "negative" stands for `QUIET`."""

    id: str
    backend: str
    states: tuple[str, ...]
    screen: Screen
    now: datetime
    tz: str
    reset_at: datetime | None

    def is_right(self, state: State) -> bool:
        return state in self.states or ("negative" in self.states and state in QUIET)

    def is_reset_right(self, found: datetime | None) -> bool:
        """Within a minute; of a reset that has passed only that it has."""
        assert self.reset_at is not None
        if found is None:
            return False
        if self.reset_at <= self.now:
            return found <= self.now
        return abs((found - self.reset_at).total_seconds()) <= 60


@cache
def rules_of(backend: str) -> Rules:
    name = backend if backend in profile_names() else "generic"
    return compile_rules([parse_rule(table, name) for table in load_profile(name)["rules"]])


def reading_of(row: Row) -> Reading:
    return read(rules_of(row.backend), row.screen, row.now, row.tz)


@cache
def rows(name: str) -> tuple[Row, ...]:
    return tuple(_rows(name))


def _rows(name: str) -> Iterator[Row]:
    for line in (DATA / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
        table = json.loads(line)
        yield Row(
            id=table["id"],
            backend=table["backend"],
            states=tuple(table["states"]),
            screen=_screen(table),
            now=_time(table.get("now")) or NO_CLOCK,
            tz=table.get("tz", "UTC"),
            reset_at=_time(table.get("reset_at")),
        )


def _screen(table: dict[str, Any]) -> Screen:
    x, y = table.get("cursor") or (None, None)
    return Screen(
        text=table["text"],
        title=table.get("title", ""),
        command=table.get("command", ""),
        alternate=table.get("alternate", False),
        cursor=None if x is None else (x, y),
        ansi=table.get("ansi"),
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
