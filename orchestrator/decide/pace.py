"""Which of the sessions that wish to start may do so now, and with what. Pure.

Starts are staged: a few at a time, services first, agents after the services they need. Restarts
that repeat share a brake for the whole fleet; a first restart and what a person asked for do not
wait for it. A slow start gives up its place after a while, so that it never holds up the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from orchestrator.decide.assess import Facts
from orchestrator.decide.launch import CONTINUE
from orchestrator.decide.outbox import KICKOFF_SENDER, outlives_run
from orchestrator.decide.step import AT_ONCE, StartWish, Step, conversation_id, run_id
from orchestrator.model.action import Start
from orchestrator.model.config import PromptDelivery, WatchdogSettings
from orchestrator.model.event import EventKind
from orchestrator.model.memory import Exit, Memory, ReadingMemory, SessionMemory, Stage
from orchestrator.model.observation import Observation
from orchestrator.model.wanted import Wanted

SLOT_TIME = 5.0
"""Seconds that a start counts as one of the parallel ones at the most."""
MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Turn:
    """One session's facts and what its step came to."""

    facts: Facts
    step: Step


def grant_starts(
    turns: Sequence[Turn], observation: Observation, memory: Memory, settings: WatchdogSettings
) -> Memory:
    """Turn wishes into `Start` actions, as many as the pace allows; the fleet's memory with the starts counted."""
    starts = tuple(at for at in memory.starts if observation.mono - at < MINUTE)
    busy = sum(1 for turn in turns if _holds_slot(turn.step.session, observation.mono))
    for turn in turns:
        wish, wanted = turn.step.start, turn.facts.wanted
        if wish is None or wanted is None:
            continue
        if _is_held_back(wanted, wish, turn, turns, observation):
            turn.step.again(0.1)
        elif busy >= settings.max_parallel_starts:
            turn.step.again(0.05)
        elif wish.repeated and not wish.asked and len(starts) >= settings.max_starts_per_minute:
            turn.step.again(max(0.1, MINUTE - (observation.mono - starts[0])))
        else:
            _start(turn.step, wish, wanted, observation)
            busy += 1
            if wish.repeated and not wish.asked:
                starts = (*starts, observation.mono)
    return replace(memory, starts=starts)


def _holds_slot(session: SessionMemory, mono: float) -> bool:
    return session.stage is Stage.STARTING and mono - session.started_mono < SLOT_TIME


def _is_held_back(
    wanted: Wanted, wish: StartWish, turn: Turn, turns: Sequence[Turn], observation: Observation
) -> bool:
    """Whether a service it needs is not ready, or it is new and one that left the config still works in its folder.

    The second is a rename: two copies must not share a workspace. Whoever has run before, or is
    asked for, does not wait for it.
    """
    if any(name not in observation.services_ready for name in wanted.needs):
        return True
    if turn.step.session.run or wish.asked:
        return False
    own = str(wanted.launch.dir)
    return any(
        turn.facts.wanted is None
        and turn.step.session.dir == own
        and turn.step.session.stage is not Stage.NONE
        for turn in turns
    )


def _start(step: Step, wish: StartWish, wanted: Wanted, observation: Observation) -> None:
    session, backend = step.session, wanted.launch.backend
    run = run_id(session.name, observation.boot, observation.mono)
    again = bool(session.run)
    resume = again and wanted.resume and bool(session.conversation) and _is_told(session)
    if resume:
        conversation = session.conversation
    else:
        conversation = conversation_id(run, observation.boot) if backend and backend.session_id_flag else ""
    # Who changes what it is started from has a reason to think that it can go on.
    ends = session.spec != wanted.spec or (session.limit is not None and session.limit.over)
    limit = None if ends else session.limit
    held = limit is not None and limit.held
    interrupted = session.interrupted or (session.held and not held)
    words = CONTINUE if resume and interrupted and not held else ""
    silent = held and not resume and _can_be_silent(wanted)
    step.actions.append(
        Start(
            wanted.launch,
            run=run,
            spec=wanted.spec,
            pane=wish.pane,
            conversation=conversation,
            resume=resume,
            words=words,
            silent=silent,
        )
    )
    step.tell(
        EventKind.STARTED,
        _why(session, wish, resume=resume),
        run=run,
        attempt=session.attempt,
        resumed=resume,
    )
    step.change(
        stage=Stage.STARTING, run=run, spec=wanted.spec, session=wanted.session, dir=str(wanted.launch.dir), pid=0,
        conversation=conversation, talked=resume, resumed=resume, adopted=False, started_at=observation.now, started_mono=observation.mono,
        healthy_mono=None, restarts=session.restarts + (1 if again else 0), ended_mono=None, stop_mono=None, killed=False,
        mismatch=0, program_mono=observation.mono, drift_told="", restart="", survivors=(), reading=ReadingMemory(),
        answers=0, answered="", keeps=False, mode_mono=None, limit=limit.for_next_run() if limit else None, unsaid=silent,
        deliveries=tuple(d for d in session.deliveries if outlives_run(d)), interrupted=interrupted,
    )  # fmt: skip
    step.again(AT_ONCE)


def _can_be_silent(wanted: Wanted) -> bool:
    """Whether its kickoff can be left for later: a template of the user's is run as it is."""
    backend = wanted.launch.backend
    return (
        bool(wanted.launch.kickoff)
        and backend is not None
        and backend.prompt_delivery is not PromptDelivery.EXEC
    )


def _is_told(session: SessionMemory) -> bool:
    """Whether it knows its kickoff: there is a conversation, and no kickoff that was still to be typed into it."""
    return session.talked and not any(
        d.sender == KICKOFF_SENDER and not d.presses for d in session.deliveries
    )


def _why(session: SessionMemory, wish: StartWish, *, resume: bool) -> str:
    how = "restarted" if session.run else "started"
    told = f"{how}, its conversation resumed" if resume else how
    cause = _cause(session.exit)
    if wish.asked or not session.run or not cause:
        return told
    return f"{told} (restart {session.restarts + 1}: it {cause})"


def _cause(ended: Exit | None) -> str:
    return ended.describe() if ended else ""
