from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from orchestrator.adapters.signals import LONGEST_LIMIT, LONGEST_WORDS, add_signal
from orchestrator.adapters.store import Store
from orchestrator.model.reading import Signal, State

GOOD = '{"run": "r", "at": 100.0, "mono": 5.0, "event": "Stop", "state": "idle", "submitted": false, "reset_at": null, "words": ""}'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    Store(tmp_path / "ao.db").close()
    return tmp_path / "ao.db"


def heard(path: Path, *rows: tuple[object, object]) -> dict[str, tuple[Signal, ...]]:
    """What the store makes of rows of (agent, body) that anybody may have written."""
    db = sqlite3.connect(path)
    db.executemany("INSERT INTO signals (agent, body) VALUES (?, ?)", rows)
    db.commit()
    db.close()
    store = Store(path)
    try:
        return store.new_signals()
    finally:
        store.close()


def test_a_report_is_found_again(path: Path) -> None:
    told = Signal(
        0, "r1", 100.0, 5.0, "StopFailure/rate_limit", State.LIMITED, reset_at=200.0, words="hit your limit"
    )
    add_signal(path, "one", told)
    assert heard(path) == {"one": (Signal(1, *told_fields(told)),)}


def told_fields(told: Signal) -> tuple[object, ...]:
    return (told.run, told.at, told.mono, told.event, told.state, told.submitted, told.reset_at, told.words)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "[" * 200_000,
        b"\xff\x22",
        GOOD.replace("100.0", "1" + "0" * 400),
        GOOD.replace("100.0", "NaN"),
        GOOD.replace("5.0", "Infinity"),
        GOOD.replace('"idle"', '"asleep"'),
        GOOD.replace('"r"', '"\\ud800"').replace("100.0", '"soon"'),
    ],
    ids=["empty", "list", "deep", "bytes", "huge", "NaN", "endless", "state", "text"],
)
def test_what_is_no_report_means_nothing_and_keeps_nobody_else_from_being_heard(
    path: Path, body: object
) -> None:
    found = heard(path, ("one", body), ("one", GOOD))
    assert [(s.id, s.run) for s in found["one"]] == [(1, ""), (2, "r")], "it is taken all the same"


def test_a_reset_that_no_limit_has_is_none(path: Path) -> None:
    found = heard(path, ("one", GOOD.replace('"reset_at": null', f'"reset_at": {100 + 2 * LONGEST_LIMIT}')))
    assert found["one"][0].reset_at is None


def test_words_are_fit_to_be_shown(path: Path) -> None:
    words = "\\u001b[2J\\ud800" + "x" * 1000
    (signal,) = heard(path, ("one", GOOD.replace('"words": ""', f'"words": "{words}"')))["one"]
    assert signal.words.isprintable()
    assert len(signal.words) < 2 * LONGEST_WORDS


def test_an_agents_name_that_is_no_text(path: Path) -> None:
    assert list(heard(path, (b"\xff", GOOD))) == ["\ufffd"]
