"""Facts to views: what each session is now, and since when. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.decide.restart import NEVER
from orchestrator.model.config import WakeSpec
from orchestrator.model.memory import Desire, Memory, SessionMemory, Stage
from orchestrator.model.observation import Observation, Pane, ServerState
from orchestrator.model.reading import State
from orchestrator.model.view import Condition, View
from orchestrator.model.wanted import Wanted

NEXT = {
    Condition.DIALOG: "waits for a person: ao attach {name}",
    Condition.AUTH: "waits for a person: ao attach {name}",
    Condition.TRANSIENT: "tries again by itself",
}
_AS_CONDITION = {state: Condition(state.value) for state in State if state is not State.EXITED}


@dataclass(frozen=True, slots=True)
class Facts:
    """One session's part of an observation, and what is to be made of it."""

    wanted: Wanted | None
    memory: SessionMemory
    pane: Pane | None
    alive: bool
    desire: Desire | None


def gather(observation: Observation, memory: Memory, wanted: Sequence[Wanted]) -> tuple[Facts, ...]:
    """Every session that is declared, remembered or seen: declared ones first, in their order."""
    by_name = {w.name: w for w in wanted}
    others = sorted(
        (set(observation.panes) | {n for n, m in memory.sessions.items() if m.stage is not Stage.NONE})
        - set(by_name)
    )
    return tuple(_facts(name, by_name.get(name), observation, memory) for name in (*by_name, *others))


def _facts(name: str, wanted: Wanted | None, observation: Observation, memory: Memory) -> Facts:
    pane = observation.panes.get(name)
    remembered = memory.sessions.get(name) or SessionMemory(name=name)
    return Facts(
        wanted=wanted,
        memory=remembered,
        pane=pane,
        alive=pane is not None and not pane.dead and name not in observation.ended,
        desire=desired(wanted, remembered, memory),
    )


def desired(wanted: Wanted | None, session: SessionMemory, memory: Memory) -> Desire | None:
    """What is wanted of a session: what a person said of it, else what the fleet is."""
    if wanted is None:
        return None
    if wanted.over:
        return Desire.DOWN
    if session.desire is not None:
        return session.desire
    return Desire.UP if memory.up and wanted.enabled else None


def view(facts: Facts, observation: Observation) -> View:
    """The row of one session."""
    condition, reason, upcoming = _judge(facts, observation)
    next_at = _next_at(facts, condition, observation)
    wanted, session, pane = facts.wanted, facts.memory, facts.pane
    since = session.condition_at if session.condition == condition.value else observation.now
    shown = facts.alive and condition.value in {state.value for state in State}
    return View(
        name=session.name,
        kind=wanted.kind.value if wanted else "removed",
        session=pane.session if pane else (wanted.session if wanted else session.session),
        backend=wanted.backend_name if wanted else "",
        model=wanted.launch.model if wanted else "",
        watch=wanted.watch.value if wanted else "",
        condition=condition,
        since=since,
        reason=reason,
        rule=session.reading.rule if shown else "",
        evidence=session.reading.evidence if shown else (),
        restarts=session.restarts,
        pid=pane.pid if pane and facts.alive else 0,
        pane=pane.pane_id if pane else "",
        command=_command(facts),
        next=upcoming,
        next_at=next_at,
        drift=has_drifted(facts),
        attached=bool(pane and pane.attached),
        reset_at=session.limit.reset_at if condition is Condition.LIMITED and session.limit else None,
    )


def _command(facts: Facts) -> str:
    if not facts.alive or facts.wanted is None:
        return ""
    return facts.memory.reading.command or facts.wanted.launch.command


def _next_at(facts: Facts, condition: Condition, observation: Observation) -> float | None:
    if condition in {Condition.BACKOFF, Condition.FAILED} and facts.memory.due < NEVER:
        return observation.now + max(0.0, facts.memory.due - observation.mono)
    wanted, limit = facts.wanted, facts.memory.limit
    if (
        condition is Condition.IDLE
        and wanted is not None
        and wanted.wake is not None
        and not has_drifted(facts)
    ):
        return observation.now + max(0.0, wake_due(facts.memory, wanted.wake) - observation.mono)
    if (
        condition is Condition.LIMITED
        and limit
        and limit.until is not None
        and limit.until > observation.elapsed
        and not limit.trying
        and _is_tried(facts)
    ):
        return observation.now + max(0.0, limit.until - observation.elapsed)
    return None


def _is_tried(facts: Facts) -> bool:
    """Whether a limited session will be told to go on."""
    return facts.wanted is not None and facts.wanted.heal and facts.wanted.enabled


