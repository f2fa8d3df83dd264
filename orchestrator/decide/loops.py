"""One turn of every loop: what its repository shows, whether its phase is done, and what follows from that. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from orchestrator.decide.done import why_not_done
from orchestrator.decide.handoff import SHORT, Following, handoff_of, query
from orchestrator.decide.phases import complete, enter, members
from orchestrator.model.action import Action, Export, RunGate
from orchestrator.model.config import Config, LoopSpec, PhaseSpec
from orchestrator.model.event import Event, EventKind
from orchestrator.model.handoff import Query, Sight
from orchestrator.model.memory import LoopMemory, Memory
from orchestrator.model.observation import Observation

COMPLETE_FILE = "SEQUENCE-COMPLETE"
BUILDER = "builder"
"""Who is told of a failed gate where nobody is named."""


@dataclass(slots=True)
class LoopTurns:
    """What came of all loops' turns."""

    memory: Memory
    actions: list[Action] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


def queries(config: Config, memory: Memory) -> dict[str, Query]:
    """What must be known of each loop's repository now, by loop; those that are complete ask nothing."""
    asked: dict[str, Query] = {}
    for loop in config.loops:
        standing = memory.phases.get(loop.name)
        if loop.phases and standing is not None and not (standing.complete and not _appended(loop, memory)):
            phase = loop.phases[max(0, standing.index)]
            asked[loop.name] = query(loop, phase, config, memory.loops.get(loop.name, LoopMemory()))
    return asked


def tend_loops(observation: Observation, memory: Memory) -> LoopTurns:
    """Every loop's turn. The memory's phases are those of the present config."""
    turns = LoopTurns(memory)
    config = observation.config
    declared = {loop.name for loop in config.loops}
    turns.memory = replace(memory, loops={name: m for name, m in memory.loops.items() if name in declared})
    for loop in config.loops:
        if loop.phases:
            _tend(loop, observation, turns)
        turns.actions += _exports(loop, turns.memory, observation)
    return turns


def _tend(loop: LoopSpec, observation: Observation, turns: LoopTurns) -> None:
    memory, config = turns.memory, observation.config
    if memory.phases[loop.name].complete:
        _note_cleared(loop, observation, turns)
        if _appended(loop, memory):
            there = memory.phases[loop.name].index + 1
            _go(loop, there, "was added", observation, turns)
        return
    following = Following(
        loop, config, observation, memory.loops.get(loop.name, LoopMemory()), dict(memory.sessions)
    )
    phase = loop.phases[memory.phases[loop.name].index]
    sight = observation.sights.get(loop.name)
    if sight is None or sight.query != query(loop, phase, config, following.memory):
        sight = None
    if sight is not None:
        following.absorb(sight)
    done = _is_done(phase, following, sight, turns)
    turns.memory = replace(
        turns.memory, sessions=following.sessions, loops={**turns.memory.loops, loop.name: following.memory}
    )
    turns.events += following.events
    if done and sight is not None:
        _end_phase(loop, phase, sight, observation, turns)


def _note_cleared(loop: LoopSpec, observation: Observation, turns: LoopTurns) -> None:
    """Remember that the trigger file is gone: a later one of its name is somebody else's."""
    known = turns.memory.loops.get(loop.name)
    trigger = loop.on_complete.trigger_file if loop.on_complete else None
    if known is not None and not known.cleared and (trigger is None or trigger not in observation.exports):
        known = replace(known, cleared=True)
        turns.memory = replace(turns.memory, loops={**turns.memory.loops, loop.name: known})


def unseen(memory: Memory, config: Config) -> frozenset[str]:
    """Agents whose phase can't begin yet: nobody knows what their repository held before it."""
    waiting = [
        loop
        for loop in config.loops
        if loop.phases
        and loop.handoff is not None
        and not _is_seen(memory.loops.get(loop.name, LoopMemory()))
    ]
    return frozenset().union(*(members(loop, config) for loop in waiting))


