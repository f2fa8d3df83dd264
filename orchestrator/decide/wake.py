"""The wake schedule: an agent's wake text, every so often, while it is idle. Pure."""

from __future__ import annotations

from orchestrator.decide.assess import Facts, wake_due
from orchestrator.decide.outbox import enqueue
from orchestrator.decide.step import Step
from orchestrator.model.event import EventKind
from orchestrator.model.memory import SessionMemory, Stage
from orchestrator.model.reading import State

SENDER = "wake"


def is_wakeable(session: SessionMemory) -> bool:
    """Whether it could be spoken to now: idle, free, and with nothing else under way."""
    reading = session.reading
    idle = reading.state is State.IDLE and reading.candidate is None
    return session.stage is Stage.RUNNING and idle and not session.held and not session.deliveries


def keep_awake(facts: Facts, step: Step) -> None:
    """Put the wake text into the outbox when its time has come; a busy agent is tried again when it is idle."""
    wanted, session = facts.wanted, step.session
    if wanted is None or wanted.wake is None or not wanted.enabled or not facts.alive:
        return
    left = wake_due(session, wanted.wake) - step.mono
    if left > 0:
        step.again(left)
        return
    if not is_wakeable(session):
        return
    trouble = step.observation.wake_troubles.get(session.name)
    if trouble is not None:
        if session.wake_trouble != trouble:
            step.tell(EventKind.DELIVERY_FAILED, f"can't be woken: {trouble}")
            step.change(wake_trouble=trouble)
        step.again(min(wanted.wake.interval, 60.0))
        return
    text = step.observation.wake_texts.get(session.name)
    if text is None:
        step.again(0.05)  # its file is read for the next look
        return
    step.change(woken_mono=step.mono, wake_trouble="")
    if text.strip():
        enqueue(step, f"{SENDER}/{session.run}/{step.mono:.0f}", text.rstrip("\n"), SENDER)
        step.again(0.05)
