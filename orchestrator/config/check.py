"""What one table can't tell alone: names that are taken, and names that point nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orchestrator.config.check_backends import check_backend, check_backend_name
from orchestrator.config.check_loops import check_loop, check_loop_agent, check_loop_names
from orchestrator.config.declared import Declared
from orchestrator.config.findings import Findings
from orchestrator.config.shapes import Given
from orchestrator.config.tables.fleet import WATCHDOG
from orchestrator.config.words import quoted, seconds
from orchestrator.model.config import Kind

RESERVED: Final = "watchdog"
"""Name under which `ao logs` and `ao status` show the watchdog itself."""


def check(declared: Declared, findings: Findings) -> None:
    """Note every problem between tables."""
    _check_backoff(declared.watchdog, findings)
    _check_names(declared, findings)
    _check_sessions(declared, findings)
    check_backend_name(declared.defaults, declared, findings)
    for name, backend in declared.backends.items():
        check_backend(name, backend, declared, findings)
    for agent in declared.agents:
        _check_agent(agent, declared, findings)
    check_loop_names(declared, findings)
    for loop in declared.loops:
        check_loop(loop, declared, findings)


def _check_backoff(given: Given, findings: Findings) -> None:
    values = WATCHDOG.filled(given, findings)
    first, longest = values["backoff_initial"], values["backoff_max"]
    if first <= longest:
        return
    if "backoff_initial" in given:
        findings.add((*given.at, "backoff_initial"), f"is longer than backoff_max ({seconds(longest)})")
    else:
        findings.add((*given.at, "backoff_max"), f"is shorter than backoff_initial ({seconds(first)})")


def _named(declared: Declared) -> Iterator[tuple[str, Given]]:
    """Everything that has a session, with its name."""
    for table in (*declared.agents, *declared.services):
        if "name" in table:
            yield table["name"], table


def _check_names(declared: Declared, findings: Findings) -> None:
    seen: dict[str, Given] = {}
    for name, table in _named(declared):
        at = (*table.at, "name")
        if name == RESERVED:
            findings.add(at, f"{quoted(name)} is reserved for the watchdog itself")
        first = seen.setdefault(name, table)
        if first is not table:
            line = findings.line((*first.at, "name"))
            findings.add(at, f"{quoted(name)} is already the name of the {first.at[0]} on line {line}")


def _check_sessions(declared: Declared, findings: Findings) -> None:
    seen: dict[str, Given] = {}
    prefix = declared.defaults.get("session_prefix", "")
    for name, table in dict(reversed(list(_named(declared)))).items():
        seen.setdefault(table.get("session", prefix + name), table)
    for name, table in _named(declared):
        session = table.get("session", prefix + name)
        first = seen[session]
        if first is not table and first["name"] != name:
            owner, line = findings.owner(first.at), findings.line(first.at)
            key = "session" if "session" in table else "name"
            findings.add(
                (*table.at, key), f"its session {quoted(session)} is also that of {owner} on line {line}"
            )


def _check_agent(agent: Given, declared: Declared, findings: Findings) -> None:
    check_backend_name(agent, declared, findings)
    if not _has_backend(agent) and not _has_backend(declared.defaults):
        findings.add((*agent.at, "backend"), "missing; name one here or in [defaults]")
    if "prompt" in agent and "prompt_file" in agent:
        findings.add((*agent.at, "prompt_file"), "prompt is given too; keep one of the two")
    if agent.get("kind") is Kind.LOOP or "loop" in agent:
        check_loop_agent(agent, declared, findings)


def _has_backend(table: Given) -> bool:
    return "backend" in table or "backend" in table.bad
