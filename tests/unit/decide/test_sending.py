from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.decide.delivery import PASTE_LIMIT
from orchestrator.decide.outbox import LINE_LIMIT, close_outbox
from orchestrator.decide.plan import plan
from orchestrator.model.action import Paste, PressKey
from orchestrator.model.config import Config
from orchestrator.model.memory import (
    Delivery,
    DeliveryState,
    LimitMemory,
    Memory,
    ReadingMemory,
    SessionMemory,
    Stage,
)
from orchestrator.model.reading import Screen, Signal, State
from orchestrator.model.request import Request, Result, Verb
from tests.support.builders import (
    MONO,
    NOW,
    agent,
    config,
    memory,
    observation,
    pane,
    request,
    service,
    session,
    step,
    wanted,
)

ONE = config(agent() + agent("bare", backend="plain") + service())
FREE = ReadingMemory(State.IDLE, fingerprint="old", box="", changed_mono=MONO - 60)


def ask(text: str = "hello", name: str = "one", **changes: Any) -> Request:
    return request(Verb.SEND, name, argument=text, sender="sent", **changes)


def taken(
    wish: Request, *sessions: SessionMemory, of: Config = ONE, screen: str | None = None, **seen: Any
) -> tuple[Request, Memory, tuple[object, ...]]:
    """One tick with a wish to say something: the wish, the memory and the actions after it."""
    screens = {wish.names[0]: Screen(screen)} if screen is not None else {}
    panes = [pane(s.name, spec=wanted(of, s.name).spec) for s in sessions]
    made = plan(observation(of, *panes, requests=(wish,), screens=screens, **seen), memory(*sessions), "UTC")
    after = made.requests[0] if made.requests else wish
    spoken = tuple(action for action in made.actions if isinstance(action, Paste | PressKey))
    return after, made.memory, spoken


def test_a_text_is_queued_and_typed_at_once_into_a_free_box() -> None:
    wish, after, actions = taken(ask(), session(reading=FREE))
    assert actions == (Paste("one", "%1", "hello"),)
    (delivery,) = after.sessions["one"].deliveries
    assert (delivery.state, delivery.key, delivery.request) == (DeliveryState.TYPED, "send/1", 1)
    assert not wish.answered


@pytest.mark.parametrize(
    ("wish", "sessions", "result", "words"),
    [
        (ask(name="db"), (session("db"),), Result.REFUSED, "service"),
        (ask(name="who"), (), Result.REFUSED, "not in the config"),
        (ask(), (session(stage=Stage.NONE),), Result.REFUSED, "ao up one"),
        (ask(" \n "), (session(),), Result.REFUSED, "empty"),
        (ask("x" * (LINE_LIMIT + 1), name="bare"), (session("bare"),), Result.REFUSED, "longer"),
        (ask(key="k"), (session(said=("key/k",)),), Result.DELIVERED, "before"),
        (
            ask(key="k"),
            (session(deliveries=(Delivery("key/k", "hello", "sent"),)),),
            Result.REFUSED,
            "under way",
        ),
    ],
)
def test_what_is_answered_at_once(
    wish: Request, sessions: tuple[SessionMemory, ...], result: Result, words: str
) -> None:
    shown = [s for s in sessions if s.stage is Stage.RUNNING]
    of = [replace(s, reading=FREE) for s in shown]
    made = plan(
        observation(ONE, *(pane(s.name, spec=wanted(ONE, s.name).spec) for s in of), requests=(wish,)),
        memory(*of, *(s for s in sessions if s not in shown), up=False),
        "UTC",
    )
    (outcome,) = made.requests[0].outcomes.values()
    assert outcome.result is result
    assert words in outcome.detail
    known = sum(len(s.deliveries) for s in sessions)
    assert sum(isinstance(action, Paste) for action in made.actions) == known


@pytest.mark.parametrize(
    ("changes", "seen", "words"),
    [
        ({"reading": ReadingMemory(State.DIALOG)}, {}, "waits for a person"),
        ({"reading": replace(FREE, box="half a sente")}, {}, "somebody's text"),
        ({"reading": ReadingMemory(State.WORKING, box="")}, {}, "it is working"),
        ({"reading": ReadingMemory(State.UNKNOWN)}, {}, "it is unknown"),
        ({"reading": FREE, "limit": LimitMemory(NOW, until=MONO + 999, run="r0")}, {}, "limit"),
        ({"reading": ReadingMemory(), "stage": Stage.STARTING, "started_mono": MONO}, {}, "not ready"),
        ({"reading": FREE}, {"human": frozenset({"one"})}, "a person uses it"),
    ],
)
def test_what_keeps_a_text_back_is_said_when_its_time_is_over(
    changes: dict[str, Any], seen: dict[str, Any], words: str
) -> None:
    waiting = Delivery("send/1", "hello", "sent", request=1)
    old = ask(at=MONO - 61, accepted=True, targets=("one",))
    wish, after, actions = taken(old, session(**{"deliveries": (waiting,), **changes}), **seen)
    assert wish.outcomes["one"].result is Result.LATE
    assert words in wish.outcomes["one"].detail
    assert "nothing was typed" in wish.outcomes["one"].detail
    assert actions == ()
    assert after.sessions["one"].deliveries == (), "it is withdrawn"


