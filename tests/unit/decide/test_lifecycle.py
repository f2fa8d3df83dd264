"""When a session that is not there wishes to be started. How it went is in test_deaths, what it is given in test_pace."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.decide.lifecycle import advance
from orchestrator.decide.step import StartWish, Step
from orchestrator.model.action import EndProcesses
from orchestrator.model.memory import Desire, SessionMemory, Stage
from orchestrator.model.observation import Process
from tests.support.builders import MONO, agent, config, facts, memory, observation, pane, session, wanted

Keys = dict[str, Any]
WATCHED: Keys = {}
UNWATCHED: Keys = {"watch": "none"}
DISABLED: Keys = {"enabled": False}
TASK: Keys = {"kind": "task"}
NONE_LEFT: dict[str, tuple[Process, ...]] = {"one": ()}


def turn(remembered: SessionMemory, keys: Keys, *, up: bool = True, **seen: Any) -> Step:
    of = config(agent(**keys))
    there = seen.pop("there", ())
    observed = observation(of, *there, **{"processes": NONE_LEFT, **seen})
    return advance(facts(observed, memory(remembered, up=up)), observed, of.watchdog)


NEW = session(stage=Stage.NONE, run="")
ENDED: dict[str, Any] = {"stage": Stage.ENDED, "started_mono": MONO - 100}
ASKED: dict[str, Any] = {"asked": MONO - 1}


@pytest.mark.parametrize(
    ("remembered", "keys", "up", "starts"),
    [
        (NEW, WATCHED, True, True),
        (NEW, WATCHED, False, False),
        (NEW, UNWATCHED, True, True),
        (NEW, DISABLED, True, False),
        (session(stage=Stage.NONE, run="", desire=Desire.UP), DISABLED, True, True),
        (session(stage=Stage.NONE, run="", desire=Desire.DOWN), WATCHED, True, False),
        (session(**ENDED), WATCHED, True, True),
        (session(**ENDED), WATCHED, False, False),
        (session(**ENDED), UNWATCHED, True, False),
        (session(**ENDED, **ASKED), UNWATCHED, True, True),
        (session(**ENDED, asked=MONO - 200), UNWATCHED, True, False),
        (session(**ENDED, desire=Desire.UP), DISABLED, True, False),
        (session(**ENDED, due=MONO + 1), WATCHED, True, False),
        (session(**ENDED, due=MONO), WATCHED, True, True),
        (session(stage=Stage.COMPLETED), TASK, True, False),
        (session(stage=Stage.COMPLETED, **ASKED), TASK, True, True),
    ],
)
def test_who_is_started(remembered: SessionMemory, keys: Keys, up: bool, starts: bool) -> None:
    assert bool(turn(remembered, keys, up=up).start) is starts


@pytest.mark.parametrize(
    ("keys", "starts"),
    [(WATCHED, True), (UNWATCHED, False), (DISABLED, False)],
    ids=["watched", "not", "disabled"],
)
def test_a_changed_config_is_a_new_chance_for_what_is_looked_after(keys: Keys, starts: bool) -> None:
    failed = session(
        **ENDED, desire=Desire.UP, spec="older", failed=True, due=MONO + 999, attempt=9, deaths=(MONO,)
    )
    made = turn(failed, keys)
    assert bool(made.start) is starts
    assert made.session.failed is not starts
    same = turn(session(**ENDED, spec=wanted(config(agent())).spec, failed=True, due=MONO + 999), WATCHED)
    assert same.start is None


def test_what_the_last_run_left_is_ended_first() -> None:
    left = (Process(7, 1, "child"),)
    waiting = turn(session(**ENDED), WATCHED, processes={"one": left})
    assert waiting.start is None
    assert waiting.actions == [EndProcesses("one", left, kill=False)]
    unseen = turn(session(**ENDED), WATCHED, processes={})
    assert (unseen.start, unseen.actions, unseen.wake) == (None, [], 0.0)


@pytest.mark.parametrize(
    ("changes", "wish"),
    [
        ({}, StartWish("%1", asked=False, repeated=False)),
        ({"attempt": 1}, StartWish("%1", asked=False, repeated=False)),
        ({"attempt": 2}, StartWish("%1", asked=False, repeated=True)),
        (ASKED, StartWish("%1", asked=True, repeated=False)),
    ],
)
def test_a_wish_tells_what_the_pace_of_starts_must_know(changes: dict[str, Any], wish: StartWish) -> None:
    assert turn(session(**ENDED, **changes), WATCHED, there=[pane(dead=True, dead_status=1)]).start == wish


def test_a_name_that_is_taken_is_waited_for_and_told_once() -> None:
    first = turn(NEW, WATCHED, taken=frozenset({"f-one"}))
    assert first.start is None
    assert [event.kind.value for event in first.events] == ["session-taken"]
    again = turn(first.session, WATCHED, taken=frozenset({"f-one"}))
    assert (again.start, again.events) == (None, [])
    free = turn(first.session, WATCHED)
    assert free.start is not None
    assert not free.session.taken_told


def test_one_that_comes_back_into_the_config_is_no_longer_to_be_removed() -> None:
    assert turn(session(removed_mono=MONO - 3), WATCHED, there=[pane()]).session.removed_mono is None
