"""Agents that stand idle and should not (`watch = "heal+stall"`). Pure.

One that says as its last words until when it waits is believed, within bounds: an agent can't sleep for ever by printing a
far date. A dialog, a limit, a text under way and a person are no stall.
"""

from __future__ import annotations

from orchestrator.decide.assess import Facts
from orchestrator.decide.step import Step
from orchestrator.model.config import Watch, WatchdogSettings
from orchestrator.model.memory import SessionMemory
from orchestrator.model.reading import State


def stall_in(
    facts: Facts, session: SessionMemory, settings: WatchdogSettings, now: float, mono: float
) -> float | None:
    """Seconds until a session that stands idle counts as stalled, 0 or less when it does; None when it doesn't stand idle.

    Args:
        facts: the session's.
        session: as it is remembered now.
        settings: the fleet's.
        now: epoch seconds.
        mono: seconds since boot.
    """
    wanted, reading = facts.wanted, session.reading
    if wanted is None or wanted.watch is not Watch.HEAL_STALL or wanted.launch.backend is None:
        return None
    if reading.state is not State.IDLE or reading.candidate is not None or reading.idle_mono is None:
        return None
    if session.held or session.deliveries:
        return None
    idle = mono - reading.idle_mono
    left = wanted.launch.backend.stall_idle - idle
    if reading.waiting_until is not None:
        said = reading.waiting_until + settings.stall_grace - now
        left = max(left, min(said, settings.waiting_max - idle))
    return left


def heal_stall(facts: Facts, step: Step) -> str:
    """Why a session is to be restarted since it stands idle, "" when it is not."""
    left = stall_in(facts, step.session, step.settings, step.observation.now, step.mono)
    if left is None:
        return ""
    if left > 0:
        step.again(left)
        return ""
    idle = step.mono - (step.session.reading.idle_mono or step.mono)
    return f"idle for {idle:.0f} s, and does not say that it waits"
