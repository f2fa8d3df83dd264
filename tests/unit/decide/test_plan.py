"""What is the fleet's and not one session's. Whole stories are in tests/scenarios."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.decide.plan import HOUSEKEEPING, on_this_boot, plan
from orchestrator.decide.wanted import wanted_sessions
from orchestrator.model.action import Plan, RestoreSocket
from orchestrator.model.memory import Delivery, Desire, Exit, Memory, SessionMemory, Stage
from orchestrator.model.observation import Observation, ServerState
from orchestrator.model.reading import State
from orchestrator.model.request import Verb
from tests.support.builders import (
    MONO,
    NOW,
    agent,
    config,
    memory,
    observation,
    pane,
    request,
    screen,
    session,
    wanted,
)

CONFIG = config(agent())
SPEC = wanted(CONFIG).spec
KNOWN: dict[str, Any] = {"config_digest": CONFIG.digest, "server_pid": 50}


def planned(fleet: Memory, seen: Observation | None = None) -> Plan:
    return plan(seen or observation(CONFIG, pane(spec=SPEC)), fleet, "UTC")


def told(made: Plan) -> list[str]:
    return [event.kind.value for event in made.events]


def test_a_fleet_that_is_well_is_left_alone_until_the_next_interval() -> None:
    made = planned(memory(session(condition="idle"), **KNOWN))
    assert (made.actions, made.events, made.requests) == ((), (), ())
    assert made.wake_after == HOUSEKEEPING
    hurried = config("[watchdog]\nsignal_interval = 2\n" + agent())
    assert plan(observation(hurried, pane(spec=SPEC)), memory(session()), "UTC").wake_after == 2.0


@pytest.mark.parametrize(
    ("seen", "fleet", "events"),
    [
        ({"config_error": "line 3"}, KNOWN, ["config-rejected"]),
        ({"config_error": "line 3"}, {**KNOWN, "config_error": "line 3"}, []),
        ({"config_error": "line 4"}, {**KNOWN, "config_error": "line 3"}, ["config-rejected"]),
        ({}, {**KNOWN, "config_digest": "other"}, ["config-loaded"]),
        ({}, {**KNOWN, "server_lost": True}, ["tmux-back"]),
        ({"server": ServerState.UNKNOWN, "server_reason": "silent"}, {**KNOWN, "server_lost": True}, []),
    ],
)
def test_what_concerns_the_whole_fleet_is_told_when_it_changes(
    seen: dict[str, Any], fleet: dict[str, Any], events: list[str]
) -> None:
    condition = "unknown" if seen.get("server") else "idle"
    made = planned(
        memory(session(condition=condition), **fleet), observation(CONFIG, pane(spec=SPEC), **seen)
    )
    assert told(made) == events


def test_an_unknown_server_is_asked_again_soon_and_nothing_is_done() -> None:
    seen = observation(CONFIG, server=ServerState.UNKNOWN, server_reason="silent")
    made = planned(memory(session(condition="idle"), **KNOWN), seen)
    assert made.actions == ()
    assert made.wake_after <= 1.0
    assert made.memory.server_lost
    assert made.memory.sessions["one"].run == "r1"


def test_a_server_that_lost_its_socket_is_helped() -> None:
    seen = observation(
        CONFIG, server=ServerState.UNKNOWN, server_reason="its socket is gone", lost_socket_of=50
    )
    first = planned(memory(session(condition="idle"), **KNOWN), seen)
    assert first.actions == (RestoreSocket(50),)
    assert "socket-lost" in told(first)
    again = planned(first.memory, seen)
    assert again.actions == (RestoreSocket(50),)
    assert told(again) == [], "it is told once"


@pytest.mark.parametrize(("before", "told_too"), [("", False), ("working", True)])
def test_a_changed_condition_is_remembered_and_told_but_for_the_first(before: str, told_too: bool) -> None:
    made = planned(memory(session(condition=before), **KNOWN))
    assert (made.memory.sessions["one"].condition, made.memory.sessions["one"].condition_at) == ("idle", NOW)
    assert ("condition" in told(made)) is told_too


def test_another_boot_drops_every_stamp_and_keeps_what_is_wanted() -> None:
    stamped = session(
        desire=Desire.UP, conversation="c", talked=True, deaths=(MONO,), attempt=4, due=MONO, failed=True, asked=MONO,
        ended_mono=MONO, stop_mono=MONO, removed_mono=MONO, log_mono=MONO, exit=Exit(NOW, MONO, status=1),
        deliveries=(Delivery("k", "t", "s"),),
    )  # fmt: skip
    after = on_this_boot(memory(stamped, boot="last", starts=(MONO,)), observation(CONFIG))
    one = after.sessions["one"]
    assert after.boot == "boot"
    assert after.starts == ()
    assert (one.desire, one.conversation, one.talked, one.run) == (Desire.UP, "c", True, "r1")
    assert not stamps(one), stamps(one)


def stamps(of: SessionMemory) -> dict[str, object]:
    """Fields of a session's memory that still hold a moment of the monotonic clock."""
    parts = {
        f"{part}.{name}": value
        for part in ("exit", "reading")
        for name, value in _fields(getattr(of, part)).items()
    }
    found = _fields(of) | parts
    return {
        name: value
        for name, value in found.items()
        if name.endswith(("_mono", ".mono", "due", "asked")) and value
    }


