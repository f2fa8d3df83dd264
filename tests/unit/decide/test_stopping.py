from __future__ import annotations

from typing import Any

import pytest

from orchestrator.decide.step import Step
from orchestrator.decide.stopping import (
    KILL_PATIENCE,
    LEFTOVER_GRACE,
    REMOVAL_DELAY,
    end_leftovers,
    is_interruptible,
    is_to_stop,
    stop,
)
from orchestrator.model.action import CloseSession, EndProcesses
from orchestrator.model.memory import Desire, SessionMemory, Stage
from orchestrator.model.observation import Observation, Process
from orchestrator.model.reading import State
from tests.support.builders import (
    MONO,
    agent,
    config,
    facts,
    memory,
    observation,
    pane,
    service,
    session,
    step,
)

CONFIG = config(agent(stop_grace=10))
WITHOUT = config(agent("other"))
LEFT = (Process(100, 7, "fake"), Process(101, 8, "its child"))
DOWN = Desire.DOWN


def turn_of(remembered: SessionMemory, seen: Observation) -> tuple[bool, Step]:
    turn = step(seen, remembered)
    return is_to_stop(facts(seen, memory(remembered)), turn), turn


@pytest.mark.parametrize(
    ("remembered", "alive", "stops"),
    [
        (session(), True, False),
        (session(desire=DOWN), True, True),
        (session(stage=Stage.NONE, desire=DOWN), True, True),
        (session(stage=Stage.NONE, desire=DOWN), False, False),
        (session(stage=Stage.ENDED, desire=DOWN), False, True),
        (session(stage=Stage.COMPLETED, desire=DOWN), False, True),
        (session(restart="because"), True, True),
        (session(restart="because", stage=Stage.ENDED), False, True),
        (session(restart="because", stage=Stage.NONE), False, False),
    ],
)
def test_what_must_stop(remembered: SessionMemory, alive: bool, stops: bool) -> None:
    seen = observation(CONFIG, *([pane()] if alive else []))
    assert turn_of(remembered, seen)[0] is stops


@pytest.mark.parametrize(
    ("missing_for", "attached", "stops"),
    [
        (None, 0, False),
        (REMOVAL_DELAY - 1, 0, False),
        (REMOVAL_DELAY, 0, True),
        (REMOVAL_DELAY, 1, False),
    ],
)
def test_one_that_left_the_config_stops_after_a_while_of_quiet(
    missing_for: float | None, attached: int, stops: bool
) -> None:
    since = None if missing_for is None else MONO - missing_for
    found, turn = turn_of(session(removed_mono=since), observation(WITHOUT, pane(attached=attached)))
    assert found is stops
    assert turn.session.removed_mono == (MONO if since is None else since)
    assert [event.kind.value for event in turn.events] == (["drift-pending"] if since is None else [])


@pytest.mark.parametrize(
    ("state", "interruptible"),
    [
        (State.IDLE, True), (State.LIMITED, True), (State.AUTH, True), (State.UNKNOWN, True), (State.FATAL, True),
        (State.WORKING, False), (State.DRAFT, False), (State.DIALOG, False), (State.TRANSIENT, False), (State.STARTING, False),
    ],
)  # fmt: skip
def test_who_may_be_interrupted(state: State, interruptible: bool) -> None:
    remembered = session(state=state)
    for human, dead, expected in ((False, False, interruptible), (True, False, False), (False, True, True)):
        seen = observation(CONFIG, pane(dead=dead), human=frozenset({"one"} if human else ()))
        assert is_interruptible(facts(seen, memory(remembered)), step(seen, remembered)) is expected


def test_a_service_may_be_interrupted_whatever_it_prints() -> None:
    remembered = session("db", state=State.WORKING)
    seen = observation(config(service()), pane("db"))
    assert is_interruptible(facts(seen, memory(remembered), "db"), step(seen, remembered))


