"""Time zones as programs print them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_OFFSET = re.compile(
    r"(?:GMT|UTC)?\s*(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>\d\d))?$", re.IGNORECASE
)
_BY_HOURS = {
    -10.0: "HST",
    -9.0: "AKST",
    -8.0: "PST AKDT",
    -7.0: "MST PDT",
    -6.0: "CST MDT",
    -5.0: "EST CDT",
    -4.0: "AST EDT",
    -3.0: "BRT ADT",
    0.0: "UTC GMT Z WET",
    1.0: "CET BST WEST",
    2.0: "EET CEST SAST",
    3.0: "MSK EEST",
    4.0: "GST",
    5.0: "PKT",
    5.5: "IST",
    5.75: "NPT",
    7.0: "ICT WIB",
    8.0: "SGT HKT PHT AWST",
    9.0: "JST KST",
    9.5: "ACST",
    10.0: "AEST",
    10.5: "ACDT",
    11.0: "AEDT",
    12.0: "NZST",
    13.0: "NZDT",
}
_AMERICAN = {
    "P": "America/Los_Angeles",
    "M": "America/Denver",
    "C": "America/Chicago",
    "E": "America/New_York",
}
"""Zones that are named without saying whether it is summer: "PT", "Pacific Time"."""
_HOURS = {name: hours for hours, names in _BY_HOURS.items() for name in names.split()}


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
    if upper in {"PT", "MT", "CT", "ET", "PACIFIC", "MOUNTAIN", "CENTRAL", "EASTERN"}:
        return zone_named(_AMERICAN[upper[0]])
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
