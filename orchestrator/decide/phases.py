"""Moving a loop from phase to phase, by hand or because it is done. Pure.

The index that counts is in the store; loop agents drift when it moves, since the phase is part of
what they are started from, and are restarted into the new one at once. A move, and all that follows from it, is one change
of memory: a crash finds it made, or not begun.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from orchestrator.decide.handoff import without_pings
from orchestrator.model.config import Config, Kind, LoopSpec
from orchestrator.model.event import Event, EventKind
from orchestrator.model.memory import Desire, LoopMemory, Memory, PhaseMemory, SessionMemory, Stage
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


def follow_config(config: Config, memory: Memory, now: float) -> Memory:
    """The memory brought up to the config's present phases; a loop whose phase was taken out of the file enters another one."""
    before = memory.phases
    memory = replace(memory, phases=standing(config, before))
    for loop in config.loops:
        old, new = before.get(loop.name), memory.phases[loop.name]
        if (
            old is not None
            and old.phase_id
            and loop.phases
            and old.phase_id != new.phase_id
            and not old.complete
        ):
            memory = enter(loop, new.index, config, memory, now)
    return memory


def members(loop: LoopSpec, config: Config) -> frozenset[str]:
    """Names of a loop's agents."""
    return frozenset(
        agent.name for agent in config.agents if agent.kind is Kind.LOOP and agent.loop == loop.name
    )


def move(
    request: Request, config: Config, memory: Memory, observation: Observation
) -> tuple[Outcome, Memory, list[Event]]:
    """Carry out `ao phase next` or `ao phase set`; a phase that does not exist is refused by name."""
    loop = config.loop(request.loop)
    if loop is None or not loop.phases:
        return Outcome(Result.REFUSED, f"there is no loop {request.loop} with phases"), memory, []
    standing_ = memory.phases[loop.name]
    here = phase_index(loop, standing_)
    there = _destination(request.argument, loop, here)
    ids = ", ".join(f"{index} {phase.id}" for index, phase in enumerate(loop.phases))
    if there is None:
        return Outcome(Result.REFUSED, f"no phase {request.argument}; the phases are: {ids}"), memory, []
    if there == here and not standing_.complete:
        return Outcome(Result.MOVED, loop.phases[here].id), memory, []
    if there >= len(loop.phases):
        return (
            Outcome(Result.REFUSED, f"{loop.phases[here].id} is the last phase; the phases are: {ids}"),
            memory,
            [],
        )
    event = Event(
        EventKind.PHASE_MOVED, loop.name, f"moved from {loop.phases[here].id} to {loop.phases[there].id} by hand",
        {"from": loop.phases[here].id, "to": loop.phases[there].id, "index": there},
    )  # fmt: skip
    return (
        Outcome(Result.MOVED, loop.phases[there].id),
        enter(loop, there, config, memory, observation.now),
        [event],
    )


def enter(loop: LoopSpec, there: int, config: Config, memory: Memory, now: float) -> Memory:
    """The memory in which a loop has gone to a phase: its agents begin anew, and its handoff from the newest commit."""
    phase = loop.phases[there]
    phases = {
        **memory.phases,
        loop.name: replace(
            memory.phases[loop.name], index=there, phase_id=phase.id, moved_at=now, complete=False
        ),
    }
    known = memory.loops.get(loop.name, LoopMemory())
    loops = {
        **memory.loops,
        loop.name: LoopMemory(
            place=known.place, cursor=known.cursor, base=known.cursor, inboxes=known.inboxes, trouble=known.trouble,
            cleared=known.cleared,
        ),
    }  # fmt: skip
    names = members(loop, config)
    sessions = {
        name: _begins_anew(session, phase.id) if name in names else session
        for name, session in without_pings(memory.sessions, names, loop.name).items()
    }
    return replace(memory, phases=phases, loops=loops, sessions=sessions)


def _begins_anew(session: SessionMemory, phase: str) -> SessionMemory:
    """A loop's agent at a new phase: with a new conversation, and restarted where it runs."""
    session = replace(session, talked=False, conversation="")
    runs = session.stage in {Stage.STARTING, Stage.RUNNING}
    return replace(session, restart=f"phase {phase}") if runs else session


def begun_anew(config: Config, memory: Memory, now: float) -> Memory:
    """The memory in which the loops that don't resume are at their first phase: a fleet that was down starts so."""
    for loop in config.loops:
        if not loop.resume_phase and loop.phases:
            memory = enter(loop, 0, config, memory, now)
    return memory


def complete(loop: LoopSpec, config: Config, memory: Memory, observation: Observation) -> Memory:
    """The memory in which a loop is through: its agents stop, and the task that follows is started, once."""
    sessions = without_pings(memory.sessions, members(loop, config), loop.name)
    after = loop.on_complete
    if after is not None and after.run is not None:
        task = sessions.get(after.run) or SessionMemory(name=after.run)
        sessions[after.run] = replace(task, desire=Desire.UP, asked=observation.mono)
    phases = {**memory.phases, loop.name: replace(memory.phases[loop.name], complete=True)}
    known = memory.loops.get(loop.name, LoopMemory())
    to_clear = after is not None and after.trigger_file is not None
    loops = {**memory.loops, loop.name: replace(known, waits="", cleared=not to_clear)}
    return replace(memory, phases=phases, loops=loops, sessions=sessions)


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