def _fields(of: object) -> dict[str, object]:
    return {name: getattr(of, name) for name in getattr(type(of), "__slots__", ())}


def test_memory_of_who_left_the_config_goes_once_it_has_stopped() -> None:
    seen = observation(config(agent("other")))
    made = planned(memory(session(stage=Stage.NONE, desire=Desire.DOWN), up=False, **KNOWN), seen)
    assert "one" not in made.memory.sessions
    made = planned(memory(session(stage=Stage.STOPPING), up=False, **KNOWN), seen)
    assert "one" in made.memory.sessions


def test_a_wish_is_taken_on_and_answered_in_one_tick_where_it_can_be() -> None:
    made = planned(
        memory(session(), **KNOWN), observation(CONFIG, pane(spec=SPEC), requests=(request(Verb.UP),))
    )
    assert [answer.answered for answer in made.requests] == [True]
    waiting = planned(memory(up=False, **KNOWN), observation(CONFIG, requests=(request(Verb.UP),)))
    assert [answer.answered for answer in waiting.requests] == [False]
    assert waiting.wake_after <= 0.25


@pytest.mark.parametrize("stop", [True, False])
def test_a_down_of_everything_ends_the_watchdog_when_it_is_answered(stop: bool) -> None:
    wish = request(Verb.DOWN, stop_watchdog=stop)
    gone = planned(memory(up=False, **KNOWN), observation(CONFIG, requests=(wish,)))
    assert gone.stop is stop
    there = planned(memory(session(), **KNOWN), observation(CONFIG, pane(spec=SPEC), requests=(wish,)))
    assert not there.stop


def test_a_reading_that_waits_for_its_second_sight_is_looked_at_soon() -> None:
    seen = observation(CONFIG, pane(spec=SPEC), screens={"one": screen("WORKING")})
    made = planned(memory(session(condition="idle"), **KNOWN), seen)
    assert made.memory.sessions["one"].reading.candidate is State.WORKING
    assert made.wake_after <= 0.2


def test_the_server_that_was_seen_last_is_remembered() -> None:
    assert planned(memory(session(), config_digest=CONFIG.digest)).memory.server_pid == 50
    gone = planned(memory(session(), **KNOWN), observation(CONFIG, server=ServerState.ABSENT))
    assert gone.memory.server_pid == 50


def test_views_keep_the_order_of_the_file() -> None:
    of = config(agent("b") + agent("a"))
    made = plan(replace(observation(of), config=of), memory(), "UTC")
    assert [row.name for row in made.views] == [each.name for each in wanted_sessions(of, {})]
