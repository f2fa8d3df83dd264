"""Text on its way into a session: queued, typed, submitted, accepted. Pure.

Proved by looking: text is typed once, into an idle prompt box that nobody uses; the submit key is
pressed again when the text still stands in the box, and never anything else. What can't be
confirmed has failed, and is said.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from orchestrator.decide.assess import Facts
from orchestrator.decide.launch import CONTINUE, POINTER
from orchestrator.decide.step import Step
from orchestrator.model.action import Paste, PressKey
from orchestrator.model.config import BackendSpec, PromptDelivery
from orchestrator.model.event import EventKind
from orchestrator.model.memory import Delivery, DeliveryState, ReadingMemory, Stage
from orchestrator.model.reading import State
from orchestrator.model.wanted import Wanted

PRESSES = 4
"""Submit keys for one text, the first included."""
PRESS_PAUSE = 2.0
"""Seconds between two of them."""
PATIENCE = 30.0
"""Seconds after typing in which a text must be accepted."""
KICKOFF_FILE = "{kickoff}"
"""Stands for the run's kickoff file in a delivery's text; the edge knows the path."""
TAKEN_UP = frozenset({State.WORKING, State.TRANSIENT})
KICKOFF_SENDER = "kickoff"
LIMIT_SENDER = "limit"
"""Sender of the only texts that go to a session which a limit holds."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a delivery. accepted: the program took it; else it has failed."""

    key: str
    accepted: bool


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


def deliver(facts: Facts, step: Step) -> Ended | None:
    """Move the oldest delivery of a session on by at most one step; what became of it, once that is known."""
    session, wanted = step.session, facts.wanted
    if not session.deliveries or wanted is None or wanted.launch.backend is None or facts.pane is None:
        return None
    if not facts.alive or session.stage is not Stage.RUNNING:
        return None
    head = session.deliveries[0]
    if session.held and head.sender != LIMIT_SENDER and head.state is DeliveryState.QUEUED:
        return None
    backend = wanted.launch.backend
    if head.state is DeliveryState.QUEUED:
        _type(facts, step, head)
        return None
    if _is_accepted(step, head, backend):
        return _finish(step, EventKind.DELIVERED, f"took the {head.sender} text", head)
    if step.mono - head.queued > PATIENCE:
        told = f"did not take the {head.sender} text; it may still stand in its prompt box"
        return _finish(step, EventKind.DELIVERY_FAILED, told, head)
    _submit(facts, step, head, backend)
    return None


def _type(facts: Facts, step: Step, head: Delivery) -> None:
    session, pane = step.session, facts.pane
    if pane is None or not _is_receptive(session.reading, head) or session.name in step.observation.human:
        return
    step.actions.append(Paste(session.name, pane.pane_id, head.text))
    typed = replace(
        head, state=DeliveryState.TYPED, since=step.mono, queued=step.mono, before=session.reading.fingerprint,
    )  # fmt: skip
    _put(step, typed)
    step.again(0.1)


def _is_receptive(reading: ReadingMemory, head: Delivery) -> bool:
    """Whether text may be typed: it is idle, or limited and the text asks whether that is over, with an empty box."""
    if reading.candidate is not None or reading.box:
        return False
    if head.sender == LIMIT_SENDER and reading.state is State.LIMITED:
        return reading.box is not None
    return reading.state is State.IDLE


def _submit(facts: Facts, step: Step, head: Delivery, backend: BackendSpec) -> None:
    first = head.state is DeliveryState.TYPED
    wait = backend.submit_delay if first else PRESS_PAUSE
    waited = step.mono - head.since
    step.again(max(0.05, min(wait - waited, 0.5)))
    if waited < wait or facts.pane is None or step.session.name in step.observation.human:
        return
    reading = step.session.reading
    standing = reading.state is State.DRAFT or bool(reading.box)
    # A dialog that opened meanwhile must not be answered by our key.
    may = {State.IDLE, State.DRAFT, State.UNKNOWN} | ({State.LIMITED} if reading.box is not None else set())
    if reading.state not in may or head.presses >= PRESSES or not (first or standing):
        return
    step.actions.append(PressKey(step.session.name, facts.pane.pane_id, backend.submit_key))
    _put(step, replace(head, state=DeliveryState.SUBMITTED, since=step.mono, presses=head.presses + 1))


def _is_accepted(step: Step, head: Delivery, backend: BackendSpec) -> bool:
    reading = step.session.reading
    if head.state is not DeliveryState.SUBMITTED:
        return False
    if not backend.rules:
        return step.mono - head.since >= 1.0
    if reading.state in TAKEN_UP or reading.submitted_mono > head.queued:
        return True
    changed = reading.changed_mono > head.since and reading.fingerprint != head.before
    empty = reading.state is State.IDLE or (reading.state is State.LIMITED and not reading.box)
    return empty and reading.candidate is None and changed and step.mono - head.since >= 1.0


def _put(step: Step, head: Delivery) -> None:
    step.change(deliveries=(head, *step.session.deliveries[1:]))


def _finish(step: Step, kind: EventKind, message: str, head: Delivery) -> Ended:
    step.tell(kind, message, key=head.key, presses=head.presses)
    step.change(deliveries=step.session.deliveries[1:])
    return Ended(head.key, kind is EventKind.DELIVERED)
