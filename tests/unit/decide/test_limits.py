from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.decide.belief import AT_ONCE
from orchestrator.decide.launch import CONTINUE, POINTER
from orchestrator.decide.limits import (
    GO_ON,
    GOES_ON_PATIENCE,
    KNOWN_FOR,
    STAGGER,
    grant_tries,
    note_ended,
    tend_limit,
    wait_for,
)
from orchestrator.decide.outbox import KICKOFF_SENDER, LIMIT_SENDER
from orchestrator.decide.pace import Turn
from orchestrator.decide.plan import on_this_boot, plan
from orchestrator.decide.step import Ended, Step
from orchestrator.model.action import Start
from orchestrator.model.memory import (
    Delivery,
    DeliveryState,
    LimitMemory,
    Memory,
    ReadingMemory,
    SessionMemory,
    Stage,
)
from orchestrator.model.observation import Observation
from orchestrator.model.reading import State
from orchestrator.model.request import Request, Verb
from orchestrator.model.view import Condition
from tests.support.builders import (
    MONO,
    NOW,
    agent,
    config,
    facts,
    memory,
    observation,
    pane,
    request,
    session,
    wanted,
)

ONE = config(agent())
SETTINGS = ONE.watchdog
RESET = NOW + 600.0
"""A full minute, as most banners tell it."""
EXACT = RESET + 17.0
WORDS = "LIMITED resets soon"
HELD = LimitMemory(since=NOW - 60, words=WORDS, reset_at=RESET, until=MONO + 661, met="r1", run="r1")


def limited(**changes: Any) -> ReadingMemory:
    return ReadingMemory(State.LIMITED, evidence=(WORDS,), **{"box": "", "reset_at": RESET, **changes})


def tended(
    reading: ReadingMemory,
    limit: LimitMemory | None = None,
    *,
    seen: Observation | None = None,
    **changes: Any,
) -> Step:
    """One turn of a session with that reading and limit."""
    seen = seen or observation(ONE, pane())
    about = session(reading=reading, limit=limit, **changes)
    turn = Step(seen, SETTINGS, about)
    tend_limit(facts(seen, memory(about)), turn)
    return turn


def kinds(turn: Step) -> list[str]:
    return [event.kind.value for event in turn.events]


def test_a_limit_is_told_once_and_holds() -> None:
    first = tended(limited())
    assert first.session.held
    assert kinds(first) == ["limited"]
    again = tended(limited(), first.session.limit)
    assert again.session.limit == first.session.limit
    assert kinds(again) == []


@pytest.mark.parametrize(
    ("limit", "waits"),
    [
        (LimitMemory(NOW, reset_at=EXACT), 617 + 45),
        # Told to the minute: it may be any moment of it.
        (LimitMemory(NOW, reset_at=RESET), 600 + 61),
        (LimitMemory(NOW, reset_at=EXACT, goes_on=True), 617 + GOES_ON_PATIENCE),
        (LimitMemory(NOW), SETTINGS.limit_probe_fallback),
        # Over before it was seen: it is tried at once. Tried in vain: it says nothing.
        (LimitMemory(NOW, reset_at=NOW - 3600), 0),
        (LimitMemory(NOW, reset_at=NOW - 3600, tries=1), SETTINGS.limit_probe_fallback),
        (LimitMemory(NOW, reset_at=NOW - 17), 45 - 17),
        (LimitMemory(NOW, reset_at=EXACT, tries=3), 617 + 45),
    ],
)
def test_how_long_a_session_is_held(limit: LimitMemory, waits: float) -> None:
    assert wait_for(limit, NOW, SETTINGS) == waits


@pytest.mark.parametrize("jump", [3600.0, -3600.0, 86400.0])
def test_a_set_clock_moves_nothing(jump: float) -> None:
    later = observation(ONE, pane(), now=NOW + jump, mono=MONO + 5)
    turn = tended(limited(), HELD, seen=later)
    assert turn.session.limit is not None
    assert turn.session.limit.until == HELD.until


