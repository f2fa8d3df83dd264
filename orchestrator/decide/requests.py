"""What people asked for: taken on once, and answered when every session's part is final. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from orchestrator.decide.assess import Facts
from orchestrator.decide.deaths import freed, refreshed
from orchestrator.decide.phases import begun_anew, move
from orchestrator.decide.sending import accept_text, outcome_of, unsaid_words
from orchestrator.decide.step import Ended
from orchestrator.model.config import Config
from orchestrator.model.event import Event, EventKind
from orchestrator.model.memory import Desire, Exit, Memory, SessionMemory, Stage
from orchestrator.model.observation import Observation, ServerState
from orchestrator.model.reading import State
from orchestrator.model.request import Outcome, Request, Result, Verb
from orchestrator.model.wanted import Wanted

STALE = 10.0
"""Seconds past its patience after which a request that nobody has taken on is dropped."""
PRESENT = frozenset({Stage.STARTING, Stage.RUNNING, Stage.STOPPING})


def accept(
    request: Request, memory: Memory, config: Config, wanted: Sequence[Wanted], observation: Observation
) -> tuple[Request, Memory, list[Event]]:
    """Take a new request on: whom it is about, what they shall be, and which parts are final already."""
    by_name = {w.name: w for w in wanted}
    event = Event(
        EventKind.REQUESTED, "", _words(request), {"request": request.id, "verb": request.verb.value}
    )
    age = observation.mono - request.at
    if age > request.patience + STALE or age < -STALE:  # negative: of another boot
        # Nobody waits any more, and the world has moved on: a `down` of yesterday must not stop today's fleet.
        late = Outcome(Result.LATE, "it was found too late, and not carried out")
        return replace(request, accepted=True, targets=("",), outcomes={"": late}), memory, []
    if request.verb is Verb.SEND:
        request, memory = accept_text(request, memory, by_name, observation)
        return request, memory, [event]
    if request.verb is Verb.PHASE:
        outcome, memory, events = move(request, config, memory, observation)
        return (
            replace(request, accepted=True, targets=(request.loop,), outcomes={request.loop: outcome}),
            memory,
            [event, *events],
        )
    targets = _targets(request, memory, wanted, observation)
    sessions = dict(memory.sessions)
    outcomes: dict[str, Outcome] = {}
    for name in targets:
        session = sessions.get(name) or SessionMemory(name=name)
        sessions[name], final = _apply(request, session, by_name.get(name), observation)
        if final is not None:
            outcomes[name] = final
    memory = replace(memory, sessions=sessions)
    if not request.names and request.verb is Verb.UP and not memory.up:
        memory = begun_anew(config, memory, observation.now)
    if not request.names and request.verb in {Verb.UP, Verb.DOWN}:
        memory = replace(memory, up=request.verb is Verb.UP)
    return replace(request, accepted=True, targets=targets, outcomes=outcomes), memory, [event]


def follow(
    request: Request,
    facts: Mapping[str, Facts],
    after: Mapping[str, SessionMemory],
    observation: Observation,
    ended: Mapping[int, Ended],
) -> Request:
    """Fill in the outcomes that have become final; what is late is said to be."""
    outcomes = dict(request.outcomes)
    late = observation.mono - request.at > request.patience
    for name in request.targets:
        if name in outcomes:
            continue
        outcome = (
            outcome_of(ended.get(request.id))
            if request.verb is Verb.SEND
            else _final(request, facts.get(name), after.get(name) or SessionMemory(name=name), observation)
        )
        if outcome is None and request.verb is Verb.SEND and not _is_on_its_way(request, after.get(name)):
            outcome = Outcome(
                Result.UNDELIVERED, "its session was stopped, or left the config; nothing more will be typed"
            )
        if outcome is None and late:
            of, session = facts.get(name), after.get(name)
            said = (
                unsaid_words(of, session, observation)
                if request.verb is Verb.SEND
                else _late_words(of, session)
            )
            outcome = Outcome(Result.LATE, said)
        if outcome is not None:
            outcomes[name] = outcome
    return replace(request, outcomes=outcomes)


def _is_on_its_way(request: Request, session: SessionMemory | None) -> bool:
    return session is not None and any(d.request == request.id for d in session.deliveries)


def is_over(request: Request) -> bool:
    """Whether a `down` of everything is done, so that the watchdog has nothing left to look after."""
    done = {Result.STOPPED, Result.ABSENT, Result.SURVIVED}
    return (
        request.stop_watchdog
        and request.answered
        and all(o.result in done for o in request.outcomes.values())
    )


def _words(request: Request) -> str:
    names = " ".join(request.names) or "everything"
    return f"asked for: {request.verb.value} {request.argument if request.verb is Verb.PHASE else names}".rstrip()


def _targets(
    request: Request, memory: Memory, wanted: Sequence[Wanted], observation: Observation
) -> tuple[str, ...]:
    declared = {w.name: w for w in wanted}
    if request.names:
        needed = [service for name in request.names if name in declared for service in declared[name].needs]
        extra = needed if request.verb is Verb.UP else []
        return tuple(dict.fromkeys((*extra, *request.names)))
    if request.verb is Verb.DOWN:
        present = {name for name, session in memory.sessions.items() if session.stage is not Stage.NONE}
        return tuple(dict.fromkeys((*declared, *sorted(present | set(observation.panes)))))
    return tuple(name for name, w in declared.items() if w.enabled)


def _apply(
    request: Request, session: SessionMemory, wanted: Wanted | None, observation: Observation
) -> tuple[SessionMemory, Outcome | None]:
    alive = (
        session.name in observation.panes
        and session.name not in observation.ended
        and not observation.panes[session.name].dead
    )
    if request.verb is Verb.DOWN:
        session = replace(session, desire=Desire.DOWN, asked=0.0)
        absent = session.name not in observation.panes and session.stage in {
            Stage.NONE,
            Stage.ENDED,
            Stage.COMPLETED,
        }
        return session, Outcome(Result.ABSENT) if absent and session.stage is Stage.NONE else None
    if wanted is None:
        return session, Outcome(Result.REFUSED, "it is not in the config")
    if wanted.over:
        over = "its loop is complete; `ao phase set ID` begins a phase again"
        return session, Outcome(Result.COMPLETED if request.verb is Verb.UP else Result.REFUSED, over)
    if request.verb is Verb.RESTART:
        stopping = "a person asked for it" if session.stage in PRESENT or alive else ""
        return replace(
            freed(refreshed(session)), desire=Desire.UP, restart=stopping, asked=observation.mono
        ), None
    up = replace(session, desire=Desire.UP)
    if (
        alive
        and session.stage is not Stage.STARTING
        and not session.restart
        and session.desire is not Desire.DOWN
    ):
        return (refreshed(up) if request.names else up), Outcome(Result.RUNNING)
    if session.stage is Stage.COMPLETED and not request.names:
        return up, Outcome(Result.COMPLETED, session.exit.describe() if session.exit else "")
    if session.stage is Stage.STARTING and alive:
        return up, None
    if request.names:
        up = freed(up)
    return replace(refreshed(up), asked=observation.mono), None


def _final(
    request: Request, facts: Facts | None, session: SessionMemory, observation: Observation
) -> Outcome | None:
    if request.verb is Verb.DOWN:
        if session.survivors:
            return Outcome(Result.SURVIVED, ", ".join(session.survivors))
        if session.desire is Desire.UP:
            return Outcome(Result.REFUSED, "it was asked up meanwhile")
        return (
            Outcome(Result.STOPPED)
            if session.stage is Stage.NONE and session.name not in observation.panes
            else None
        )
    if session.desire is Desire.DOWN:
        return Outcome(Result.REFUSED, "it was asked down meanwhile")
    if session.taken_told and session.stage not in PRESENT and facts and facts.wanted:
        return Outcome(
            Result.TAKEN,
            f"the tmux session {facts.wanted.session} exists and is not this fleet's; it was left alone",
        )
    ended = session.exit
    if ended is not None and _concerns(request, ended) and not session.restart:
        if session.stage is Stage.COMPLETED:
            good = ended.status == 0
            return Outcome(
                Result.COMPLETED if good else Result.DIED, "\n".join((ended.describe(), *ended.words))
            )
        return Outcome(Result.DIED, "\n".join((ended.describe(), *ended.words)))
    if observation.server is ServerState.UNKNOWN:
        return None  # what memory says may be long past
    if session.stage is Stage.RUNNING and not session.restart and session.started_mono >= _since(request):
        return Outcome(Result.STARTED, _but(session))
    return None


def _but(session: SessionMemory) -> str:
    """What a person should know of a session that runs and can't work."""
    if session.reading.state in {State.DIALOG, State.AUTH}:
        return f"waits for a person ({session.reading.state.value}): ao attach {session.name}"
    return "a usage limit holds it" if session.held else ""


def _concerns(request: Request, ended: Exit) -> bool:
    """Whether an end answers a request: not that of a run which was well before, and was found dead with it."""
    return ended.mono >= request.at and (ended.began >= request.at or not ended.ready)


def _since(request: Request) -> float:
    """A restart is over when a later start is ready; an `up` also when one under way is."""
    return request.at if request.verb is Verb.RESTART else 0.0


def _late_words(facts: Facts | None, session: SessionMemory | None) -> str:
    if session is None or facts is None or facts.wanted is None:
        return "it was not seen"
    if session.stage is Stage.STARTING:
        return "it runs, but is not ready yet"
    if facts.wanted.needs and session.stage is Stage.NONE:
        return f"it waits for {', '.join(facts.wanted.needs)}"
    if session.stage is Stage.NONE:
        return "it could not be started yet; `ao status` says why"
    return f"it is {session.stage.value}"
