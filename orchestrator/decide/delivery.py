"""Text on its way into a session: queued, typed, submitted, accepted. Pure.

Proved by looking: text is typed once, into an idle prompt box that nobody uses; the submit key is
pressed again when the text still stands in the box, and never anything else. What can't be
confirmed has failed, and is said.
"""

from __future__ import annotations

from dataclasses import replace

from orchestrator.decide.assess import Facts
from orchestrator.decide.launch import CONTINUE, POINTER
from orchestrator.decide.step import Step
from orchestrator.model.action import Paste, PressKey
from orchestrator.model.config import BackendSpec, PromptDelivery
from orchestrator.model.event import EventKind
from orchestrator.model.memory import Delivery, DeliveryState, Stage
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
TAKEN_UP = frozenset({State.WORKING, State.TRANSIENT, State.LIMITED})


def enqueue_kickoff(wanted: Wanted, step: Step) -> None:
    """After a `ping` start: tell the ready program where its kickoff is, or to go on."""
    session, backend = step.session, wanted.launch.backend
    if backend is None or backend.prompt_delivery is not PromptDelivery.PING or session.adopted:
        return
    if session.resumed:
        text = CONTINUE if session.interrupted else ""
    else:
        text = POINTER.format(path=KICKOFF_FILE) if wanted.launch.kickoff else ""
    key = f"kickoff/{session.run}"
    if text and all(delivery.key != key for delivery in session.deliveries):
        delivery = Delivery(key=key, text=text, sender="kickoff", since=step.mono, queued=step.mono)
        step.change(deliveries=(*session.deliveries, delivery))


def deliver(facts: Facts, step: Step) -> None:
    """Move the oldest delivery of a session on by at most one step."""
    session, wanted = step.session, facts.wanted
    if not session.deliveries or wanted is None or wanted.launch.backend is None or facts.pane is None:
        return
    if not facts.alive or session.stage is not Stage.RUNNING:
        return
    head = session.deliveries[0]
    backend = wanted.launch.backend
    if head.state is DeliveryState.QUEUED:
        _type(facts, step, head)
    elif _is_accepted(step, head, backend):
        _finish(step, EventKind.DELIVERED, f"took the {head.sender} text", head)
    elif step.mono - head.queued > PATIENCE:
        _finish(
            step,
            EventKind.DELIVERY_FAILED,
            f"did not take the {head.sender} text; it may still stand in its prompt box",
            head,
        )
    else:
        _submit(facts, step, head, backend)


def _type(facts: Facts, step: Step, head: Delivery) -> None:
    session, pane = step.session, facts.pane
    receptive = session.reading.state is State.IDLE and session.reading.candidate is None
    if pane is None or not receptive or session.name in step.observation.human:
        return
    step.actions.append(Paste(session.name, pane.pane_id, head.text))
    typed = replace(
        head, state=DeliveryState.TYPED, since=step.mono, queued=step.mono, before=session.reading.fingerprint,
    )  # fmt: skip
    _put(step, typed)
    step.again(0.1)


def _submit(facts: Facts, step: Step, head: Delivery, backend: BackendSpec) -> None:
    first = head.state is DeliveryState.TYPED
    wait = backend.submit_delay if first else PRESS_PAUSE
    waited = step.mono - head.since
    step.again(max(0.05, min(wait - waited, 0.5)))
    if waited < wait or facts.pane is None or step.session.name in step.observation.human:
        return
    # A dialog that opened meanwhile must not be answered by our key.
    if step.session.reading.state not in {State.IDLE, State.DRAFT, State.UNKNOWN} or head.presses >= PRESSES:
        return
    if not first and step.session.reading.state is not State.DRAFT:
        return
    step.actions.append(PressKey(step.session.name, facts.pane.pane_id, backend.submit_key))
    _put(step, replace(head, state=DeliveryState.SUBMITTED, since=step.mono, presses=head.presses + 1))


def _is_accepted(step: Step, head: Delivery, backend: BackendSpec) -> bool:
    reading = step.session.reading
    if head.state is not DeliveryState.SUBMITTED:
        return False
    if not backend.rules:
        return step.mono - head.since >= 1.0
    if reading.state in TAKEN_UP:
        return True
    changed = reading.changed_mono > head.since and reading.fingerprint != head.before
    return (
        reading.state is State.IDLE
        and reading.candidate is None
        and changed
        and step.mono - head.since >= 1.0
    )


def _put(step: Step, head: Delivery) -> None:
    step.change(deliveries=(head, *step.session.deliveries[1:]))


def _finish(step: Step, kind: EventKind, message: str, head: Delivery) -> None:
    step.tell(kind, message, key=head.key, presses=head.presses)
    step.change(deliveries=step.session.deliveries[1:])
