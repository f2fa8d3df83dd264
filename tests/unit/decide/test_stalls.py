from __future__ import annotations

from typing import Any

import pytest

from orchestrator.decide.plan import plan
from orchestrator.decide.stalls import stall_in
from orchestrator.model.event import EventKind
from orchestrator.model.memory import Delivery, LimitMemory, ReadingMemory, Stage
from orchestrator.model.reading import State
from tests.support.builders import (
    MONO,
    NOW,
    agent,
    config,
    facts,
    memory,
    observation,
    pane,
    session,
    wanted,
)

OF = config(agent(watch="heal+stall"))
IDLE = wanted(OF).launch.backend.stall_idle  # type: ignore[union-attr]  # an agent has one
SETTINGS = OF.watchdog


def left(
    idle: float, *, of: object = OF, waits: float | None = None, state: State = State.IDLE, **more: Any
) -> float | None:
    """Seconds until a session that has been idle for so long counts as stalled. waits: seconds from now that it says it waits."""
    candidate = more.pop("candidate", None)
    reading = ReadingMemory(
        state,
        idle_mono=MONO - idle,
        candidate=candidate,
        waiting_until=None if waits is None else NOW + waits,
    )
    seen = observation(of, pane())  # type: ignore[arg-type]  # a config
    now = session(reading=reading, **more)
    return stall_in(facts(seen, memory(now)), now, SETTINGS, NOW, MONO)


def test_idle_for_long_enough_is_a_stall() -> None:
    assert left(IDLE - 10) == pytest.approx(10)
    assert (left(IDLE) or 0) <= 0
    assert left(IDLE, of=config(agent(watch="heal"))) is None


@pytest.mark.parametrize("state", [state for state in State if state is not State.IDLE])
def test_nothing_else_is_a_stall(state: State) -> None:
    assert left(IDLE * 10, state=state) is None


@pytest.mark.parametrize(
    "more",
    [
        {"candidate": State.WORKING},
        {"deliveries": (Delivery("k", "text", "sent"),)},
        {"limit": LimitMemory(since=NOW)},
    ],
)
def test_who_is_about_to_work_or_held_is_left(more: dict[str, Any]) -> None:
    assert left(IDLE * 10, **more) is None


@pytest.mark.parametrize(
    ("idle", "waits", "seconds"),
    [
        (IDLE + 1, 100, 100 + SETTINGS.stall_grace),
        (IDLE + 1, -SETTINGS.stall_grace + 5, 5),
        (10, -9999, IDLE - 10),
        (1000, 10_000_000, SETTINGS.waiting_max - 1000),
    ],
)
def test_a_time_that_it_names_is_believed_within_bounds(idle: float, waits: float, seconds: float) -> None:
    assert left(idle, waits=waits) == pytest.approx(seconds)


def test_a_wait_is_over_at_last() -> None:
    assert (left(SETTINGS.waiting_max + 1, waits=10_000_000) or 0) <= 0


@pytest.mark.parametrize("human", [False, True])
def test_a_stalled_agent_is_restarted_and_told_to_go_on_unless_a_person_is_there(human: bool) -> None:
    reading = ReadingMemory(State.IDLE, idle_mono=MONO - IDLE - 1)
    seen = observation(OF, pane(spec=wanted(OF).spec), human=frozenset({"one"} if human else ()))
    made = plan(seen, memory(session(reading=reading)), "UTC")
    kinds = [event.kind for event in made.events]
    assert (EventKind.STALLED in kinds) is not human
    after = made.memory.sessions["one"]
    assert (bool(after.restart), len(after.deaths)) == ((False, 0) if human else (True, 1))
    if not human:
        again = plan(seen, made.memory, "UTC").memory.sessions["one"]
        assert (again.stage, again.interrupted) == (Stage.STOPPING, True)
