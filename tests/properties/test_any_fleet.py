"""What holds whatever happens to a fleet, and however its programs behave."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.decide.plan import plan
from orchestrator.model.action import (
    CloseSession,
    EndProcesses,
    NudgeServer,
    Paste,
    PressKey,
    RestoreSocket,
    Start,
)
from orchestrator.model.memory import Desire
from orchestrator.model.request import Verb
from tests.properties.happenings import (
    CONFIGS,
    Happening,
    bounded,
    faults,
    fleet,
    live,
    stories,
    typing,
    watch,
    wishes,
)
from tests.support.builders import PRELUDE, agent
from tests.support.machine import Behaviour
from tests.support.world import World

Story = list[tuple[Happening, float]]


@bounded
@given(stories)
def test_a_tmux_that_can_not_be_asked_causes_no_action(story: Story) -> None:
    with fleet() as world:
        live(world, story)
        world.tmux.answers = False
        for moment in watch(world, 40.0):
            assert not [action for action in moment.plan.actions if not isinstance(action, RestoreSocket)]


@bounded
@given(stories)
def test_the_same_input_gives_the_same_plan(story: Story) -> None:
    with fleet() as world:
        live(world, story)
        observation, first = world.ticker.consider()
        assert plan(observation, world.memory, "UTC") == first


def mend(world: World) -> None:
    """Every program and the server behave from now on, and nobody is at a pane."""
    world.tmux.answers = world.tmux.socket = True
    world.tmux.foreign.clear()
    world.tmux.behaviours.clear()
    world.configure(PRELUDE + CONFIGS[0])
    for window in world.tmux.windows.values():
        window.attached = False
        window.process.ends_at = None
    for process in world.machine.living():
        process.behaviour = Behaviour()
    for window in [w for w in world.tmux.windows.values() if w.process.alive]:
        world.tmux.draw(window.marks["name"], "IDLE")


@bounded
@given(stories)
def test_once_all_is_well_the_fleet_comes_to_rest(story: Story) -> None:
    with fleet() as world:
        live(world, story)
        mend(world)
        watch(world, 200.0)
        assert [moment.plan.actions for moment in watch(world, 60.0) if moment.plan.actions] == []
        assert all(request.answered for request in world.store.open_requests())


@bounded
@given(stories)
def test_at_rest_what_is_wanted_runs_and_nothing_else(story: Story) -> None:
    with fleet() as world:
        live(world, story)
        mend(world)
        world.ask(Verb.UP)
        world.ask(Verb.DOWN, "told")
        watch(world, 200.0)
        alive = {w.marks["name"] for w in world.tmux.windows.values() if w.process.alive}
        assert alive - {"job"} == {"db", "typed", "unwatched"}
        assert all(
            world.machine.is_alive(w.process.pid) or w.marks["name"] == "job"
            for w in world.tmux.windows.values()
        )


@settings(bounded, max_examples=100)
@given(st.sampled_from(("IDLE", "DIALOG trust this folder?", "DRAFT mine")), typing)
def test_text_is_typed_once_into_an_idle_program_of_ours_that_nobody_uses(screen: str, story: Story) -> None:
    with fleet(agent("typed", backend="chat", prompt="Begin.", resume=True), up=False) as world:
        world.tmux.behaviours["typed"] = Behaviour(screen)
        world.ask(Verb.UP)
        watch(world, 0.05)
        live(world, story)
        watch(world, 60.0)
        for typed in world.tmux.typed:
            assert typed.ours, typed
            assert typed.alive, typed
            assert not typed.used, typed
            assert typed.screen.startswith("IDLE"), typed
        runs = [typed.run for typed in world.tmux.typed]
        assert len(runs) == len(set(runs))


@bounded
@given(
    st.sets(st.sampled_from(("db", "typed", "job")), min_size=1),
    st.lists(st.tuples(faults, st.sampled_from((0.0, 0.1, 8.0))), max_size=14),
)
def test_what_a_person_stopped_is_never_started(names: set[str], story: Story) -> None:
    with fleet() as world:
        world.ask(Verb.DOWN, *sorted(names))
        watch(world, 0.5)
        kept = [part for part in story if part[0].words not in {"the store is lost", "it is gone"}]
        for moment in live(world, kept) + watch(world, 60.0):
            assert not names & {start.launch.name for start in moment.starts}


@bounded
@given(stories)
def test_a_session_that_is_not_ours_is_never_touched(story: Story) -> None:
    with fleet() as world:
        theirs = world.tmux.strange("notes", "typed")
        live(world, [part for part in story if part[0].words != "tmux dies"])
        watch(world, 30.0)
        assert theirs.process.alive
        assert theirs.screen == "IDLE"


@bounded
@given(
    st.lists(
        st.tuples(wishes(Verb.UP, Verb.DOWN, Verb.RESTART), st.sampled_from((0.0, 0.1, 8.0))),
        min_size=1,
        max_size=8,
    )
)
def test_every_wish_is_answered(story: Story) -> None:
    with fleet() as world:
        live(world, story)
        watch(world, 90.0)
        assert world.store.open_requests() == ()


@bounded
@given(stories)
def test_memory_is_the_same_after_it_was_stored(story: Story) -> None:
    with fleet() as world:
        live(world, story)
        world.tick()
        before = world.memory
        world.restart_watchdog()
        assert world.memory == before


def test_the_stories_reach_what_they_are_about() -> None:
    """The properties above mean little if, say, nothing was ever typed in them."""
    reached: set[str] = set()

    @settings(bounded, max_examples=50)
    @given(stories)
    def explore(story: Story) -> None:
        with fleet() as world:
            for moment in live(world, story):
                reached.update(type(action).__name__ for action in moment.plan.actions)
                reached.update(event.kind.value for event in moment.plan.events)
                reached.update(session.desire or "" for session in moment.plan.memory.sessions.values())

    explore()
    kinds = (Start, Paste, PressKey, EndProcesses, CloseSession, NudgeServer)
    assert reached >= {kind.__name__ for kind in kinds}
    assert reached >= {"adopted", "exited", "vanished", "stopped", "drift-applied", "tmux-lost", "tmux-back"}
    assert reached >= {Desire.UP, Desire.DOWN}
