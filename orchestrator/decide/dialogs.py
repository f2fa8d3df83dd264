"""Dialogs that the config knows how to answer. Pure.

No other dialog is ever answered. The words must stand in the dialog itself, not in what the agent says above it; the screen must
have settled, since a program that has just drawn a dialog loses keys; and each dialog is answered once, a few in a run at the most.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from orchestrator.decide.assess import Facts
from orchestrator.decide.outbox import used_by
from orchestrator.decide.step import Step
from orchestrator.model.action import PressKey
from orchestrator.model.event import EventKind
from orchestrator.model.memory import SessionMemory
from orchestrator.model.reading import Screen, State
from orchestrator.model.wanted import Wanted
from orchestrator.reading import dialog_words

SETTLED = 1.0
"""Seconds for which a dialog must not have changed."""
ANSWERS = 5
"""Dialogs answered in one run; a program that asks for ever needs a person."""


def is_answerable(wanted: Wanted | None, session: SessionMemory) -> bool:
    """Whether a dialog is open that may be one which the config answers."""
    backend = wanted.launch.backend if wanted else None
    if backend is None or not backend.dialog_keys or session.reading.state is not State.DIALOG:
        return False
    return session.answers < ANSWERS and session.reading.fingerprint != session.answered


def answer_dialog(facts: Facts, step: Step) -> None:
    """Press the keys that the config has for the dialog on the screen, if it has any."""
    session, wanted, pane = step.session, facts.wanted, facts.pane
    if wanted is None or wanted.launch.backend is None or pane is None or not facts.alive:
        return
    if session.answered and session.reading.state is not State.DIALOG:
        step.change(answered="")
    if not is_answerable(wanted, session) or used_by(facts, session, step.observation):
        return
    left = SETTLED - (step.mono - session.reading.changed_mono)
    if left > 0:
        step.again(left)
        return
    screen = step.observation.screens.get(session.name)
    found = known_answer(wanted.launch.backend.dialog_keys.items(), screen) if screen else None
    if screen is None:
        step.again(0.05)
        return
    step.change(answered=session.reading.fingerprint)
    if found is None:
        return
    pattern, keys = found
    step.actions += [PressKey(session.name, pane.pane_id, key) for key in keys.split()]
    step.change(answers=session.answers + 1)
    step.tell(
        EventKind.DIALOG_ANSWERED,
        f"its dialog was answered with {keys}, as dialog_keys says",
        pattern=pattern,
        keys=keys,
    )


def known_answer(answers: Iterable[tuple[str, str]], screen: Screen) -> tuple[str, str] | None:
    """The first pattern that is found in the dialog on a screen, and its keys; None when there is none."""
    words = dialog_words(screen)
    return next(
        (
            (pattern, keys)
            for pattern, keys in answers
            if re.search(pattern, words, re.IGNORECASE | re.MULTILINE)
        ),
        None,
    )
