from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.decide.delivery import PATIENCE, PRESS_PAUSE, PRESSES, deliver, enqueue_kickoff
from orchestrator.decide.launch import CONTINUE
from orchestrator.decide.step import Step
from orchestrator.model.action import Paste, PressKey
from orchestrator.model.config import Config
from orchestrator.model.memory import Delivery, DeliveryState, ReadingMemory, Stage
from orchestrator.model.observation import Pane
from orchestrator.model.reading import State
from tests.support.builders import (
    MONO,
    agent,
    config,
    facts,
    memory,
    observation,
    pane,
    session,
    step,
    wanted,
)

CHAT = config(agent(backend="chat", prompt="Begin."))
TEXT = Delivery("key", "text", "kickoff", queued=MONO - 1, since=MONO - 1)
TYPED = Delivery("key", "text", "kickoff", DeliveryState.TYPED, since=MONO - 1, queued=MONO - 1, before="old")
SENT = Delivery(
    "key",
    "text",
    "kickoff",
    DeliveryState.SUBMITTED,
    since=MONO - 1,
    queued=MONO - 2,
    presses=1,
    before="old",
)


def delivered(
    head: Delivery, state: State = State.IDLE, *, of: Config = CHAT, there: Pane | None = None, stage: Stage = Stage.RUNNING,
    human: bool = False, **reading: Any,
) -> Step:  # fmt: skip
    """One step of a delivery into a program in that state."""
    seen = observation(of, there or pane(), human=frozenset({"one"} if human else ()))
    read = ReadingMemory(state, **{"fingerprint": "new", "changed_mono": MONO - 0.5, **reading})
    turn = step(seen, session(stage=stage, reading=read, deliveries=(head,)))
    deliver(facts(seen, memory(turn.session)), turn)
    return turn


@pytest.mark.parametrize(
    ("state", "more", "typed"),
    [
        (State.IDLE, {}, True),
        (State.IDLE, {"candidate": State.WORKING}, False),
        (State.IDLE, {"human": True}, False),
        (State.IDLE, {"stage": Stage.STARTING}, False),
        (State.IDLE, {"stage": Stage.STOPPING}, False),
        (State.IDLE, {"there": pane(dead=True)}, False),
        *((state, {}, False) for state in State if state is not State.IDLE),
    ],
)
def test_text_is_typed_only_into_an_idle_prompt_that_nobody_uses(
    state: State, more: dict[str, Any], typed: bool
) -> None:
    turn = delivered(TEXT, state, **more)
    assert turn.actions == ([Paste("one", "%1", "text")] if typed else [])
    assert (turn.session.deliveries[0].state is DeliveryState.TYPED) is typed


DELAY = CHAT.backends["chat"].submit_delay


@pytest.mark.parametrize(
    ("head", "age", "state", "human", "pressed"),
    [
        (TYPED, DELAY - 0.01, State.DRAFT, False, False),
        (TYPED, DELAY + 0.01, State.DRAFT, False, True),
        (TYPED, DELAY + 0.01, State.IDLE, False, True),
        (TYPED, DELAY + 0.01, State.UNKNOWN, False, True),
        (TYPED, DELAY + 0.01, State.DIALOG, False, False),
        (TYPED, DELAY + 0.01, State.DRAFT, True, False),
        (SENT, PRESS_PAUSE - 0.01, State.DRAFT, False, False),
        (SENT, PRESS_PAUSE, State.DRAFT, False, True),
        (SENT, PRESS_PAUSE, State.UNKNOWN, False, False),
        (SENT, PRESS_PAUSE, State.DIALOG, False, False),
    ],
)
def test_the_submit_key_is_pressed_where_the_text_stands(
    head: Delivery, age: float, state: State, human: bool, pressed: bool
) -> None:
    turn = delivered(replace(head, since=MONO - age), state, human=human, fingerprint="old")
    assert turn.actions == ([PressKey("one", "%1", "Enter")] if pressed else [])
    assert turn.session.deliveries[0].presses == head.presses + int(pressed)


