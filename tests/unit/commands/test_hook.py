"""`ao hook`: what each event becomes in the store, and that nothing keeps the program waiting."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.adapters.knock import FIFO
from orchestrator.adapters.signals import KEPT, add_signal
from orchestrator.adapters.store import SIGNALS_AT_ONCE, Store
from orchestrator.backends.hooks import HOOKS
from orchestrator.commands.hook import INPUT_LIMIT, TRANSCRIPT_TAIL, last_reset, report, signal_of
from orchestrator.model.action import Plan
from orchestrator.model.memory import Memory
from orchestrator.model.reading import Signal, State

NOW, MONO = 1_795_848_000.0, 5_000.0
BANNER = "You've hit your 5-hour limit · resets 6:57am (UTC)"


def claude(name: str, **fields: Any) -> dict[str, Any]:
    return {"hook_event_name": name, "session_id": "x", "prompt": "secret", "tool_input": "secret", **fields}


@pytest.mark.parametrize(
    ("event", "state", "submitted", "words"),
    [
        (claude("UserPromptSubmit"), State.WORKING, True, ""),
        (claude("PermissionRequest", tool_name="Bash"), State.DIALOG, False, ""),
        (claude("Notification", notification_type="permission_prompt", message="secret"), State.DIALOG, False, ""),
        (claude("Stop", last_assistant_message="secret"), State.IDLE, False, ""),
        (claude("StopFailure", error="rate_limit", last_assistant_message=BANNER), State.LIMITED, False, BANNER),
        (claude("StopFailure", error="billing_error", last_assistant_message="low"), State.AUTH, False, "low"),
        (claude("StopFailure", error="authentication_failed", last_assistant_message=["x"]), State.AUTH, False, ""),
    ],
)  # fmt: skip
def test_what_claudes_events_mean(event: dict[str, Any], state: State, submitted: bool, words: str) -> None:
    found = signal_of(HOOKS["claude"], event, "r1", NOW, MONO)
    assert found is not None
    assert (found.state, found.submitted, found.words, found.run, found.at) == (
        state,
        submitted,
        words,
        "r1",
        NOW,
    )
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    ("name", "fields", "state", "words"),
    [
        ("chat.message", {}, State.WORKING, ""),
        ("session.status", {"status": "busy"}, State.WORKING, ""),
        ("session.status", {"status": "idle", "message": "secret"}, State.IDLE, ""),
        ("session.status", {"status": "retry", "message": "Provider is overloaded"}, State.TRANSIENT, "Provider is overloaded"),
        ("session.status", {"status": "retry", "message": "Rate limit reached for requests"}, State.TRANSIENT, "Rate limit reached for requests"),
        ("session.status", {"status": "retry", "message": ["x"]}, State.TRANSIENT, ""),
        ("session.status", {"status": "retry", "message": "The usage limit has been reached"}, State.LIMITED, "The usage limit has been reached"),
        ("session.status", {"status": "retry", "message": "Free usage exceeded, add credits"}, State.LIMITED, "Free usage exceeded, add credits"),
        ("session.status", {"status": "retry", "message": "5-hour usage limit reached."}, State.LIMITED, "5-hour usage limit reached."),
        ("session.status", {"status": "retry", "message": "You exceeded your current quota"}, State.LIMITED, "You exceeded your current quota"),
        ("permission.asked", {}, State.DIALOG, ""),
        ("permission.replied", {}, State.WORKING, ""),
        ("question.asked", {}, State.DIALOG, ""),
        ("question.replied", {}, State.WORKING, ""),
        ("question.rejected", {}, State.WORKING, ""),
    ],
)  # fmt: skip
def test_what_opencodes_events_mean(name: str, fields: dict[str, Any], state: State, words: str) -> None:
    found = signal_of(HOOKS["opencode"], {"hook_event_name": name, **fields}, "r1", NOW, MONO)
    assert found is not None
    assert (found.state, found.words, found.submitted) == (state, words, name == "chat.message")


@pytest.mark.parametrize(
    "event",
    [
        {}, {"hook_event_name": 7}, {"hook_event_name": ["Stop"]}, claude("PreToolUse"), claude("stop"), claude("StopFailure"),
        claude("StopFailure", error="server_error"), claude("StopFailure", error=None), claude("StopFailure", error={"a": 1}),
        claude("Notification", notification_type="idle_prompt"), claude("Notification/permission_prompt/x"),
    ],
)  # fmt: skip
def test_what_is_not_known_means_nothing(event: dict[str, Any]) -> None:
    assert signal_of(HOOKS["claude"], event, "r1", NOW, MONO) is None


def line(resets: object, **more: object) -> str:
    return json.dumps({"isApiErrorMessage": True, "quotaLimits": {"resetsAt": resets}, **more}) + "\n"


@pytest.mark.parametrize(
    ("text", "reset"),
    [
        (line(NOW + 120), NOW + 120),
        (line(NOW + 9) + line(NOW + 120) + '{"type":"mode"}\n', NOW + 120),
        (line(NOW + 120) + line(NOW + 9, isApiErrorMessage="yes"), None),
        (line(NOW - 100 * 86_400), None),
        (line(NOW + 36 * 86_400), None),
        (line(float("nan")), None),
        (line(10**400), None),
        (line(True), None),
        (line("soon"), None),
        (line(NOW + 5).replace('{"resetsAt"', '[{"resetsAt"').replace("}}", "}]}"), None),
        ('"isApiErrorMessage"\n', None),
        ('{"isApiErrorMessage"\n', None),
        ("", None),
        ("\0" * 5000, None),
        (line(NOW + 120) + "x" * TRANSCRIPT_TAIL, None),
    ],
)
def test_the_end_of_a_limit_in_claudes_transcript(tmp_path: Path, text: str, reset: float | None) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(text)
    assert last_reset(path, NOW) == reset


def test_a_transcript_that_is_no_file_says_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert [last_reset(tmp_path / name, NOW) for name in ("fifo", "none", ".")] == [None] * 3


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "ao.db")
    yield made
    made.close()


def environment(state: Path) -> dict[str, str]:
    return {"AO_RUN": "r1", "AO_AGENT": "a", "AO_STATE": str(state), "PATH": os.environ["PATH"]}


def run(
    state: Path, text: bytes, program: str = "claude", env: dict[str, str] | None = None, **more: Any
) -> subprocess.CompletedProcess[bytes]:
    """The hook as a program runs it: within the patience of `timeout`, and always a success."""
    words = [sys.executable, "-m", "orchestrator", "hook", program]
    done = subprocess.run(
        words, input=text, env=environment(state) if env is None else env, timeout=30, check=False,
        **{"capture_output": True, **more},
    )  # fmt: skip
    assert (done.returncode, done.stderr or b"") == (0, b"")
    return done


def test_a_report_reaches_the_store_and_knocks(store: Store, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / FIFO)
    fifo = os.open(tmp_path / FIFO, os.O_RDWR | os.O_NONBLOCK)
    before = time.time()
    done = run(tmp_path, json.dumps(claude("UserPromptSubmit")).encode())
    ((name, (found,)),) = store.new_signals().items()
    assert (name, found.run, found.event, found.state) == ("a", "r1", "UserPromptSubmit", State.WORKING)
    assert before <= found.at <= time.time()
    assert os.read(fifo, 10) == b"."
    os.close(fifo)
    assert done.stdout == b""


def test_a_limit_is_followed_by_its_exact_end(store: Store, tmp_path: Path) -> None:
    transcript, reset = tmp_path / "t.jsonl", int(time.time()) + 600
    event = claude(
        "StopFailure", error="rate_limit", transcript_path=str(transcript), last_assistant_message=BANNER
    )
    run(tmp_path, json.dumps(event).encode())
    ((found,),) = store.new_signals().values()
    assert (found.state, found.reset_at) == (State.LIMITED, None)
    transcript.write_text(line(reset))
    deadline = time.monotonic() + 10
    while len(reports := store.new_signals()["a"]) < 2:
        assert time.monotonic() < deadline, "the end of the limit never came"
        time.sleep(0.05)
    assert [(s.state, s.reset_at) for s in reports] == [(State.LIMITED, None), (State.LIMITED, float(reset))]


@pytest.mark.parametrize(
    "text",
    [b"", b"garbage", b"[]", b"7", b"\xff\xfe\0", b"[" * 200_000, b'{"hook_event_name": "Stop"' + b" " * 2 * INPUT_LIMIT + b"}"],
    ids=["empty", "garbage", "list", "number", "bytes", "deep", "too long"],
)  # fmt: skip
def test_garbage_is_no_report(store: Store, tmp_path: Path, text: bytes) -> None:
    run(tmp_path, text)
    assert store.new_signals() == {}


@pytest.mark.parametrize("program", ["claude", "unknown", "", "../claude"])
def test_without_a_session_or_a_store_nothing_happens(tmp_path: Path, program: str) -> None:
    text = json.dumps(claude("Stop")).encode()
    run(tmp_path, text, program, env={"PATH": os.environ["PATH"]})
    run(tmp_path, text, program)
    run(tmp_path / "gone", text, program)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("what", ["folder", "garbage", "fifo", "unreadable", "older schema"])
def test_a_store_that_is_none_is_left_as_it_is(tmp_path: Path, what: str) -> None:
    path = tmp_path / "ao.db"
    match what:
        case "folder":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "older schema":
            sqlite3.connect(path).close()
        case _:
            path.write_bytes(b"garbage" * 1000)
            path.chmod(0 if what == "unreadable" else 0o600)
    run(tmp_path, json.dumps(claude("Stop")).encode())
    assert [each.name for each in tmp_path.iterdir()] == ["ao.db"]


def test_a_locked_store_costs_the_report_and_no_more(store: Store, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "ao.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    run(tmp_path, json.dumps(claude("Stop")).encode())
    other.execute("ROLLBACK")
    other.close()
    assert store.new_signals() == {}


def test_an_event_that_never_ends_is_not_waited_for(store: Store, tmp_path: Path) -> None:
    open_end, never_written = os.pipe()
    try:
        run(tmp_path, None, stdin=open_end)  # type: ignore[arg-type]  # nothing is sent
        os.write(never_written, json.dumps(claude("Stop")).encode())
        run(tmp_path, None, stdin=open_end)  # type: ignore[arg-type]  # the event is whole, the pipe stays open
    finally:
        os.close(open_end)
        os.close(never_written)
    assert [s.state for s in store.new_signals()["a"]] == [State.IDLE]


@pytest.mark.parametrize("closed", [0, 1, 2])
def test_closed_streams_do_no_harm(store: Store, tmp_path: Path, closed: int) -> None:
    words = f"exec {closed}{'<' if not closed else '>'}&-; exec {sys.executable} -m orchestrator hook claude"
    done = subprocess.run(
        ["sh", "-c", words], input=json.dumps(claude("Stop")).encode(), env=environment(tmp_path), timeout=30, check=False
    )  # fmt: skip
    assert done.returncode == 0
    assert len(store.new_signals()) == (1 if closed else 0)


def test_a_flood_is_bounded(store: Store, tmp_path: Path) -> None:
    for number in range(KEPT + 50):
        add_signal(tmp_path / "ao.db", "a", Signal(0, "r1", NOW + number, MONO, "Stop", State.IDLE))
    first = store.new_signals()["a"]
    assert len(first) == SIGNALS_AT_ONCE
    assert first[0].at == NOW + 50
    store.save(Plan(Memory(), signals_taken=first[-1].id), NOW)
    assert store.new_signals()["a"][0].id == first[-1].id + 1


def test_reports_are_taken_with_the_plan_that_heard_them(store: Store, tmp_path: Path) -> None:
    for name in ("a", "b", "a"):
        add_signal(tmp_path / "ao.db", name, Signal(0, "r1", NOW, MONO, "Stop", State.IDLE))
    heard = store.new_signals()
    assert {name: [s.id for s in found] for name, found in heard.items()} == {"a": [1, 3], "b": [2]}
    assert store.new_signals() == heard
    add_signal(tmp_path / "ao.db", "a", Signal(0, "r1", NOW, MONO, "late"))
    store.save(Plan(Memory(), signals_taken=3), NOW)
    assert [s.event for s in store.new_signals()["a"]] == ["late"]


def test_words_are_cut_and_made_harmless(store: Store, tmp_path: Path) -> None:
    add_signal(tmp_path / "ao.db", "a", Signal(0, "r1", NOW, MONO, "e" * 999, words="\x1b[31m" + "w" * 999))
    ((found,),) = store.new_signals().values()
    assert len(found.event) <= 100
    assert len(found.words) <= 303
    assert "\x1b" not in found.words


def test_a_session_that_has_no_state_folder_reports_nothing(store: Store) -> None:
    descriptor, end = os.pipe()
    os.write(end, json.dumps(claude("Stop")).encode())
    os.close(end)
    report("claude", {"AO_RUN": "r1", "AO_AGENT": "a"}, descriptor)
    os.close(descriptor)
    assert store.new_signals() == {}
