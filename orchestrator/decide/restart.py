"""Restart policy: how soon, and how often is too often.

The first restart is immediate; the next ones wait, twice as long each time, up to a bound. More
than `max_restarts` deaths within `restart_window` use the intensity up. Both are forgotten after
`restart_window` of health. (The words and the shape are OTP's and s6's; the doubling with a bound
of minutes is Kubernetes'.)
"""

from __future__ import annotations

import hashlib

from orchestrator.model.config import WatchdogSettings, WhenExhausted

NEVER = 1e15
"""Seconds of a wait that only a human ends (a finite number, since it is stored as JSON)."""
JITTER = 0.25
"""A wait is stretched or shortened by up to this part, so that a fleet does not restart in step."""


def tally(deaths: tuple[float, ...], mono: float, window: float) -> tuple[float, ...]:
    """The deaths that still count at `mono`, this one added."""
    return (*(death for death in deaths if mono - death < window), mono)


def is_exhausted(deaths: tuple[float, ...], settings: WatchdogSettings) -> bool:
    """Whether the tally uses up the restart intensity."""
    return len(deaths) > settings.max_restarts


def wait(name: str, attempt: int, settings: WatchdogSettings) -> float:
    """Seconds before restart number `attempt` (from 1) since the session was last healthy."""
    if attempt <= 1:
        return 0.0
    # The exponent is bounded: a crash loop of weeks must not overflow a float.
    doubled = settings.backoff_initial * 2.0 ** min(attempt - 2, 32)
    return min(settings.backoff_max, doubled) * (1 + JITTER * _spread(name, attempt))


def wait_exhausted(name: str, attempt: int, settings: WatchdogSettings) -> float:
    """Seconds before the next try once the intensity is used up; `NEVER` when a human must act."""
    if settings.when_exhausted is WhenExhausted.HOLD:
        return NEVER
    return settings.backoff_max * (1 + JITTER * _spread(name, attempt))


def _spread(name: str, attempt: int) -> float:
    """A number in [-1, 1) that depends on nothing but its arguments."""
    digest = hashlib.blake2b(f"{name}/{attempt}".encode(), digest_size=4).digest()
    return int.from_bytes(digest) / 2**31 - 1