def test_the_submit_key_is_pressed_so_many_times_and_no_more() -> None:
    head = Delivery(
        "key", "text", "kickoff", DeliveryState.SUBMITTED, since=MONO - 9, queued=MONO - 9, presses=PRESSES
    )
    assert delivered(head, State.DRAFT).actions == []


@pytest.mark.parametrize(
    ("head", "state", "reading", "accepted"),
    [
        (SENT, State.WORKING, {}, True),
        (SENT, State.TRANSIENT, {}, True),
        (SENT, State.LIMITED, {}, True),
        (SENT, State.LIMITED, {"box": ""}, True),
        (SENT, State.LIMITED, {"box": "text"}, False),
        (SENT, State.LIMITED, {"fingerprint": "old"}, False),
        (SENT, State.IDLE, {"fingerprint": "old", "submitted_mono": MONO}, True),
        (SENT, State.IDLE, {"fingerprint": "old", "submitted_mono": MONO - 5}, False),
        (SENT, State.IDLE, {}, True),
        (SENT, State.IDLE, {"fingerprint": "old"}, False),
        (SENT, State.IDLE, {"changed_mono": MONO - 5}, False),
        (SENT, State.IDLE, {"candidate": State.WORKING}, False),
        (SENT, State.DRAFT, {}, False),
        (SENT, State.DIALOG, {}, False),
        (TYPED, State.WORKING, {}, False),
    ],
)
def test_a_text_is_accepted_when_that_can_be_seen(
    head: Delivery, state: State, reading: dict[str, Any], accepted: bool
) -> None:
    turn = delivered(head, state, **reading)
    assert [event.kind.value for event in turn.events] == (["delivered"] if accepted else [])
    assert (turn.session.deliveries == ()) is accepted


@pytest.mark.parametrize(("age", "failed"), [(PATIENCE, False), (PATIENCE + 0.1, True)])
def test_what_is_not_accepted_in_time_has_failed_and_is_not_typed_again(age: float, failed: bool) -> None:
    head = Delivery(
        "key", "text", "kickoff", DeliveryState.SUBMITTED, since=MONO - 9, queued=MONO - age, presses=PRESSES
    )
    turn = delivered(head, State.DRAFT)
    assert [event.kind.value for event in turn.events] == (["delivery-failed"] if failed else [])
    assert (turn.session.deliveries == ()) is failed
    assert turn.actions == []


def test_one_text_goes_after_the_other() -> None:
    seen = observation(CHAT, pane())
    second = Delivery("later", "more", "kickoff", queued=MONO)
    turn = step(seen, session(deliveries=(TYPED, second)))
    deliver(facts(seen, memory(turn.session)), turn)
    assert turn.session.deliveries[1] == second
    assert not [action for action in turn.actions if isinstance(action, Paste)]


@pytest.mark.parametrize(
    ("keys", "changes", "text"),
    [
        ({"backend": "chat", "prompt": "Begin."}, {}, "Read the file {kickoff} and do what it says."),
        ({"backend": "chat"}, {}, None),
        ({"backend": "fake", "prompt": "Begin."}, {}, None),
        ({"backend": "chat", "prompt": "Begin."}, {"resumed": True}, None),
        ({"backend": "chat", "prompt": "Begin."}, {"resumed": True, "interrupted": True}, CONTINUE),
        ({"backend": "chat", "prompt": "Begin."}, {"adopted": True}, None),
    ],
)
def test_what_a_program_that_is_typed_to_is_told_first(
    keys: dict[str, object], changes: dict[str, Any], text: str | None
) -> None:
    of = config(agent(**keys))
    turn = step(observation(of, pane()), session(**changes))
    enqueue_kickoff(wanted(of), turn)
    enqueue_kickoff(wanted(of), turn)
    assert [delivery.text for delivery in turn.session.deliveries] == ([text] if text else []), (
        "once for each run"
    )