def stopped(
    since: float | None, left: tuple[Process, ...] | None, *, there: bool = True, **changes: Any
) -> Step:
    """One step of a stop whose polite end was sent so many seconds ago."""
    processes = {} if left is None else {"one": left}
    seen = observation(CONFIG, *([pane()] if there else []), processes=processes)
    remembered = session(
        stage=Stage.STOPPING, desire=DOWN, stop_mono=None if since is None else MONO - since, **changes
    )
    turn = step(seen, remembered)
    stop(facts(seen, memory(remembered)), turn)
    return turn


def test_a_stop_begins_by_saying_so_and_looking() -> None:
    seen = observation(CONFIG, pane())
    turn = step(seen, session(desire=DOWN, state=State.WORKING))
    stop(facts(seen, memory(turn.session)), turn)
    assert turn.session.stage is Stage.STOPPING
    assert turn.session.interrupted
    assert turn.actions == []
    assert turn.wake == 0.0


def test_nothing_is_ended_before_it_is_known_what_there_is() -> None:
    assert stopped(None, None).actions == []


@pytest.mark.parametrize(
    ("since", "killed", "actions"),
    [
        (None, False, [EndProcesses("one", LEFT, kill=False)]),
        (9.9, False, []),
        (10.0, False, [EndProcesses("one", LEFT, kill=True)]),
        (11.0, True, [EndProcesses("one", LEFT, kill=True)]),
        (10.0 + KILL_PATIENCE, True, [CloseSession("one", "$1", "%1")]),
        (10.0 + KILL_PATIENCE, False, [EndProcesses("one", LEFT, kill=True)]),
    ],
)
def test_politely_first_then_by_force(since: float | None, killed: bool, actions: list[object]) -> None:
    assert stopped(since, LEFT, killed=killed).actions == actions


def test_what_can_not_be_ended_is_named_once() -> None:
    turn = stopped(10.0 + KILL_PATIENCE, LEFT, killed=True)
    assert turn.session.survivors == ("100 fake", "101 its child")
    assert [event.kind.value for event in turn.events] == ["survived"]
    again = stopped(None, LEFT, there=False, survivors=turn.session.survivors)
    assert [event.kind.value for event in again.events] == ["stopped"]
    assert again.session.survivors == turn.session.survivors


def test_a_stop_is_over_when_the_pane_is_gone_too() -> None:
    assert stopped(1.0, ()).actions == [CloseSession("one", "$1", "%1")]
    turn = stopped(1.0, (), there=False, conversation="c", restarts=4)
    assert turn.session == SessionMemory("one", desire=DOWN), "only what a person wants outlives a stop"


@pytest.mark.parametrize(
    ("deaths", "asked"),
    [((), MONO), ((MONO - 50,), 0.0)],
    ids=["by a person: started at once", "condemned: as after a death"],
)
def test_a_restart_keeps_the_pane_and_starts_anew(deaths: tuple[float, ...], asked: float) -> None:
    turn = stopped(1.0, (), restart="because", deaths=deaths)
    assert turn.actions == []
    assert (turn.session.stage, turn.session.restart, turn.session.asked) == (Stage.ENDED, "", asked)


@pytest.mark.parametrize(
    ("run", "left", "since", "killed", "over", "actions"),
    [
        ("", None, None, False, True, []),
        ("r1", None, None, False, False, []),
        ("r1", (), None, False, True, []),
        ("r1", LEFT, None, False, False, [EndProcesses("one", LEFT, kill=False)]),
        ("r1", LEFT, LEFTOVER_GRACE, False, False, [EndProcesses("one", LEFT, kill=True)]),
        ("r1", LEFT, LEFTOVER_GRACE + KILL_PATIENCE, True, True, []),
    ],
)
def test_what_a_dead_run_left_behind_is_ended_before_the_next(
    run: str,
    left: tuple[Process, ...] | None,
    since: float | None,
    killed: bool,
    over: bool,
    actions: list[object],
) -> None:
    seen = observation(CONFIG, processes={} if left is None else {"one": left})
    stop_mono = None if since is None else MONO - since
    turn = step(seen, session(stage=Stage.ENDED, run=run, stop_mono=stop_mono, killed=killed))
    assert end_leftovers(turn) is over
    assert turn.actions == actions
