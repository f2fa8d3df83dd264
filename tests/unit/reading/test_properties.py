from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import available_timezones

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.backends import load_profile, profile_names
from orchestrator.backends.rules import parse_rule
from orchestrator.model.reading import Reading, Screen, State
from orchestrator.reading import compile_rules, read
from orchestrator.reading.resets import find_reset

RULES = {
    name: compile_rules([parse_rule(table, name) for table in load_profile(name)["rules"]])
    for name in profile_names()
}
ZONES = sorted(available_timezones())
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds of aware times
PIECES = st.sampled_from(
    ["❯ ", "● ", "⎿ ", "│ ", "────────", "╭──╮", "› ", "■ ", "✻ ", "resets ", "limit reached", "3pm", " (UTC)", "\n", "\n\n", "  ",
     "API Error: ", "429", "Jan 31", "|1780336800", "esc to interrupt", "1. Yes", "2. No", "\x1b[2m", "\t", "\r", "░", "😀 "]
)  # fmt: skip
SCREENS = st.one_of(st.text(), st.lists(st.one_of(PIECES, st.text(max_size=8)), max_size=40).map("".join))


@given(SCREENS, st.text(max_size=20), st.sampled_from(sorted(RULES)), MOMENTS, st.sampled_from(ZONES))
def test_any_screen_can_be_read(text: str, title: str, backend: str, now: datetime, tz: str) -> None:
    reading = read(RULES[backend], Screen(text, title=title, cursor=(3, 1), ansi=text), now, tz)
    assert isinstance(reading, Reading)
    assert reading.reset_at is None or reading.state is State.LIMITED


@given(st.text(max_size=80), MOMENTS, st.sampled_from(ZONES))
def test_any_text_can_be_searched_for_a_reset(text: str, now: datetime, tz: str) -> None:
    found = find_reset(["resets " + text], now, tz)
    assert found is None or found.tzinfo is not None


@given(st.integers(0, 23), st.integers(0, 59), MOMENTS, st.sampled_from(ZONES))
def test_a_bare_time_is_within_a_day(hour: int, minute: int, now: datetime, tz: str) -> None:
    found = find_reset([f"resets {hour:02}:{minute:02}"], now, tz)
    assert found is not None
    # A day in which the clock is set back is up to two hours longer; some zones skipped a whole date.
    assert timedelta(0) < found - now <= timedelta(hours=26)


@given(SCREENS, MOMENTS)
def test_the_same_screen_gives_the_same_reading(text: str, now: datetime) -> None:
    first, second = (read(RULES["generic"], Screen(text), now, "UTC") for _ in range(2))
    assert first == second
