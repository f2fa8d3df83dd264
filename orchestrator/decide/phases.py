"""Moving a loop from phase to phase. Pure.

The index that counts is in the store; loop agents drift when it moves, since the phase is part of
what they are started from, and are restarted into the new one at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from orchestrator.model.config import Config, Kind, LoopSpec
from orchestrator.model.event import Event, EventKind
from orchestrator.model.memory import Memory, PhaseMemory, Stage
from orchestrator.model.observation import Observation
from orchestrator.model.request import Outcome, Request, Result


def phase_index(loop: LoopSpec, memory: PhaseMemory) -> int:
    """Index of the current phase: by id where the config still has it, so that phases may be inserted."""
    for index, phase in enumerate(loop.phases):
        if phase.id == memory.phase_id:
            return index
    return max(0, min(memory.index, len(loop.phases) - 1))


def standing(config: Config, phases: Mapping[str, PhaseMemory]) -> dict[str, PhaseMemory]:
    """Where every declared loop stands, brought up to the config's present phases."""
    after: dict[str, PhaseMemory] = {}
    for loop in config.loops:
        memory = phases.get(loop.name, PhaseMemory())
        index = phase_index(loop, memory) if loop.phases else -1
        phase_id = loop.phases[index].id if loop.phases else ""
        after[loop.name] = replace(
            memory, index=index, phase_id=phase_id, ids=tuple(phase.id for phase in loop.phases)
        )
    return after


def move(
    request: Request, config: Config, memory: Memory, observation: Observation
) -> tuple[Outcome, Memory, list[Event]]:
    """Carry out `ao phase next` or `ao phase set`; a phase that does not exist is refused by name."""
    loop = config.loop(request.loop)
    if loop is None or not loop.phases:
        return Outcome(Result.REFUSED, f"there is no loop {request.loop} with phases"), memory, []
    here = phase_index(loop, memory.phases[loop.name])
    there = _destination(request.argument, loop, here)
    ids = ", ".join(f"{index} {phase.id}" for index, phase in enumerate(loop.phases))
    if there is None:
        return Outcome(Result.REFUSED, f"no phase {request.argument}; the phases are: {ids}"), memory, []
    if there == here:
        return Outcome(Result.MOVED, loop.phases[here].id), memory, []
    if there >= len(loop.phases):
        return (
            Outcome(Result.REFUSED, f"{loop.phases[here].id} is the last phase; the phases are: {ids}"),
            memory,
            [],
        )
    phase = loop.phases[there]
    phases = {
        **memory.phases,
        loop.name: replace(
            memory.phases[loop.name], index=there, phase_id=phase.id, moved_at=observation.now, complete=False
        ),
    }
    members = {agent.name for agent in config.agents if agent.kind is Kind.LOOP and agent.loop == loop.name}
    sessions = {
        name: replace(session, restart=f"phase {phase.id}", talked=False)
        if name in members and session.stage in {Stage.STARTING, Stage.RUNNING}
        else session
        for name, session in memory.sessions.items()
    }
    event = Event(
        EventKind.PHASE_MOVED, loop.name, f"moved from {loop.phases[here].id} to {phase.id} by hand",
        {"from": loop.phases[here].id, "to": phase.id, "index": there},
    )  # fmt: skip
    return Outcome(Result.MOVED, phase.id), replace(memory, phases=phases, sessions=sessions), [event]


def _destination(argument: str, loop: LoopSpec, here: int) -> int | None:
    """Index that "next", an id or a number means; None when there is no such phase, the length when it is past the last."""
    if argument == "next":
        return here + 1
    for index, phase in enumerate(loop.phases):
        if phase.id == argument:
            return index
    if argument.isdecimal() and int(argument) < len(loop.phases):
        return int(argument)
    return None
