"""The names under which a session finds, in its environment, who it is."""

from __future__ import annotations

RUN = "AO_RUN"
"""Id of the run; every process of a session inherits it, which is how its members are told."""
NAME = "AO_AGENT"
CONFIG = "AO_CONFIG"
"""Path of agents.toml, so that `ao` works inside a session."""
STATE = "AO_STATE"
"""Path of the state folder, for the hooks of the program."""
