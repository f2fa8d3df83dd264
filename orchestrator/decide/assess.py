"""Facts to views: what each session is now, and since when. Pure.

A reading is believed when it was read twice in a row, except those on which nothing may be done
anyway or too late (a limit, a dialog): these count at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from orchestrator.decide.restart import NEVER
from orchestrator.model.memory import Desire, Memory, ReadingMemory, SessionMemory, Stage
from orchestrator.model.observation import Observation, Pane, ServerState
from orchestrator.model.reading import Reading, Screen, State
from orchestrator.model.view import Condition, View
from orchestrator.model.wanted import Wanted
from orchestrator.reading import compile_rules, read

QUIET = 3.0
"""Seconds without output after which a program without rules counts as idle."""
BY_ACTIVITY = "activity"
"""Rule of a reading that comes from the pane's output alone."""
AT_ONCE = frozenset({State.LIMITED, State.DIALOG, State.AUTH})
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
    if session.desire is not None:
        return session.desire
    return Desire.UP if memory.up and wanted.enabled else None


def assess_reading(facts: Facts, screen: Screen | None, now: float, mono: float, zone: str) -> ReadingMemory:
    """The reading that counts after this tick; without a new screen only time can change it."""
    held = facts.memory.reading
    backend = facts.wanted.launch.backend if facts.wanted else None
    if not facts.alive or facts.pane is None:
        return held
    if backend is None or not backend.rules:
        return _by_activity(held, facts.pane, now, mono)
    if screen is None:
        return held
    fingerprint = hashlib.blake2b(
        f"{screen.title}\n{screen.text}".encode("utf-8", "replace"), digest_size=8
    ).hexdigest()
    changed = mono if fingerprint != held.fingerprint else held.changed_mono
    first_seen = datetime.fromtimestamp(held.first_seen, UTC) if held.first_seen is not None else None
    reading = read(
        compile_rules(backend.rules), screen, datetime.fromtimestamp(now, UTC), zone,
        unchanged_for=mono - changed, first_seen=first_seen,
    )  # fmt: skip
    return _believe(
        replace(held, fingerprint=fingerprint, command=screen.command, changed_mono=changed),
        reading,
        now,
        mono,
    )


def _by_activity(held: ReadingMemory, pane: Pane, now: float, mono: float) -> ReadingMemory:
    state = State.WORKING if now - pane.activity < QUIET else State.IDLE
    return held if state is held.state else _accept(held, Reading(state, rule=BY_ACTIVITY), now, mono)


def _believe(held: ReadingMemory, reading: Reading, now: float, mono: float) -> ReadingMemory:
    if reading.state is held.state:
        reset = reading.reset_at.timestamp() if reading.reset_at else held.reset_at
        return replace(held, rule=reading.rule, evidence=reading.evidence, candidate=None, reset_at=reset)
    first = held.state is State.STARTING and held.candidate is None and reading.state is not State.UNKNOWN
    if first or reading.state in AT_ONCE or reading.state is held.candidate:
        return _accept(held, reading, now, mono)
    return replace(held, candidate=reading.state)


def _accept(held: ReadingMemory, reading: Reading, now: float, mono: float) -> ReadingMemory:
    limited = reading.state is State.LIMITED
    return replace(
        held,
        state=reading.state,
        rule=reading.rule,
        evidence=reading.evidence,
        since=now,
        candidate=None,
        idle_mono=mono if reading.state is State.IDLE else None,
        reset_at=reading.reset_at.timestamp() if reading.reset_at else None,
        first_seen=(held.first_seen or now) if limited else None,
    )


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
        reset_at=session.reading.reset_at if condition is Condition.LIMITED else None,
    )


def _command(facts: Facts) -> str:
    if not facts.alive or facts.wanted is None:
        return ""
    return facts.memory.reading.command or facts.wanted.launch.command


def _next_at(facts: Facts, condition: Condition, observation: Observation) -> float | None:
    if condition in {Condition.BACKOFF, Condition.FAILED} and facts.memory.due < NEVER:
        return observation.now + max(0.0, facts.memory.due - observation.mono)
    return None


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
        return _judge_living(facts)
    if wanted is None:
        return Condition.STOPPING, "no longer in the config", ""
    if wanted.session in observation.taken and facts.pane is None and facts.desire is Desire.UP:
        return (
            Condition.TAKEN,
            f"the tmux session {wanted.session} is not this fleet's",
            "starts when that session is gone",
        )
    return _judge_dead(facts, wanted, observation)


def _judge_living(facts: Facts) -> tuple[Condition, str, str]:
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
    if session.reading.state in {State.EXITED, State.STARTING}:
        return Condition.UNKNOWN, "its screen is not recognised", drift
    reason = session.reading.evidence[-1].strip()[:120] if session.reading.evidence else ""
    return _AS_CONDITION[session.reading.state], reason, drift


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