def _is_seen(known: LoopMemory) -> bool:
    return known.base is not None or bool(known.trouble)


def _is_done(phase: PhaseSpec, following: Following, sight: Sight | None, turns: LoopTurns) -> bool:
    """Whether the phase may end now; why not is kept for people."""
    _note_gate(phase, following)
    if sight is None or sight.trouble:
        return False
    why = _why_open(phase, following, sight)
    if not why:
        why = _pass_gate(phase, following, sight, turns)
    elif following.memory.gate_passed:
        following.change(gate_commit="", gate_passed=None)  # it was done, and is so no longer
    if why != following.memory.waits:
        following.change(waits=why)
    return not why


def _why_open(phase: PhaseSpec, following: Following, sight: Sight) -> str:
    """Why a phase is not done, the gate left out; "" when it is."""
    loop, memory = following.loop, following.memory
    if not phase.status:
        return "it has no status file; `ao phase next` ends it"
    if why := why_not_done(sight.status, loop.done_marker):
        return f"{phase.status}: {why}"
    if sight.query.on_disk or not sight.tip:
        if sight.status_id == memory.status_before:
            return f"{phase.status} says done since before the phase began"
    elif not sight.status_commit or sight.status_id == memory.status_before:
        return f"{phase.status} says done in a commit from before the phase began"
    if loop.require_review and not memory.claim:
        return "it is done, and nothing was claimed that could have been reviewed"
    if loop.require_review and not memory.review:
        return f"it is done, and no review follows the last claim ({memory.claim[:SHORT]})"
    return ""


def _note_gate(phase: PhaseSpec, following: Following) -> None:
    """Take in how the gate ended."""
    memory = following.memory
    result = following.observation.gates.get(following.loop.name)
    if result is None or memory.gate_passed is not None or result.commit != memory.gate_commit:
        return
    following.change(gate_passed=result.passed, gate_log=str(result.log))
    short = result.commit[:SHORT]
    if result.passed:
        following.tell(
            EventKind.GATE_PASSED, f"the gate of {phase.id} passed on {short}", commit=result.commit
        )
        return
    following.tell(
        EventKind.GATE_FAILED, f"the gate of {phase.id} failed on {short}: {result.words}; its output is in {result.log}",
        commit=result.commit, log=str(result.log),
    )  # fmt: skip
    handoff = handoff_of(following.loop, following.observation.config)
    following.ping(
        handoff.review_pings or BUILDER, f"gate {phase.id}", [result.commit],
        text=f"The gate of phase {phase.id} failed on {short}. Its output is in {result.log}. Mend what it found, and commit.",
    )  # fmt: skip


def _pass_gate(phase: PhaseSpec, following: Following, sight: Sight, turns: LoopTurns) -> str:
    """Why the gate keeps a phase that is done from ending; "" when there is none, or it has passed."""
    loop, memory = following.loop, following.memory
    command = phase.gate or loop.gate
    # Once it has passed, what comes after may be more of the same: a gate that begins anew for each commit never ends.
    if not command or memory.gate_passed:
        return ""
    commit = sight.tip or sight.status_id
    running = following.observation.gating.get(loop.name)
    if running is not None and running == memory.gate_commit:
        return f"its gate runs on {running[:SHORT]}"
    begun = memory.gate_commit == commit and memory.gate_command == command
    if memory.gate_passed is False and begun:
        return f"its gate failed on {commit[:SHORT]}; the output is in {memory.gate_log}"
    if not begun or memory.gate_passed is not None:
        following.tell(
            EventKind.GATE_STARTED, f"the gate of {phase.id} runs on {commit[:SHORT]}", commit=commit
        )
        following.change(gate_commit=commit, gate_command=command, gate_passed=None, gate_log="")
    turns.actions.append(
        RunGate(loop.name, phase.id, sight.query.repo, sight.tip, command, loop.gate_timeout, key=commit)
    )
    return f"its gate runs on {commit[:SHORT]}"


