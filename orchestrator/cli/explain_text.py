"""The words and the facts of `ao explain`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict

from orchestrator.cli.status_text import because, session_facts, since, upcoming, wall
from orchestrator.commands.explain import Explanation
from orchestrator.decide.restart import NEVER
from orchestrator.model.memory import Delivery, Desire, Exit
from orchestrator.model.reading import RuleSpec, State
from orchestrator.model.text import printable
from orchestrator.model.view import Condition

PATTERN_WIDTH = 120
"""Of a rule's pattern; `--json` has all of it."""
MEANING = {
    Condition.STOPPED: "it is not wanted up, so it is left down",
    Condition.DISABLED: "the config says enabled = false: only `ao up NAME` starts it",
    Condition.WAITING: "it is started as soon as what it waits for is there",
    Condition.STARTING: "it counts as ready once its screen says so",
    Condition.WORKING: "all is well: there is nothing to do",
    Condition.IDLE: "all is well: there is nothing to do",
    Condition.RUNNING: "all is well: there is nothing to do",
    Condition.DRAFT: "somebody's text stands unsent in its prompt box: nothing is typed over it",
    Condition.DIALOG: "it waits for a person: nothing is typed into a dialog, and no restart would answer it",
    Condition.LIMITED: "a usage limit holds it: until that is over nothing is typed, and it is not restarted for it",
    Condition.TRANSIENT: "it tries again by itself: it is left alone",
    Condition.AUTH: "a person must log in or pay: a restart would not help, and nothing is typed",
    Condition.FATAL: "its session can't go on, so it is restarted with a new one",
    Condition.WARNING: "a limit is near, and it still works: there is nothing to do",
    Condition.UNKNOWN: "what it shows is not known, and on that nothing is done",
    Condition.MISMATCHED: "another program runs in its pane; seen twice in a row, it is restarted",
    Condition.BACKOFF: "it died, and is started again at its time",
    Condition.DEAD: "it does not run any more",
    Condition.FAILED: "it died too often: see the restarts below",
    Condition.COMPLETED: "a task that has run is not started again",
    Condition.STOPPING: "it is asked to end, and killed after its stop_grace",
    Condition.TAKEN: "the session of its name is somebody else's, and is never touched",
    Condition.MISSING: "it is wanted and not there, so it is started",
}
"""What each condition means for what is done."""
WANTED = {
    Desire.UP: "up; somebody asked for it",
    Desire.DOWN: "down; it stays down until `ao up NAME`",
    None: "nobody asked for it to be up",
}


def plain(of: Explanation) -> str:
    """The whole explanation."""
    return "\n".join(
        [*_state(of), *_loop(of), "", *_reading(of), *_limit(of), "", *_restarts(of), *_exit(of.session.exit, of.at), *_deliveries(of), *_events(of)]
    )  # fmt: skip


def _state(of: Explanation) -> Iterator[str]:
    view = of.view
    facts = ((view.kind, ""), (view.backend, "backend "), (view.model, "model "), (view.watch, "watch "))
    traits = ", ".join(f"{label}{word}" for word, label in facts if word)
    reason = f": {printable(view.reason)}" if view.reason else ""
    yield f"{view.name} ({traits})"
    yield f"{view.condition.value} for {since(of.at - view.since)}{reason}"
    yield f"  {MEANING[view.condition].replace('NAME', view.name)}"
    yield f"  next: {upcoming(view, of.at) if view.next else 'nothing by itself'}"
    yield f"  wanted: {WANTED[of.desire].replace('NAME', view.name)}"
    yield from (f"  {line}" for line in _holds(of))


def _loop(of: Explanation) -> Iterator[str]:
    """Where its loop stands, and why the phase goes on."""
    if of.loop is None or not of.loop.phase:
        return
    place = f"phase {of.loop.phase} ({of.loop.index + 1} of {len(of.loop.phases)})"
    yield f"  loop {of.loop.loop}: {'complete' if of.loop.complete else place}{because(of.loop)}"


