from __future__ import annotations

import pytest

from orchestrator.decide import restart
from orchestrator.model.config import WatchdogSettings, WhenExhausted

SETTINGS = WatchdogSettings(backoff_initial=1.0, backoff_max=300.0, max_restarts=5, restart_window=600.0)


@pytest.mark.parametrize(
    ("attempt", "about"),
    [(0, 0.0), (1, 0.0), (2, 1.0), (3, 2.0), (4, 4.0), (9, 128.0), (11, 300.0), (10_000, 300.0)],
)
def test_the_first_restart_is_immediate_and_the_next_ones_double_up_to_a_bound(
    attempt: int, about: float
) -> None:
    wait = restart.wait("one", attempt, SETTINGS)
    assert about * (1 - restart.JITTER) <= wait <= about * (1 + restart.JITTER)


def test_jitter_differs_between_agents_and_never_between_two_askings() -> None:
    waits = {restart.wait(f"a{number}", 4, SETTINGS) for number in range(50)}
    assert len(waits) == 50
    assert restart.wait("a7", 4, SETTINGS) == restart.wait("a7", 4, SETTINGS)


def test_the_tally_forgets_what_is_older_than_the_window() -> None:
    deaths = restart.tally((0.0, 300.0, 500.0), 650.0, 600.0)
    assert deaths == (300.0, 500.0, 650.0)


@pytest.mark.parametrize(("deaths", "exhausted"), [(5, False), (6, True)])
def test_more_than_max_restarts_is_too_often(deaths: int, exhausted: bool) -> None:
    assert restart.is_exhausted(tuple(map(float, range(deaths))), SETTINGS) is exhausted


def test_held_means_never_and_slow_means_the_longest_wait() -> None:
    held = WatchdogSettings(when_exhausted=WhenExhausted.HOLD)
    assert restart.wait_exhausted("one", 9, held) == restart.NEVER
    assert 225 <= restart.wait_exhausted("one", 9, SETTINGS) <= 375