def _end_phase(
    loop: LoopSpec, phase: PhaseSpec, sight: Sight, observation: Observation, turns: LoopTurns
) -> None:
    commit = sight.status_commit or sight.status_id
    index = turns.memory.phases[loop.name].index
    is_last = index + 1 >= len(loop.phases)
    if not loop.auto_advance and not is_last:
        known = turns.memory.loops[loop.name]
        if known.told != commit:
            turns.events.append(
                Event(
                    EventKind.PHASE_DONE, loop.name, f"{phase.id} is done ({commit[:SHORT]}); `ao phase next` goes on",
                    {"phase": phase.id, "commit": commit},
                )
            )  # fmt: skip
            known = replace(known, told=commit)
        known = replace(known, waits="it is done; `ao phase next` goes on")
        turns.memory = replace(turns.memory, loops={**turns.memory.loops, loop.name: known})
    elif is_last:
        turns.memory = complete(loop, observation.config, turns.memory, observation)
        run = loop.on_complete.run if loop.on_complete else None
        turns.events.append(
            Event(
                EventKind.SEQUENCE_COMPLETE, loop.name,
                f"{phase.id} is done ({commit[:SHORT]}); it was the last phase{f', {run} follows' if run else ''}",
                {"phase": phase.id, "commit": commit},
            )
        )  # fmt: skip
    else:
        _go(loop, index + 1, f"is done ({commit[:SHORT]})", observation, turns)


def _go(loop: LoopSpec, there: int, why: str, observation: Observation, turns: LoopTurns) -> None:
    """Go to a phase, and say so."""
    before, after = loop.phases[there - 1], loop.phases[there]
    turns.memory = enter(loop, there, observation.config, turns.memory, observation.now)
    told = (
        f"{before.id} {why}; goes on to {after.id}"
        if why != "was added"
        else f"{after.id} was added; goes on to it"
    )
    data: Mapping[str, object] = {"from": before.id, "to": after.id, "index": there}
    turns.events.append(Event(EventKind.PHASE_MOVED, loop.name, told, data))


def _appended(loop: LoopSpec, memory: Memory) -> bool:
    """Whether a loop that was through has another phase now."""
    return memory.phases[loop.name].index + 1 < len(loop.phases)


def complete_file(loop: LoopSpec, config: Config) -> Path:
    """The file that stands in the log folder while a loop is through."""
    name = COMPLETE_FILE if len(config.loops) == 1 else f"{COMPLETE_FILE}-{loop.name}"
    return config.defaults.log_dir / name


def state_file(loop: LoopSpec, config: Config) -> Path:
    """The file that shows the index of a loop's phase to other programs."""
    name = loop.state_file if len(config.loops) == 1 else f"{loop.state_file}-{loop.name}"
    return config.defaults.log_dir / name


def exported(config: Config) -> list[Path]:
    """Files whose content must be known."""
    files = [
        path for loop in config.loops for path in (complete_file(loop, config), state_file(loop, config))
    ]
    triggers = [loop.on_complete.trigger_file for loop in config.loops if loop.on_complete]
    return files + [path for path in triggers if path is not None]


def _exports(loop: LoopSpec, memory: Memory, observation: Observation) -> list[Action]:
    """Bring the small files for other programs up to date."""
    config, standing = observation.config, memory.phases[loop.name]
    finished = f"{standing.phase_id}\n" if standing.complete else None
    wanted: dict[Path, str | None] = {complete_file(loop, config): finished}
    if loop.phases:
        wanted[state_file(loop, config)] = f"{standing.index}\n"
    known = memory.loops.get(loop.name)
    trigger = loop.on_complete.trigger_file if loop.on_complete else None
    if trigger is not None and known is not None and not known.cleared:
        wanted[trigger] = None
    return [Export(path, text) for path, text in wanted.items() if observation.exports.get(path) != text]
