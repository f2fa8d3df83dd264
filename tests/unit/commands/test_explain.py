from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.adapters import clock
from orchestrator.adapters.lock import Holder
from orchestrator.adapters.store import Store
from orchestrator.cli.explain_text import MEANING, facts, plain
from orchestrator.commands.explain import EVENTS, Look, explain
from orchestrator.commands.fleet import Fleet
from orchestrator.config.load import load
from orchestrator.decide.plan import plan
from orchestrator.decide.restart import NEVER
from orchestrator.errors import AoError, UsageError
from orchestrator.model.event import Event, EventKind
from orchestrator.model.memory import (
    Delivery,
    DeliveryState,
    Desire,
    Exit,
    ReadingMemory,
    SessionMemory,
    Stage,
)
from orchestrator.model.observation import Observation, Pane
from orchestrator.model.reading import Screen, State
from orchestrator.model.view import Condition
from tests.support.builders import PRELUDE, agent, memory, observation, pane, service, session, wanted

BODY = agent("one") + agent("two", watch="none") + agent("dull", backend="plain") + service("db")
WATCHDOG = Holder(os.getpid(), "agents.toml", "watchdog", 1.0)
BELL = "\x1b]0;owned\x07"
SHOWN = r"\x1b]0;owned\x07"


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    (tmp_path / "agents.toml").write_text(PRELUDE + BODY)
    made = Fleet(load(tmp_path / "agents.toml"))
    made.state_dir.mkdir(parents=True)
    return made


@pytest.fixture
def watched(fleet: Fleet) -> Iterator[None]:
    """Somebody holds the fleet's lock."""
    lock = fleet.lock
    lock.acquire(WATCHDOG)
    yield
    lock.release()


def seen_now(fleet: Fleet, *panes: Pane, **changes: Any) -> Observation:
    """A look of this moment, with panes that run what is declared unless they say otherwise."""
    known = [replace(each, spec=each.spec or wanted(fleet.config, each.name).spec) for each in panes]
    now = {"now": clock.now(), "mono": clock.mono(), "boot": clock.boot()}
    return observation(fleet.config, *known, **{**now, **changes})


def remember(fleet: Fleet, seen: Observation, *sessions: SessionMemory, events: int = 0) -> None:
    """Store what a watchdog would after a tick, with a few events more."""
    made = plan(seen, memory(*sessions, boot=clock.boot()), "UTC")
    store = Store(fleet.store_path)
    store.save(made, seen.now)
    for number in range(events):
        store.add_event(Event(EventKind.CONDITION, "one", f"turn {number}"), seen.now)
    store.close()


def not_asked() -> tuple[Any, Any]:
    pytest.fail("it looked by itself though a watchdog runs")


def no_watchdog(seen: Observation, *sessions: SessionMemory) -> Look:
    return lambda: (seen, plan(seen, memory(*sessions, boot=clock.boot()), "UTC"))


@pytest.mark.usefixtures("watched")
def test_while_a_watchdog_runs_the_store_answers(fleet: Fleet) -> None:
    remember(fleet, seen_now(fleet, pane("one"), screens={"one": Screen("IDLE")}), session("one"), events=20)
    told = explain(fleet, "one", not_asked)
    assert (told.view.condition, told.desire, told.watchdog) == (Condition.IDLE, Desire.UP, WATCHDOG)
    assert [each.event.message for each in told.events] == [f"turn {n}" for n in range(20 - EVENTS, 20)]
    rule = told.deciding_rule()
    assert rule is not None
    assert (rule.name, rule.state) == ("says-idle", State.IDLE)
    words = plain(told)
    assert "one (persistent, backend fake, watch heal)\nidle for " in words
    assert f"watchdog: running, pid {os.getpid()}" in words
    assert "by the rule says-idle (priority 1000, in screen ^IDLE)\n    IDLE\n" in words


