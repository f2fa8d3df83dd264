from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.decide.belief import FRESH, QUIET, assess_reading
from orchestrator.model.memory import LimitMemory, ReadingMemory
from orchestrator.model.reading import Signal, State
from tests.support.builders import (
    MONO,
    NOW,
    agent,
    config,
    facts,
    memory,
    observation,
    pane,
    screen,
    session,
)

CONFIG = config(agent())


def read_in_turn(held: ReadingMemory, *texts: str | None, apart: float = 1.0) -> ReadingMemory:
    """The accepted reading after these screens were seen one after another; None: none was captured."""
    for number, text in enumerate(texts):
        seen = observation(CONFIG, pane())
        about = replace(facts(seen, memory(session())), memory=session(reading=held))
        later = number * apart
        held = assess_reading(
            about, None if text is None else screen(text), (), NOW + later, MONO + later, "UTC"
        )
    return held


IDLE = ReadingMemory(State.IDLE, fingerprint="x", changed_mono=MONO - 60)


@pytest.mark.parametrize(
    ("held", "texts", "state"),
    [
        (IDLE, ("WORKING",), State.IDLE),
        (IDLE, ("WORKING", "WORKING"), State.WORKING),
        (IDLE, ("WORKING", "IDLE", "WORKING"), State.IDLE),
        (IDLE, ("WORKING", "DRAFT", "WORKING"), State.IDLE),
        (IDLE, ("WORKING", None), State.IDLE),
        (IDLE, ("LIMITED",), State.LIMITED),
        (IDLE, ("DIALOG",), State.DIALOG),
        (IDLE, ("AUTH",), State.AUTH),
        (IDLE, ("FATAL",), State.IDLE),
        (IDLE, ("FATAL", "FATAL"), State.FATAL),
        (IDLE, ("???",), State.IDLE),
        (IDLE, ("???", "???"), State.UNKNOWN),
        (ReadingMemory(), ("IDLE",), State.IDLE),
        (ReadingMemory(), ("???",), State.STARTING),
        (ReadingMemory(), ("", ""), State.STARTING),
    ],
)
def test_a_change_counts_when_it_was_read_twice_and_a_limit_or_dialog_at_once(
    held: ReadingMemory, texts: tuple[str | None, ...], state: State
) -> None:
    assert read_in_turn(held, *texts).state is state


def test_since_when_it_is_idle() -> None:
    assert read_in_turn(ReadingMemory(), "IDLE").idle_mono == MONO
    assert read_in_turn(ReadingMemory(), "IDLE", "IDLE !", "IDLE !!").idle_mono == MONO, (
        "still the same idleness"
    )
    assert read_in_turn(ReadingMemory(), "IDLE", "WORKING", "WORKING").idle_mono is None


def test_when_the_screen_last_changed() -> None:
    assert read_in_turn(IDLE, "IDLE a", "IDLE a", "IDLE a").changed_mono == MONO
    assert read_in_turn(IDLE, "IDLE a", "IDLE b").changed_mono == MONO + 1


@pytest.mark.parametrize(("quiet", "state"), [(QUIET - 1, State.WORKING), (QUIET, State.IDLE)])
def test_a_program_without_rules_is_judged_by_its_output(quiet: float, state: State) -> None:
    seen = observation(config(agent(backend="plain")), pane(activity=int(NOW - quiet)))
    about = facts(seen, memory(session(reading=ReadingMemory())))
    assert assess_reading(about, None, (), NOW, MONO, "UTC").state is state


def test_a_dead_pane_is_not_read() -> None:
    seen = observation(CONFIG, pane(dead=True))
    about = facts(seen, memory(session(state=State.WORKING)))
    assert assess_reading(about, screen("IDLE"), (), NOW, MONO, "UTC") == about.memory.reading


def heard(
    held: ReadingMemory, *steps: Signal | str, apart: float = 1.0, limit: LimitMemory | None = None
) -> ReadingMemory:
    """The accepted reading after reports and screens, one after another."""
    for number, step in enumerate(steps):
        about = facts(observation(CONFIG, pane()), memory(session(reading=held, limit=limit)))
        later = number * apart
        seen = screen(step) if isinstance(step, str) else None
        reports = () if isinstance(step, str) else (replace(step, mono=MONO + later, at=NOW + later),)
        held = assess_reading(about, seen, reports, NOW + later, MONO + later, "UTC")
    return held


