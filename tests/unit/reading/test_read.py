from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.model.reading import RuleSpec, Screen, State
from orchestrator.reading import compile_rules, read

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LIMIT = RuleSpec(State.LIMITED, "limit reached", region="notices", priority=50, name="limit")
FREE = RuleSpec(State.IDLE, "^$", region="box", priority=20, name="free")
DIALOG = RuleSpec(State.DIALOG, r"^❯ 1\. ", region="dialog", priority=80, name="menu")
RETRY = RuleSpec(State.TRANSIENT, "retrying", region="notices", priority=40, name="retry")


def state_of(text: str, *specs: RuleSpec, **screen: str) -> State:
    return read(compile_rules(specs), Screen(text, **screen), NOW, "UTC").state


class TestPlainCommand:
    @pytest.mark.parametrize(
        ("unchanged_for", "state"), [(0.5, "working"), (2.9, "working"), (3.0, "idle"), (None, "idle")]
    )
    def test_is_judged_by_what_moves(self, unchanged_for: float | None, state: str) -> None:
        assert read(compile_rules([]), Screen("x"), NOW, "UTC", unchanged_for).state == state


def test_nothing_that_is_known_is_unknown() -> None:
    assert state_of("hello", LIMIT, FREE) is State.UNKNOWN


def test_nothing_drawn_is_starting() -> None:
    assert state_of(" \n \n", LIMIT, FREE) is State.STARTING


def test_highest_priority_wins_and_of_equals_the_first() -> None:
    low, high = RuleSpec(State.IDLE, "x", priority=1), RuleSpec(State.WORKING, "x", priority=2)
    assert state_of("x", low, high) is State.WORKING
    same = RuleSpec(State.FATAL, "X", priority=2)
    assert state_of("x", same, high) is State.FATAL


def test_a_users_pattern_looks_at_the_whole_screen_in_any_case() -> None:
    assert (
        state_of("a\n  b OUT OF CHEESE c\n", RuleSpec(State.FATAL, "out of cheese", priority=99))
        is State.FATAL
    )


def test_a_pattern_with_flags_and_groups_of_its_own() -> None:
    assert (
        state_of("abcabc limit reached", RuleSpec(State.FATAL, r"(?s)(abc)\1.*", region="notices"))
        is State.FATAL
    )


def test_rows_by_expression() -> None:
    rule = RuleSpec(State.AUTH, "badge", region="lines:^!! ")
    assert state_of("x\n!! badge needed\n", rule) is State.AUTH
    assert state_of("no badge here", rule) is State.UNKNOWN


def test_both_conditions_must_hold() -> None:
    rule = RuleSpec(State.FATAL, "boom", also_region="title", also_pattern="^live")
    assert state_of("boom", rule, title="live one") is State.FATAL
    assert state_of("boom", rule, title="dead one") is State.UNKNOWN
    assert state_of("boom", rule) is State.UNKNOWN


def test_a_region_that_is_not_there_matches_nothing() -> None:
    assert state_of("no box here", FREE) is State.UNKNOWN
    assert state_of("x", RuleSpec(State.IDLE, "", region="status")) is State.UNKNOWN


def test_an_answer_makes_a_message_old() -> None:
    assert state_of("■ limit reached\n\n› ", LIMIT, FREE) is State.LIMITED
    assert state_of("■ limit reached\n\n• All done.\n\n› ", LIMIT, FREE) is State.IDLE


def test_a_menu_that_comes_with_a_limit_is_part_of_it() -> None:
    menu = "❯ 1. Wait\n  2. Upgrade"
    assert state_of(f"■ limit reached\n\n{menu}", LIMIT, DIALOG) is State.LIMITED
    assert state_of(menu, LIMIT, DIALOG) is State.DIALOG
    assert state_of(f"■ limit reached\n\n• Ran a tool\n\n{menu}", LIMIT, DIALOG) is State.DIALOG


def test_a_menu_that_comes_with_what_was_said_later_is_not_part_of_a_limit() -> None:
    menu = "❯ 1. Yes\n  2. No"
    assert state_of(f"■ limit reached\n\n❯ go on\n\n{menu}", LIMIT, DIALOG) is State.DIALOG
    assert state_of(f"■ limit reached\n\n❯ /options\n\n{menu}", LIMIT, DIALOG) is State.LIMITED


@pytest.mark.parametrize(
    "text",
    [
        "┌──────────────┬─────┐\n│ limit reached │ wait │\n└──────────────┴─────┘\n\n› ",
        "The file says:\n\n   limit reached\n\n› ",
        "• It says:\n\n   ■ limit reached\n\n› ",
        "limit reached, so I stopped it\n\n› ",
        "│ ✓  Shell cat log\n│\n│ ■ limit reached\n\n› ",
        "   $ cat log\n     limit reached\n\n› ",
        "■ MCP server docs: limit reached\n\n› ",
        "raise Error('x', limit reached)\n\n› ",
        "• ╭─────────╮\n  │ limit reached │\n  ╰─────────╯\n\n› ",
    ],
)
def test_what_is_shown_is_no_message(text: str) -> None:
    assert state_of(text, LIMIT, FREE) is State.IDLE


@pytest.mark.parametrize(
    "text",
    [
        "● I looked at it.\n  ⎿  limit reached\n\n› ",
        "● Read(a.py)\n  ⎿  Read 3 lines\n  ⎿  ⚠ limit reached\n\n› ",
        "limit reached\n\n • /upgrade to go on\n\n› ",
        "The agent is having trouble right now:\n   0: limit reached\n\n› ",
    ],
)
def test_what_hangs_under_an_answer_is_a_message(text: str) -> None:
    assert state_of(text, LIMIT, FREE) is State.LIMITED


@pytest.mark.parametrize(
    ("wait", "state"), [("9s", "transient"), ("5m", "transient"), ("5m1s", "limited"), ("2h5m", "limited")]
)
def test_a_retry_far_off_is_a_limit(wait: str, state: str) -> None:
    assert state_of(f"■ retrying in {wait}", RETRY) == state


def test_of_two_limits_the_lower_and_its_reset() -> None:
    text = "■ limit reached, resets 3pm\n\n■ limit reached, resets 5pm\n\n› "
    reading = read(compile_rules([LIMIT, FREE]), Screen(text), NOW, "UTC")
    assert reading.reset_at == datetime(2026, 6, 1, 17, tzinfo=UTC)
    assert reading.evidence == ("■ limit reached, resets 5pm",)


def test_a_limit_without_a_time_takes_it_from_the_one_above() -> None:
    text = "■ limit reached, resets 3pm\n\n■ limit reached again\n\n› "
    assert read(compile_rules([LIMIT, FREE]), Screen(text), NOW, "UTC").reset_at == datetime(
        2026, 6, 1, 15, tzinfo=UTC
    )


def test_a_message_keeps_the_time_of_its_first_sighting() -> None:
    rules, screen = compile_rules([LIMIT]), Screen("■ limit reached, resets 3pm")
    late = NOW + timedelta(hours=4)
    assert read(rules, screen, late, "UTC").reset_at == datetime(2026, 6, 2, 15, tzinfo=UTC)
    assert read(rules, screen, late, "UTC", first_seen=NOW).reset_at == datetime(2026, 6, 1, 15, tzinfo=UTC)


def test_only_a_limit_has_a_reset() -> None:
    assert read(compile_rules([RETRY]), Screen("■ retrying in 9s"), NOW, "UTC").reset_at is None


def test_the_same_rules_are_compiled_once() -> None:
    assert compile_rules([LIMIT, FREE]) is compile_rules([LIMIT, FREE])
