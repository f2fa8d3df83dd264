from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.decide.dialogs import ANSWERS, SETTLED, answer_dialog, is_answerable, known_answer
from orchestrator.decide.step import Step
from orchestrator.model.action import PressKey
from orchestrator.model.memory import ReadingMemory
from orchestrator.model.observation import Pane
from orchestrator.model.reading import Screen, State
from tests.support.builders import MONO, agent, config, facts, memory, observation, pane, session

TRUST = """\
 Do you trust the files in this folder?
 ❯ 1. No, exit
   2. Yes, proceed
"""
OTHER = """\
 The tool said: do you trust the files in this folder

 Overwrite the database?
 ❯ 1. No
   2. Yes
"""
BOX = "Do you trust the files in this folder?\n\n────────────\n❯ \n────────────\n"
KEYS = {"^do you trust the files": "Down Enter"}
ONE = config(agent())
OPEN = ReadingMemory(State.DIALOG, fingerprint="f", changed_mono=MONO - SETTLED)


def answered(
    text: str | None = TRUST, reading: ReadingMemory = OPEN, *, keys: dict[str, str] = KEYS, there: Pane | None = None,
    human: bool = False, **changes: Any,
) -> Step:  # fmt: skip
    """One turn in front of a dialog."""
    seen = observation(
        ONE, there or pane(), screens={"one": Screen(text)} if text is not None else {},
        human=frozenset({"one"} if human else ()),
    )  # fmt: skip
    about = facts(seen, memory(session(reading=reading, **changes)))
    assert about.wanted is not None
    assert about.wanted.launch.backend is not None
    backend = replace(about.wanted.launch.backend, dialog_keys=keys)
    about = replace(about, wanted=replace(about.wanted, launch=replace(about.wanted.launch, backend=backend)))
    turn = Step(seen, ONE.watchdog, about.memory)
    answer_dialog(about, turn)
    return turn


def test_a_known_dialog_is_answered_once_and_told() -> None:
    turn = answered()
    assert turn.actions == [PressKey("one", "%1", "Down"), PressKey("one", "%1", "Enter")]
    assert [event.kind.value for event in turn.events] == ["dialog-answered"]
    again = answered(answered="f", answers=1)
    assert again.actions == []


@pytest.mark.parametrize(
    ("text", "more"),
    [
        (OTHER, {}),
        (BOX, {}),
        (None, {}),
        (TRUST, {"keys": {}}),
        (TRUST, {"keys": {"delete everything": "Enter"}}),
        (TRUST, {"human": True}),
        (TRUST, {"there": pane(dead=True)}),
        (TRUST, {"answers": ANSWERS}),
        (TRUST, {"reading": replace(OPEN, changed_mono=MONO - SETTLED / 2)}),
        (TRUST, {"reading": replace(OPEN, state=State.UNKNOWN)}),
        (TRUST, {"reading": replace(OPEN, state=State.LIMITED)}),
        (TRUST, {"reading": replace(OPEN, state=State.WORKING)}),
    ],
)
def test_nothing_else_is_ever_answered(text: str | None, more: dict[str, Any]) -> None:
    assert answered(text, **more).actions == []


def test_a_dialog_that_comes_again_is_answered_again() -> None:
    gone = answered(None, replace(OPEN, state=State.IDLE), answered="f", answers=1)
    assert gone.session.answered == ""


def test_words_above_a_prompt_box_are_no_dialogs() -> None:
    assert known_answer(KEYS.items(), Screen(BOX)) is None
    assert known_answer(KEYS.items(), Screen(TRUST)) == ("^do you trust the files", "Down Enter")


def test_without_keys_nobody_looks() -> None:
    assert not is_answerable(None, session(reading=OPEN))