def test_sleep_counts() -> None:
    awake = observation(ONE, pane(), mono=MONO + 1, slept=700.0)
    about = facts(awake, memory(session(reading=limited(), limit=HELD)))
    turn = Turn(about, Step(awake, SETTINGS, about.memory))
    assert grant_tries([turn], awake, {}) == {"fake": awake.elapsed}
    assert [d.text for d in turn.step.session.deliveries] == [GO_ON]


@pytest.mark.parametrize(
    ("reading", "changes", "told"),
    [
        (ReadingMemory(State.WORKING), {}, ["limit-lifted"]),
        (ReadingMemory(State.IDLE), {}, ["limit-lifted"]),
        # In a new run the message need not be on the screen, and the limit goes on all the same.
        (ReadingMemory(State.IDLE), {"run": "r2"}, []),
        (ReadingMemory(State.WORKING), {"run": "r2"}, ["limit-lifted"]),
        (ReadingMemory(State.DRAFT), {}, []),
        (ReadingMemory(State.UNKNOWN), {}, []),
        (ReadingMemory(State.DIALOG), {}, []),
        (ReadingMemory(State.WORKING), {"stage": Stage.STARTING}, []),
    ],
)
def test_when_a_limit_is_lifted(reading: ReadingMemory, changes: dict[str, Any], told: list[str]) -> None:
    turn = tended(reading, HELD, **changes)
    assert kinds(turn) == told
    assert turn.session.held is not bool(told)


def test_a_later_end_is_followed_and_an_exact_one_believed() -> None:
    later = tended(limited(reset_at=RESET + 3600), HELD).session.limit
    assert later is not None
    assert (later.reset_at, later.until) == (RESET + 3600, MONO + 600 + 3600 + 61)
    exact = tended(limited(reset_at=EXACT), HELD).session.limit
    assert exact is not None
    assert exact.until == MONO + 617 + 45


def test_who_would_have_gone_on_by_itself_does_not_once_it_has_died() -> None:
    _, after = restarted(waiting(limit=replace(HELD, goes_on=True)))
    assert after.limit is not None
    assert (after.limit.goes_on, after.limit.until) == (False, None)


def test_an_end_a_day_or_more_ahead_is_waited_for() -> None:
    for ahead in (86400.0, 172800.0):
        first = tended(limited(reset_at=NOW + ahead)).session.limit
        assert first is not None
        assert first.until == MONO + ahead + 61
        near = observation(ONE, pane(), now=NOW + ahead - 86400, mono=MONO + ahead - 86400)
        assert tended(limited(reset_at=NOW + ahead), first, seen=near).session.limit == first


def test_words_that_change_while_the_wait_that_they_say_does_not_put_nothing_off() -> None:
    first = tended(limited(reset_at=NOW + 617.0)).session.limit
    later = observation(ONE, pane(), now=NOW + 30, mono=MONO + 30)
    spun = replace(limited(reset_at=NOW + 30 + 617.0), evidence=("* LIMITED, resets soon",))
    after = tended(spun, first, seen=later).session.limit
    assert first is not None
    assert after is not None
    assert (after.until, after.reset_at) == (first.until, first.reset_at)


def test_the_same_words_just_after_it_was_lifted_are_the_same_limit() -> None:
    after = observation(ONE, pane(), now=RESET + 70, mono=MONO + 670)
    lifted = replace(HELD, held=False, tries=1)
    turn = tended(limited(), lifted, seen=after)
    assert turn.session.limit is not None
    assert turn.session.limit.until == MONO + 670 + SETTINGS.limit_probe_fallback
    assert kinds(turn) == ["limited"]


