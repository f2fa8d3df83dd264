from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.model.memory import Desire, Stage
from orchestrator.model.observation import Pane
from orchestrator.model.reading import State
from orchestrator.watchdog import attention
from orchestrator.watchdog.attention import MISMATCH_INTERVAL, PROGRAM_INTERVAL, Seen
from tests.support.builders import MONO, NOW, agent, config, memory, pane, service, session, wanted

WANTED = wanted(config(agent()))
LAST = int(NOW) - 60


@pytest.mark.parametrize(
    ("seen", "changes", "looks"),
    [
        (None, {}, True),
        (Seen("r1", LAST, settled=True), {}, False),
        (Seen("r1", LAST, settled=False), {}, True),
        (Seen("r1", LAST - 1, settled=True), {}, True),
        (Seen("older", LAST, settled=True), {}, True),
    ],
)
def test_a_screen_is_captured_when_its_pane_has_written_since(
    seen: Seen | None, changes: dict[str, Any], looks: bool
) -> None:
    assert attention.wants_capture(WANTED, session(**changes), pane(), seen) is looks


def test_a_screen_that_must_be_seen_twice_is_captured_again() -> None:
    doubtful = session()
    doubtful = replace(doubtful, reading=replace(doubtful.reading, candidate=State.WORKING))
    assert attention.wants_capture(WANTED, doubtful, pane(), Seen("r1", LAST, settled=True))


@pytest.mark.parametrize("name", ["db", "plain"])
def test_screens_that_mean_nothing_are_not_captured(name: str) -> None:
    of = config(agent("plain", backend="plain") + service())
    assert not attention.wants_capture(wanted(of, name), session(name), pane(name), None)
    assert not attention.wants_capture(None, session(), pane(), None)


@pytest.mark.parametrize(
    ("stage", "dead", "wants"),
    [
        (Stage.RUNNING, True, True),
        (Stage.STARTING, True, True),
        (Stage.ENDED, True, False),
        (Stage.RUNNING, False, False),
    ],
)
def test_last_words_are_looked_at_once(stage: Stage, dead: bool, wants: bool) -> None:
    assert attention.wants_last_words(session(stage=stage), pane(dead=dead), alive=False) is wants


DEAD = pane(dead=True, dead_status=1)


@pytest.mark.parametrize(
    ("changes", "there", "alive", "wants"),
    [
        ({"stage": Stage.STOPPING}, pane(), True, True),
        ({"stage": Stage.STOPPING, "desire": Desire.DOWN}, None, False, True),
        ({}, pane(), True, False),
        ({}, DEAD, False, True),
        ({}, None, False, True),
        ({}, pane(dead=True), False, False),
        ({"desire": Desire.DOWN}, DEAD, False, False),
        ({"stage": Stage.ENDED, "due": MONO}, DEAD, False, True),
        ({"stage": Stage.ENDED, "due": MONO + 1}, DEAD, False, False),
        ({"stage": Stage.ENDED, "run": ""}, None, False, False),
        ({"stage": Stage.COMPLETED}, DEAD, False, False),
        ({"stage": Stage.COMPLETED, "asked": MONO}, DEAD, False, True),
    ],
)
def test_process_trees_are_looked_at_before_a_start_and_during_a_stop(
    changes: dict[str, Any], there: Pane | None, alive: bool, wants: bool
) -> None:
    one = session(**changes)
    assert attention.wants_processes(WANTED, one, there, memory(one), alive=alive, mono=MONO) is wants


@pytest.mark.parametrize(
    ("keys", "changes", "age", "wants"),
    [
        ({}, {}, PROGRAM_INTERVAL, True),
        ({}, {}, PROGRAM_INTERVAL - 0.1, False),
        ({}, {"pid": 99}, 0.0, True),
        ({}, {"mismatch": 1}, MISMATCH_INTERVAL, True),
        ({}, {"stage": Stage.STARTING}, PROGRAM_INTERVAL, False),
        ({"watch": "none"}, {}, PROGRAM_INTERVAL, False),
        ({"backend": "unchecked"}, {}, PROGRAM_INTERVAL, False),
    ],
)
def test_programs_are_checked_now_and_then(
    keys: dict[str, object], changes: dict[str, Any], age: float, wants: bool
) -> None:
    of = config('[backend.unchecked]\nbin = "x"\nprocess_name = ""\n' + agent(**keys))
    one = session(program_mono=MONO - age, **changes)
    assert attention.wants_program(wanted(of), one, pane(), MONO) is wants


@pytest.mark.parametrize(("run", "leader"), [("r1", 100), ("another", 7)])
def test_the_leader_of_a_run_is_the_panes_only_if_it_is_that_run(run: str, leader: int) -> None:
    assert attention.leader_of(session(pid=7), {"one": pane(run=run)}) == leader
    assert attention.leader_of(session(pid=7), {}) == 7
