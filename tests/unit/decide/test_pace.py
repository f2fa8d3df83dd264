from __future__ import annotations

from typing import Any

import pytest

from orchestrator.decide.launch import CONTINUE
from orchestrator.decide.pace import MINUTE, SLOT_TIME, Turn, grant_starts
from orchestrator.decide.step import StartWish, conversation_id, run_id
from orchestrator.model.action import Start
from orchestrator.model.config import Config
from orchestrator.model.memory import Exit, Memory, SessionMemory, Stage
from orchestrator.model.observation import Observation
from tests.support.builders import (
    MONO,
    NOW,
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

FIRST = StartWish(pane="", asked=False, repeated=False)
AGAIN = StartWish(pane="%1", asked=False, repeated=True)
ASKED = StartWish(pane="%1", asked=True, repeated=True)


def granted(of: Config, wishes: dict[str, StartWish | None], *sessions: SessionMemory, seen: Observation | None = None,
            **changes: Any) -> tuple[list[Turn], list[Start], Memory]:  # fmt: skip
    """Turns of every wish, and what was started."""
    seen = seen or observation(of)
    fleet = memory(*sessions, **changes)
    turns = []
    for name, wish in wishes.items():
        about = facts(seen, fleet, name)
        turn = step(seen, about.memory)
        turn.start = wish
        turns.append(Turn(about, turn))
    after = grant_starts(turns, seen, fleet, of.watchdog)
    return turns, [a for turn in turns for a in turn.step.actions if isinstance(a, Start)], after


def many(count: int, watchdog: str = "") -> Config:
    return config(watchdog + "".join(agent(f"a{number}") for number in range(count)))


@pytest.mark.parametrize(("wishing", "already", "age", "started"), [
    (3, 0, 0.0, 3), (9, 0, 0.0, 8), (9, 5, 1.0, 3), (9, 8, 1.0, 0), (9, 8, SLOT_TIME, 8),
])  # fmt: skip
def test_only_so_many_start_at_once_and_a_slow_one_gives_up_its_place(
    wishing: int, already: int, age: float, started: int
) -> None:
    of = many(wishing + already)
    starting = [
        session(f"a{wishing + number}", Stage.STARTING, started_mono=MONO - age) for number in range(already)
    ]
    wishes = {f"a{number}": FIRST for number in range(wishing)} | {each.name: None for each in starting}
    turns, starts, _ = granted(of, wishes, *starting)
    assert len(starts) == started
    assert all(turn.step.wake <= 0.1 for turn in turns[started:wishing]), "those that wait are looked at soon"


@pytest.mark.parametrize(
    ("wish", "ages", "started", "counted"),
    [
        (AGAIN, (), True, 1),
        (AGAIN, (1.0, 2.0), True, 3),
        (AGAIN, (50.0, 2.0, 1.0), False, 3),
        (AGAIN, (MINUTE, 2.0, 1.0), True, 3),
        (FIRST, (50.0, 2.0, 1.0), True, 3),
        (ASKED, (50.0, 2.0, 1.0), True, 3),
    ],
)
def test_the_fleets_brake_holds_repeated_restarts_and_nothing_else(
    wish: StartWish, ages: tuple[float, ...], started: bool, counted: int
) -> None:
    of = many(1, "[watchdog]\nmax_starts_per_minute = 3\n")
    turns, starts, after = granted(of, {"a0": wish}, starts=tuple(MONO - age for age in ages))
    assert bool(starts) is started
    assert len(after.starts) == counted
    if not started:
        assert turns[0].step.wake == pytest.approx(MINUTE - ages[0]), (
            "it is looked at when the oldest no longer counts"
        )


@pytest.mark.parametrize("ready", [True, False])
def test_an_agent_waits_for_the_service_it_needs(ready: bool) -> None:
    of = config('[backend.needy]\nbin = "needy"\nneeds = ["db"]\n' + agent(backend="needy") + service())
    seen = observation(of, services_ready=frozenset({"db"} if ready else ()))
    _, starts, _ = granted(of, {"one": FIRST}, seen=seen)
    assert bool(starts) is ready


@pytest.mark.parametrize(("folder", "started"), [("/fleet", False), ("/elsewhere", True)])
def test_a_renamed_agent_waits_until_the_old_one_has_left_their_folder(folder: str, started: bool) -> None:
    of = config(agent("new"))
    _, starts, _ = granted(
        of, {"new": FIRST, "old": None}, session("old", dir=folder), seen=observation(of, pane("old"))
    )
    assert bool(starts) is started


RESUMED = {"conversation": "c1", "talked": True}


@pytest.mark.parametrize(
    ("keys", "changes", "resumes", "words"),
    [
        ({"resume": True}, RESUMED, True, ""),
        ({"resume": True}, {**RESUMED, "interrupted": True}, True, CONTINUE),
        ({"resume": True}, {**RESUMED, "talked": False, "interrupted": True}, False, ""),
        ({"resume": True}, {**RESUMED, "conversation": ""}, False, ""),
        ({"resume": True}, {**RESUMED, "run": ""}, False, ""),
        ({"resume": False}, {**RESUMED, "interrupted": True}, False, ""),
    ],
)
def test_a_conversation_is_taken_up_where_there_is_one(
    keys: dict[str, object], changes: dict[str, Any], resumes: bool, words: str
) -> None:
    of = config(agent(**keys))
    turns, (start,), _ = granted(of, {"one": AGAIN}, session(stage=Stage.ENDED, **changes))
    assert (start.resume, start.words) == (resumes, words)
    assert (start.conversation == "c1") is resumes
    assert turns[0].step.session.resumed is resumes
    assert turns[0].step.session.conversation == start.conversation


def test_a_program_that_can_not_be_told_its_conversations_id_is_not() -> None:
    _, (start,), _ = granted(config(agent(backend="plain")), {"one": FIRST})
    assert start.conversation == ""


def test_a_start_begins_a_new_run_and_forgets_the_last_one() -> None:
    before = session(
        stage=Stage.ENDED,
        mismatch=2,
        survivors=("9 x",),
        adopted=True,
        drift_told="s",
        killed=True,
        restarts=3,
    )
    turns, (start,), _ = granted(config(agent()), {"one": AGAIN}, before)
    after = turns[0].step.session
    assert (after.stage, after.run, after.spec) == (Stage.STARTING, start.run, start.spec)
    assert (after.started_at, after.started_mono) == (NOW, MONO)
    assert (after.mismatch, after.survivors, after.adopted, after.drift_told, after.killed) == (
        0,
        (),
        False,
        "",
        False,
    )
    assert after.restarts == 4
    assert after.reading.fingerprint == "", "what the last run showed says nothing about this one"


@pytest.mark.parametrize(
    ("wish", "changes", "message"),
    [
        (FIRST, {"run": ""}, "started"),
        (AGAIN, {"exit": Exit(NOW, MONO, status=3)}, "restarted (restart 1: it exited with status 3)"),
        (ASKED, {"exit": Exit(NOW, MONO, status=3)}, "restarted"),
    ],
)
def test_a_start_says_why(wish: StartWish, changes: dict[str, Any], message: str) -> None:
    turns, _, _ = granted(config(agent()), {"one": wish}, session(stage=Stage.ENDED, **changes))
    assert [event.message for event in turns[0].step.events] == [message]


def test_ids_differ_by_session_boot_and_moment() -> None:
    runs = {run_id("a", "b", 1.0), run_id("b", "b", 1.0), run_id("a", "c", 1.0), run_id("a", "b", 1.1)}
    assert len(runs) == 4
    assert run_id("a", "b", 1.0) in runs
    assert conversation_id("r", "b")[14] == "4", "programs want a UUID of version 4"
    assert conversation_id("r", "b") != conversation_id("r", "c")