def wake_due(session: SessionMemory, spec: WakeSpec) -> float:
    """Mono at which a session is to be woken: an interval after the last time, or after it was started."""
    since = session.woken_mono if session.woken_mono is not None else session.started_mono
    return since + spec.interval


def has_drifted(facts: Facts) -> bool:
    """Whether the running session was started from something else than what is declared now."""
    return bool(facts.wanted and facts.alive and facts.pane and facts.pane.spec != facts.wanted.spec)


def _judge(facts: Facts, observation: Observation) -> tuple[Condition, str, str]:
    """Condition, reason, and what happens next."""
    wanted, session = facts.wanted, facts.memory
    if observation.server is ServerState.UNKNOWN:
        return Condition.UNKNOWN, f"tmux: {observation.server_reason}", "looks again"
    if session.stage is Stage.STOPPING or session.restart:
        return Condition.STOPPING, session.restart and f"restarts: {session.restart}", ""
    if facts.alive:
        return _judge_living(facts, observation)
    if wanted is None:
        return Condition.STOPPING, "no longer in the config", ""
    if wanted.session in observation.taken and facts.pane is None and facts.desire is Desire.UP:
        return (
            Condition.TAKEN,
            f"the tmux session {wanted.session} is not this fleet's",
            "starts when that session is gone",
        )
    return _judge_dead(facts, wanted, observation)


def _judge_living(facts: Facts, observation: Observation) -> tuple[Condition, str, str]:
    wanted, session = facts.wanted, facts.memory
    drift = (
        "restarts with the new config when idle and unattended"
        if has_drifted(facts) and wanted and wanted.heal
        else ""
    )
    if wanted is None:
        return Condition.RUNNING, "no longer in the config", "stops when idle and unattended"
    if session.mismatch:
        return Condition.MISMATCHED, f"not {wanted.backend_name}'s program", ""
    if session.stage is Stage.STARTING:
        return Condition.STARTING, "", ""
    if wanted.launch.backend is None:
        return Condition.RUNNING, "", drift
    if session.held and session.reading.state not in {State.WORKING, State.DIALOG, State.AUTH}:
        return (
            Condition.LIMITED,
            session.limit.words if session.limit else "",
            _after_limit(facts, observation),
        )
    if session.reading.state in {State.EXITED, State.STARTING}:
        return Condition.UNKNOWN, "its screen is not recognised", drift
    reason = session.reading.evidence[-1].strip() if session.reading.evidence else ""
    condition = _AS_CONDITION[session.reading.state]
    upcoming = NEXT.get(condition, "").format(name=session.name)
    if condition is Condition.IDLE and wanted.wake is not None:
        upcoming = "is woken"
    return condition, reason, drift or upcoming


def _after_limit(facts: Facts, observation: Observation) -> str:
    session, limit = facts.memory, facts.memory.limit
    if not _is_tried(facts):
        return "is left alone"
    if limit and limit.trying:
        return "is being told to go on"
    is_over = limit and limit.until is not None and limit.until <= observation.elapsed
    if is_over and session.reading.state is State.LIMITED and session.reading.box is None:
        return f"its menu waits for a person: ao attach {session.name}"
    return "is told to go on as soon as it is free" if is_over else "is told to go on"


def _judge_dead(facts: Facts, wanted: Wanted, observation: Observation) -> tuple[Condition, str, str]:
    session = facts.memory
    reason = session.exit.describe() if session.exit else ""
    if facts.desire is not Desire.UP:
        return (Condition.STOPPED if wanted.enabled else Condition.DISABLED), "", ""
    if session.stage is Stage.COMPLETED:
        return Condition.COMPLETED, reason, ""
    if session.stage is Stage.ENDED:
        if session.failed:
            return (
                Condition.FAILED,
                reason,
                "waits for `ao restart`" if session.due >= NEVER else "tries again",
            )
        if not (wanted.heal and wanted.enabled) and session.asked <= session.started_mono:
            return Condition.DEAD, reason, ""
        return Condition.BACKOFF, reason, "restarts"
    if session.stage is Stage.STARTING and (facts.pane is None or facts.pane.run != session.run):
        return Condition.STARTING, "", ""  # this tick starts it
    if session.stage in {Stage.STARTING, Stage.RUNNING}:
        return Condition.DEAD, "ended a moment ago", "is judged at the next tick"
    missing = [name for name in wanted.needs if name not in observation.services_ready]
    if missing:
        return Condition.WAITING, f"needs {', '.join(missing)}", "starts when that is ready"
    return Condition.MISSING, "", "starts"
