"""What may happen to a fleet, made up by Hypothesis: faults, people, edits, and time that passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from orchestrator.model.action import Plan, Start
from orchestrator.model.request import Verb
from tests.support.builders import PRELUDE, agent, service
from tests.support.machine import FLEET, Behaviour
from tests.support.world import World

bounded = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow],
)
"""The same examples every time: a failure here is a failure everywhere."""

WATCHDOG = "[watchdog]\nmax_restarts = 3\nrestart_window = 120\nbackoff_max = 20\n"
STEADY = service("db") + agent("typed", backend="chat", prompt="Begin.", resume=True)
CONFIGS = (
    WATCHDOG
    + STEADY
    + agent("told", resume=True)
    + agent("unwatched", watch="none")
    + agent("job", kind="task"),
    WATCHDOG + STEADY + agent("told", resume=True, model="big") + agent("job", kind="task"),
    WATCHDOG
    + STEADY
    + agent("job", kind="task", enabled=False)
    + agent("renamed", session="f-told")
    + agent("unwatched"),
)
NAMES = ("told", "typed", "db", "unwatched", "job")
SCREENS = (
    "IDLE",
    "IDLE again",
    "WORKING",
    "FATAL",
    "FATAL",
    "DRAFT mine",
    "DIALOG sure?",
    "LIMITED",
    "what is this",
    "",
)

names = st.sampled_from(NAMES)
Names = st.SearchStrategy[str]
behaviours = st.builds(
    Behaviour,
    screen=st.sampled_from(SCREENS),
    exits=st.none() | st.integers(0, 2),
    after=st.sampled_from((0.0, 0.3, 5.0, 50.0)),
    ignores_term=st.booleans(),
    children=st.integers(0, 2),
    command=st.sampled_from(("", "other-tool")),
    deaf=st.integers(0, 5),
)


@dataclass(frozen=True)
class Happening:
    """One thing that happens; `words` tell it in a failing example."""

    words: str
    happen: Callable[[World], object] = field(repr=False, compare=False)


def _to(name: str, words: str, act: Callable[[World], object]) -> Happening:
    """Something that happens to a session, if there is one."""

    def happen(world: World) -> None:
        if any((w.marks["fleet"], w.marks["name"]) == (FLEET, name) for w in world.tmux.windows.values()):
            act(world)

    return Happening(f"{name}: {words}", happen)


def _used(world: World, name: str, *, there: bool) -> None:
    window = world.tmux.window(name)
    window.attached, window.used = there, world.clock.now()


def _replace(world: World, name: str, behaviour: Behaviour) -> None:
    """What is started from now on behaves so; what runs, ends."""
    world.tmux.behaviours[name] = behaviour
    _to(name, "ends", lambda w: w.kill(name, status=behaviour.exits or 0)).happen(world)


def _tmux(world: World, *, answers: bool, socket: bool) -> None:
    world.tmux.answers, world.tmux.socket = answers, socket


deaths = st.builds(lambda name, signal, late: _to(name, "killed", lambda w: w.kill(name, signal=signal, late=late)),
                   names, st.sampled_from((9, 15)), st.booleans())  # fmt: skip
closings = st.builds(lambda n: _to(n, "closed", lambda w: w.tmux.drop(w.tmux.window(n))), names)


def drawings(of: Names) -> st.SearchStrategy[Happening]:
    """A program shows something else."""
    return st.builds(
        lambda n, text: _to(n, f"shows {text!r}", lambda w: w.tmux.draw(n, text)),
        of,
        st.sampled_from(SCREENS),
    )


def attachments(of: Names) -> st.SearchStrategy[Happening]:
    """Somebody comes to a pane, or leaves it."""
    return st.builds(
        lambda n, there: _to(n, f"attached: {there}", lambda w: _used(w, n, there=there)), of, st.booleans()
    )


def programs(of: Names) -> st.SearchStrategy[Happening]:
    """A program ends, and behaves otherwise when it is started again."""
    return st.builds(lambda n, b: Happening(f"{n} becomes {b}", lambda w: _replace(w, n, b)), of, behaviours)


edits = st.builds(
    lambda number: Happening(f"config {number}", lambda w: w.configure(PRELUDE + CONFIGS[number])),
    st.integers(0, 2),
)
passings = st.builds(
    lambda s: Happening(f"{s} s pass", lambda w: w.pass_by(s)), st.sampled_from((0.02, 0.5, 3.0, 25.0))
)
watchdogs = st.sampled_from(
    (
        Happening("the watchdog starts anew", lambda w: w.restart_watchdog()),
        Happening("the watchdog dies before it acts", lambda w: w.crash()),
        Happening("the store is lost", lambda w: w.restart_watchdog(forget=True)),
    )
)
servers = st.sampled_from(
    (
        Happening("tmux dies", lambda w: w.tmux.kill_server()),
        Happening("tmux is silent", lambda w: _tmux(w, answers=False, socket=True)),
        Happening("tmux loses its socket", lambda w: _tmux(w, answers=True, socket=False)),
        *[Happening("tmux is well", lambda w: _tmux(w, answers=True, socket=True))] * 3,
        Happening("somebody has a session f-told", lambda w: w.tmux.foreign.add("f-told")),
        Happening("it is gone", lambda w: w.tmux.foreign.discard("f-told")),
    )
)
faults = (
    deaths
    | closings
    | drawings(names)
    | programs(names)
    | edits
    | watchdogs
    | servers
    | attachments(names)
    | passings
)


def wishes(*verbs: Verb) -> st.SearchStrategy[Happening]:
    """What people ask for."""
    one = st.builds(
        lambda verb, name: Happening(f"{verb} {name}", lambda w: w.ask(verb, name)),
        st.sampled_from(verbs),
        names,
    )
    all_of_them = [verb for verb in verbs if verb is not Verb.RESTART]
    every = st.builds(lambda verb: Happening(f"{verb}", lambda w: w.ask(verb)), st.sampled_from(all_of_them))
    return one | every if all_of_them else one


PAUSES = st.sampled_from((1.0, 0.0, 0.1, 8.0, 30.0))
"""Seconds; the first is what a failing example comes down to."""
anything = faults | wishes(*(verb for verb in Verb if verb is not Verb.PHASE))
stories = st.lists(st.tuples(anything, PAUSES), min_size=5, max_size=14)


_typed = st.just("typed")
typing = st.lists(
    st.tuples(
        drawings(_typed) | attachments(_typed) | programs(_typed) | watchdogs,
        st.sampled_from((0.0, 0.05, 0.3, 1.0, 30.0)),
    ),
    min_size=4,
    max_size=10,
)
"""What may happen to an agent just while its kickoff is being typed."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A plan, and the monotonic second at which it was carried out."""

    mono: float
    plan: Plan

    @property
    def starts(self) -> Iterator[Start]:
        return (action for action in self.plan.actions if isinstance(action, Start))


@contextmanager
def fleet(text: str = CONFIGS[0], *, up: bool = True) -> Iterator[World]:
    """A fleet in a folder of its own, asked up and settled."""
    with TemporaryDirectory() as folder:
        world = World(Path(folder), PRELUDE + text)
        try:
            if up:
                world.ask(Verb.UP)
                world.settle(5.0)
            yield world
        finally:
            world.close()


def watch(world: World, seconds: float) -> list[Moment]:
    """Let the watchdog run for so long; what it did and when."""
    return [Moment(world.clock.mono(), plan) for plan in world.run(seconds)]


def live(world: World, story: list[tuple[Happening, float]]) -> list[Moment]:
    """Let a story happen, the watchdog running for some seconds after each part of it."""
    moments: list[Moment] = []
    for happening, seconds in story:
        happening.happen(world)
        moments += watch(world, seconds)
    return moments