def test_a_lifted_limit_is_forgotten_in_the_end() -> None:
    lifted = replace(HELD, held=False)
    idle = ReadingMemory(State.IDLE)
    soon = observation(ONE, pane(), now=RESET + KNOWN_FOR)
    late = observation(ONE, pane(), now=RESET + KNOWN_FOR + 1)
    assert tended(idle, lifted, seen=soon).session.limit == lifted
    assert tended(idle, lifted, seen=late).session.limit is None


DUE = observation(
    config(agent() + agent("two") + agent("three", backend="chat")), now=NOW + 700, mono=MONO + 700
)


def tried(
    *sessions: SessionMemory, seen: Observation = DUE, before: dict[str, float] | None = None
) -> tuple[dict[str, float], list[str]]:
    """Accounts and when they were tried, and who was."""
    seen = replace(seen, panes={s.name: pane(s.name) for s in sessions})
    about = [facts(seen, memory(*sessions), s.name) for s in sessions]
    turns = [Turn(f, Step(seen, SETTINGS, f.memory)) for f in about]
    after = grant_tries(turns, seen, before or {})
    return after, [t.step.session.name for t in turns if t.step.session.deliveries]


def waiting(name: str = "one", **changes: Any) -> SessionMemory:
    return session(name, **{"reading": limited(), "limit": HELD, **changes})


def test_sessions_of_one_account_are_tried_one_after_another() -> None:
    both = (waiting(), waiting("two"), waiting("three"))
    after, names = tried(*both)
    assert names == ["one", "three"]
    assert tried(*both[1:2], before=after)[1] == []
    later = replace(DUE, mono=DUE.mono + STAGGER)
    assert tried(*both[1:2], seen=later, before=after)[1] == ["two"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"reading": ReadingMemory(State.IDLE), "run": "r1"}, True),
        ({"reading": ReadingMemory(State.DIALOG)}, False),
        ({"reading": ReadingMemory(State.AUTH)}, False),
        ({"reading": ReadingMemory(State.UNKNOWN)}, False),
        ({"reading": ReadingMemory(State.DRAFT)}, False),
        ({"limit": None}, False),
        ({"limit": replace(HELD, held=False)}, False),
        ({"limit": replace(HELD, trying="limit/x")}, False),
        ({"limit": replace(HELD, until=MONO + 701)}, False),
        ({"stage": Stage.STARTING}, False),
        ({"stage": Stage.STOPPING}, False),
    ],
)
def test_who_is_tried(changes: dict[str, Any], expected: bool) -> None:
    assert bool(tried(waiting(**changes))[1]) is expected


@pytest.mark.parametrize(
    ("met", "age", "box", "again", "tried"),
    [
        ("r0", 60.0, None, True, False),
        ("r0", 1.0, None, False, False),
        ("r0", 60.0, "", False, True),
        ("r1", 60.0, None, False, False),
    ],
)
def test_only_a_run_that_was_begun_during_the_hold_is_begun_again_for_its_menu(
    met: str, age: float, box: str | None, again: bool, tried: bool
) -> None:
    about = waiting(reading=limited(box=box), limit=replace(HELD, met=met), started_mono=DUE.mono - age)
    seen = replace(DUE, panes={"one": pane()})
    turn = Turn(facts(seen, memory(about)), Step(seen, SETTINGS, about))
    grant_tries([turn], seen, {})
    assert bool(turn.step.session.restart) is again
    assert bool(turn.step.session.deliveries) is tried


def test_who_is_not_watched_is_not_spoken_to() -> None:
    seen = replace(DUE, config=config(agent(watch="none")))
    assert tried(waiting(), seen=seen)[1] == []


def test_what_became_of_the_try() -> None:
    trying = replace(HELD, trying="k", tries=1)
    for accepted in (True, False):
        turn = Step(DUE, SETTINGS, waiting(limit=trying), ended=[Ended("k", accepted)])
        note_ended(turn)
        assert turn.session.limit is not None
        assert turn.session.limit.trying == ""
        assert turn.session.limit.until == DUE.mono + SETTINGS.limit_probe_fallback
    turn = Step(DUE, SETTINGS, waiting(limit=trying), ended=[Ended("other", accepted=True)])
    note_ended(turn)
    assert turn.session.limit == trying


