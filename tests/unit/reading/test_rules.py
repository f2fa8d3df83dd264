"""What is remembered of one screen changes nothing of the next."""

from __future__ import annotations

from datetime import UTC, datetime

from orchestrator.model.reading import RuleSpec, Screen, State
from orchestrator.reading import compile_rules, read

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
FALLBACK = RuleSpec(State.WARNING, "stopped", region="notices", priority=1, name="fallback")
TITLED = RuleSpec(
    State.FATAL,
    "stopped",
    region="notices",
    priority=2,
    name="titled",
    also_region="title",
    also_pattern="gone",
)


def rule_of(text: str, title: str) -> str:
    return read(compile_rules([FALLBACK, TITLED]), Screen(text, title=title), NOW, "UTC").rule


def test_the_second_condition_is_asked_again_of_the_same_message() -> None:
    said = "■ stopped for good"
    assert [rule_of(said, title) for title in ("gone", "here", "gone", "here")] == ["titled", "fallback"] * 2


def test_the_same_row_is_evidence_where_it_stands_now() -> None:
    rules = compile_rules([FALLBACK])
    for above in ("", "one\n\n", "one\ntwo\n\n"):
        reading = read(rules, Screen(f"{above}■ stopped for good"), NOW, "UTC")
        assert reading.evidence == ("■ stopped for good",)


def test_only_so_many_texts_are_remembered() -> None:
    rules = compile_rules([RuleSpec(State.IDLE, r"row \d", region="screen", name="row")])
    kept = rules.regions["screen"].search
    for number in range(2 * (kept.cache_info().maxsize or 0)):
        assert read(rules, Screen(f"row {number}"), NOW, "UTC").evidence == (f"row {number}",)
    assert kept.cache_info().currsize == kept.cache_info().maxsize
