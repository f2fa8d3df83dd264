"""Restarts are bounded: for one session by its policy, for the fleet by its brake."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.event import EventKind
from orchestrator.model.request import Verb
from tests.properties.happenings import Moment, bounded, fleet, watch
from tests.support.builders import agent
from tests.support.machine import Behaviour
from tests.support.world import World

lifetimes = st.sampled_from((0.0, 0.05, 0.4, 2.0, 11.0))


def most_within(times: list[float], window: float) -> int:
    """The most of them that lie within one window."""
    return max((sum(1 for other in times if at <= other < at + window) for at in times), default=0)


def repeated(moments: list[Moment]) -> list[float]:
    """When sessions were started that had died more than once."""
    return [
        moment.mono
        for moment in moments
        for event in moment.plan.events
        if event.kind is EventKind.STARTED
        and isinstance(attempt := event.data["attempt"], int)
        and attempt > 1
    ]


def start(world: World) -> list[Moment]:
    """Ask the fleet up, and watch it for some minutes."""
    world.ask(Verb.UP)
    return watch(world, 150.0)


@bounded
@given(
    st.integers(0, 4),
    st.sampled_from((20, 60)),
    st.sampled_from((5, 30)),
    st.sampled_from(("slow", "hold")),
    lifetimes,
)
def test_restarts_in_any_window_stay_within_the_policy(
    most: int, window: int, longest: int, exhausted: str, lifetime: float
) -> None:
    text = (
        f"[watchdog]\nmax_restarts = {most}\nrestart_window = {window}\nbackoff_max = {longest}\n"
        f'when_exhausted = "{exhausted}"\n{agent("one")}'
    )
    with fleet(text, up=False) as world:
        world.tmux.behaviours["one"] = Behaviour(exits=1, after=lifetime)
        moments = start(world)
        starts = [moment.mono for moment in moments for _ in moment.starts]
        slow = math.ceil(window / (0.75 * longest)) if exhausted == "slow" else 0
        assert most_within(starts, window) <= 1 + most + slow


@bounded
@given(
    st.integers(2, 9),
    st.integers(1, 12),
    st.lists(lifetimes, min_size=6, max_size=6),
    st.sampled_from(("IDLE", "FATAL")),
)
def test_repeated_restarts_of_the_fleet_stay_within_its_brake(
    agents: int, brake: int, lives: list[float], screen: str
) -> None:
    text = f"[watchdog]\nmax_restarts = 50\nbackoff_max = 2\nmax_starts_per_minute = {brake}\n"
    text += "".join(agent(f"a{number}") for number in range(agents))
    with fleet(text, up=False) as world:
        for number in range(agents):
            lifetime = lives[number % len(lives)]
            world.tmux.behaviours[f"a{number}"] = Behaviour(
                screen, exits=1 if screen == "IDLE" else None, after=lifetime
            )
        times = repeated(start(world))
        assert most_within(times, 60.0) <= brake
        assert times, "nothing was restarted, so nothing was shown"


@bounded
@given(st.integers(1, 4), st.integers(1, 9), lifetimes)
def test_starts_at_once_stay_within_their_number(parallel: int, agents: int, lifetime: float) -> None:
    text = f"[watchdog]\nmax_parallel_starts = {parallel}\n" + "".join(
        agent(f"a{number}") for number in range(agents)
    )
    with fleet(text, up=False) as world:
        for number in range(agents):
            world.tmux.behaviours[f"a{number}"] = Behaviour(exits=1, after=lifetime)
        for moment in start(world):
            assert sum(1 for _ in moment.starts) <= parallel
