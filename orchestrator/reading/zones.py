"""Time zones as programs print them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_OFFSET = re.compile(r"(?:GMT|UTC)?\s*(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>\d\d))?$", re.IGNORECASE)
_HOURS = {
    **dict.fromkeys(("UTC", "GMT", "Z", "WET"), 0.0),
    "EST": -5.0, "EDT": -4.0, "CST": -6.0, "CDT": -5.0, "MST": -7.0, "MDT": -6.0, "PST": -8.0, "PDT": -7.0,
    "AKST": -9.0, "AKDT": -8.0, "HST": -10.0, "AST": -4.0, "ADT": -3.0, "NST": -3.5, "NDT": -2.5, "BRT": -3.0,
    "BST": 1.0, "WEST": 1.0, "CET": 1.0, "CEST": 2.0, "EET": 2.0, "EEST": 3.0, "MSK": 3.0, "SAST": 2.0,
    "GST": 4.0, "PKT": 5.0, "IST": 5.5, "NPT": 5.75, "ICT": 7.0, "WIB": 7.0, "SGT": 8.0, "HKT": 8.0, "PHT": 8.0,
    "AWST": 8.0, "JST": 9.0, "KST": 9.0, "ACST": 9.5, "ACDT": 10.5, "AEST": 10.0, "AEDT": 11.0, "NZST": 12.0,
    "NZDT": 13.0,
}


@lru_cache(maxsize=256)
def zone_named(name: str) -> tzinfo | None:
    """The zone of an IANA name, old ones included, or of an offset such as "GMT+5:30"; None for neither."""
    if match := _OFFSET.match(name):
        delta = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"] or 0))
        return timezone(-delta if match["sign"] == "-" else delta) if delta < timedelta(days=1) else None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def zone_abbreviated(name: str, near: datetime, local: tzinfo) -> tzinfo | None:
    """The zone meant by an abbreviation.

    Args:
        name: such as "PDT".
        near: a moment about which it is printed.
        local: the machine's zone. When it goes by that name it is meant, whatever other
            zone has the same: a program prints its own.
    """
    upper = name.upper()
    for days in (0, 182):
        if local.tzname((near + timedelta(days=days)).replace(tzinfo=None)) == upper:
            return local
    return timezone(timedelta(hours=_HOURS[upper]), upper) if upper in _HOURS else None


def local_zone(name: str) -> tzinfo:
    """The machine's zone; UTC when its name is unknown."""
    return zone_named(name) or UTC


def moments(naive: datetime, zone: tzinfo) -> list[datetime]:
    """The moments, in UTC and in order, that a wall-clock time means in a zone.

    Two when the clock is set back over it. One that the clock jumps over is read with the
    offset from before the jump.
    """
    both = [naive.replace(tzinfo=zone, fold=fold) for fold in (0, 1)]
    first, second = (moment.astimezone(UTC) for moment in both)
    back = second.astimezone(zone).replace(tzinfo=None) == naive
    return [first, second] if first != second and back else [first]
