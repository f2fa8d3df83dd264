"""`ao explain`: everything that is known of one session, gathered for the question why.

While a watchdog runs, what it stored is the answer: it acts on that. Without one, a look of its own
takes the place of the last tick.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from orchestrator.adapters import clock
from orchestrator.adapters.lock import Holder
from orchestrator.adapters.store import Store
from orchestrator.adapters.store_schema import StoreBroken
from orchestrator.commands.fleet import Fleet
from orchestrator.commands.phase import Standing, standing_of
from orchestrator.decide.assess import desired, gather, view
from orchestrator.decide.plan import on_this_boot
from orchestrator.decide.wanted import wanted_sessions
from orchestrator.errors import AoError
from orchestrator.model.action import Plan
from orchestrator.model.config import WatchdogSettings
from orchestrator.model.event import Recorded
from orchestrator.model.memory import Desire, LoopMemory, Memory, PhaseMemory, SessionMemory
from orchestrator.model.observation import Observation
from orchestrator.model.reading import RuleSpec
from orchestrator.model.view import View
from orchestrator.model.wanted import Wanted

EVENTS = 15
"""How many of the newest events about it are shown."""

Look = Callable[[], tuple[Observation, Plan]]


@dataclass(frozen=True, slots=True)
class Explanation:
    """One session, and what bears on it.

    session: as it is remembered, with the reading that counts now.
    wanted: what the config declares, None once that is gone.
    desire: what a person asked for, by its name or with the fleet; None: nobody asked.
    error: of the config or the store, "" when there is none.
    loop: where the loop that it belongs to stands, None when it belongs to none.
    due: what a watchdog would tell at once, where none runs.
    at, mono: now, in epoch seconds and on the clock that `session` has its stamps from; slept: what that one leaves out.
    """

    view: View
    session: SessionMemory
    wanted: Wanted | None
    desire: Desire | None
    settings: WatchdogSettings
    watchdog: Holder | None
    error: str
    events: tuple[Recorded, ...]
    due: tuple[str, ...]
    at: float
    mono: float
    slept: float = 0.0
    loop: Standing | None = None

    def wall(self, mono: float) -> float:
        """The instant, in epoch seconds, of a stamp of the monotonic clock."""
        return self.at + (mono - self.mono)

    def tried_at(self) -> float | None:
        """The instant, in epoch seconds, at which a limited session is told to go on; None when that is not set."""
        limit = self.session.limit
        if limit is None or limit.until is None or limit.trying or not self.session.held:
            return None
        return self.wall(limit.until - self.slept)

    def deaths(self) -> int:
        """How many deaths count now."""
        window = self.settings.restart_window
        return sum(self.mono - death < window for death in self.session.deaths)

    @property
    def rules(self) -> tuple[RuleSpec, ...]:
        """Its backend's, as the config has them; empty for a plain command and for a service."""
        backend = self.wanted.launch.backend if self.wanted else None
        return backend.rules if backend else ()

    def deciding_rule(self) -> RuleSpec | None:
        """The rule that gave the reading, None when it came without one."""
        reading = self.session.reading
        named = [rule for rule in self.rules if rule.name == reading.rule]
        return next((rule for rule in named if rule.state is reading.state), named[0] if named else None)

    def looked_for(self) -> Mapping[str, tuple[RuleSpec, ...]]:
        """The rules by the region that they look at, the strongest first."""
        regions: dict[str, list[RuleSpec]] = {}
        for rule in sorted(self.rules, key=lambda rule: -rule.priority):
            regions.setdefault(rule.region, []).append(rule)
        return {region: tuple(rules) for region, rules in regions.items()}


@dataclass(frozen=True, slots=True)
class _Known:
    """What explains, from the store or from a look."""

    views: tuple[View, ...]
    memory: Memory
    error: str
    events: tuple[Recorded, ...] = ()
    due: tuple[str, ...] = ()


def explain(fleet: Fleet, name: str, look: Look) -> Explanation:
    """Why one session is as it is.

    Args:
        fleet: whose.
        name: of an agent or a service; one that left the config and still runs has its name too.
        look: observes and plans by itself; used when no watchdog does.

    Raises:
        UsageError: nothing bears the name.
        AoError: the watchdog has not seen it yet.
        StoreBroken: the watchdog's store can't be read.
    """
    holder = fleet.watchdog()
    known = _stored(fleet, name) if holder else _looked(fleet, name, look)
    fleet.check_names([name], also=[each.name for each in known.views])
    row = next((each for each in known.views if each.name == name), None)
    if row is None:
        raise AoError(f"the watchdog has not seen {name} yet", "ask again in a moment")
    session = known.memory.sessions.get(name) or SessionMemory(name=name)
    declared = wanted_sessions(fleet.config, known.memory.phases)
    wanted = next((each for each in declared if each.name == name), None)
    return Explanation(
        view=row,
        session=session,
        wanted=wanted,
        desire=desired(wanted, session, known.memory),
        settings=fleet.config.watchdog,
        watchdog=holder,
        error=known.error,
        events=known.events,
        due=known.due,
        at=clock.now(),
        mono=clock.mono(),
        slept=clock.slept(),
        loop=_loop(fleet, name, known.memory),
    )


def _loop(fleet: Fleet, name: str, memory: Memory) -> Standing | None:
    """Where the loop of an agent stands."""
    agent = fleet.config.agent(name)
    loop = fleet.config.loop(agent.loop) if agent and agent.loop else None
    if loop is None:
        return None
    phase = memory.phases.get(loop.name, PhaseMemory())
    return standing_of(loop, phase, memory.loops.get(loop.name, LoopMemory()))


def _stored(fleet: Fleet, name: str) -> _Known:
    store = Store(fleet.store_path, read_only=True)
    try:
        return _Known(
            store.views(), store.load_memory(), store.config_error(), store.events(subject=name, limit=EVENTS)
        )
    finally:
        store.close()


def _looked(fleet: Fleet, name: str, look: Look) -> _Known:
    """What is so now, and not what the plan makes of it: that is of a tick that does not come."""
    observation, plan = look()
    try:
        stored = _stored(fleet, name)
    except StoreBroken as broken:
        # A fleet that was never started has none; only one that is there can be broken.
        stored = _Known((), Memory(), broken.message if fleet.store_path.exists() else "")
    memory = _with_reading(on_this_boot(stored.memory, observation), name, plan)
    return _Known(
        views=tuple(_as_it_is(view, memory, observation, plan) for view in plan.views),
        memory=memory,
        error=observation.config_error or stored.error,
        events=stored.events,
        due=tuple(event.message for event in plan.events if event.subject == name),
    )


def _with_reading(memory: Memory, name: str, plan: Plan) -> Memory:
    """The memory with one session's reading, and the limit that it shows, of just now."""
    if name not in plan.memory.sessions:
        return memory
    session = memory.sessions.get(name) or SessionMemory(name=name)
    seen = plan.memory.sessions[name]
    read = replace(session, reading=seen.reading, limit=seen.limit)
    return replace(memory, sessions={**memory.sessions, name: read})


def _as_it_is(planned: View, memory: Memory, observation: Observation, plan: Plan) -> View:
    """The view before the plan."""
    declared = wanted_sessions(observation.config, plan.memory.phases)
    found = gather(observation, memory, declared)
    return next((view(facts, observation) for facts in found if facts.memory.name == planned.name), planned)