def _holds(of: Explanation) -> Iterator[str]:
    """What keeps the watchdog from acting, or from being there at all."""
    if of.watchdog is None:
        yield "watchdog: not running, so nothing is done; this is a look of its own"
        yield from (f"a watchdog would tell now: {printable(message)}" for message in of.due)
    else:
        yield f"watchdog: running, pid {of.watchdog.pid}"
    if of.error:
        yield f"trouble: {printable(of.error)}"
    if of.wanted is None:
        yield "config: it is no longer declared"
    elif not of.wanted.heal:
        yield "watch: it is not healed, whatever happens to it"
    if of.view.drift:
        yield "drift: it runs with an older config than the file has now"
    if of.session.restart:
        yield f"restart: under way, since {printable(of.session.restart)}"
    if of.view.attached:
        hold = since(of.settings.human_hold)
        yield f"attached: while a person types there, and for {hold} after, it waits with text and restarts"
    for survivor in of.session.survivors:
        yield f"survivor: process {printable(survivor)} could not be ended"


def _reading(of: Explanation) -> Iterator[str]:
    reading = of.session.reading
    if not of.view.backend or not of.view.pid:
        yield f"screen: not read, since it {'does not run' if of.view.backend else 'is a service'}"
        return
    rule = of.deciding_rule()
    by = f", by the rule {_rule(rule)}" if rule else f", by: {reading.rule}" if reading.rule else ""
    yield f"screen: {reading.state.value}{f' for {since(of.at - reading.since)}' if reading.since else ''}{by}"
    yield from (f"    {printable(line)}" for line in reading.evidence)
    if reading.told is not None:
        yield f"  it reported of itself: {reading.told.value}, {since(of.mono - reading.told_mono)} ago"
    if reading.waiting_until is not None:
        yield f"  it says that it waits until {wall(reading.waiting_until, of.at)}"
    typed = {None: "none", "": "empty"}.get(reading.box, f"{len(reading.box or '')} characters typed")
    yield f"  prompt box: {typed}"
    if reading.candidate is not None:
        yield f"  seen once, and believed when it is seen again: {reading.candidate.value}"
    if not of.rules:
        yield f"  judged by its output alone: the backend {of.view.backend} has no rules"
        return
    missed = reading.state is State.UNKNOWN
    yield f"  looked for{' and not found' if missed else ''} ({len(of.rules)} rules), by the part of the screen:"
    for region, rules in of.looked_for().items():
        yield f"    {_region(region, rules)}"


def _rule(rule: RuleSpec) -> str:
    also = f", and in {rule.also_region} {rule.also_pattern}" if rule.also_region else ""
    pattern = rule.pattern if len(rule.pattern) <= PATTERN_WIDTH else f"{rule.pattern[:PATTERN_WIDTH]}…"
    return printable(f"{rule.name} (priority {rule.priority}, in {rule.region} {pattern}{also})")


def _region(region: str, rules: tuple[RuleSpec, ...]) -> str:
    states = ", ".join(dict.fromkeys(rule.state.value for rule in rules))
    high, low = rules[0].priority, rules[-1].priority
    span = f"priority {high}" if high == low else f"priorities {high} to {low}"
    return f"{printable(region)}: {states} ({span})"


def _limit(of: Explanation) -> Iterator[str]:
    limit = of.session.limit
    if of.view.account_limited:
        yield f"account: {of.view.account_limited} met a limit that may be this one's too"
    if limit is None:
        return
    ends = (
        f"ends {wall(limit.reset_at, of.at)}" if limit.reset_at is not None else "does not say when it ends"
    )
    yield f"limit: {'held' if limit.held else 'over; met'} for {since(of.at - limit.since)}, {ends}"
    yield f"    {printable(limit.words)}"
    if limit.goes_on:
        yield "  it says that it goes on by itself, so it is left alone for some minutes more"
    if (at := of.tried_at()) is not None:
        yield f"  is told to go on {wall(at, of.at)}; nothing else is said to it before"
    if limit.tries:
        yield f"  told so {limit.tries} time{'s' if limit.tries > 1 else ''} already"


def _restarts(of: Explanation) -> Iterator[str]:
    session, settings = of.session, of.settings
    window = since(settings.restart_window)
    yield f"restarts: {session.restarts}; deaths within {window}: {of.deaths()}, allowed: {settings.max_restarts}"
    if session.attempt:
        yield f"  deaths since it was last well for {window}: {session.attempt}"
    if session.failed:
        yield f"  that used up its restarts; when_exhausted is {settings.when_exhausted.value}"
    if session.due >= NEVER:
        yield f"  it waits for `ao restart {session.name}`"
    elif session.due > of.mono:
        yield f"  the next start is due {wall(of.wall(session.due), of.at)}"


