"""A session's outbox: what is said to it next, and what that waits for. Pure.

`delivery.py` types what is first in it. A turn that runs is not disturbed: its program must keep what is submitted meanwhile,
else the text waits; so it does before a person, a draft, a dialog, a limit.
"""

from __future__ import annotations

from dataclasses import replace
from unicodedata import category

from orchestrator.decide.assess import Facts
from orchestrator.decide.launch import CONTINUE, POINTER
from orchestrator.decide.step import Ended, Step
from orchestrator.model.config import BackendSpec, PromptDelivery
from orchestrator.model.event import EventKind
from orchestrator.model.memory import Delivery, DeliveryState, SessionMemory, Stage
from orchestrator.model.observation import Observation
from orchestrator.model.reading import State
from orchestrator.model.wanted import Wanted

DRAWN = 0.7
"""Seconds for which the screen of a program that has just started must stand still."""
DRAWN_MOST = 5.0
"""The same where its start took long: half of that time, and no more than this."""
DRAWING_SPAN = 30.0
"""Seconds after its start in which that is asked of it."""
COPY_MODE_HOLD = 600.0
"""Seconds for which copy mode under an attached person's eyes is left alone; without one, `human_hold`."""
LINE_LIMIT = 4000
"""Bytes that a program without a prompt box takes: a terminal cuts a line at 4,096."""
KICKOFF_FILE = "{kickoff}"
"""Stands for the run's kickoff file in a delivery's text; the edge knows the path."""
KICKOFF_SENDER = "kickoff"
LIMIT_SENDER = "limit"
"""Sender of the only texts that go to a session which a limit holds."""
OF_A_RUN = frozenset({KICKOFF_SENDER, LIMIT_SENDER})
"""Senders of texts that mean nothing to a later run."""
USER_KEY = "key/"
"""How the keys of people's own begin, so that they never meet those that ao makes."""


def enqueue_kickoff(wanted: Wanted, step: Step) -> None:
    """After a `ping` start: tell the ready program where its kickoff is, or to go on."""
    session, backend = step.session, wanted.launch.backend
    if backend is None or backend.prompt_delivery is not PromptDelivery.PING or session.adopted:
        return
    if session.held:
        return
    if session.resumed:
        text = CONTINUE if session.interrupted else ""
    else:
        text = POINTER.format(path=KICKOFF_FILE) if wanted.launch.kickoff else ""
    if text:
        enqueue(step, f"{KICKOFF_SENDER}/{session.run}", text, KICKOFF_SENDER)


def enqueue(step: Step, key: str, text: str, sender: str) -> None:
    """Put a text into a session's outbox, unless one of that key is there."""
    if all(delivery.key != key for delivery in step.session.deliveries):
        delivery = Delivery(key=key, text=text, sender=sender, since=step.mono, queued=step.mono)
        step.change(deliveries=(*step.session.deliveries, delivery))


def outlives_run(delivery: Delivery) -> bool:
    """Whether a text waits for the next run too."""
    return delivery.state is DeliveryState.QUEUED and delivery.sender not in OF_A_RUN


def drop_half_said(step: Step, why: str) -> None:
    """Give up what was submitted to a run that has ended: nobody can say whether it was taken. What only stood in its box is said to the next one."""
    kept: list[Delivery] = []
    for delivery in step.session.deliveries:
        if delivery.state is DeliveryState.QUEUED or delivery.sender in OF_A_RUN:
            kept.append(delivery)
        elif delivery.presses == 0:
            kept.append(
                replace(
                    delivery, state=DeliveryState.QUEUED, since=step.mono, queued=step.mono, standing=False
                )
            )
        else:
            _give_up(step, delivery, f"may not have taken the {delivery.sender} text: {why}", why)
    step.change(deliveries=tuple(kept))


def close_outbox(step: Step, why: str) -> None:
    """Give up what somebody waits for, since the session ends for good; what was handed over is kept for its return."""
    drop_half_said(step, why)
    for delivery in step.session.deliveries:
        if delivery.sender not in OF_A_RUN and not delivery.commits:
            _give_up(
                step, delivery, f"was not told the {delivery.sender} text: {why}", f"{why}; nothing was typed"
            )
    step.change(deliveries=tuple(d for d in step.session.deliveries if d.commits))


