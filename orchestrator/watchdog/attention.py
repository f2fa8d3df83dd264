"""What is worth looking at in this tick. Pure; it keeps a quiet fleet cheap.

A pane is captured when it has written since it was last read. tmux tells that by the second, so a
capture within the second of the last output is not final, and is done once more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.decide.assess import desired, wake_due
from orchestrator.decide.dialogs import is_answerable
from orchestrator.decide.wake import is_wakeable
from orchestrator.model.memory import DeliveryState, Desire, Memory, SessionMemory, Stage
from orchestrator.model.observation import Pane
from orchestrator.model.reading import State
from orchestrator.model.wanted import Wanted

PROGRAM_INTERVAL = 5.0
"""Seconds between two looks at which program a pane runs."""
MISMATCH_INTERVAL = 1.0
CONVERSATION_INTERVAL = 2.0
TRANSCRIPT_INTERVAL = 2.0
"""Seconds between two looks at the transcript of a program whose pane is quiet."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was last captured of a pane: of which run, at which activity, and whether that second was over."""

    run: str
    activity: int
    settled: bool


def wants_capture(wanted: Wanted | None, memory: SessionMemory, pane: Pane, seen: Seen | None) -> bool:
    """Whether a living pane's screen must be read now."""
    if wanted is None or wanted.launch.backend is None or not wanted.launch.backend.rules:
        return False
    moved = seen is None or not seen.settled or (seen.run, seen.activity) != (pane.run, pane.activity)
    return (
        moved or memory.reading.candidate is not None or is_speaking(memory) or is_answerable(wanted, memory)
    )


def wants_attributes(memory: SessionMemory) -> bool:
    """Whether the text's attributes matter: they tell a hint in the prompt box from a draft."""
    return State.DRAFT in {memory.reading.state, memory.reading.candidate} or bool(memory.deliveries)


def is_speaking(memory: SessionMemory) -> bool:
    """Whether a text is half said to it: then every look counts."""
    return bool(memory.deliveries) and memory.deliveries[0].state is not DeliveryState.QUEUED


def wants_last_words(memory: SessionMemory, pane: Pane, *, alive: bool) -> bool:
    """Whether a dead pane's screen is still to be kept."""
    return not alive and pane.dead and memory.stage in {Stage.STARTING, Stage.RUNNING}


def wants_processes(
    wanted: Wanted | None,
    session: SessionMemory,
    pane: Pane | None,
    memory: Memory,
    *,
    alive: bool,
    mono: float,
) -> bool:
    """Whether what is left of a session's process tree must be known now."""
    if session.stage is Stage.STOPPING:
        return True
    if alive or not session.run or desired(wanted, session, memory) is not Desire.UP:
        return False
    if session.stage is Stage.ENDED:
        return session.due <= mono
    if session.stage is Stage.COMPLETED:
        return session.asked > session.started_mono
    ended = pane is None or (pane.dead and (pane.dead_status is not None or pane.dead_signal is not None))
    return session.stage in {Stage.STARTING, Stage.RUNNING} and ended


def wants_wake(wanted: Wanted, session: SessionMemory, mono: float) -> bool:
    """Whether its wake text is needed now."""
    return wanted.wake is not None and is_wakeable(session) and wake_due(session, wanted.wake) <= mono


def wants_program(wanted: Wanted | None, session: SessionMemory, pane: Pane, mono: float) -> bool:
    """Whether the pane's process tree must be looked at for the right program."""
    if (
        wanted is None
        or not wanted.heal
        or wanted.launch.backend is None
        or not wanted.launch.backend.process_name
    ):
        return False
    if session.stage is not Stage.RUNNING:
        return False
    interval = MISMATCH_INTERVAL if session.mismatch else PROGRAM_INTERVAL
    return pane.pid != session.pid or mono - session.program_mono >= interval


def wants_conversation(wanted: Wanted | None, session: SessionMemory, *, alive: bool, mono: float) -> bool:
    """Whether the program named its conversation itself, and the name is not known yet.

    A dead program's is looked for at the moment at which it would be resumed.
    """
    if (
        wanted is None
        or not wanted.resume
        or wanted.launch.backend is None
        or wanted.launch.backend.session_id_flag
    ):
        return False
    if session.conversation or not session.run:
        return False
    if alive:
        return session.stage is Stage.RUNNING
    return session.stage in {Stage.STARTING, Stage.RUNNING} or (
        session.stage is Stage.ENDED and session.due <= mono
    )


def wants_transcript(wanted: Wanted | None, session: SessionMemory, pane: Pane) -> bool:
    """Whether a living program's turns are to be followed in its transcript."""
    backend = wanted.launch.backend if wanted else None
    if backend is None or not (backend.hooks and backend.transcripts):
        return False
    return session.run == pane.run and session.stage in {Stage.STARTING, Stage.RUNNING}


def leader_of(session: SessionMemory, panes: Mapping[str, Pane]) -> int:
    """Pid of the pane's first process: as tmux shows it, else as it was."""
    pane = panes.get(session.name)
    return pane.pid if pane is not None and pane.run == session.run else session.pid
