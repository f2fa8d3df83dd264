"""One tick on a made-up machine: what is stored before it is done, and what is told when it can't be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestrator.adapters.store import Store
from orchestrator.model.action import PressKey, Start
from orchestrator.model.memory import Stage
from orchestrator.model.observation import ServerState
from orchestrator.model.reading import Screen
from orchestrator.model.request import Verb
from orchestrator.watchdog.apply import Failed, apply
from tests.support.builders import PRELUDE, agent, service, wanted
from tests.support.machine import Tmux
from tests.support.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(
        tmp_path,
        PRELUDE
        + agent("one")
        + agent("two", backend="chat", prompt="Begin.")
        + service(ready_re="listening"),
    )
    made.ask(Verb.UP)
    yield made
    made.close()


def stored(world: World) -> Store:
    return Store(world.folder / "log" / "state" / "ao.db", read_only=True)


def test_memory_is_stored_before_anything_is_done(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Stage] = []
    start = Tmux.start

    def watched(*arguments: Any) -> str:
        store = stored(world)
        seen.append(store.load_memory().sessions["one"].stage)
        store.close()
        return start(*arguments)

    monkeypatch.setattr(Tmux, "start", watched)
    world.tick()
    assert seen == [Stage.STARTING] * 3


def test_a_store_that_can_not_be_written_keeps_nobody_from_being_started(world: World) -> None:
    world.tick()
    world.store._db.execute("PRAGMA query_only = 1")
    world.kill("one")
    world.tick()
    assert "can't be written" in world.ticker.store_error
    assert world.tmux.window("one").process.alive
    world.store._db.execute("PRAGMA query_only = 0")
    world.tick()
    assert world.ticker.store_error == ""


def test_a_start_that_fails_is_seen_by_the_next_tick(world: World) -> None:
    world.around.missing.add("one")
    world.tick()
    observation, made = world.ticker.consider()
    assert observation.failures["one"].message == "the program fake is not on PATH. install it"
    assert "start-failed" in [event.kind.value for event in made.events]


def test_an_action_that_fails_is_told_and_keeps_none_from_being_done(world: World) -> None:
    world.tick()
    config = world.ticker.observer.eyes.config.current()
    world.tmux.close_pane(world.tmux.window("two").pane_id)
    again = Start(wanted(config, "two").launch, "again", "spec")
    unknown = PressKey("one", "%99", "Enter")
    assert apply((unknown, again), world.ticker.hands, config) == Failed()
    assert world.tmux.window("two").marks["run"] == "again"
    told = [each.event for each in world.store.events() if each.event.kind.value == "action-failed"]
    assert [(event.subject, event.message) for event in told] == [("one", "PressKey: can't find pane: %99")]


def test_looking_changes_nothing(world: World) -> None:
    before = (world.memory, world.store.last_event_id())
    _, made = world.ticker.consider()
    assert made.actions
    assert (world.memory, world.store.last_event_id()) == before
    assert world.tmux.windows == {}


def test_a_quiet_fleet_is_not_captured_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.settle(20.0)
    looked: list[str] = []
    look = Tmux.look

    def watched(tmux: Tmux, panes: Mapping[str, str], **more: Any) -> dict[str, Screen]:
        looked.extend(panes)
        return look(tmux, panes, **more)

    monkeypatch.setattr(Tmux, "look", watched)
    world.settle(60.0)
    assert set(looked) <= {"db"}, "a service that has not said yet that it is ready is"
    world.tmux.draw("one", "WORKING")
    world.settle(2.0)
    assert "one" in looked


def test_a_service_is_ready_when_its_screen_says_so(world: World) -> None:
    world.settle(2.0)
    assert "db" not in world.ticker.consider()[0].services_ready
    world.tmux.draw("db", "now listening on 5432")
    assert "db" in world.ticker.consider()[0].services_ready
    world.tmux.draw("db", "scrolled away")
    assert "db" in world.ticker.consider()[0].services_ready, "once said is said"
    world.kill("db")
    assert "db" not in world.ticker.consider()[0].services_ready


def test_a_server_that_lives_without_its_socket_is_unknown_and_not_absent(world: World) -> None:
    world.settle(2.0)
    world.tmux.socket = False
    assert world.ticker.consider()[0].server is ServerState.UNKNOWN
    world.tmux.socket = True
    world.tmux.kill_server()
    assert world.ticker.consider()[0].server is ServerState.ABSENT


@pytest.mark.parametrize(("ago", "held"), [(1.0, True), (19.0, True), (21.0, False)])
def test_a_person_counts_while_they_have_used_the_pane_lately(world: World, ago: float, held: bool) -> None:
    world.settle(2.0)
    window = world.tmux.window("one")
    window.attached, window.used = True, world.clock.now()
    world.pass_by(ago)
    assert ("one" in world.ticker.consider()[0].human) is held
