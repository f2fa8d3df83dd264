"""What holds of a loop whatever is committed, and whenever its watchdog dies."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.event import EventKind
from orchestrator.model.memory import Delivery
from orchestrator.model.request import Verb
from tests.properties.happenings import bounded
from tests.support.builders import PRELUDE, agent, table
from tests.support.world import World

PHASES = ("one", "two")
CONFIG = (
    PRELUDE
    + agent("builder", backend="chat", kind="loop", role="builder")
    + agent("adversary", backend="chat", kind="loop", role="adversary")
    + '[loop]\nrequire_review = true\ngate = "check"\nphases = ['
    + ", ".join(f'{{ id = "{each}", status = "{each}.md" }}' for each in PHASES)
    + "]\n"
    + table("agent", "reporter", {"kind": "task", "enabled": False, "prompt": "report"})
    + '[loop.handoff]\n[loop.on_complete]\nrun = "reporter"\n'
)
STEPS = st.lists(
    st.sampled_from(
        [
            *("claim", "claim", "review", "review", "other", "done", "done", "undone"),
            *(
                "tick",
                "tick",
                "run",
                "run",
                "crash",
                "restart",
                "pass",
                "pass",
                "fail",
                "kill",
                "remote-gone",
                "remote-back",
            ),
        ]
    ),
    min_size=5,
    max_size=60,
)


PHASE = [
    "claim",
    "tick",
    "review",
    "crash",
    "done",
    "tick",
    "fail",
    "tick",
    "done",
    "crash",
    "run",
    "pass",
    "crash",
    "run",
]
THROUGH = [*PHASE, *PHASE]
"""Two phases to the end, the watchdog killed where it hurts."""


@contextmanager
def loop() -> Iterator[World]:
    with tempfile.TemporaryDirectory() as folder:
        prompts = Path(folder) / "prompts"
        prompts.mkdir()
        for role in ("builder", "adversary"):
            (prompts / f"{role}.md").write_text("work")
        world = World(Path(folder), CONFIG)
        try:
            world.handoffs.commit("begin")
            world.ask(Verb.UP)
            world.settle(3.0)
            yield world
        finally:
            world.close()


def act(world: World, step: str) -> None:
    """Do one step."""
    repository, phase = world.handoffs, world.memory.phases["loop"].phase_id
    number = len(repository.commits)
    does: dict[str, Callable[[], object]] = {
        "claim": lambda: repository.commit(f"claim: {number}"),
        "review": lambda: repository.commit(f"review: {number}"),
        "other": lambda: repository.commit("just a commit"),
        "done": lambda: repository.commit("status", **{f"{phase}.md": f"## DONE\nat {number}\n"}),
        "undone": lambda: repository.commit("status", **{f"{phase}.md": "## DONE\nnot yet\n"}),
        "pass": lambda: world.gates.running() and world.gates.finish("loop", passed=True),
        "fail": lambda: world.gates.running() and world.gates.finish("loop", passed=False),
        "remote-gone": lambda: setattr(repository, "trouble", "it is away"),
        "remote-back": lambda: setattr(repository, "trouble", ""),
        "kill": lambda: kill(world),
        "tick": world.tick,
        "run": lambda: world.settle(5.0),
        "crash": world.crash,
        "restart": world.restart_watchdog,
    }
    does[step]()


def kill(world: World) -> None:
    """End the program of a session, if one lives."""
    for window in world.tmux.windows.values():
        if window.process.alive:
            world.machine.kill(window.process.pid, status=None, signal=9)
            return


def events(world: World, *kinds: EventKind) -> list[tuple[str, dict[str, object]]]:
    return [
        (e.event.message, dict(e.event.data))
        for e in world.store.events(limit=100_000)
        if e.event.kind in kinds
    ]


@bounded
@given(STEPS)
def test_each_commit_is_told_once_and_none_is_lost(steps: list[str]) -> None:
    with loop() as world:
        queued: set[str] = set()
        for step in steps:
            act(world, step)
            queued |= {
                commit
                for each in world.memory.sessions.values()
                for d in each.deliveries
                for commit in said(d)
            }
        world.handoffs.trouble = ""
        complete = world.memory.phases["loop"].complete
        world.settle(5.0)
        told = Counter(str(data["commit"]) for _, data in events(world, EventKind.HANDOFF))
        assert all(count == 1 for count in told.values()), told
        made = {
            name for name, subject, _ in world.handoffs.commits if subject.startswith(("claim", "review"))
        }
        assert set(told) <= made
        assert complete or world.memory.phases["loop"].complete or set(told) == made
        assert queued <= made


def said(delivery: Delivery) -> tuple[str, ...]:
    return delivery.commits if "/gate" not in delivery.key else ()


@bounded
@given(STEPS)
def test_a_phase_ends_only_when_it_is_done_reviewed_and_through_its_gate(steps: list[str]) -> None:
    with loop() as world:
        for step in steps:
            before = world.memory.phases["loop"]
            act(world, step)
            after = world.memory.phases["loop"]
            if (before.phase_id, before.complete) != (after.phase_id, after.complete):
                assert any(s == "pass" for s in steps)
                assert any(s == "review" for s in steps)
                assert any(s == "done" for s in steps)
        moves = events(world, EventKind.PHASE_MOVED, EventKind.SEQUENCE_COMPLETE)
        passed = events(world, EventKind.GATE_PASSED)
        assert len(moves) <= len(passed)
        assert [message.split(" ")[0] for message, _ in moves] == list(PHASES[: len(moves)])
        starts = [
            e for e in world.store.events(subject="reporter", limit=1000) if e.event.kind is EventKind.STARTED
        ]
        assert len(starts) <= int(len(moves) == len(PHASES))


def test_the_example_reaches_the_end() -> None:
    with loop() as world:
        for step in THROUGH:
            act(world, step)
        assert world.memory.phases["loop"].complete
        assert len(events(world, EventKind.GATE_FAILED)) == 2
        assert len(events(world, EventKind.HANDOFF)) == 4
        assert [
            message.split(" ")[0]
            for message, _ in events(world, EventKind.PHASE_MOVED, EventKind.SEQUENCE_COMPLETE)
        ] == ["one", "two"]
