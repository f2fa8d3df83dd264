"""Screen text to a `Reading`: regions, rules, reset times. Pure.

A screen is cut into rows (`lines.py`), the prompt box is found (`box.py`), what stands above it
is told apart by speaker (`blocks.py`), and a backend's rules (`rules.py`) look at these regions
(`regions.py`). `judge.py` lets the strongest speak, and `resets.py` reads when a limit ends.
"""

from __future__ import annotations

from datetime import datetime

from orchestrator.model.reading import Reading, Screen, State
from orchestrator.reading.rules import Rules, compile_rules

__all__ = ["Rules", "compile_rules", "dialog_words", "read"]

_SETTLED = 3.0
"""Seconds without a change after which a plain command counts as idle."""


def read(
    rules: Rules,
    screen: Screen,
    now: datetime,
    tz: str,
    unchanged_for: float | None = None,
    first_seen: datetime | None = None,
) -> Reading:
    """What the program on this screen says of itself now.

    Args:
        rules: of its backend, from `compile_rules`. None at all: a plain command, which works
            while its screen moves.
        screen: the pane.
        now: the time of the look, with zone.
        tz: IANA name of the zone in which the program prints times.
        unchanged_for: seconds since the screen last changed, None when that is not known.
        first_seen: when the message on the screen was first read, None for now. A bare time
            or a duration counts from there.
    """
    if rules:
        # Compiles all expressions: a program that reads no screen need not wait for that.
        from orchestrator.reading.judge import judge  # noqa: PLC0415 - see above

        return judge(rules, screen, first_seen or now, tz)
    if unchanged_for is not None and unchanged_for < _SETTLED:
        return Reading(State.WORKING, rule="screen changes")
    return Reading(State.IDLE, rule="screen is still")


def dialog_words(screen: Screen) -> str:
    """The words of the dialog that is open on a screen, "" where a prompt box is: what stands above it is no dialog's."""
    from orchestrator.reading.regions import View  # noqa: PLC0415 - compiles all expressions

    found = View(screen).find("dialog")
    return found.text if found else ""
