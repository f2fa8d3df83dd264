"""`ao send`: a person's text into an agent's outbox, and what is answered. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from orchestrator.decide.assess import Facts
from orchestrator.decide.outbox import USER_KEY, held_up_by, refusal
from orchestrator.decide.step import Ended
from orchestrator.model.memory import Delivery, DeliveryState, Memory, SessionMemory, Stage
from orchestrator.model.observation import Observation
from orchestrator.model.request import Outcome, Request, Result, Verb
from orchestrator.model.wanted import Wanted

GONE = frozenset({Stage.NONE, Stage.COMPLETED, Stage.STOPPING})


def accept_text(
    request: Request, memory: Memory, wanted: Mapping[str, Wanted], observation: Observation
) -> tuple[Request, Memory]:
    """Put a text into the outbox of the session that it is for, or say why not."""
    if len(request.names) != 1:
        to_whom = Outcome(Result.REFUSED, "a text goes to one agent")
        return replace(request, accepted=True, targets=("",), outcomes={"": to_whom}), memory
    name = request.names[0]
    session = memory.sessions.get(name) or SessionMemory(name=name)
    key = f"{USER_KEY}{request.key}" if request.key else f"send/{request.id}"
    declared = wanted.get(name)
    final: Outcome | None = None
    if declared is None:
        final = Outcome(Result.REFUSED, "it is not in the config")
    elif why := refusal(request.argument, declared):
        final = Outcome(Result.REFUSED, why)
    elif key in session.said:
        final = Outcome(Result.DELIVERED, "it was said before")
    elif session.stage in GONE and name not in observation.panes:
        final = Outcome(Result.REFUSED, f"it does not run; `ao up {name}` starts it")
    elif any(delivery.key == key for delivery in session.deliveries):
        final = Outcome(Result.REFUSED, f"a text with the key {request.key} is under way")
    taken = replace(request, accepted=True, targets=(name,), outcomes={name: final} if final else {})
    if final is not None:
        return taken, memory
    delivery = Delivery(
        key=key, text=request.argument, sender=request.sender or "sent", since=observation.mono, queued=observation.mono,
        request=request.id,
    )  # fmt: skip
    session = replace(session, deliveries=(*session.deliveries, delivery))
    return taken, replace(memory, sessions={**memory.sessions, name: session})


def withdrawn(session: SessionMemory, requests: Sequence[Request]) -> SessionMemory:
    """A session without the texts whose senders were told that it is too late, and that were not typed yet."""
    over = {r.id for r in requests if r.verb is Verb.SEND and r.answered}
    kept = tuple(
        d for d in session.deliveries if d.request not in over or d.state is not DeliveryState.QUEUED
    )
    return session if kept == session.deliveries else replace(session, deliveries=kept)


def outcome_of(ended: Ended | None) -> Outcome | None:
    """What is answered once it is known what became of a text."""
    if ended is None:
        return None
    return Outcome(Result.DELIVERED) if ended.accepted else Outcome(Result.UNDELIVERED, ended.why)


def unsaid_words(facts: Facts | None, session: SessionMemory | None, observation: Observation) -> str:
    """Why a text was not taken in the time that its sender gave it."""
    if session is None or facts is None or not session.deliveries:
        return "it was not seen"
    why = held_up_by(facts, session, observation)
    typed = session.deliveries[0].state is not DeliveryState.QUEUED
    return why if typed else f"{why or 'others were before it'}; nothing was typed"
