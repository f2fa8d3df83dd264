"""What is believed of a program: its screen, weighed against what it reported itself. Pure.

A reading is believed when it was read twice in a row, except those on which nothing may be done
anyway or too late (a limit, a dialog): these count at once. What a program reports by a hook or in
its transcript counts at once too, and for a moment against a screen that is slower; a turn that a
person breaks off is reported by nobody, so in the end the screen has the last word.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from orchestrator.decide.assess import Facts
from orchestrator.model.memory import LimitMemory, ReadingMemory
from orchestrator.model.observation import Pane
from orchestrator.model.reading import Reading, RuleSpec, Screen, Signal, State
from orchestrator.model.text import one_line
from orchestrator.reading import compile_rules, read
from orchestrator.reading.waiting import waiting_until

QUIET = 3.0
"""Seconds without output after which a program without rules counts as idle."""
BY_ACTIVITY = "activity"
"""Rule of a reading that comes from the pane's output alone."""
AT_ONCE = frozenset({State.LIMITED, State.DIALOG, State.AUTH})
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
FRESH = 3.0
"""Seconds for which a report counts more than a screen that says something else."""
SAYS_NOTHING = frozenset({State.UNKNOWN, State.STARTING})
AS_IF_FREE = frozenset({State.IDLE, State.WARNING, State.TRANSIENT, State.FATAL})
"""What a screen may be read as whose limit is told in words that no rule knows."""


def assess_reading(
    facts: Facts, screen: Screen | None, signals: Sequence[Signal], now: float, mono: float, zone: str
) -> ReadingMemory:
    """The reading that counts after this tick; without a new screen or report only time can change it.

    Args:
        facts: the session.
        screen: as captured now, None when it was not.
        signals: what it reported since the last tick, oldest first.
        now: epoch seconds.
        mono: seconds since boot.
        zone: IANA name of the machine's time zone.
    """
    held = facts.memory.reading
    backend = facts.wanted.launch.backend if facts.wanted else None
    if not facts.alive or facts.pane is None:
        return held
    for signal in signals:
        if signal.run == facts.pane.run:
            held = _hear(held, signal, now, mono)
    if backend is None or not backend.rules:
        return _by_activity(held, facts.pane, now, mono)
    if screen is None:
        return held
    fingerprint = hashlib.blake2b(
        f"{screen.title}\n{screen.text}".encode("utf-8", "replace"), digest_size=8
    ).hexdigest()
    changed = mono if fingerprint != held.fingerprint else held.changed_mono
    waits = waiting_until(screen, zone) if fingerprint != held.fingerprint else held.waiting_until
    drawn = min(now, facts.pane.activity + 1.0)
    reading = _read(backend.rules, screen, drawn, zone, facts.memory.limit)
    held = replace(
        held,
        fingerprint=fingerprint,
        command=screen.command,
        changed_mono=changed,
        box=reading.box,
        waiting_until=waits,
    )
    if held.told is State.LIMITED and held.state is not State.LIMITED and reading.state in AS_IF_FREE:
        # Told in words that no rule knows, and nothing has been told since: a draft that came and went ended no limit.
        words = facts.memory.limit.words if facts.memory.limit else ""
        reading = replace(reading, state=State.LIMITED, rule="reported before", evidence=(words,))
    return _believe(held, reading, now, mono)


def _read(
    rules: Sequence[RuleSpec], screen: Screen, drawn: float, zone: str, limit: LimitMemory | None
) -> Reading:
    """The screen's reading, with the end of a limit as it was meant.

    The times in a banner that is known are reckoned from its first sighting, all others from `drawn`, the pane's
    last output (epoch seconds): no banner is newer, however late it is first seen.
    """
    compiled = compile_rules(rules)

    def seen(at: float) -> Reading:
        moment = datetime.fromtimestamp(at, UTC)
        return read(compiled, screen, moment, zone, first_seen=moment)

    base = limit.since if limit is not None and limit.held else drawn
    reading = seen(base)
    if reading.state is not State.LIMITED or reading.reset_at is None:
        return reading
    if limit is not None and limit.held and one_line(reading.evidence) != limit.words:
        base, reading = drawn, seen(drawn)
    # Only a bare time moves by a day when it is read from a moment before: it has just passed, and is not tomorrow's.
    ended = limit.reset_at if limit is not None else None
    passed = ended if ended is not None and ended <= base <= ended + HOUR else base
    earlier = seen(passed - MINUTE)
    moved = (
        reading.reset_at
        and earlier.reset_at
        and (reading.reset_at - earlier.reset_at).total_seconds() > DAY / 2
    )
    return earlier if moved else reading


