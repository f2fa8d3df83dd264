"""AGENT_BACKEND_<name> and AGENT_MODEL_<name>: another backend or model for one invocation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from orchestrator.backends import profile_names
from orchestrator.config.findings import Findings
from orchestrator.config.locate import Lines
from orchestrator.config.profiles import backend_spec
from orchestrator.config.words import did_you_mean, quoted
from orchestrator.errors import ConfigError
from orchestrator.model.config import AgentSpec, BackendSpec, Config


def override(config: Config, env: Mapping[str, str]) -> Config:
    """The config with what the environment says of single agents.

    Only for the command line: a watchdog that saw these would undo them, or make them last.
    A name with "-" may be written with "_", since no shell can export the former.

    Raises:
        ConfigError: a variable names a backend that does not exist.
    """
    names = {agent.name for agent in config.agents}
    backends = dict(config.backends)
    agents = []
    for agent in config.agents:
        variable, backend = _lookup("AGENT_BACKEND_", agent, names, env)
        _, model = _lookup("AGENT_MODEL_", agent, names, env)
        if backend and backend not in backends:
            backends[backend] = _built_in(variable, backend, config)
        agents.append(replace(agent, backend=backend or agent.backend, model=model or agent.model))
    return replace(config, agents=tuple(agents), backends=backends)


def _lookup(prefix: str, agent: AgentSpec, names: set[str], env: Mapping[str, str]) -> tuple[str, str | None]:
    """The variable for an agent, and its value."""
    exact, exportable = prefix + agent.name, agent.name.replace("-", "_")
    if exact in env or exportable in names:
        return exact, env.get(exact)
    return prefix + exportable, env.get(prefix + exportable)


def _built_in(variable: str, name: str, config: Config) -> BackendSpec:
    known = sorted({*config.backends, *profile_names()})
    if name not in known:
        raise ConfigError(
            f"{variable}: there is no backend {quoted(name)}{did_you_mean(name, known)}",
            f"known: {', '.join(known)}",
        )
    spec = backend_spec(name, {}, Findings({}, Lines(""), config.path))
    if not spec.bin:
        raise ConfigError(
            f"{variable}: the profile {quoted(name)} names no program", f"add [backend.{name}] with bin"
        )
    return spec
