"""Every table and key of agents.toml, declared once.

The checks, the defaults, the JSON Schema and docs/config.md all come from here.
"""

from __future__ import annotations

from typing import Final

from orchestrator.config.shapes import Key, ListOf, MapOf, OneOrMany, Table
from orchestrator.config.tables.agents import AGENT, SERVICE, WAKE
from orchestrator.config.tables.backend import BACKEND, RULE
from orchestrator.config.tables.fleet import DEFAULTS, WATCHDOG
from orchestrator.config.tables.loop import HANDOFF, LOOP, ON_COMPLETE, PHASE
from orchestrator.config.values import Name

ROOT: Final = Table(
    "",
    "",
    Key("defaults", DEFAULTS, "The fleet, and what every agent shares", required=True),
    Key("watchdog", WATCHDOG, "How the watchdog looks after the fleet"),
    Key("backend", MapOf(Name(), BACKEND), "Agent programs, by name"),
    Key("agent", ListOf(AGENT, tables="agent"), "The agents"),
    Key("service", ListOf(SERVICE, tables="service"), "Programs that agents need"),
    Key("loop", OneOrMany(LOOP), "Phased work handed from agent to agent"),
)
"""The whole file."""

TABLES: Final = (
    DEFAULTS,
    WATCHDOG,
    BACKEND,
    RULE,
    AGENT,
    WAKE,
    SERVICE,
    LOOP,
    PHASE,
    HANDOFF,
    ON_COMPLETE,
)
"""Every table, in the order in which the reference shows them."""
