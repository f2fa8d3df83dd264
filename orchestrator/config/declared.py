"""The good part of a file, table by table, for checks that need several tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.config.shapes import Given


@dataclass(frozen=True)
class Declared:
    """What a file declares; a key or table with a problem of its own is left out."""

    defaults: Given
    watchdog: Given
    backends: Mapping[str, Given]
    agents: Sequence[Given]
    services: Sequence[Given]
    loops: Sequence[Given]

    @classmethod
    def of(cls, doc: Given) -> Declared:
        """The tables of a whole file."""
        return cls(
            defaults=doc.get("defaults", Given(("defaults",))),
            watchdog=doc.get("watchdog", Given(("watchdog",))),
            backends=doc.get("backend", {}),
            agents=doc.get("agent", ()),
            services=doc.get("service", ()),
            loops=doc.get("loop", ()),
        )

    def loop_of(self, agent: Given) -> Given | None:
        """The loop an agent belongs to: the one it names, or the only one."""
        if "loop" in agent:
            return next((x for x in self.loops if x.get("name", "loop") == agent["loop"]), None)
        return self.loops[0] if len(self.loops) == 1 else None