@pytest.mark.usefixtures("watched")
def test_an_unknown_screen_says_what_was_looked_for(fleet: Fleet) -> None:
    strange = session("one", reading=ReadingMemory(state=State.UNKNOWN, since=clock.now() - 90))
    remember(fleet, seen_now(fleet, pane("one")), strange)
    told = explain(fleet, "one", not_asked)
    assert plain(told).count("unknown for 1m") == 1
    assert MEANING[Condition.UNKNOWN] in plain(told)
    assert "looked for and not found (8 rules)" in plain(told)
    assert "screen: idle, working, draft, dialog, limited, transient, auth, fatal (priority 1000)" in plain(
        told
    )
    reading = facts(told)["reading"]
    assert isinstance(reading, dict)
    assert (reading["state"], reading["rule"], reading["evidence"]) == ("unknown", None, [])
    assert [rule["name"] for rule in reading["looked_for"]["screen"]] == [rule.name for rule in told.rules]


@pytest.mark.usefixtures("watched")
def test_a_reading_that_is_not_believed_yet_is_named(fleet: Fleet) -> None:
    remember(fleet, seen_now(fleet, pane("one"), screens={"one": Screen("FATAL")}), session("one"))
    told = explain(fleet, "one", not_asked)
    assert (told.view.condition, told.session.reading.candidate) == (Condition.IDLE, State.FATAL)
    assert "seen once, and believed when it is seen again: fatal" in plain(told)


@pytest.mark.usefixtures("watched")
def test_restarts_are_counted_and_the_next_is_timed(fleet: Fleet) -> None:
    now, mono = clock.now(), clock.mono()
    died = session(
        "one", Stage.ENDED, desire=Desire.UP, attempt=3, restarts=2, due=mono + 60,
        deaths=(mono - 10_000, mono - 20, mono - 1), exit=Exit(now - 5, mono - 5, status=7, words=("bye", BELL)),
    )  # fmt: skip
    remember(fleet, seen_now(fleet), died)
    told = explain(fleet, "one", not_asked)
    restarts = facts(told)["restarts"]
    assert isinstance(restarts, dict)
    assert restarts["due_at"] == pytest.approx(now + 60, abs=5)
    assert (restarts["all"], restarts["since_healthy"], restarts["deaths_in_window"]) == (2, 3, 2)
    words = plain(told)
    assert (
        "restarts: 2; deaths within 10m: 2, allowed: 5\n  deaths since it was last well for 10m: 3\n" in words
    )
    assert "the next start is due " in words
    assert f"last exit: exited with status 7, 5s ago\n    bye\n    {SHOWN}\n" in words
    assert "screen: not read, since it does not run" in words


@pytest.mark.usefixtures("watched")
def test_one_that_is_held_waits_for_a_person(fleet: Fleet) -> None:
    held = session("one", Stage.ENDED, desire=Desire.UP, attempt=7, failed=True, due=NEVER)
    remember(fleet, seen_now(fleet), held)
    told = explain(fleet, "one", not_asked)
    assert "it waits for `ao restart one`" in plain(told)
    assert json.loads(json.dumps(facts(told)))["restarts"]["waits_for_human"] is True


@pytest.mark.usefixtures("watched")
def test_what_holds_the_watchdog_back_is_named(fleet: Fleet) -> None:
    drifted = seen_now(fleet, pane("two", spec="older", attached=1))
    remember(fleet, drifted, session("two", survivors=(f"12 {BELL}",)))
    words = plain(explain(fleet, "two", not_asked))
    for line in (
        "watch: it is not healed",
        "drift: it runs with an older config",
        "attached: while a person types there, and for 20s after",
        f"survivor: process 12 {SHOWN} could not be ended",
    ):
        assert line in words


@pytest.mark.usefixtures("watched")
def test_texts_on_their_way_are_listed(fleet: Fleet) -> None:
    remember(fleet, seen_now(fleet, pane("one")), session("one"))
    told = explain(fleet, "one", not_asked)
    typed = Delivery("k", "text", "kickoff", DeliveryState.TYPED, since=told.mono - 3, presses=2)
    sent = replace(told, session=replace(told.session, deliveries=(typed,)))
    assert "open text: from kickoff, 4 characters, typed for 3s, submit keys pressed: 2\n" in plain(sent)
    assert json.loads(json.dumps(facts(sent)))["deliveries"][0]["since"] == pytest.approx(told.at - 3)


