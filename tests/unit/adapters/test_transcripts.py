"""Codex's transcript, line by line as it grows, whatever else stands in it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orchestrator.adapters.conversations import TranscriptConversations
from orchestrator.adapters.transcripts import FRESH, SEARCH_INTERVAL, TAIL, Transcripts
from orchestrator.config.load import load
from orchestrator.model.config import Config
from orchestrator.model.memory import SessionMemory, Stage
from orchestrator.model.reading import Signal, State

NOW, MONO = 1_795_848_000.0, 5_000.0
ID = "01a220f0-2e11-7231-85c5-15e1cc1ac759"
OTHER = "01a220f0-2e11-7231-85c5-15e1cc1ac760"
LIMIT = {"message": "You’ve hit your\nusage limit.", "codex_error_info": "usage_limit_exceeded"}


def stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def event(kind: str, at: float = NOW, **fields: Any) -> str:
    line = {"timestamp": stamp(at), "type": "event_msg", "payload": {"type": kind, **fields}}
    return json.dumps(line, separators=(",", ":")) + "\n"


def usage(primary: object, secondary: object = None, at: float = NOW) -> str:
    return event("token_count", at, info=None, rate_limits={"primary": primary, "secondary": secondary})


class Home:
    """A HOME with transcripts, and one agent that works in `work`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.work = folder / "work"
        self.work.mkdir()
        (folder / "agents.toml").write_text(
            '[defaults]\nsession_prefix = "t-"\nlog_dir = "log"\n[[agent]]\nname = "a"\nbackend = "codex"\ndir = "work"\n'
        )
        self.config: Config = load(folder / "agents.toml")
        self.session = SessionMemory(name="a", run="r1", stage=Stage.RUNNING, started_at=NOW - 100)
        self.transcripts = self.anew()

    def anew(self) -> Transcripts:
        return Transcripts(TranscriptConversations({"HOME": str(self.folder)}))

    def path(self, identity: str = ID) -> Path:
        return self.folder / ".codex" / "sessions" / "2026" / "11" / "28" / f"rollout-x-{identity}.jsonl"

    def write(self, *lines: str, identity: str = ID) -> None:
        path = self.path(identity)
        fresh = not path.exists()
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            if fresh:
                file.write(
                    json.dumps({"type": "session_meta", "payload": {"cwd": str(self.work), "id": identity}})
                    + "\n"
                )
            file.write("".join(lines))
        os.utime(path, (NOW, NOW))

    def news(self, now: float = NOW, mono: float = MONO) -> tuple[Signal, ...]:
        return self.transcripts.news(self.session, self.config, now, mono)

    def states(self, now: float = NOW, mono: float = MONO) -> list[State | None]:
        return [signal.state for signal in self.news(now, mono)]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_a_turn_is_reported_as_it_goes(home: Home) -> None:
    home.write()
    assert home.news() == ()
    home.write(event("task_started", NOW - 1))
    assert home.news() == (Signal(0, "r1", NOW - 1, MONO - 1, "task_started", State.WORKING, submitted=True),)
    assert home.news() == ()
    home.write(event("item_completed"), event("task_complete", last_agent_message="secret words"))
    (signal,) = home.news()
    assert (signal.state, signal.submitted, signal.words) == (State.IDLE, False, "")


@pytest.mark.parametrize(
    ("fields", "state", "words"),
    [
        ({"error": None}, State.IDLE, ""),
        ({"error": LIMIT}, State.LIMITED, "You’ve hit your usage limit."),
        ({"error": {"message": "401", "codex_error_info": {"http_connection_failed": {}}}}, None, "401"),
        ({"error": {"message": "a \x1b[31m" + "x" * 900}}, None, "a \\x1b[31m" + "x" * 290),
        ({"error": {"message": 7, "codex_error_info": ["usage_limit_exceeded"]}}, None, ""),
        ({"error": "text"}, None, ""),
    ],
)
def test_how_a_turn_ended(home: Home, fields: dict[str, Any], state: State | None, words: str) -> None:
    home.write()
    home.news()
    home.write(event("task_complete", **fields))
    (signal,) = home.news()
    assert (signal.state, signal.words, signal.reset_at) == (state, words, None)


def test_a_turn_that_was_broken_off_is_over(home: Home) -> None:
    home.write()
    home.news()
    home.write(event("turn_aborted", reason="interrupted"))
    assert home.states() == [State.IDLE]


@pytest.mark.parametrize(
    ("primary", "secondary", "reset"),
    [
        ({"used_percent": 100.0, "resets_at": NOW + 120}, {"used_percent": 3, "resets_at": NOW + 9999}, NOW + 120),
        ({"used_percent": 100, "resets_at": NOW + 120}, {"used_percent": 100, "resets_at": NOW + 9999}, NOW + 9999),
        ({"used_percent": 99, "resets_at": NOW + 120}, None, None),
        ({"used_percent": 100, "resets_at": NOW + 36 * 86_400}, None, None),
        ({"used_percent": 100, "resets_at": NOW - 2 * 86_400}, None, None),
        ({"used_percent": 100, "resets_at": float("nan")}, [], None),
        ({"used_percent": 100, "resets_at": 10**400}, "x", None),
        ({"used_percent": True, "resets_at": NOW + 5}, None, None),
        ({"used_percent": 100, "resets_at": str(NOW + 5)}, None, None),
    ],
)  # fmt: skip
def test_the_end_of_a_limit(home: Home, primary: object, secondary: object, reset: float | None) -> None:
    home.write()
    home.news()
    home.write(usage(primary, secondary))
    assert home.news() == ()
    home.write(event("task_complete", error=LIMIT))
    (signal,) = home.news()
    assert signal.reset_at == reset


