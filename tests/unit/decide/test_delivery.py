from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.decide.delivery import (
    PASTE_LIMIT,
    PATIENCE,
    PRESS_PAUSE,
    PRESSES,
    WAITING,
    deliver,
    goes_by_file,
    is_ours,
)
from orchestrator.decide.launch import CONTINUE
from orchestrator.decide.outbox import (
    COPY_MODE_HOLD,
    DRAWING_SPAN,
    DRAWN,
    DRAWN_MOST,
    enqueue_kickoff,
    held_up_by,
    used_by,
)
from orchestrator.decide.step import Step
from orchestrator.model.action import Paste, PressKey
from orchestrator.model.config import Config
from orchestrator.model.event import EventKind
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
HOLD = CHAT.watchdog.human_hold
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


@pytest.mark.parametrize(
    ("box", "text", "ours"),
    [
        ("text", "text", True),
        ("first second", "first\n\n   second", True),
        ("of a long text", "the end of a long text that was cut", False),
        ("x" * 50, "x" * 70, True),
        ("[Pasted text #1 +4 lines]", "five\nlines", True),
        ("[Pasted Content 300 chars]tail", "a long text with a tail", True),
        ("ünï ☃ é", "ünï ☃ é", True),
        ("[01] wide", "[01] 日本語 wide", False),
        ("日本", "half", False),
        ("Read the file /x/y.md and do what", "/a command", True),
        ("Read the file /x/y.md and do what", "a long one", False),
        ("delete files", "please do not delete files", False),
        ("!", "👍", False),
        ("👍", "👍", True),
        ("textand what a person typed behind it", "text", False),
        ("half a sente", "text", False),
    ],
)
def test_only_our_own_text_is_submitted(box: str, text: str, ours: bool) -> None:
    assert is_ours(box, text) is ours
    head = replace(TYPED, text=text, since=MONO - 9)
    turn = delivered(head, State.DRAFT, box=box)
    assert turn.actions == ([PressKey("one", "%1", "Enter")] if ours else [])


@pytest.mark.parametrize(
    ("attached", "since", "words"),
    [
        (0, HOLD - 1, "its pane is in copy mode"),
        (0, HOLD + 1, ""),
        (1, HOLD + 1, "its pane is in copy mode"),
        (1, COPY_MODE_HOLD + 1, ""),
        (1, None, ""),
    ],
)
def test_copy_mode_is_left_alone_for_a_while(attached: int, since: float | None, words: str) -> None:
    there = pane(in_mode=True, attached=attached)
    seen = observation(CHAT, there)
    of = session(mode_mono=None if since is None else MONO - since)
    assert used_by(facts(seen, memory(of)), of, seen) == words


def test_what_an_outbox_waits_for_is_told() -> None:
    seen = observation(CHAT, pane(), human=frozenset({"one"}))
    idle = ReadingMemory(State.IDLE, box="")
    for of, alive, words in (
        (session(deliveries=(TEXT,), reading=idle), seen, "a person uses it"),
        (session(deliveries=(TEXT,), reading=idle), observation(CHAT, pane()), ""),
        (session(deliveries=(TEXT,), reading=idle), observation(CHAT, pane(dead=True)), "it does not run"),
        (
            session(deliveries=(TYPED,), reading=idle),
            observation(CHAT, pane()),
            "it was typed, and nobody can say yet",
        ),
        (session(reading=idle), seen, ""),
    ):
        held_up = held_up_by(facts(alive, memory(of)), of, alive)
        assert held_up.startswith(words)
        assert bool(held_up) is bool(words)


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


@pytest.mark.parametrize(
    ("text", "by_file"),
    [
        ("one line", False),
        ("two\n\n    lines\n", False),
        ("ünï ☃ 日本語 👩‍🚀", False),
        ("-n --help", False),
        ("look at @notes.txt", False),
        ("/etc/hosts", True),
        ("  ! rm", True),
        ("# a heading", True),
        ("x" * (PASTE_LIMIT + 1), True),
        ("a\ttab", True),
        ("e\u0301 in two parts", True),
        ("  indented", True),
        ("blanks behind  ", True),
        ("an \x1b[31m escape", True),
        ("a\rreturn", True),
    ],
)
def test_what_a_prompt_box_would_change_goes_by_file(text: str, by_file: bool) -> None:
    assert goes_by_file(text) is by_file
    (paste,) = delivered(replace(TEXT, text=text)).actions
    assert isinstance(paste, Paste)
    assert paste.attachment == (text if by_file else "")
    assert by_file or paste.text == text.rstrip("\n")


def test_a_program_that_joins_what_it_keeps_is_given_one_at_a_time() -> None:
    joins = config(agent(backend="claude"))
    busy, free = ReadingMemory(State.WORKING, box=""), ReadingMemory(State.IDLE, box="")
    sent = replace(TEXT, sender="sent")

    def turn(keeps: bool, reading: ReadingMemory, of: Config) -> Step:
        seen = observation(of, pane())
        made = step(seen, session(keeps=keeps, reading=reading, deliveries=(sent,)))
        deliver(facts(seen, memory(made.session)), made)
        return made

    first = turn(False, busy, joins)
    assert (len(first.actions), first.session.keeps) == (1, True)
    assert turn(True, busy, joins).actions == []
    again = turn(True, free, joins)
    assert (len(again.actions), again.session.keeps) == (1, False)
    assert len(turn(True, busy, config(agent(backend="codex"))).actions) == 1


@pytest.mark.parametrize(
    ("age", "took", "still", "typed"),
    [
        (2.0, 0.0, DRAWN - 0.1, False),
        (2.0, 0.0, DRAWN, True),
        (9.0, 4.0, 1.9, False),
        (9.0, 4.0, 2.0, True),
        (29.0, 20.0, DRAWN_MOST, True),
        (DRAWING_SPAN, 0.0, 0.1, True),
    ],
)
def test_a_program_that_still_draws_is_not_typed_to(
    age: float, took: float, still: float, typed: bool
) -> None:
    seen = observation(CHAT, pane())
    reading = ReadingMemory(State.IDLE, box="", changed_mono=MONO - still)
    started = MONO - age
    made = step(
        seen, session(started_mono=started, healthy_mono=started + took, reading=reading, deliveries=(TEXT,))
    )
    deliver(facts(seen, memory(made.session)), made)
    assert bool(made.actions) is typed


@pytest.mark.parametrize(
    ("age", "before", "said"), [(WAITING - 1, False, 0), (WAITING, False, 1), (WAITING, True, 0)]
)
def test_what_a_text_waits_for_is_told_once(age: float, before: bool, said: int) -> None:
    turn = delivered(replace(TEXT, queued=MONO - age, told=before), State.DIALOG)
    assert [event.kind for event in turn.events] == [EventKind.DELIVERY_WAITS] * said
    assert turn.session.deliveries[0].told is (before or bool(said))