def test_a_text_that_waits_is_dropped_when_the_session_goes_on_by_itself() -> None:
    queued = Delivery("k", GO_ON, LIMIT_SENDER)
    trying = replace(HELD, trying="k")
    turn = tended(ReadingMemory(State.WORKING), trying, deliveries=(queued,))
    assert turn.session.deliveries == ()
    typed = replace(queued, state=DeliveryState.TYPED)
    turn = tended(ReadingMemory(State.WORKING), trying, deliveries=(typed,))
    assert turn.session.deliveries == (typed,), "half said, it is said to its end"


# ---- across runs


def restarted(
    of: SessionMemory, keys: dict[str, object] | None = None, **changes: Any
) -> tuple[Start, SessionMemory]:
    """The start of a session that died, and its memory then."""
    body = config(agent(**{"prompt": "Begin.", "resume": True, **(keys or {})}))
    spec = changes.pop("spec", wanted(body).spec)
    dead = replace(of, stage=Stage.ENDED, spec=spec, conversation="c1", talked=True, due=0.0, **changes)
    seen = observation(body, processes={"one": ()})
    made = plan(seen, memory(dead), "UTC")
    start = next(action for action in made.actions if isinstance(action, Start))
    return start, made.memory.sessions["one"]


def test_who_dies_while_held_is_resumed_at_once_and_told_nothing() -> None:
    start, after = restarted(waiting(interrupted=True))
    assert (start.resume, start.words, start.silent) == (True, "", False)
    assert after.held


def test_who_dies_while_held_and_can_not_be_resumed_learns_its_kickoff_after_the_reset() -> None:
    start, after = restarted(waiting(), {"resume": False})
    assert (start.resume, start.silent, after.unsaid, after.talked) == (False, True, True, False)
    seen = replace(DUE, panes={"one": pane(run=after.run)})
    told = Step(seen, SETTINGS, replace(after, stage=Stage.RUNNING, reading=ReadingMemory(State.IDLE)))
    about = facts(seen, memory(told.session))
    tend_limit(about, told)
    grant_tries([Turn(about, told)], seen, {})
    assert [d.text for d in told.session.deliveries] == [POINTER.format(path="{kickoff}")]


def test_an_unsaid_kickoff_is_said_too_when_a_person_lifts_the_limit() -> None:
    turn = tended(ReadingMemory(State.WORKING), HELD, unsaid=True)
    assert [d.sender for d in turn.session.deliveries] == [KICKOFF_SENDER]
    assert not turn.session.unsaid


def test_a_changed_config_ends_the_hold() -> None:
    start, after = restarted(waiting(), spec="another")
    assert not after.held
    assert start.words == CONTINUE


@pytest.mark.parametrize(
    ("wish", "held"),
    [(request(Verb.UP), True), (request(Verb.UP, "one"), False), (request(Verb.RESTART, "one"), False)],
)
def test_a_person_who_asks_for_it_by_name_ends_the_hold(wish: Request, held: bool) -> None:
    body = config(agent(prompt="Begin.", resume=True))
    dead = replace(
        waiting(), stage=Stage.ENDED, spec=wanted(body).spec, conversation="c1", talked=True, due=0.0
    )
    made = plan(observation(body, processes={"one": ()}, requests=(wish,)), memory(dead), "UTC")
    (start,) = (action for action in made.actions if isinstance(action, Start))
    assert made.memory.sessions["one"].held is held
    assert start.words == ("" if held else CONTINUE)