def report(state: State | None, run: str = "r1", **more: object) -> Signal:
    return Signal(1, run, NOW, MONO, "Event", state, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        ((report(State.WORKING),), State.WORKING),
        ((report(State.LIMITED),), State.LIMITED),
        ((report(None),), State.IDLE),
        ((report(State.WORKING, run="other"),), State.IDLE),
        ((report(State.WORKING), report(State.IDLE)), State.IDLE),
        # A slower screen does not count against a fresh report, and has the last word in the end.
        ((report(State.WORKING), "IDLE", "IDLE"), State.WORKING),
        ((report(State.WORKING), "IDLE", "IDLE", "IDLE", "IDLE"), State.IDLE),
        ((report(State.WORKING), "DIALOG"), State.DIALOG),
        ((report(State.WORKING), "LIMITED"), State.LIMITED),
        ((report(State.WORKING), "DRAFT", "DRAFT"), State.DRAFT),
        # A screen that says nothing says nothing against a report, however old.
        ((report(State.WORKING), *["???"] * 9), State.WORKING),
        ((report(State.IDLE), *["???"] * 9), State.IDLE),
        # A limit that no rule knows lasts until something else is reported, or it plainly works.
        ((report(State.LIMITED), *["IDLE"] * 9), State.LIMITED),
        ((report(State.LIMITED), *["FATAL"] * 9), State.LIMITED),
        ((report(State.LIMITED), "IDLE", report(State.WORKING)), State.WORKING),
        ((report(State.LIMITED), *["WORKING"] * 6), State.WORKING),
        ((report(State.LIMITED), "WORKING", "WORKING"), State.LIMITED),
        ((report(State.AUTH), *["IDLE"] * 9), State.IDLE),
    ],
)
def test_a_report_is_weighed_against_the_screen(steps: tuple[Signal | str, ...], state: State) -> None:
    assert heard(IDLE, *steps).state is state


def test_a_doubted_screen_is_looked_at_again() -> None:
    assert heard(IDLE, report(State.WORKING), "IDLE").candidate is State.IDLE
    assert FRESH > 1


def test_a_reported_reset_is_exact_and_a_shown_one_is_not() -> None:
    told = report(State.LIMITED, reset_at=NOW + 3617.0)
    shown = "LIMITED resets 9:00am (UTC)"
    assert heard(IDLE, shown).reset_at == NOW + 3600
    assert heard(IDLE, shown, told).reset_at == NOW + 3617
    assert heard(IDLE, told, shown).reset_at == NOW + 3617
    assert heard(IDLE, told, shown, "WORKING", "WORKING", "WORKING", "WORKING").reset_at is None


def test_a_prompt_that_was_taken() -> None:
    assert heard(IDLE, report(None, submitted=True)).submitted_mono == MONO
    assert heard(IDLE, report(None)).submitted_mono == 0


def test_a_known_banner_keeps_the_time_of_its_first_sighting() -> None:
    words = "LIMITED resets 7:00am (UTC)"
    known = LimitMemory(since=NOW - 7200, words=words)
    assert heard(IDLE, words).reset_at == NOW + 23 * 3600
    assert heard(IDLE, words, limit=known).reset_at == NOW - 3600
    assert heard(IDLE, "LIMITED again, resets 7:00am (UTC)", limit=known).reset_at == NOW + 23 * 3600


def shown_at(words: str, *, drawn: float, now: float = NOW, limit: LimitMemory | None = None) -> float | None:
    """End of the limit in a banner that the pane wrote at `drawn` and that is read at `now`, in seconds from NOW."""
    about = facts(observation(CONFIG, pane(activity=int(drawn))), memory(session(reading=IDLE, limit=limit)))
    read = assess_reading(about, screen(words), (), now, MONO, "UTC")
    return None if read.reset_at is None else read.reset_at - NOW


def test_a_bare_time_of_the_present_minute_is_not_tomorrows() -> None:
    assert shown_at("LIMITED resets 8:00am (UTC)", drawn=NOW + 20, now=NOW + 20) == 0


def test_a_banner_is_no_newer_than_the_last_output() -> None:
    words = "LIMITED resets 8:04am (UTC)"
    assert shown_at(words, drawn=NOW, now=NOW + 600) == 240
    assert shown_at(words, drawn=NOW + 600, now=NOW + 600) == 240 + 86400


def test_a_day_or_a_week_ahead_is_meant() -> None:
    assert shown_at("LIMITED, try again in 24 hours", drawn=NOW) == 86400
    assert shown_at("LIMITED, try again in 2 days", drawn=NOW) == 172800


def test_a_known_limit_that_has_just_ended_is_not_tomorrows_in_other_words() -> None:
    known = LimitMemory(since=NOW - 7200, words="LIMITED resets 7:59am (UTC)", reset_at=NOW - 60)
    assert shown_at("LIMITED still: resets 7:59am (UTC)", drawn=NOW + 60, now=NOW + 60, limit=known) == -60


def test_a_draft_that_came_and_went_ends_no_limit_that_was_reported() -> None:
    assert (
        heard(IDLE, report(State.LIMITED), "DRAFT", "DRAFT", "DRAFT", "DRAFT", "IDLE", "IDLE").state
        is State.LIMITED
    )


def test_a_report_from_the_future_counts_as_one_of_now() -> None:
    ahead = Signal(1, "r1", NOW, MONO + 1e6, "Event", State.IDLE)
    about = facts(observation(CONFIG, pane()), memory(session(reading=IDLE)))
    assert assess_reading(about, None, (ahead,), NOW, MONO, "UTC").told_mono == MONO


def test_a_banner_that_is_known_from_the_minute_of_its_end_stays_what_it_was() -> None:
    words = "LIMITED resets 8:00am (UTC)"
    known = LimitMemory(since=NOW + 2, words=words, reset_at=NOW)
    assert shown_at(words, drawn=NOW + 30, now=NOW + 30, limit=known) == 0
