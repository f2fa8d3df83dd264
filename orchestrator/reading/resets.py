"""When a limit ends, from the words of its message.

A message can give several times: a reset goes before a retry, one with a zone before one
without. What has no clock in it ("later", "next month") gives no time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo

from orchestrator.reading.clock_words import DURATION, MOMENT, duration, moment
from orchestrator.reading.zones import local_zone

_RESET = re.compile(
    r"(?:re-?sets?(?:ting|s)?|reset_?(?:at|time|in)|refresh(?:es)?|renew(?:s|ed)?|lift(?:s|ed)|restored?|available(?: again)?|again available"
    r"|expires?|unlocks?|back|opens?|starts?|regain access)\b",
    re.IGNORECASE,
)
_RETRY = re.compile(
    r"(?:try(?:ing)? again|re-?try(?:ing)?(?: after)?|retry-after|continu(?:es?|ing)(?: automatically)?|wait(?:ing)?(?: until)?"
    r"|resum(?:es?|ing)|come back|next (?:attempt|try)|until|retryDelay)\b",
    re.IGNORECASE,
)
_REACH = 60
"""Signs between such a word and its time, at most."""
_IN = re.compile(
    r"(?!(?s:.*)\b(?:up to|more than|less than|at|every|each|once|per)\b)[^\d]{0,24}?(?:\bin\b|\bafter\b|:|\bwait)?\s*(?:about |approximately |~)?$",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"[^\d]{0,12}?\bin\s+(\d{1,2}):(\d\d)(?::(\d\d))?(?![\d:]|\s?[ap]\.?m)", re.IGNORECASE)
"""A length of time as a clock shows it: "in 02:15:00"."""
_UNTIL_RESET = re.compile(r"\s+(?:left )?(?:until|before|to)\s+(?:\w+\s+){0,3}?reset\b", re.IGNORECASE)
_EPOCH = re.compile(
    r"(?:\||resets?(?:[ _]?(?:at|time))?\"?\s*[:=]?\s*\"?)(?P<epoch>\d{10}(?:\d{3})?)\b", re.IGNORECASE
)
_SECONDS = re.compile(r"resets_in(?:_seconds)?\"?\s*[:=]\s*\"?(?P<seconds>\d+)\b(?![.:])", re.IGNORECASE)
_RETRY_SECONDS = re.compile(
    r"retry[-_ ]?after(?:[-_ ]?seconds)?\"?\s*[:=]\s*\"?(?P<seconds>\d+)(?![\w.:-]|\s?[a-z])", re.IGNORECASE
)
_MAX = timedelta(days=400)
"""What lies farther ahead is no reset."""


def find_reset(texts: Iterable[str], now: datetime, tz: str) -> datetime | None:
    """When the limit that these messages speak of ends, UTC.

    Args:
        texts: the messages, the one that counts most first.
        now: when they were first seen, with zone.
        tz: IANA name of the machine's zone.

    Returns:
        None when none of them gives a time. It can lie in the past: then the limit is over.
    """
    zone = local_zone(tz)
    for text in texts:
        best = min(_candidates(text, now, zone), key=lambda found: found[0], default=None)
        if best:
            return best[1]
    return None


def countdown(text: str) -> timedelta | None:
    """The wait that a retry message states as a duration, None when it states none."""
    return next(
        (wait for match in _RETRY.finditer(text) if (wait := _duration_after(text, match.end()))), None
    )


def _candidates(text: str, now: datetime, zone: tzinfo) -> Iterator[tuple[int, datetime]]:
    """The times of a message, each with its rank: 0 is the surest."""
    if match := _EPOCH.search(text):
        epoch = int(match["epoch"])
        yield 0, datetime.fromtimestamp(epoch / 1000 if epoch > 10**11 else epoch, UTC)
    for rank, words in ((1, _SECONDS), (6, _RETRY_SECONDS)):
        if match := words.search(text):
            yield from _within(rank, now, timedelta(seconds=int(match["seconds"])))
    for length in DURATION.finditer(text) if _UNTIL_RESET.search(text) else ():
        if _UNTIL_RESET.match(text, length.end()):
            yield from _within(2, now, duration(length))
    for rank, words in ((2, _RESET), (6, _RETRY)):
        for word in words.finditer(text):
            yield from _after(text, word.end(), rank, now, zone)


def _after(text: str, start: int, rank: int, now: datetime, zone: tzinfo) -> Iterator[tuple[int, datetime]]:
    wait = _duration_after(text, start)
    if wait is not None:
        yield from _within(rank, now, wait)
        return
    window = text[start : start + _REACH + 40]
    match = MOMENT.search(window)
    if match and match.start() <= _REACH and not _closed(window[: match.start()]):
        told = moment(match, now, zone)
        if told is not None:
            yield rank + (0 if told.zoned else 1), told.at


def _duration_after(text: str, start: int) -> timedelta | None:
    window = text[start : start + _REACH + 40]
    if clock := _CLOCK.match(window):
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        return timedelta(hours=hours, minutes=minutes, seconds=seconds)
    match = DURATION.search(window)
    if match is None or not _IN.match(window[: match.start()]):
        return None
    return duration(match)


def _closed(between: str) -> bool:
    """Whether a sentence ends, or another number stands, between a word and what looks like its time."""
    return bool(re.search(r"\d|[.!?] [A-Z]|\n", between))


def _within(rank: int, now: datetime, wait: timedelta) -> Iterator[tuple[int, datetime]]:
    if wait <= _MAX:
        yield rank, now.astimezone(UTC) + wait
