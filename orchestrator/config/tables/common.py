"""Types that several tables use."""

from __future__ import annotations

from typing import Final

from orchestrator.config.shapes import MapOf
from orchestrator.config.values import ENV_NAME, EnvValue, Matching

VARIABLE: Final = Matching(ENV_NAME, "a variable's name (letters, digits and _)")
ENVIRONMENT: Final = MapOf(VARIABLE, EnvValue())