@pytest.mark.parametrize(("attached", "again"), [(0, True), (1, False)])
def test_a_menu_that_a_person_looks_at_is_left_alone(attached: int, again: bool) -> None:
    about = waiting(reading=limited(box=None), limit=replace(HELD, met="r0"), started_mono=DUE.mono - 60)
    seen = replace(DUE, panes={"one": pane(attached=attached)})
    turn = Turn(facts(seen, memory(about)), Step(seen, SETTINGS, about))
    grant_tries([turn], seen, {})
    assert bool(turn.step.session.restart) is again


def test_a_warning_after_the_reset_is_no_limit() -> None:
    assert kinds(tended(ReadingMemory(State.WARNING, box=""), HELD)) == ["limit-lifted"]
    assert tried(waiting(reading=ReadingMemory(State.WARNING, box=""), limit=replace(HELD, run="r0")))[1] == [
        "one"
    ]


@pytest.mark.parametrize("state", [State.UNKNOWN, State.DRAFT, State.DIALOG, State.TRANSIENT])
def test_a_time_that_has_come_is_not_looked_for_again_and_again(state: State) -> None:
    over = observation(ONE, pane(), now=NOW + 700, mono=MONO + 700)
    assert tended(ReadingMemory(state), HELD, seen=over).wake > 1


def test_what_tried_a_run_that_died_does_not_count() -> None:
    _, after = restarted(waiting(limit=replace(HELD, tries=1, trying="k")))
    assert after.limit is not None
    assert after.limit.tries == 0


def test_a_boot_ends_the_reckoning_and_not_the_hold() -> None:
    before = Memory(
        boot="other", sessions={"one": waiting(limit=replace(HELD, trying="k"))}, tried={"fake": 5.0}
    )
    after = on_this_boot(before, observation(ONE))
    assert after.tried == {}
    limit = after.sessions["one"].limit
    assert limit is not None
    assert (limit.held, limit.until, limit.trying) == (True, None, "")
    timed = tended(ReadingMemory(State.IDLE), limit, run="r2").session.limit
    assert timed is not None
    assert timed.until == MONO + 661


# ---- what people see


def test_a_limit_is_shown_for_everybody_of_the_account() -> None:
    body = config(agent() + agent("two") + agent("three", backend="chat"))
    seen = observation(body, *(pane(name, spec=wanted(body, name).spec) for name in ("one", "two", "three")))
    views = {v.name: v for v in plan(seen, memory(waiting(), session("two"), session("three")), "UTC").views}
    assert views["one"].condition is Condition.LIMITED
    assert (views["one"].reset_at, views["one"].next_at) == (RESET, NOW + 661)
    assert (views["two"].condition, views["two"].account_limited) == (Condition.IDLE, "one")
    assert views["two"].reset_at == RESET
    assert views["three"].account_limited == ""


@pytest.mark.parametrize("state", [State.IDLE, State.DRAFT, State.LIMITED, State.UNKNOWN])
def test_who_is_held_is_shown_as_limited(state: State) -> None:
    seen = observation(ONE, pane(run="r2", spec=wanted(ONE).spec))
    remembered = session(run="r2", reading=ReadingMemory(state), limit=HELD)
    (view,) = plan(seen, memory(remembered), "UTC").views
    assert view.condition is Condition.LIMITED
    assert State.LIMITED in AT_ONCE


def test_a_run_that_is_begun_again_for_its_menu_is_told_to_go_on() -> None:
    body = config(agent(prompt="Begin.", resume=True))
    stopped = waiting(
        stage=Stage.STOPPING, restart="its menu", spec=wanted(body).spec, conversation="c1", talked=True,
        limit=replace(HELD, met="r0", over=True),
    )  # fmt: skip
    seen = observation(body, pane(dead=True, dead_signal=15, spec=wanted(body).spec), processes={"one": ()})
    first = plan(seen, memory(stopped), "UTC")
    starts = [a for a in first.actions if isinstance(a, Start)] or [
        a for a in plan(seen, first.memory, "UTC").actions if isinstance(a, Start)
    ]
    assert [(start.resume, start.words) for start in starts] == [(True, CONTINUE)]
