"""Dates, times and durations as programs write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from orchestrator.reading.zones import moments, zone_abbreviated, zone_named

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_AHEAD = timedelta(days=35)
"""A date without a year is this far ahead at most; if it would be farther, it has passed."""

_MONTH = r"(?P<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_WEEKDAY = r"(?P<weekday>mon|tue|wed|thu|fri|sat|sun)(?:[a-z]*day|r|rs|s|nes)?\b\.?"
_DATE = (
    rf"(?:{_WEEKDAY},?\s+)?"
    r"(?:"
    rf"{_MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?!:)(?:,?\s+(?P<year>20\d\d))?"
    rf"|(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\s+{_MONTH.replace('month', 'month2')}(?:,?\s+(?P<year2>20\d\d))?"
    r"|(?P<iso>20\d\d(?:-\d\d-\d\d|/\d{1,2}/\d{1,2}))"
    r"|(?P<us>\d{1,2}/\d{1,2}(?:/(?:20)?\d\d)?)(?![\d/])"
    r"|(?P<dotted>\d{1,2}\.\d{1,2}\.20\d\d)"
    r")"
)
_TIME = (
    r"(?:(?P<hour>\d{1,2})(?:[:.](?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.\d+)?)?)?\s?(?P<half>[ap])\.?m\b\.?"
    r"|(?P<hour24>\d{1,2})[:h](?P<minute24>\d\d)(?::(?P<second24>\d\d)(?:\.\d+)?)?(?!\d)"
    r"|(?P<word>noon|midnight))"
)
_ZONE = (
    r"(?:\s*\((?P<named>[A-Za-z_]+(?:/\s?[A-Za-z0-9_+-]+)*|(?:GMT|UTC)?[+-]\d{1,2}(?::?\d\d)?)[,)]"
    r"|\s*(?P<offset>(?:(?:GMT|UTC)\s?)?[+-]\d{1,2}(?::?\d\d)?)\b"
    r"|(?P<zulu>Z)\b"
    r"|\s+(?P<abbreviated>[A-Z]{1,4}T|UTC|GMT)\b"
    r"|\s+(?P<spelled>(?:pacific|mountain|central|eastern)) time\b"
    r"|\s+(?P<bare>[A-Z][A-Za-z_]+/[A-Za-z_]+(?:/[A-Za-z_]+)?))?"
)
_SPOKEN = r"(?P<spoken>today|tomorrow|tonight)\b"
_DAY = rf"(?:{_DATE}|{_WEEKDAY.replace('weekday', 'weekday2')}|{_SPOKEN})"
MOMENT = re.compile(
    rf"\b(?P<on>{_DAY}(?:(?:,|T|\s*[·-])?\s*(?:at\s+)?(?={_TIME.replace('?P<', '?P<next_')}))?)?(?P<at>{_TIME})?"
    rf"(?(at)|(?(on)|(?!))){_ZONE}",
    re.IGNORECASE,
)
"""A point in time: a date, a weekday or a time of day, or a date or weekday with one."""
_DAY_AFTER = re.compile(rf",?\s*(?:on\s+)?{_DAY}", re.IGNORECASE)

_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "w": 604800.0}
_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_NUMBERS = {
    "a": 1.0,
    "an": 1.0,
    "half a": 0.5,
    "half an": 0.5,
    **{word: float(n) for n, word in enumerate(_WORDS, 1)},
}
_NUMBER = rf"(?:\d+(?:\.\d+)?\s*|\b(?:half an?|an?|{'|'.join(_WORDS)})\s+)"
_PART = re.compile(rf"(?P<number>{_NUMBER})(?P<unit>ms|w|d|h|m|s)(?!onth)[a-z]*", re.IGNORECASE)
_UNIT = r"(?:weeks?|w|days?|d|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s|ms)"
DURATION = re.compile(
    rf"(?:\bPT?|\b){_NUMBER}{_UNIT}(?:(?:,|\s|and|T)*{_NUMBER}{_UNIT})*(?P<minutes>(?<=\dh)\d\d)?(?![a-z/\d])",
    re.IGNORECASE,
)
"""A length of time: "2h5m", "2h05", "4 days 6 hours", "an hour", "32.5s", "PT2H5M"."""


@dataclass(frozen=True, slots=True)
class Told:
    """A moment that was read, UTC. zoned: the words named its zone themselves."""

    at: datetime
    zoned: bool


def duration(match: re.Match[str]) -> timedelta:
    """The length of what `DURATION` matched."""
    seconds = 60.0 * int(match["minutes"] or 0)
    for part in _PART.finditer(match.group()):
        unit = part["unit"].lower()
        seconds += _number(part["number"]) * (0.001 if unit == "ms" else _UNITS[unit])
    return timedelta(seconds=min(seconds, 1e9))


def _number(words: str) -> float:
    plain = " ".join(words.lower().split())
    return _NUMBERS[plain] if plain in _NUMBERS else float(plain)


def moment(match: re.Match[str], now: datetime, local: tzinfo) -> Told | None:
    """The moment that what `MOMENT` matched means; None when there is no such date or time.

    Args:
        match: of `MOMENT`.
        now: the moment it is read from, with zone.
        local: the machine's zone, meant when none is named.
    """
    if match["spoken"] and not match["at"] and match["spoken"].lower() != "tomorrow":
        return None  # "tonight" alone says no time
    zone = _zone(match, now, local)
    day = match if match["on"] else _DAY_AFTER.match(match.string, match.end()) or match
    try:
        candidates = _day(day, now.astimezone(zone or local).date())
        at = _place(candidates, _clock(match), now, zone or local)
    except (ValueError, OverflowError):
        return None
    return Told(at, zone is not None) if at else None


@dataclass(frozen=True, slots=True)
class _Day:
    """How a date was given: exactly, or as candidates of which `now` picks one."""

    candidates: tuple[date, ...]
    within: timedelta | None = None
    exact: bool = False


def _day(match: re.Match[str], today: date) -> _Day:
    if match["iso"]:
        return _Day((date(*(int(part) for part in re.split("[-/]", match["iso"]))),), exact=True)
    if match["dotted"]:
        return _Day((date(*(int(part) for part in reversed(match["dotted"].split(".")))),), exact=True)
    if match["us"]:
        month, day, *year = (int(part) for part in match["us"].split("/"))
        if month > 12:
            month, day = day, month
        return _dated(month, day, year[0] % 2000 + 2000 if year else None, today)
    if name := match["month"] or match["month2"]:
        year_told = match["year"] or match["year2"]
        month = _MONTHS.index(name.lower()) + 1
        return _dated(month, int(match["day"] or match["day2"]), int(year_told) if year_told else None, today)
    if name := match["weekday2"]:
        ahead = (_DAYS.index(name.lower()) - today.weekday()) % 7
        return _Day((today + timedelta(days=ahead), today + timedelta(days=ahead + 7)))
    if name := match["spoken"]:
        return _Day((today + timedelta(days=name.lower() == "tomorrow"),), exact=True)
    return _Day(tuple(today + timedelta(days=days) for days in (0, 1, 2)))


def _dated(month: int, day: int, year: int | None, today: date) -> _Day:
    if year is not None:
        return _Day((date(year, month, day),), exact=True)
    years = [year for year in range(today.year - 4, today.year + 2) if _exists(year, month, day)]
    return _Day(tuple(date(year, month, day) for year in years), within=_AHEAD)


def _exists(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _place(day: _Day, clock: time, now: datetime, zone: tzinfo) -> datetime | None:
    found = sorted(at for each in day.candidates for at in moments(datetime.combine(each, clock), zone))
    if not found:
        return None
    if day.exact:
        return found[0] if found[0] > now else found[-1]
    ahead = [at for at in found if at > now and (day.within is None or at - now <= day.within)]
    if ahead:
        return ahead[0]
    past = [at for at in found if at <= now]
    return past[-1] if past else None


def _clock(match: re.Match[str]) -> time:
    if match["hour"]:
        hour = int(match["hour"])
        if hour <= 12:
            hour = hour % 12 + (12 if match["half"].lower() == "p" else 0)
        return time(hour, int(match["minute"] or 0), int(match["second"] or 0))
    if match["hour24"]:
        return time(int(match["hour24"]), int(match["minute24"]), int(match["second24"] or 0))
    return time(12) if (match["word"] or "").lower() == "noon" else time(0)


def _zone(match: re.Match[str], now: datetime, local: tzinfo) -> tzinfo | None:
    if match["zulu"]:
        return UTC
    if name := match["named"] or match["bare"]:
        whole = name.replace(" ", "")  # it may have been wrapped
        return zone_named(whole) or zone_abbreviated(whole, now, local)
    if match["offset"]:
        return zone_named(match["offset"].replace(" ", ""))
    if name := match["abbreviated"] or match["spelled"]:
        return zone_abbreviated(name, now, local)
    return None
