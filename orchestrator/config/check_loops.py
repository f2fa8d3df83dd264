"""Checks of [loop], its phases, and the agents that work in it."""

from __future__ import annotations

from orchestrator.config.declared import Declared
from orchestrator.config.findings import Findings
from orchestrator.config.shapes import Given, Must, standing
from orchestrator.config.tables.loop import LOOP
from orchestrator.config.words import did_you_mean, quoted
from orchestrator.model.config import Kind


def check_loop_names(declared: Declared, findings: Findings) -> None:
    """Several loops need names, and different ones."""
    seen: dict[str, Given] = {}
    for loop in declared.loops:
        at = (*loop.at, "name")
        if "name" not in loop:
            if len(declared.loops) > 1 and "name" not in loop.bad:
                findings.add(at, "missing; with several loops each needs one")
            continue
        first = seen.setdefault(loop["name"], loop)
        if first is not loop:
            line = findings.line((*first.at, "name"))
            findings.add(at, f"{quoted(loop['name'])} is already the name of the loop on line {line}")


def check_loop_agent(agent: Given, declared: Declared, findings: Findings) -> None:
    """An agent of a loop must belong to one that exists, and have a role with a prompt."""
    loop = declared.loop_of(agent)
    names = list(dict.fromkeys(x.get("name", "loop") for x in declared.loops))
    if loop is None and "loop" in agent:
        known = f" (known: {', '.join(names)})" if names else ""
        text = f"there is no loop {quoted(agent['loop'])}{did_you_mean(agent['loop'], names)}{known}"
        findings.add((*agent.at, "loop"), text)
    elif loop is None and "loop" not in agent.bad:
        text = f"missing; say which of {', '.join(names)}" if names else "missing; this file has no [loop]"
        findings.add((*agent.at, "loop"), text)
    if agent.get("kind") is Kind.LOOP:
        _check_role(agent, loop, findings)


def _check_role(agent: Given, loop: Given | None, findings: Findings) -> None:
    at = (*agent.at, "role")
    if "role" not in agent:
        if "role" not in agent.bad:
            findings.add(at, "missing; an agent of kind loop needs one")
    elif loop is not None and "roles_dir" not in loop.bad:
        roles = LOOP.filled(loop, findings)["roles_dir"]
        if problem := standing(roles / f"{agent['role']}.md", Must.FILE):
            findings.add(at, f"its prompt: {problem}")


def check_loop(loop: Given, declared: Declared, findings: Findings) -> None:
    """The phases of a loop need different ids, and the agents that it names must exist."""
    seen: dict[str, Given] = {}
    for phase in loop.get("phases", ()):
        if "id" in phase and (first := seen.setdefault(phase["id"], phase)) is not phase:
            line = findings.line((*first.at, "id"))
            findings.add(
                (*phase.at, "id"), f"{quoted(phase['id'])} is already the id of the phase on line {line}"
            )
    handoff = loop.get("handoff", Given(()))
    for key in ("claim_pings", "review_pings"):
        _check_agent_name(handoff, key, declared, findings)
    _check_on_complete(loop.get("on_complete", Given(())), declared, findings)


def _check_agent_name(table: Given, key: str, declared: Declared, findings: Findings) -> Given | None:
    """The agent that a key names; None when the key is not given or names nobody."""
    name = table.get(key)
    if not name:
        return None
    named = {agent["name"]: agent for agent in declared.agents if "name" in agent}
    if name not in named:
        findings.add((*table.at, key), f"there is no agent {quoted(name)}{did_you_mean(name, named)}")
    return named.get(name)


def _check_on_complete(given: Given, declared: Declared, findings: Findings) -> None:
    agent = _check_agent_name(given, "run", declared, findings)
    if agent is not None and agent.get("kind") is not Kind.TASK and "kind" not in agent.bad:
        text = f'the agent {quoted(agent["name"])} must have kind = "task", so that its exit is no death'
        findings.add((*given.at, "run"), text)
