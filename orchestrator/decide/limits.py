"""Usage limits: hold what is limited until the limit ends, then go on, once. Pure.

A limit is met by a session and remembered beyond its run: a program that dies while it is held is
restarted as ever, and nothing is said to it. The wait is reckoned on a clock that nobody sets, so
a changed wall clock moves nothing. A program that is still limited when it is tried is tried again
by its new banner, or every `limit_probe_fallback`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from orchestrator.decide.assess import Facts
from orchestrator.decide.deaths import freed
from orchestrator.decide.launch import POINTER
from orchestrator.decide.outbox import KICKOFF_FILE, KICKOFF_SENDER, LIMIT_SENDER, enqueue
from orchestrator.decide.pace import Turn
from orchestrator.decide.step import AT_ONCE, Step
from orchestrator.model.config import WatchdogSettings
from orchestrator.model.event import EventKind
from orchestrator.model.memory import (
    Delivery,
    DeliveryState,
    LimitMemory,
    ReadingMemory,
    SessionMemory,
    Stage,
)
from orchestrator.model.observation import Observation
from orchestrator.model.reading import State
from orchestrator.model.text import one_line, printable

GO_ON = "The usage limit has reset. Go on where you left off."
GOES_ON_PATIENCE = 300.0
"""Seconds past the reset that are left to a program which says that it goes on by itself: what is typed then would double its work."""
STAGGER = 5.0
"""Seconds between two sessions of one account that are tried."""
SETTLED = 10.0
"""Seconds after its start in which a program may still draw what it has to show."""
MINUTE = 60.0
FREE = frozenset({State.IDLE, State.WARNING})
"""Readings of a session that says nothing of its limit."""
KNOWN_FOR = 3600.0
"""Seconds past its end for which a lifted limit's banner is known again, so that its bare time does not read as tomorrow's."""


def tend_limit(facts: Facts, step: Step) -> None:
    """Note a limit that the screen shows, and its end. To be called for the living, once they are ready."""
    session = step.session
    if not facts.alive or session.stage is not Stage.RUNNING:
        return
    state, limit = session.reading.state, session.limit
    if state is State.LIMITED:
        _meet(step)
    elif limit is None or not limit.held:
        _forget(step)
    elif state is State.WORKING:
        _lift(step, "it works again")
    elif state in FREE and limit.run == session.run and not _is_being_tried(session, limit):
        _lift(step, "it was told to go on" if limit.tries else "its message is gone")
    if step.session.held:
        _wait(step)


def _is_being_tried(session: SessionMemory, limit: LimitMemory) -> bool:
    """Whether the text that tries it is half said."""
    return any(d.key == limit.trying and d.state is not DeliveryState.QUEUED for d in session.deliveries)


def _meet(step: Step) -> None:
    """Begin to hold, or follow what the banner says now."""
    session, reading, now = step.session, step.session.reading, step.observation.now
    known, words = session.limit, one_line(reading.evidence)
    if known is None or not known.held:
        again = known is not None and known.words == words and not _is_ahead(reading.reset_at, now)
        limit = LimitMemory(
            now, words, reset_at=reading.reset_at, goes_on=reading.goes_on, met=session.run, run=session.run,
            tries=known.tries if known and again else 0,
        )  # fmt: skip
    elif known.words != words and not known.tries and _is_same_wait(known, reading, now):
        limit = replace(known, words=words, run=session.run)
    else:
        since = known.since if known.words == words else now
        limit = replace(
            known,
            words=words,
            since=since,
            run=session.run,
            reset_at=reading.reset_at,
            goes_on=reading.goes_on,
        )
        if (limit.reset_at, limit.goes_on) != (known.reset_at, known.goes_on):
            limit = replace(limit, until=None)
    limit = _timed(limit, step)
    step.change(limit=limit)
    if known is None or not known.held:
        until = now + (limit.until or 0.0) - step.observation.elapsed
        told = f"held by a usage limit: {printable(limit.words)}"
        step.tell(EventKind.LIMITED, told, reset_at=limit.reset_at, until=round(until, 3))


def _is_ahead(reset_at: float | None, now: float) -> bool:
    return reset_at is not None and reset_at > now


def _is_same_wait(known: LimitMemory, reading: ReadingMemory, now: float) -> bool:
    """Whether a banner whose words change (a spinner, a clock) still says the wait that it said at first."""
    if known.reset_at is None or reading.reset_at is None:
        return known.reset_at == reading.reset_at
    later = reading.reset_at > known.reset_at + 1.0
    return later and abs((reading.reset_at - now) - (known.reset_at - known.since)) <= 2.0


def _timed(limit: LimitMemory, step: Step) -> LimitMemory:
    """Reckon from the wall clock, once, how long the wait is."""
    if limit.until is not None:
        return limit
    return replace(
        limit, until=step.observation.elapsed + wait_for(limit, step.observation.now, step.settings)
    )


def wait_for(limit: LimitMemory, now: float, settings: WatchdogSettings) -> float:
    """Seconds from `now` (epoch) until a limited session is tried.

    An end that is told to the minute may be any moment of it. One that has passed without effect says nothing.
    """
    if limit.reset_at is None or (limit.tries and limit.reset_at <= now):
        return settings.limit_probe_fallback
    slack = settings.limit_reset_slack
    if limit.reset_at % MINUTE == 0:
        slack = max(slack, MINUTE + 1)
    if limit.goes_on:
        slack = max(slack, GOES_ON_PATIENCE)
    return max(0.0, limit.reset_at + slack - now)


def _wait(step: Step) -> None:
    limit = step.session.limit
    if limit is not None and not limit.trying:
        limit = _timed(limit, step)  # that of an earlier boot has none
        step.change(limit=limit)
        left = (limit.until or 0.0) - step.observation.elapsed
        if left > 0:
            step.again(left)


def grant_tries(
    turns: Sequence[Turn], observation: Observation, tried: Mapping[str, float]
) -> dict[str, float]:
    """Let sessions whose limit should be over be spoken to, one after another per account; when each account was."""
    after = dict(tried)
    due = [turn for turn in turns if _is_due(turn, observation)]
    for turn in sorted(due, key=_place):
        account = account_of(turn)
        left = after.get(account, -math.inf) + STAGGER - observation.elapsed
        if 0 < left <= STAGGER:
            turn.step.again(left)
        elif not _shows_menu(turn.step.session.reading):
            after[account] = observation.elapsed
            _try(turn.step)
        elif _did_nothing(turn.step) and not _is_attended(turn, observation):
            after[account] = observation.elapsed
            turn.step.session = freed(turn.step.session)
            turn.step.change(
                restart="its limit is over, and nothing but the limit's menu stands on its screen"
            )
            turn.step.again(AT_ONCE)
        else:
            turn.step.again(1.0)
    return after


def _place(turn: Turn) -> float:
    return turn.step.session.limit.since if turn.step.session.limit else 0.0


def _shows_menu(reading: ReadingMemory) -> bool:
    """Whether there is no box to type into. No key is ever pressed in the menu that a limit brings."""
    return reading.state is State.LIMITED and reading.box is None


def _is_attended(turn: Turn, observation: Observation) -> bool:
    pane = turn.facts.pane
    return (pane is not None and pane.attached > 0) or turn.step.session.name in observation.human


def _did_nothing(step: Step) -> bool:
    """Whether a run was begun during the hold, so that nothing is lost when it is begun again."""
    session, limit = step.session, step.session.limit
    return limit is not None and limit.met != session.run and step.mono - session.started_mono >= SETTLED


def _is_due(turn: Turn, observation: Observation) -> bool:
    facts, session = turn.facts, turn.step.session
    limit = session.limit
    if limit is None or not limit.held or limit.trying or limit.until is None:
        return False
    if facts.wanted is None or not (facts.wanted.heal and facts.wanted.enabled) or not facts.alive:
        return False
    receptive = session.stage is Stage.RUNNING and session.reading.state in {State.LIMITED, *FREE}
    return receptive and observation.elapsed >= limit.until


def _try(step: Step) -> None:
    session, limit = step.session, step.session.limit
    if limit is None:
        return
    kickoff = next((d for d in session.deliveries if d.sender == KICKOFF_SENDER), None)
    text = POINTER.format(path=KICKOFF_FILE) if session.unsaid else kickoff.text if kickoff else GO_ON
    key = f"{LIMIT_SENDER}/{session.run}/{limit.since:.0f}/{limit.tries + 1}"
    delivery = Delivery(key=key, text=text, sender=LIMIT_SENDER, since=step.mono, queued=step.mono)
    step.change(
        limit=replace(limit, tries=limit.tries + 1, trying=key),
        deliveries=(delivery, *(d for d in session.deliveries if d is not kickoff)),
    )
    step.again(0.05)


def note_ended(step: Step) -> None:
    """What became of the text that tried a session."""
    limit = step.session.limit
    ended = next((each for each in step.ended if limit and each.key == limit.trying), None)
    if ended is None or limit is None:
        return
    if ended.accepted:
        step.change(unsaid=False)  # it was told where its kickoff is
    until = step.observation.elapsed + step.settings.limit_probe_fallback
    # The screen that follows says whether it goes on; if it still is limited, it is tried again.
    step.change(
        limit=replace(limit, trying="", until=until, run=step.session.run if ended.accepted else limit.run)
    )


def _lift(step: Step, why: str) -> None:
    session, limit = step.session, step.session.limit
    if limit is None:
        return
    step.tell(EventKind.LIMIT_LIFTED, f"its usage limit no longer holds it: {why}", tries=limit.tries)
    kept = tuple(
        d for d in session.deliveries if d.key != limit.trying or d.state is not DeliveryState.QUEUED
    )
    step.change(limit=replace(limit, held=False, trying=""), deliveries=kept)
    if session.unsaid:
        step.change(unsaid=False)
        enqueue(step, f"{KICKOFF_SENDER}/{session.run}", POINTER.format(path=KICKOFF_FILE), KICKOFF_SENDER)


def _forget(step: Step) -> None:
    limit, now = step.session.limit, step.observation.now
    if limit is not None and now > (limit.reset_at or limit.since) + KNOWN_FOR:
        step.change(limit=None)


def account_of(turn: Turn) -> str:
    """The account whose limits a session shares; "" for a service, and for one that left the config."""
    backend = turn.facts.wanted.launch.backend if turn.facts.wanted else None
    return backend.account if backend else ""


def account_holders(sessions: Sequence[tuple[str, SessionMemory]]) -> dict[str, SessionMemory]:
    """Of each account, the held session that is free last; by account name."""
    found: dict[str, SessionMemory] = {}
    for account, session in sessions:
        if account and session.held and (account not in found or _ends(session) > _ends(found[account])):
            found[account] = session
    return found


def _ends(session: SessionMemory) -> float:
    return session.limit.reset_at or 0.0 if session.limit else 0.0
