"""Config and phases to the sessions that are declared, each with the hash of what it is started from.

The hash covers what the running process would notice (program, arguments, environment, folder, the
phase it works on) and nothing else: editing `watch` or the text of a prompt restarts nobody.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from orchestrator.decide.launch import hook_form
from orchestrator.model.config import (
    AgentSpec,
    BackendSpec,
    Config,
    FromEnv,
    Kind,
    LoopSpec,
    PhaseSpec,
    ServiceSpec,
    Watch,
)
from orchestrator.model.launch import Kickoff, LaunchSpec
from orchestrator.model.memory import PhaseMemory
from orchestrator.model.wanted import Wanted

Env = Mapping[str, str | FromEnv]


def wanted_sessions(config: Config, phases: Mapping[str, PhaseMemory]) -> tuple[Wanted, ...]:
    """Every declared session, services first, in the order of the file."""
    return _wanted_sessions(config, tuple(sorted(phases.items(), key=lambda item: item[0])))


@lru_cache(maxsize=4)
def _wanted_sessions(config: Config, standing: tuple[tuple[str, PhaseMemory], ...]) -> tuple[Wanted, ...]:
    """The same for the same config, so every tick after the first gets it for a look-up."""
    phases = dict(standing)
    services = [_service(config, service, place) for place, service in enumerate(config.services)]
    agents = [_agent(config, agent, len(services) + i, phases) for i, agent in enumerate(config.agents)]
    return (*services, *agents)


def current_phase(loop: LoopSpec, phases: Mapping[str, PhaseMemory]) -> PhaseSpec | None:
    """The phase a loop is in: found by its id, so that phases may be inserted before it; None without phases."""
    if not loop.phases:
        return None
    memory = phases.get(loop.name, PhaseMemory())
    by_id = next((phase for phase in loop.phases if phase.id == memory.phase_id), None)
    return by_id or loop.phases[min(memory.index, len(loop.phases) - 1)]


def spec_hash(launch: LaunchSpec, loop_phase: str = "") -> str:
    """Hash of what a process started from this would notice."""
    backend = launch.backend
    noticed = {
        "kind": launch.kind,
        "dir": str(launch.dir),
        "command": launch.command,
        "backend": _noticed(backend) if backend else None,
        "model": launch.model,
        "env": {key: _plain(value) for key, value in sorted(launch.env.items())},
        "inherit": launch.inherit_env,
        "phase": loop_phase,
    }
    return hashlib.blake2b(json.dumps(noticed, sort_keys=True).encode(), digest_size=8).hexdigest()


def _noticed(backend: BackendSpec) -> list[object]:
    return [
        backend.bin, backend.flags, backend.prompt_delivery, backend.prompt_arg, backend.model_flag, dict(backend.model_env),
        backend.session_id_flag, backend.resume_flag, backend.remote_control, backend.remote_control_flag,
        backend.preamble, backend.attach, backend.server, *(["hooks"] if hook_form(backend) else []),
    ]  # fmt: skip


def _plain(value: str | FromEnv) -> object:
    return {"from": value.variable} if isinstance(value, FromEnv) else value


def _service(config: Config, service: ServiceSpec, place: int) -> Wanted:
    launch = LaunchSpec(
        name=service.name, session=service.session, kind=Kind.SERVICE, dir=service.dir, command=service.command,
        env={**config.defaults.env, **service.env}, inherit_env=config.defaults.inherit_env,
    )  # fmt: skip
    return Wanted(
        name=service.name, session=service.session, kind=Kind.SERVICE, launch=launch, spec=spec_hash(launch),
        watch=Watch.HEAL if service.restart else Watch.NONE, heal=service.restart, enabled=True, resume=False,
        needs=(), stop_grace=service.stop_grace, place=place,
    )  # fmt: skip


def _agent(config: Config, agent: AgentSpec, place: int, phases: Mapping[str, PhaseMemory]) -> Wanted:
    backend = config.backends[agent.backend]
    loop = config.loop(agent.loop) if agent.loop else None
    phase = current_phase(loop, phases) if loop else None
    launch = LaunchSpec(
        name=agent.name, session=agent.session, kind=agent.kind, backend=backend,
        dir=config.worktrees_dir / agent.name if agent.worktree else agent.dir,
        worktree_of=agent.dir if agent.worktree else None,
        model=_model(agent, phase), kickoff=_kickoff(agent, loop, phase),
        env={**config.defaults.env, **backend.env, **agent.env}, inherit_env=config.defaults.inherit_env,
    )  # fmt: skip
    where = f"{loop.name}/{phase.id}/{agent.role}" if loop and phase else ""
    return Wanted(
        name=agent.name, session=agent.session, kind=agent.kind, launch=launch, spec=spec_hash(launch, where),
        watch=agent.watch, heal=agent.watch is not Watch.NONE, enabled=agent.enabled,
        resume=agent.resume and backend.supports_resume, needs=backend.needs, stop_grace=agent.stop_grace, place=place,
        wake=None if _is_all_over(config, phases) else agent.wake,
        over=agent.kind is Kind.LOOP and loop is not None and phases.get(loop.name, PhaseMemory()).complete,
    )  # fmt: skip


def _is_all_over(config: Config, phases: Mapping[str, PhaseMemory]) -> bool:
    """Whether there are loops, and all of them are through: then nobody is woken for them any more."""
    return bool(config.loops) and all(phases.get(loop.name, PhaseMemory()).complete for loop in config.loops)


def _model(agent: AgentSpec, phase: PhaseSpec | None) -> str:
    by_role = phase.models.get(agent.role or "") if phase else None
    return by_role or agent.model or ""


def _kickoff(agent: AgentSpec, loop: LoopSpec | None, phase: PhaseSpec | None) -> Kickoff:
    own = agent.prompt_file or agent.prompt
    kickoff = Kickoff(parts=(own,) if own else (), persona=agent.persona)
    if agent.kind is not Kind.LOOP or loop is None:
        return kickoff
    role = agent.role or ""
    values = {"role": role, "name": agent.name, "loop": loop.name}
    if phase:
        values |= {"phase_id": phase.id, "plan": phase.plan, "status": phase.status}
    return replace(
        kickoff,
        parts=(loop.roles_dir / f"{role}.md", *kickoff.parts),
        template=loop.kickoff_template,
        values=values,
    )