def _exit(exit_: Exit | None, at: float) -> Iterator[str]:
    if exit_ is None:
        return
    yield f"last exit: {exit_.describe()}, {since(at - exit_.at)} ago"
    yield from (f"    {printable(line)}" for line in exit_.words)


def _deliveries(of: Explanation) -> Iterator[str]:
    for delivery in of.session.deliveries:
        keys = f", submit keys pressed: {delivery.presses}" if delivery.presses else ""
        age = since(of.mono - delivery.since)
        yield f"open text: from {printable(delivery.sender)}, {len(delivery.text)} characters, {delivery.state.value} for {age}{keys}"
    if of.view.text_waits:
        yield f"  the first waits: {printable(of.view.text_waits)}"


def _events(of: Explanation) -> Iterator[str]:
    if not of.events:
        yield "events: none"
        return
    yield "events:"
    for recorded in of.events:
        stamp = time.strftime("%m-%d %H:%M:%S", time.localtime(recorded.at))
        yield f"  {stamp}  {printable(recorded.event.message)}"


def facts(of: Explanation) -> dict[str, object]:
    """The same as facts, for `--json`; instants are epoch seconds."""
    session = of.session
    return {
        "session": session_facts(of.view),
        "meaning": MEANING[of.view.condition].replace("NAME", of.view.name),
        "wanted": of.desire.value if of.desire else None,
        "healed": of.wanted is not None and of.wanted.heal,
        "watchdog": of.watchdog.pid if of.watchdog else None,
        "loop": asdict(of.loop) if of.loop else None,
        "error": of.error or None,
        "due": list(of.due),
        "restarting": session.restart or None,
        "survivors": list(session.survivors),
        "reading": _reading_facts(of),
        "limit": _limit_facts(of),
        "restarts": {
            "all": session.restarts,
            "since_healthy": session.attempt,
            "deaths_in_window": of.deaths(),
            "deaths_allowed": of.settings.max_restarts,
            "window": of.settings.restart_window,
            "failed": session.failed,
            "due_at": of.wall(session.due) if of.mono < session.due < NEVER else None,
            "waits_for_human": session.due >= NEVER,
        },
        "last_exit": _exit_facts(session.exit),
        "deliveries": [_delivery_facts(each, of) for each in session.deliveries],
        "events": [
            {"id": each.id, "at": each.at, "kind": each.event.kind.value, "message": each.event.message}
            for each in of.events
        ],
    }


def _reading_facts(of: Explanation) -> dict[str, object] | None:
    if not of.view.backend or not of.view.pid:
        return None
    reading, rule = of.session.reading, of.deciding_rule()
    return {
        "state": reading.state.value,
        "since": reading.since or None,
        "rule": asdict(rule) if rule else reading.rule or None,
        "evidence": list(reading.evidence),
        "candidate": reading.candidate.value if reading.candidate else None,
        "reported": reading.told.value if reading.told else None,
        "box": reading.box,
        "looked_for": {
            region: [{"state": r.state.value, "name": r.name, "priority": r.priority} for r in rules]
            for region, rules in of.looked_for().items()
        },
    }


def _limit_facts(of: Explanation) -> dict[str, object] | None:
    limit = of.session.limit
    if limit is None:
        return None
    return {
        "held": limit.held,
        "since": limit.since,
        "words": limit.words,
        "reset_at": limit.reset_at,
        "goes_on": limit.goes_on,
        "tried_at": of.tried_at(),
        "tries": limit.tries,
    }


def _exit_facts(exit_: Exit | None) -> dict[str, object] | None:
    if exit_ is None:
        return None
    return {
        "at": exit_.at,
        "status": exit_.status,
        "signal": exit_.signal,
        "reason": exit_.describe(),
        "words": list(exit_.words),
    }


def _delivery_facts(delivery: Delivery, of: Explanation) -> dict[str, object]:
    return {
        "key": delivery.key,
        "sender": delivery.sender,
        "state": delivery.state.value,
        "since": of.wall(delivery.since),
        "presses": delivery.presses,
        "length": len(delivery.text),
    }
