from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.decide.assess import desired, gather, view
from orchestrator.decide.restart import NEVER
from orchestrator.decide.wanted import wanted_sessions
from orchestrator.model.memory import Desire, Exit, SessionMemory, Stage
from orchestrator.model.observation import Observation, Pane, ServerState
from orchestrator.model.reading import State
from orchestrator.model.view import Condition, View
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
    wanted,
)

CONFIG = config(agent())


@pytest.mark.parametrize(
    ("keys", "desire", "up", "expected"),
    [
        ({}, None, True, Desire.UP),
        ({}, None, False, None),
        ({"enabled": False}, None, True, None),
        ({"enabled": False}, Desire.UP, False, Desire.UP),
        ({}, Desire.DOWN, True, Desire.DOWN),
        ({}, Desire.UP, False, Desire.UP),
    ],
)
def test_what_a_person_said_of_a_session_goes_before_what_the_fleet_is(
    keys: dict[str, object], desire: Desire | None, up: bool, expected: Desire | None
) -> None:
    one = session(desire=desire)
    assert desired(wanted(config(agent(**keys))), one, memory(one, up=up)) is expected
    assert desired(None, one, memory(one)) is None


def test_declared_sessions_come_first_then_those_remembered_or_seen() -> None:
    of = config(agent("b") + agent("a") + service())
    seen = observation(of, pane("zoo"), pane("a"))
    fleet = memory(session("old"), session("forgotten", Stage.NONE))
    assert [each.memory.name for each in gather(seen, fleet, wanted_sessions(of, {}))] == [
        "db",
        "b",
        "a",
        "old",
        "zoo",
    ]


EXIT = Exit(NOW, MONO, status=1)


def row(remembered: SessionMemory, there: Pane | None = None, *, keys: dict[str, object] | None = None, up: bool = True,
        **changes: Any) -> View:  # fmt: skip
    of = config(agent(**(keys or {})))
    spec = wanted(of).spec
    seen: Observation = observation(
        of, *([replace(there, spec=there.spec or spec)] if there else []), **changes
    )
    return view(facts(seen, memory(remembered, up=up)), seen)


UNKNOWN: dict[str, Any] = {"server": ServerState.UNKNOWN, "server_reason": "no answer"}


@pytest.mark.parametrize(
    ("shown", "condition"),
    [
        (row(session(), pane()), Condition.IDLE),
        (row(session(state=State.LIMITED), pane()), Condition.LIMITED),
        (row(session(state=State.UNKNOWN), pane()), Condition.UNKNOWN),
        (row(session(state=State.STARTING), pane()), Condition.UNKNOWN),
        (row(session(stage=Stage.STARTING), pane()), Condition.STARTING),
        (row(session(stage=Stage.STARTING, run="r2")), Condition.STARTING),
        (row(session(stage=Stage.STARTING, run="r2"), pane(dead=True)), Condition.STARTING),
        (row(session(), pane(dead=True)), Condition.DEAD),
        (row(session(mismatch=1), pane()), Condition.MISMATCHED),
        (row(session(restart="because"), pane()), Condition.STOPPING),
        (row(session(stage=Stage.STOPPING), pane()), Condition.STOPPING),
        (row(session(stage=Stage.ENDED, exit=EXIT)), Condition.BACKOFF),
        (row(session(stage=Stage.ENDED, exit=EXIT), keys={"watch": "none"}), Condition.DEAD),
        (row(session(stage=Stage.ENDED, exit=EXIT, asked=MONO), keys={"watch": "none"}), Condition.BACKOFF),
        (row(session(stage=Stage.ENDED, exit=EXIT, failed=True)), Condition.FAILED),
        (row(session(stage=Stage.COMPLETED, exit=EXIT)), Condition.COMPLETED),
        (row(session(stage=Stage.NONE)), Condition.MISSING),
        (row(session(stage=Stage.NONE), up=False), Condition.STOPPED),
        (row(session(stage=Stage.NONE, desire=Desire.DOWN)), Condition.STOPPED),
        (row(session(stage=Stage.NONE), keys={"enabled": False}), Condition.DISABLED),
        (row(session(stage=Stage.NONE), taken=frozenset({"f-one"})), Condition.TAKEN),
        (row(session(stage=Stage.NONE), up=False, taken=frozenset({"f-one"})), Condition.STOPPED),
        (row(session(), pane(), **UNKNOWN), Condition.UNKNOWN),
        (row(session(), **UNKNOWN), Condition.UNKNOWN),
    ],
)
def test_one_word_for_each_session(shown: View, condition: Condition) -> None:
    assert shown.condition is condition


def test_a_row_tells_what_comes_next_and_when() -> None:
    waits = row(session(stage=Stage.ENDED, exit=EXIT, due=MONO + 7))
    assert (waits.reason, waits.next, waits.next_at) == ("exited with status 1", "restarts", NOW + 7)
    held = row(session(stage=Stage.ENDED, exit=EXIT, failed=True, due=NEVER))
    assert (held.next, held.next_at) == ("waits for `ao restart`", None)


def test_a_row_keeps_since_when_its_condition_holds() -> None:
    assert row(session(condition="idle", condition_at=NOW - 500), pane()).since == NOW - 500
    assert row(session(condition="working", condition_at=NOW - 500), pane()).since == NOW


@pytest.mark.parametrize(("spec", "drift"), [("", False), ("older", True)])
def test_a_row_shows_that_a_config_is_pending(spec: str, drift: bool) -> None:
    assert row(session(), pane(spec=spec)).drift is drift


def test_an_agent_that_waits_for_its_service_says_so() -> None:
    of = config('[backend.needy]\nbin = "needy"\nneeds = ["db"]\n' + agent(backend="needy") + service())
    seen = observation(of)
    shown = view(facts(seen, memory(session(stage=Stage.NONE))), seen)
    assert (shown.condition, shown.reason) == (Condition.WAITING, "needs db")


def test_one_that_left_the_config_says_so() -> None:
    seen = observation(config(agent("other")), pane())
    shown = view(facts(seen, memory(session())), seen)
    assert (shown.kind, shown.condition, shown.reason) == (
        "removed",
        Condition.RUNNING,
        "no longer in the config",
    )
