"""`ao phase`: where a loop stands, and moving it."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.adapters.store import Store
from orchestrator.commands.drive import OpenDriver, carry_out
from orchestrator.commands.fleet import Fleet, Listener, new_request
from orchestrator.decide.phases import phase_index
from orchestrator.errors import UsageError
from orchestrator.model.config import LoopSpec
from orchestrator.model.memory import LoopMemory, PhaseMemory
from orchestrator.model.request import FAILURES, Verb
from orchestrator.model.text import printable

PATIENCE = 15.0


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one loop stands.

    index: of the current phase, from 0; -1 when it has none. waits: why that does not end, for people; "" when it is not known yet.
    trouble: why its repository can't be seen, "" when it can.
    """

    loop: str
    index: int
    phases: tuple[str, ...]
    complete: bool
    waits: str = ""
    trouble: str = ""

    @property
    def phase(self) -> str:
        """Id of the current phase, "" when the loop has none."""
        return self.phases[self.index] if self.index >= 0 else ""


def show(fleet: Fleet) -> tuple[Standing, ...]:
    """Every loop's standing, in the order of the config."""
    memory: dict[str, PhaseMemory] = {}
    known: dict[str, LoopMemory] = {}
    if fleet.store_path.exists():
        store = Store(fleet.store_path, read_only=True)
        try:
            memory, known = dict(store.phases()), store.loops()
        finally:
            store.close()
    return tuple(
        standing_of(loop, memory.get(loop.name, PhaseMemory()), known.get(loop.name, LoopMemory()))
        for loop in fleet.config.loops
    )


def move(
    fleet: Fleet, argument: str, loop: str | None, listen: Listener, open_driver: OpenDriver
) -> Standing:
    """Move a loop: "next", a phase's id, or its number from 0.

    Raises:
        UsageError: there is no such loop or phase; the message lists what there is.
    """
    spec = choose_loop(fleet, loop)
    answer = carry_out(
        fleet,
        new_request(Verb.PHASE, (), PATIENCE, argument=printable(argument), loop=spec.name),
        listen,
        open_driver,
    )
    outcome = answer.outcomes.get(spec.name)
    if outcome is not None and outcome.result in FAILURES:
        raise UsageError(outcome.detail)
    return next(standing for standing in show(fleet) if standing.loop == spec.name)


def choose_loop(fleet: Fleet, name: str | None) -> LoopSpec:
    """The named loop, or the only one.

    Raises:
        UsageError: it is not clear which one is meant.
    """
    loops = {loop.name: loop for loop in fleet.config.loops}
    if not loops:
        raise UsageError(f"{fleet.config.path} has no [loop]")
    if name is None and len(loops) == 1:
        return next(iter(loops.values()))
    if name not in loops:
        raise UsageError(f"which loop? there are: {', '.join(loops)}", "name it with --loop")
    return loops[name]


def standing_of(loop: LoopSpec, memory: PhaseMemory, known: LoopMemory) -> Standing:
    """Where a loop stands, from what is remembered of it."""
    index = phase_index(loop, memory) if loop.phases else -1
    ids = tuple(phase.id for phase in loop.phases)
    return Standing(
        loop.name, index, ids, memory.complete, "" if memory.complete else known.waits, known.trouble
    )
