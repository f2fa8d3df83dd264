from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.decide.step import Step
from orchestrator.decide.wake import keep_awake
from orchestrator.model.config import WakeSpec
from orchestrator.model.memory import Delivery, LimitMemory, ReadingMemory, SessionMemory, Stage
from orchestrator.model.reading import State
from tests.support.builders import MONO, NOW, agent, config, facts, memory, observation, pane, session

ONE = config(agent())
IDLE = ReadingMemory(State.IDLE, box="")
DUE = {"woken_mono": MONO - 60, "reading": IDLE}


def woken(
    texts: dict[str, str] | None = None, troubles: dict[str, str] | None = None, **changes: Any
) -> Step:
    """One turn of a session that is to be woken every minute."""
    about: SessionMemory = session(**{**DUE, **changes})
    seen = observation(
        ONE, pane(), wake_texts={"one": "Go."} if texts is None else texts, wake_troubles=troubles or {}
    )
    found = facts(seen, memory(about))
    assert found.wanted is not None
    found = replace(found, wanted=replace(found.wanted, wake=WakeSpec(60.0, Path("wake.md"))))
    turn = Step(seen, ONE.watchdog, about)
    keep_awake(found, turn)
    return turn


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, True),
        ({"woken_mono": MONO - 59}, False),
        ({"woken_mono": None, "started_mono": MONO - 60}, True),
        ({"woken_mono": None, "started_mono": MONO - 59}, False),
        ({"reading": ReadingMemory(State.WORKING)}, False),
        ({"reading": ReadingMemory(State.DIALOG)}, False),
        ({"reading": ReadingMemory(State.IDLE, candidate=State.WORKING)}, False),
        ({"limit": LimitMemory(NOW)}, False),
        ({"deliveries": (Delivery("k", "t", "sent"),)}, False),
        ({"stage": Stage.STARTING}, False),
    ],
)
def test_when_an_agent_is_woken(changes: dict[str, Any], said: bool) -> None:
    turn = woken(**changes)
    assert ("wake" in [d.sender for d in turn.session.deliveries]) is said
    assert (turn.session.woken_mono == MONO) is said


def test_the_text_is_asked_for_when_it_is_needed_and_an_empty_one_is_not_said() -> None:
    assert woken(texts={}).wake <= 0.1
    silent = woken(texts={"one": " \n"})
    assert silent.session.deliveries == ()
    assert silent.session.woken_mono == MONO


def test_a_file_that_can_not_be_read_is_told_once() -> None:
    first = woken(texts={}, troubles={"one": "it is gone"})
    assert [event.message for event in first.events] == ["can't be woken: it is gone"]
    again = woken(texts={}, troubles={"one": "it is gone"}, wake_trouble="it is gone")
    assert again.events == []
    assert woken(wake_trouble="it is gone").session.wake_trouble == ""
