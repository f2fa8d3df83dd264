"""One tick: observe, assess and plan, store, apply. START READING HERE.

    wake ──▶ observe ──▶ plan (assess, then one rule per file in decide/) ──▶ store ──▶ apply
             reads       pure: (observation, memory) → plan                   before    writes
             only                                                            any effect only

Every tick works from the whole picture, never from what woke it. Memory is stored before anything
is done, so a crash between the two counts a restart that did not happen, and the next tick sees
what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestrator.decide.plan import plan
from orchestrator.errors import AoError
from orchestrator.model.action import Plan
from orchestrator.model.memory import Memory
from orchestrator.model.observation import Observation
from orchestrator.watchdog.apply import Failed, Hands, apply
from orchestrator.watchdog.observe import Observer
from orchestrator.watchdog.ports import Snapshot


@dataclass(slots=True)
class Ticker:
    """What is carried from tick to tick.

    zone: IANA name of the machine's time zone. store_error: why the store can't be written, "" when it can.
    """

    observer: Observer
    hands: Hands
    memory: Memory
    zone: str
    store_error: str = ""
    _failed: Failed = field(default_factory=Failed)

    def tick(self, snapshot: Snapshot | None = None) -> Plan:
        """One whole tick; the plan that was carried out."""
        observation, made = self.consider(snapshot)
        self._save(made, observation)
        self.memory = made.memory
        self._failed = apply(made.actions, self.hands, observation.config)
        return made

    def consider(self, snapshot: Snapshot | None = None) -> tuple[Observation, Plan]:
        """The first half: what is seen, and what would be done. Changes nothing."""
        observation = self.observer.observe(self.memory, self._failed, snapshot)
        return observation, plan(observation, self.memory, self.zone)

    def _save(self, made: Plan, observation: Observation) -> None:
        """Store the plan; a store that can't be written does not keep the fleet from being healed."""
        try:
            self.hands.store.save(made, observation.now)
            self.store_error = ""
        except AoError as error:
            self.store_error = error.message
