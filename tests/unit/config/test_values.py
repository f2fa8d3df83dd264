from __future__ import annotations

from typing import Any

import pytest

from orchestrator.config.tables.agents import SERVICE
from orchestrator.config.tables.backend import BACKEND
from orchestrator.config.values import Duration, Size, Words, WrongValue


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (45, 45),
        (0.5, 0.5),
        ("45s", 45),
        ("5m", 300),
        ("1h30m", 5400),
        ("1d", 86400),
        ("1h 5m 3s", 3903),
        ("1.5h", 5400),
    ],
)
def test_durations(given: object, seconds: float) -> None:
    assert Duration().convert(given) == seconds


@pytest.mark.parametrize(
    "given", ["", "s", "5", "m5", "1m1h", "-5s", "5 s s", "٣s", True, None, [], 10**400, float("nan")]
)
def test_what_is_no_duration(given: object) -> None:
    with pytest.raises(WrongValue):
        Duration().convert(given)


@pytest.mark.parametrize(
    ("given", "size"),
    [
        (5000, 5000),
        ("50MiB", 50 * 2**20),
        ("200KB", 200_000),
        ("1 GiB", 2**30),
        ("1.5KiB", 1536),
        ("4096", 4096),
    ],
)
def test_sizes(given: object, size: int) -> None:
    assert Size(0, 2**40).convert(given) == size


def test_quoted_arguments_may_hold_anything_but_an_open_quote() -> None:
    assert Words().convert("--say 'it is' \"$HOME\"") == "--say 'it is' \"$HOME\""
    with pytest.raises(WrongValue, match="quot"):
        Words().convert("--say 'it is")


@pytest.mark.parametrize("text", ["localhost:80", "127.0.0.1:8080", "[::1]:443", "db-1.lan:5432"])
def test_addresses(text: str) -> None:
    assert SERVICE.keys["ready_tcp"].type.convert(text) == text


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("resume_flag", "resume {id}"),
        ("resume_flag", "--continue"),
        ("model_flag", ""),
        ("attach", "{bin} attach ${HOST} {server}"),
        ("submit_key", "C-m"),
        ("submit_key", "Escape Enter"),
    ],
)
def test_what_a_backend_may_say(key: str, text: Any) -> None:
    assert BACKEND.keys[key].type.convert(text) == text
