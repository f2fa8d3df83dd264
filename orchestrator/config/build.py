"""Checked tables → the frozen types of the model, with every default filled in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from orchestrator.config.declared import Declared
from orchestrator.config.findings import Findings
from orchestrator.config.profiles import backend_spec
from orchestrator.config.shapes import Given
from orchestrator.config.tables.agents import AGENT, SERVICE
from orchestrator.config.tables.fleet import DEFAULTS, WATCHDOG
from orchestrator.config.tables.loop import HANDOFF, LOOP, ON_COMPLETE, PHASE
from orchestrator.model.config import (
    AgentSpec,
    BackendSpec,
    Config,
    Defaults,
    HandoffSpec,
    Kind,
    LoopSpec,
    OnCompleteSpec,
    PhaseSpec,
    ServiceSpec,
    WakeSpec,
    WatchdogSettings,
)

_FROM_DEFAULTS = ("backend", "model", "watch", "dir", "enabled", "resume")


def build(declared: Declared, findings: Findings, path: Path, digest: str) -> Config:
    """The config of a file in which no problem was found."""
    return _Build(declared, findings).config(path, digest)


class _Build:
    def __init__(self, declared: Declared, findings: Findings) -> None:
        self._declared = declared
        self._findings = findings
        self._defaults = DEFAULTS.filled(declared.defaults, findings)
        self._defaults["project_dir"] = findings.project_dir
        self._defaults["dir"] = self._defaults["dir"] or findings.project_dir

    def config(self, path: Path, digest: str) -> Config:
        agents = tuple(self._agent(given) for given in self._declared.agents)
        shared = {key: value for key, value in self._defaults.items() if key not in _FROM_DEFAULTS}
        return Config(
            path=path,
            defaults=Defaults(**shared),
            watchdog=WatchdogSettings(**WATCHDOG.filled(self._declared.watchdog, self._findings)),
            backends=self._backends(agents),
            agents=agents,
            services=tuple(self._service(given) for given in self._declared.services),
            loops=tuple(self._loop(given) for given in self._declared.loops),
            digest=digest,
        )

    def _backends(self, agents: tuple[AgentSpec, ...]) -> dict[str, BackendSpec]:
        used: dict[str, dict[str, Any]] = {agent.backend: {} for agent in agents}
        given = {**used, **self._declared.backends}
        return {name: backend_spec(name, keys, self._findings) for name, keys in given.items()}

    def _agent(self, given: Given) -> AgentSpec:
        values = AGENT.filled(given, self._findings)
        for key in _FROM_DEFAULTS:
            if key not in given:
                values[key] = self._defaults[key]
        if values["kind"] is Kind.LOOP and values["loop"] is None:
            loop = self._declared.loop_of(given)
            values["loop"] = None if loop is None else loop.get("name", "loop")
        if "wake" in given:
            values["wake"] = WakeSpec(**given["wake"])
        values["session"] = values["session"] or self._session(given)
        return AgentSpec(**values, line=self._findings.line(given.at))

    def _service(self, given: Given) -> ServiceSpec:
        values = SERVICE.filled(given, self._findings)
        values["dir"] = values["dir"] or self._findings.project_dir
        return ServiceSpec(**values, session=self._session(given), line=self._findings.line(given.at))

    def _session(self, given: Given) -> str:
        return f"{self._defaults['session_prefix']}{given['name']}"

    def _loop(self, given: Given) -> LoopSpec:
        values = LOOP.filled(given, self._findings)
        values["phases"] = tuple(PhaseSpec(**PHASE.filled(p, self._findings)) for p in values["phases"])
        if "handoff" in given:
            values["handoff"] = self._handoff(given["handoff"])
        if "on_complete" in given:
            values["on_complete"] = OnCompleteSpec(**ON_COMPLETE.filled(given["on_complete"], self._findings))
        return LoopSpec(**values)

    def _handoff(self, given: Given) -> HandoffSpec:
        values: dict[str, Any] = HANDOFF.filled(given, self._findings)
        values["repo"] = values["repo"] or self._findings.project_dir
        return HandoffSpec(**values)
