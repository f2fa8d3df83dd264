"""`WAITING-UNTIL: TIME`, the last words of an agent that means to be idle. Pure."""

from __future__ import annotations

import re
from datetime import datetime

from orchestrator.model.reading import Screen
from orchestrator.reading.lines import Mark
from orchestrator.reading.regions import View
from orchestrator.reading.zones import local_zone

MARK = "WAITING-UNTIL:"
_STAMP = re.compile(
    rf"{MARK}\s*`?(\d{{4}}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:\.\d+)?\s*(Z|UTC|[+-]\d\d:?\d\d)?[`.*_ ]*$"
)
_ASIDE = frozenset({Mark.FINISHED, Mark.STATUS, Mark.NOTICE})
"""What the program itself says beneath an answer."""


def waiting_until(screen: Screen, tz: str) -> float | None:
    """The instant, in epoch seconds, until which the agent says that it waits; None when its last words are others.

    Args:
        screen: of an idle program.
        tz: IANA name of the zone in which a time without one is meant.
    """
    if MARK not in screen.text:
        return None
    blocks = [block for block in View(screen).blocks if block.mark not in _ASIDE]
    if not blocks or blocks[-1].mark is Mark.USER:
        return None
    found = _STAMP.search(blocks[-1].lines[-1].text)
    if found is None:
        return None
    day, clock, zone = found.groups()
    zone = {"UTC": "+00:00", "Z": "+00:00", None: ""}.get(zone, zone)
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{zone}")
        moment = moment if moment.tzinfo else moment.replace(tzinfo=local_zone(tz))
        return moment.timestamp()
    except (ValueError, OverflowError):
        return None