def _give_up(step: Step, delivery: Delivery, told: str, why: str) -> None:
    step.tell(EventKind.DELIVERY_FAILED, told, key=delivery.key)
    step.ended.append(Ended(delivery.key, accepted=False, why=why, request=delivery.request))


def refusal(text: str, wanted: Wanted) -> str:
    """Why a text can't be said to a session at all, "" when it can."""
    backend = wanted.launch.backend
    if backend is None:
        return "it is a service, and reads no text"
    if not backend.rules and len(text.encode("utf-8", "replace")) > LINE_LIMIT:
        return f"the text is longer than the {LINE_LIMIT} bytes that a program without a prompt box takes; put it into a file"
    if not backend.rules and any(category(c) == "Cc" and c not in "\n\t\r" for c in text):
        return "the text has control characters, which a program without a prompt box would take for keys"
    return "" if text.strip() else "the text is empty"


def note_mode(facts: Facts, step: Step) -> None:
    """Remember since when a pane is in copy mode."""
    inside = facts.pane is not None and facts.pane.in_mode
    if inside != (step.session.mode_mono is not None):
        step.change(mode_mono=step.mono if inside else None)


def used_by(facts: Facts, session: SessionMemory, observation: Observation) -> str:
    """The person who uses a pane, for people; "" for nobody. Copy mode that is left open counts for a while."""
    if session.name in observation.human:
        return "a person uses it"
    if session.mode_mono is None or facts.pane is None:
        return ""
    hold = COPY_MODE_HOLD if facts.pane.attached else observation.config.watchdog.human_hold
    return "its pane is in copy mode" if observation.mono - session.mode_mono < hold else ""


def waits_for(facts: Facts, session: SessionMemory, head: Delivery, observation: Observation) -> str:
    """What keeps a text from being typed now, for people; "" for nothing."""
    reading, backend = session.reading, facts.wanted.launch.backend if facts.wanted else None
    if reading.state in {State.DIALOG, State.AUTH}:
        return f"it waits for a person ({reading.state.value})"
    if session.stage is not Stage.RUNNING or backend is None:
        return "it is not ready yet"
    if session.held and head.sender != LIMIT_SENDER:
        return "a usage limit holds it"
    if used := used_by(facts, session, observation):
        return used
    if reading.box:
        return "somebody's text stands in its prompt box"
    if is_being_drawn(session, backend, observation.mono):
        return "it has only just drawn its prompt box"
    if head.sender == LIMIT_SENDER and reading.state is State.LIMITED:
        return "" if reading.box is not None and reading.candidate is None else "its prompt box is not there"
    if (
        reading.state in {State.WORKING, State.TRANSIENT, State.WARNING}
        and backend.queues
        and head.sender not in OF_A_RUN
    ):
        if session.keeps and backend.queue_joins:
            return "it keeps another text until its turn is over"
        return "" if reading.box == "" else "its prompt box is not there"
    if reading.state is State.WARNING and reading.box == "":
        return ""
    if reading.state is not State.IDLE or reading.candidate is not None:
        return f"it is {reading.state.value}"
    return ""


def is_being_drawn(session: SessionMemory, backend: BackendSpec, mono: float) -> bool:
    """Whether a program that has just started may still lose what is typed: some draw their box before they read keys."""
    if not backend.rules or mono - session.started_mono >= DRAWING_SPAN:
        return False
    took = (session.healthy_mono or session.started_mono) - session.started_mono
    still = min(max(DRAWN, took / 2), DRAWN_MOST)  # on a machine that is slow now, all of its start is slow
    return 0.0 <= mono - session.reading.changed_mono < still


def held_up_by(facts: Facts, session: SessionMemory, observation: Observation) -> str:
    """What the oldest text of an outbox waits for, for people; "" when it is about to be typed, or there is none."""
    head = session.deliveries[0] if session.deliveries else None
    backend = facts.wanted.launch.backend if facts.wanted else None
    if head is None or backend is None:
        return ""
    if head.state is not DeliveryState.QUEUED:
        return "it was typed, and nobody can say yet that it was taken"
    if not facts.alive:
        return "it does not run"
    return waits_for(facts, session, head, observation)
