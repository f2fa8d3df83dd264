"""From a screen to a reading: gather what matches, let the strongest speak."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from orchestrator.model.reading import Reading, Screen, State
from orchestrator.reading.blocks import OwnWords, own_words
from orchestrator.reading.lines import Mark
from orchestrator.reading.regions import View
from orchestrator.reading.resets import countdown, find_reset
from orchestrator.reading.rules import Hit, Rules

_LONG_RETRY = 300.0
"""Seconds: a program that retries by itself, but later than this, is limited and not in trouble."""
_EVIDENCE_ROWS = 6


def judge(rules: Rules, screen: Screen, seen: datetime, tz: str) -> Reading:
    """The reading of a screen of a program that has rules.

    Args:
        rules: at least one.
        screen: the pane.
        seen: when what is on the screen was first seen, with zone.
        tz: IANA name of the zone in which the program prints times.
    """
    view = View(screen)
    hits, messages = list(rules.search(view)), _messages(rules, view)
    typed = view.box.typed if view.box else None
    best = _strongest(hits + messages[:1], messages) or _old_warning(rules, view)
    if best is None:
        if view.empty:
            return Reading(State.STARTING, rule="nothing drawn yet")
        return Reading(State.UNKNOWN, box=typed)
    best = _judge_retry(best)
    evidence = tuple(_shown(screen, row.row) for row in best.rows[:_EVIDENCE_ROWS]) or (
        (best.text,) if best.text else ()
    )
    reading = Reading(best.spec.state, best.spec.name, evidence, box=typed)
    if best.spec.state is not State.LIMITED:
        return reading
    # What has a menu open waits for its answer, whatever it said before.
    goes_on = view.box is not None and any(hit.spec.goes_on for hit in (best, *messages[:1]))
    return replace(reading, reset_at=find_reset(_told(hits, messages), seen, tz), goes_on=goes_on)


def _told(hits: list[Hit], messages: list[Hit]) -> Iterator[str]:
    """What speaks of the limit, the surest first: a footer leaves out the zone that its message names."""
    for hit in (*messages, *sorted(hits, key=lambda hit: hit.rank, reverse=True)):
        if hit.spec.state in {State.LIMITED, State.TRANSIENT}:
            yield hit.text
            yield hit.around


def _messages(rules: Rules, view: View) -> list[Hit]:
    """The newest message that tells, and above it those that say the same."""
    found: list[Hit] = []
    for words in own_words(view.blocks, asking=view.box is None):
        hit = rules.match(words, view)
        if hit is None:
            if words.reply:
                break
            continue
        if found and (found[0].spec.state is not State.LIMITED or hit.spec.state is not State.LIMITED):
            break
        found.append(hit)
    return found


def _old_warning(rules: Rules, view: View) -> Hit | None:
    """A warning further up, which stays true while the work goes on below it."""
    marked = (OwnWords(block) for block in reversed(view.blocks) if block.mark is Mark.NOTICE)
    told = (hit for words in marked if (hit := rules.match(words, view)))
    return next((hit for hit in told if hit.spec.state is State.WARNING), None)


def _strongest(hits: list[Hit], messages: list[Hit]) -> Hit | None:
    best = max(hits, key=lambda hit: hit.rank, default=None)
    if best and best.spec.state is State.DIALOG and messages and messages[0].spec.state is State.LIMITED:
        return messages[0]  # the menu that comes with a limit is part of it
    return best


def _judge_retry(hit: Hit) -> Hit:
    if hit.spec.state is not State.TRANSIENT:
        return hit
    wait = countdown(hit.text)
    if wait is None or wait.total_seconds() <= _LONG_RETRY:
        return hit
    return replace(hit, spec=replace(hit.spec, state=State.LIMITED, goes_on=True))


def _shown(screen: Screen, row: int) -> str:
    return screen.text.split("\n")[row].strip()