def _hear(held: ReadingMemory, signal: Signal, now: float, mono: float) -> ReadingMemory:
    """Take in what the program reported."""
    if signal.submitted:
        held = replace(held, submitted_mono=max(held.submitted_mono, min(signal.mono, mono)))
    if signal.state is None:
        return held
    held = replace(held, told=signal.state, told_mono=min(signal.mono, mono), told_reset=signal.reset_at)
    if signal.state is held.state:
        reset = signal.reset_at if signal.reset_at is not None else held.reset_at
        return replace(held, candidate=None, reset_at=reset if held.state is State.LIMITED else None)
    evidence = (signal.words,) if signal.words else ()
    return _accept(held, Reading(signal.state, f"reported: {signal.event}", evidence), now, mono)


def _by_activity(held: ReadingMemory, pane: Pane, now: float, mono: float) -> ReadingMemory:
    state = State.WORKING if now - pane.activity < QUIET else State.IDLE
    return held if state is held.state else _accept(held, Reading(state, rule=BY_ACTIVITY), now, mono)


def _believe(held: ReadingMemory, reading: Reading, now: float, mono: float) -> ReadingMemory:
    if _is_outweighed(held, reading, mono):
        # Looked at again until the report is no longer fresh; a limit's lasts, and needs no second look.
        fades = reading.state not in SAYS_NOTHING and held.told is not State.LIMITED
        return replace(held, candidate=reading.state if fades else None)
    if reading.state is held.state:
        return replace(
            held, rule=reading.rule, evidence=reading.evidence, candidate=None, reset_at=_reset(held, reading),
            goes_on=reading.goes_on,
        )  # fmt: skip
    first = held.state is State.STARTING and held.candidate is None and reading.state is not State.UNKNOWN
    if first or reading.state in AT_ONCE or reading.state is held.candidate:
        return _accept(held, reading, now, mono)
    return replace(held, candidate=reading.state)


def _is_outweighed(held: ReadingMemory, reading: Reading, mono: float) -> bool:
    """Whether what the program reported counts more than this screen."""
    told = held.told
    if told is None or told is not held.state or reading.state is told:
        return False
    if reading.state in SAYS_NOTHING:
        return True
    if told is State.LIMITED and reading.state in AS_IF_FREE:
        return True
    fresh = mono - held.told_mono < FRESH
    return fresh and reading.state in {State.WORKING, State.IDLE, State.FATAL}


def _reset(held: ReadingMemory, reading: Reading) -> float | None:
    """When the limit ends: what the program reported is exact, and what it shows is cut to the minute."""
    if reading.state is not State.LIMITED:
        return None
    if held.told is State.LIMITED and held.told_reset is not None:
        return held.told_reset
    return reading.reset_at.timestamp() if reading.reset_at else None


def _accept(held: ReadingMemory, reading: Reading, now: float, mono: float) -> ReadingMemory:
    """The reading that counts from now on. A turn that runs ends what was told of a limit."""
    over = reading.state is State.WORKING and held.told is State.LIMITED
    return replace(
        held,
        told=None if over else held.told,
        state=reading.state,
        rule=reading.rule,
        evidence=reading.evidence,
        since=now,
        candidate=None,
        idle_mono=mono if reading.state is State.IDLE else None,
        reset_at=_reset(held, reading),
        goes_on=reading.goes_on,
    )