SENT = Delivery(
    "send/1", "hello", "sent", DeliveryState.SUBMITTED, since=MONO - 2, queued=MONO - 3, presses=1, before="old",
    request=1,
)  # fmt: skip
OPEN = ask(accepted=True, targets=("one",))


def test_a_text_that_was_taken_is_confirmed_and_its_key_remembered() -> None:
    reading = ReadingMemory(State.WORKING, box="", changed_mono=MONO - 1)
    wish, after, _ = taken(OPEN, session(reading=reading, deliveries=(replace(SENT, key="key/k"),)))
    assert wish.outcomes["one"].result is Result.DELIVERED
    assert after.sessions["one"].said == ("key/k",)


def test_what_was_not_typed_in_time_is_not_typed_after_it() -> None:
    waiting = Delivery("send/1", "hello", "sent", request=1)
    wish, after, actions = taken(replace(OPEN, at=MONO - 99), session(reading=FREE, deliveries=(waiting,)))
    assert (actions, wish.outcomes["one"].result) == ((), Result.LATE)
    assert after.sessions["one"].deliveries == ()


def test_a_text_for_an_agent_that_left_the_config_is_answered() -> None:
    waiting = Delivery("send/1", "hello", "sent", request=1)
    wish = replace(ask(name="gone", accepted=True, targets=("gone",)), id=1)
    seen = observation(ONE, pane("gone"), requests=(wish,))
    made = plan(seen, memory(session("gone", reading=FREE, deliveries=(waiting,))), "UTC")
    (answered,) = made.requests
    assert answered.outcomes["gone"].result is Result.UNDELIVERED
    assert "left the config" in answered.outcomes["gone"].detail


@pytest.mark.parametrize(("presses", "kept"), [(0, True), (1, False)])
def test_a_stop_keeps_only_what_was_surely_not_taken_and_what_was_handed_over(
    presses: int, kept: bool
) -> None:
    state = DeliveryState.SUBMITTED if presses else DeliveryState.TYPED
    half = replace(SENT, state=state, presses=presses, commits=("ab",), request=0)
    asked = Delivery("send/2", "hello", "sent", request=2)
    turn = step(observation(ONE, pane()), session(deliveries=(half, asked), said=("key/k",)))
    close_outbox(turn, "it was stopped")
    assert [d.state for d in turn.session.deliveries] == ([DeliveryState.QUEUED] if kept else [])
    assert [(e.request, e.accepted) for e in turn.ended] == [*([] if kept else [(0, False)]), (2, False)]


def test_a_report_of_the_program_is_proof_too() -> None:
    told = Signal(1, "r1", NOW, MONO - 1, "Event", None, submitted=True)
    wish, _, _ = taken(OPEN, session(reading=FREE, deliveries=(SENT,)), signals={"one": (told,)})
    assert wish.outcomes["one"].result is Result.DELIVERED


@pytest.mark.parametrize(
    ("busy", "standing", "box", "taken_up"),
    [
        (True, True, "", True),
        (True, True, "hello", False),
        (True, False, "", False),
        (False, False, "hello", True),
    ],
)
def test_during_a_turn_only_a_box_that_has_emptied_is_proof(
    busy: bool, standing: bool, box: str, taken_up: bool
) -> None:
    reading = ReadingMemory(State.WORKING, box=box, fingerprint="new", changed_mono=MONO - 1)
    head = replace(SENT, busy=busy, standing=standing)
    wish, _, _ = taken(OPEN, session(reading=reading, deliveries=(head,)))
    assert ("one" in wish.outcomes) is taken_up


@pytest.mark.parametrize("queues", [True, False])
def test_a_turn_is_spoken_into_only_where_the_program_keeps_what_it_is_told(queues: bool) -> None:
    backend = replace(ONE.backends["fake"], queues=queues)
    of = replace(ONE, backends={**ONE.backends, "fake": backend}, digest=f"queues {queues}")
    _, _, actions = taken(ask(), session(reading=ReadingMemory(State.WORKING, box="")), of=of)
    assert bool(actions) is queues


def test_a_death_in_the_middle_is_reported_and_what_was_not_typed_waits_for_the_next_run() -> None:
    later = Delivery("send/2", "more", "sent", request=2)
    dying = session(reading=FREE, deliveries=(SENT, later))
    dead = pane(spec=wanted(ONE).spec, dead=True, dead_signal=9)
    made = plan(observation(ONE, dead, requests=(OPEN,), processes={"one": ()}), memory(dying), "UTC")
    assert made.requests[0].outcomes["one"].result is Result.UNDELIVERED
    assert [d.key for d in made.memory.sessions["one"].deliveries] == ["send/2"]


@pytest.mark.parametrize("text", ["y" * (PASTE_LIMIT + 1), "/clear", "  !rm -rf x", "# note"])
def test_a_long_text_and_one_that_would_be_a_command_is_pointed_to(text: str) -> None:
    _, _, actions = taken(ask(text), session(reading=FREE))
    assert actions == (Paste("one", "%1", "Read the file {text} and do what it says.", attachment=text),)


def test_nothing_is_pressed_that_was_not_typed() -> None:
    _, _, actions = taken(ask(), session(reading=replace(FREE, box="a person's draft")))
    assert actions == ()