def test_a_watchdog_that_starts_again_hears_only_the_last_event_once(home: Home) -> None:
    home.write(
        event("task_started", NOW - 50), event("task_complete", NOW - 40), event("task_started", NOW - 30)
    )
    assert [(s.state, s.at, s.mono) for s in home.news()] == [(State.WORKING, NOW - 30, MONO - 30)]
    assert home.news() == ()


def test_the_last_turn_of_an_earlier_run_says_nothing_of_this_one(home: Home) -> None:
    home.write(event("task_started", NOW - 500))
    assert home.news() == ()


def test_the_last_event_is_found_behind_a_great_deal(home: Home) -> None:
    home.write("x" * (3 * TAIL) + "\n", event("task_complete"))
    assert home.states() == [State.IDLE]
    home.write("y" * (3 * TAIL), "\n", event("task_started"))
    assert home.states() == [State.WORKING]


def test_a_line_is_taken_once_it_is_whole(home: Home) -> None:
    home.write()
    home.news()
    line = event("task_started")
    for part in (line[:20], line[20:-1]):
        home.write(part)
        assert home.news() == ()
    home.write("\n")
    assert home.states() == [State.WORKING]


@pytest.mark.parametrize(
    "line",
    [
        '{"type":"response_item","payload":{"type":"task_complete"}}',
        '{"type":"event_msg","payload":"task_complete"}',
        '{"type":"event_msg","payload":{"type":["task_complete"]}}',
        '{"type":"event_msg","payload":{"type":"agent_message","message":"\\"task_complete\\""}}',
        '["task_complete"]',
        '"task_complete"',
        '{"task_complete"',
        "[" * 50_000 + '"task_complete"',
        '{"type":"event_msg","payload":{"type":"task_complete","x":"' + "x" * 70_000 + '"}}',
        "\udcff\0",
    ],
)
def test_what_is_no_news_is_passed_over(home: Home, line: str) -> None:
    home.write()
    home.news()
    with home.path().open("ab") as file:
        file.write(line.encode("utf-8", "surrogateescape") + b"\n")
    home.write(event("task_started"))
    assert home.states() == [State.WORKING]


@pytest.mark.parametrize("at", [NOW + 3600, NOW - FRESH - 1, NOW - 86_400])
def test_a_new_line_counts_as_new_whatever_its_clock_said(home: Home, at: float) -> None:
    home.write()
    home.news()
    home.write(event("task_started", at))
    (signal,) = home.news()
    assert (signal.at, signal.mono) == (NOW, MONO)


def test_no_time_no_number_no_table(home: Home) -> None:
    home.write()
    home.news()
    home.write('{"timestamp":7,"type":"event_msg","payload":{"type":"task_started"}}\n')
    home.write('{"timestamp":"soon","type":"event_msg","payload":{"type":"task_started"}}\n')
    assert [signal.at for signal in home.news()] == [NOW, NOW]


def replace(path: Path) -> None:
    new = path.with_suffix(".new")
    new.write_text(path.read_text() + event("task_complete"))
    new.rename(path)
    os.utime(path, (NOW, NOW))


def empty(path: Path) -> None:
    head = path.read_text().splitlines(keepends=True)[0]
    path.write_text(head)
    path.write_text(head + event("task_complete"))
    os.utime(path, (NOW, NOW))


@pytest.mark.parametrize("change", [replace, empty])
def test_a_file_that_was_replaced_is_begun_anew(home: Home, change: Callable[[Path], None]) -> None:
    home.write(event("task_started"), event("item_completed", text="x" * 1000))
    home.news()
    change(home.path())
    assert home.states(mono=MONO + SEARCH_INTERVAL) == [State.IDLE]


@pytest.mark.parametrize("what", ["gone", "folder", "fifo"])
def test_a_file_that_went_away_is_no_trouble(home: Home, what: str) -> None:
    home.write(event("task_started"))
    home.news()
    home.path().unlink()
    if what == "folder":
        home.path().mkdir()
    if what == "fifo":
        os.mkfifo(home.path())
    home.session = SessionMemory(name="a", run="r2", started_at=NOW - 100, conversation=ID)
    assert home.news(mono=MONO + SEARCH_INTERVAL) == ()


def test_two_new_conversations_in_one_folder_are_not_guessed_at(home: Home) -> None:
    home.write(event("task_started"))
    home.write(event("task_complete"), identity=OTHER)
    assert home.news() == ()
    home.session = SessionMemory(name="a", run="r1", started_at=NOW - 100, conversation=OTHER)
    assert home.states(mono=MONO + SEARCH_INTERVAL) == [State.IDLE]


def test_a_new_run_is_not_told_what_the_one_before_did(home: Home) -> None:
    home.write(event("task_started", NOW - 50))
    home.news()
    home.session = SessionMemory(name="a", run="r2", started_at=NOW - 10, conversation=ID)
    assert home.news(mono=MONO + SEARCH_INTERVAL) == ()
    home.write(event("task_started"))
    assert [signal.run for signal in home.news()] == ["r2"]


def test_the_search_is_not_repeated_at_every_look(home: Home) -> None:
    assert home.news() == ()
    home.write(event("task_started"))
    assert home.news(mono=MONO + SEARCH_INTERVAL - 0.1) == ()
    assert home.states(mono=MONO + SEARCH_INTERVAL) == [State.WORKING]


def test_what_is_not_kept_is_begun_anew(home: Home) -> None:
    home.write(event("task_started"))
    assert home.states() == [State.WORKING]
    home.transcripts.keep([])
    assert home.states() == [State.WORKING]