@pytest.mark.usefixtures("watched")
def test_nothing_that_an_agent_printed_reaches_the_terminal_as_it_is(fleet: Fleet) -> None:
    remember(fleet, seen_now(fleet, pane("one"), screens={"one": Screen(f"DIALOG {BELL}")}), session("one"))
    told = explain(fleet, "one", not_asked)
    assert told.view.condition is Condition.DIALOG
    assert "\x1b" not in plain(told)
    assert f"DIALOG {SHOWN}" in plain(told)


def test_without_a_watchdog_it_is_told_as_it_is_and_what_would_be_done(fleet: Fleet) -> None:
    lives = seen_now(fleet, pane("one", pid=321))
    remember(fleet, lives, session("one", pid=321))
    gone = seen_now(fleet)
    told = explain(fleet, "one", no_watchdog(gone, session("one", pid=321)))
    assert (told.view.condition, told.view.reason) == (Condition.DEAD, "ended a moment ago")
    assert told.session.exit is None
    words = plain(told)
    assert "watchdog: not running, so nothing is done" in words
    assert "a watchdog would tell now: " in words
    assert facts(told)["due"] == list(told.due)


def test_without_a_watchdog_the_screen_of_now_counts(fleet: Fleet) -> None:
    remember(fleet, seen_now(fleet, pane("one")), session("one"))
    limited = seen_now(fleet, pane("one"), screens={"one": Screen("LIMITED, resets in 2 hours")})
    told = explain(fleet, "one", no_watchdog(limited, session("one")))
    assert told.view.condition is Condition.LIMITED
    assert "limit: held for 0s, ends " in plain(told)


def test_of_a_fleet_that_never_ran_nothing_is_known_and_nothing_made(fleet: Fleet) -> None:
    seen = seen_now(fleet)
    told = explain(fleet, "one", lambda: (seen, plan(seen, memory(up=False), "UTC")))
    assert (told.view.condition, told.desire, told.events, told.error) == (Condition.STOPPED, None, (), "")
    assert "nobody asked for it to be up" in plain(told)
    assert list(fleet.state_dir.iterdir()) == []


def test_a_store_that_can_not_be_read_is_said(fleet: Fleet) -> None:
    fleet.store_path.write_bytes(b"no database" * 100)
    told = explain(fleet, "one", no_watchdog(seen_now(fleet)))
    assert "can't be read" in told.error
    assert "trouble: " in plain(told)


@pytest.mark.usefixtures("watched")
def test_a_program_without_rules_is_judged_by_its_output_and_a_service_by_nothing(fleet: Fleet) -> None:
    remember(fleet, seen_now(fleet, pane("dull"), pane("db")), session("dull"), session("db"))
    dull, db = (explain(fleet, name, not_asked) for name in ("dull", "db"))
    assert "judged by its output alone: the backend plain has no rules" in plain(dull)
    assert "screen: not read, since it is a service" in plain(db)
    assert facts(db)["reading"] is None


@pytest.mark.usefixtures("watched")
def test_a_name_that_left_the_config_is_explained_while_it_runs(fleet: Fleet) -> None:
    fleet.config.path.write_text(PRELUDE + BODY + agent("former"))
    before = Fleet(load(fleet.config.path))
    remember(before, seen_now(before, pane("former")), session("former"))
    told = explain(fleet, "former", not_asked)
    assert told.wanted is None
    assert "config: it is no longer declared" in plain(told)


@pytest.mark.usefixtures("watched")
def test_names_that_nothing_bears_and_ones_not_seen_yet(fleet: Fleet) -> None:
    Store(fleet.store_path).close()
    with pytest.raises(UsageError, match="nobody"):
        explain(fleet, "nobody", not_asked)
    with pytest.raises(AoError, match="has not seen one yet"):
        explain(fleet, "one", not_asked)


def test_every_condition_is_explained() -> None:
    assert set(MEANING) == set(Condition)
