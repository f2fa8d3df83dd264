"""What must hold whatever happens to a fleet: random faults and wishes against the in-memory world."""

from __future__ import annotations

import tempfile
from collections import deque
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.decide.plan import plan
from orchestrator.model.action import CloseSession, EndProcesses, Paste, Plan, PressKey, RestoreSocket, Start
from orchestrator.model.memory import Desire, Memory
from orchestrator.model.observation import ServerState
from orchestrator.model.request import Verb
from tests.support.builders import PRELUDE, agent, service
from tests.support.world import World

NAMES = ("one", "two", "three", "db")
BODY = agent("one") + agent("two", watch="none") + agent("three", backend="plain") + service("db")
BOUNDED = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))

FAULTS = st.one_of(
    st.tuples(st.just("kill"), st.sampled_from(NAMES)),
    st.tuples(st.just("close"), st.sampled_from(NAMES)),
    st.tuples(st.just("server"), st.just("")),
    st.tuples(st.just("silent"), st.sampled_from(["yes", "no"])),
    st.tuples(st.just("down"), st.sampled_from(["", *NAMES])),
    st.tuples(st.just("up"), st.sampled_from(["", *NAMES])),
    st.tuples(st.just("restart"), st.sampled_from(NAMES)),
    st.tuples(st.just("crash"), st.just("")),
    st.tuples(st.just("wait"), st.sampled_from(["0.1", "2", "70"])),
)


def do(world: World, fault: str, what: str) -> None:
    """One thing that happens; a fault that finds nothing to hurt does nothing."""
    there = {window.marks["name"]: window for window in world.tmux.windows.values()}
    if fault == "kill" and what in there and there[what].process.alive:
        world.kill(what)
    elif fault == "close" and what in there:
        world.machine.kill(there[what].process.pid)
        del world.tmux.windows[there[what].pane_id]
    elif fault == "server":
        world.tmux.answers = True  # a dead server is known to be gone
        world.tmux.kill_server()
    elif fault == "silent":
        world.tmux.answers = what == "no"
    elif fault in {"up", "down", "restart"}:
        world.ask(Verb(fault), *([what] if what else []))
    elif fault == "crash":
        world.crash()
    elif fault == "wait":
        world.settle(float(what))


def judge(world: World, before: Memory, made: Plan, state: ServerState) -> None:
    """The invariants of one tick."""
    if state is ServerState.UNKNOWN:
        assert all(isinstance(action, RestoreSocket) for action in made.actions)
    started = [action.launch.name for action in made.actions if isinstance(action, Start)]
    assert len(started) == len(set(started)), "nobody is started twice in one tick"
    for name in started:
        assert made.memory.sessions[name].desire is not Desire.DOWN, "what was stopped stays stopped"
        alive = [w for w in world.tmux.windows.values() if w.marks["name"] == name and w.process.alive]
        assert not alive, "what runs is not started again"
    for action in made.actions:
        if isinstance(action, Paste | PressKey | CloseSession):
            window = world.tmux.windows.get(action.pane)
            assert window is not None
            assert window.marks["fleet"], "only panes of ours are touched"
        if isinstance(action, EndProcesses):
            runs = {before.sessions[action.name].run} if action.name in before.sessions else set()
            found = (world.machine.all[process.pid] for process in action.processes)
            assert all(process.run in runs or not process.run for process in found), (
                "nothing foreign is ended"
            )


@BOUNDED
@given(st.lists(FAULTS, min_size=3, max_size=14))
def test_no_fault_makes_a_tick_do_what_it_must_not(faults: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), PRELUDE + BODY)
        try:
            world.ask(Verb.UP)
            for fault, what in [("wait", "2"), *faults]:
                do(world, fault, what)
                observation, made = world.ticker.consider()
                assert plan(observation, world.memory, "UTC") == made, "the same input gives the same plan"
                judge(world, world.memory, made, observation.server)
                world.tick()
        finally:
            world.close()


@BOUNDED
@given(st.lists(FAULTS, min_size=1, max_size=10))
def test_once_the_faults_end_everything_wanted_runs_once_and_nothing_more_is_done(
    faults: list[tuple[str, str]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), PRELUDE + BODY)
        try:
            for fault, what in faults:
                do(world, fault, what)
                world.tick()
            world.tmux.answers = True
            world.ask(Verb.UP)
            world.ask(Verb.RESTART, "one", "two", "three", "db")
            world.settle(60)
            living = sorted(w.marks["name"] for w in world.tmux.windows.values() if w.process.alive)
            assert living == sorted(NAMES)
            assert not [action for made in world.settle(60) for action in made.actions], "it converges"
        finally:
            world.close()


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(0, 6), st.floats(30, 900), st.floats(0.0, 5.0))
def test_restarts_never_exceed_the_policy(most: int, window: float, lives: float) -> None:
    watchdog = f"[watchdog]\nmax_restarts = {most}\nrestart_window = {window}\nbackoff_max = 40\n"
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), PRELUDE + watchdog + agent("one"))
        try:
            world.ask(Verb.UP)
            starts: deque[float] = deque()
            for _ in range(120):
                made = world.settle(lives or 0.5)
                starts += [world.clock.mono() for p in made for a in p.actions if isinstance(a, Start)]
                if any(w.process.alive for w in world.tmux.windows.values()):
                    world.kill("one")
            # The slow tries of a failed session are `backoff_max` apart, less the jitter.
            slow = window / (40 * 0.75) + 1
            for first in range(len(starts)):
                within = [at for at in list(starts)[first:] if at - starts[first] < window]
                assert len(within) <= most + 2 + slow
        finally:
            world.close()
