"""`ao read` on files and streams, and what it says to wrong usage."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

LIMIT = "⎿  You've hit your limit · resets 3pm"
LINE = json.dumps({"id": "x", "backend": "claude", "text": LIMIT})
Ao = Callable[..., "subprocess.CompletedProcess[str]"]


def test_an_unknown_backend_is_refused_with_the_nearest(ao: Ao, tmp_path: Path) -> None:
    (tmp_path / "a").write_text(LIMIT)
    done = ao("read", "--backend", "cluade", "a")
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean claude?" in done.stderr
    assert "gemini" in done.stderr


def test_files_are_answered_one_by_one(ao: Ao, tmp_path: Path) -> None:
    (tmp_path / "a").write_text(LIMIT)
    (tmp_path / "b").write_bytes(b"\xff\x00 no screen")
    options = ("--now", "2026-03-01T12:00:00", "--tz", "Asia/Tokyo")
    done = ao("read", "--backend", "claude", *options, "a", "missing", "b", "-")
    told = [json.loads(each) for each in done.stdout.splitlines()]
    assert [each["file"] for each in told] == ["a", "missing", "b", "-"]
    assert told[0]["reset_at"] == "2026-03-01T06:00:00Z"
    assert told[0]["evidence"] == [LIMIT]
    assert "No such file" in told[1]["error"]
    assert [each["state"] for each in told[2:]] == ["unknown", "starting"]
    assert done.returncode == 1


def test_a_config_that_is_there_must_be_right(ao: Ao, tmp_path: Path) -> None:
    (tmp_path / "agents.toml").write_text("nonsense")
    (tmp_path / "a").write_text(LIMIT)
    assert ao("read", "--backend", "claude", "a").returncode == 2
    assert ao("read", "--backend", "claude", "--config", "other.toml", "a").returncode == 2


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("a", "b"),
        ("--backend", "claude"),
        ("--backend", "claude", "--jsonl"),
        ("--jsonl", "a", "b"),
        ("a", "--now", "2026-01-01"),
        ("--jsonl", "--now", "noon"),
        ("--jsonl", "--tz", "Nowhere"),
    ],
)
def test_wrong_usage_says_what_is_right(ao: Ao, words: tuple[str, ...]) -> None:
    done = ao("read", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "hint: " in done.stderr


def test_a_stream_from_a_file_ends_with_1_for_a_broken_line(ao: Ao, tmp_path: Path) -> None:
    (tmp_path / "lines").write_text(f"{LINE}\nbroken\n{LINE}\n")
    done = ao("read", "--jsonl", "lines")
    assert [("error" in json.loads(each)) for each in done.stdout.splitlines()] == [False, True, False]
    assert done.returncode == 1
    assert ao("read", "--jsonl", "missing").returncode == 1
    assert ao("read", "--jsonl").returncode == 0
