"""A backend: its built-in profile with the keys of `[backend.NAME]` laid over it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, Final

from orchestrator.backends import load_profile, profile_names
from orchestrator.backends.rules import parse_rule
from orchestrator.config.findings import Findings
from orchestrator.config.locate import Lines
from orchestrator.config.shapes import Given
from orchestrator.config.tables.backend import BACKEND
from orchestrator.model.config import BackendSpec, PromptDelivery
from orchestrator.model.reading import RuleSpec, State

USER_PRIORITY: Final = 1000
"""Added to the priority of every rule of agents.toml, so that it comes before the profile's."""

SHORT_FORMS: Final = {
    "dialog_re": State.DIALOG,
    "active_re": State.WORKING,
    "limit_re": State.LIMITED,
    "auth_re": State.AUTH,
    "fatal_re": State.FATAL,
    "transient_re": State.TRANSIENT,
    "warning_re": State.WARNING,
    "ready_re": State.IDLE,
}
"""Patterns that stand for a rule, and what they say. They share one priority, so their order
decides: what forbids typing first; a working agent's old error messages do not count; a prompt
box, which is nearly always there, last."""

_MERGED = ("env", "dialog_keys")


@cache
def profile(name: str) -> Mapping[str, Any]:
    """A built-in profile, converted; `rules` are RuleSpecs.

    Raises:
        KeyError: there is no such profile.
        ValueError: the profile, which is part of the package, is wrong.
    """
    table = load_profile(name)
    rules = table.pop("rules", [])
    findings = Findings({"backend": {name: table}}, Lines(""), Path(f"{name}.toml"))
    read = BACKEND.read(table, ("backend", name), findings)
    if problems := findings.problems():
        raise ValueError("\n".join(problems))
    read["rules"] = tuple(parse_rule(rule, f"{name}.rules[{n}]") for n, rule in enumerate(rules))
    return dict(read)


def profile_of(name: str, given: Mapping[str, Any]) -> str | None:
    """Which built-in profile a backend starts from, or None."""
    chosen = given.get("preset", name)
    return chosen if chosen in profile_names() else None


def laid_over(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The profile's keys with the given ones over them; without defaults and rules."""
    start = profile_of(name, given)
    base = profile(start) if start else {}
    merged = {**base, **given}
    for key in _MERGED:
        if key in base and key in given:
            merged[key] = {**base[key], **given[key]}
    return merged


def backend_spec(name: str, given: Mapping[str, Any], findings: Findings) -> BackendSpec:
    """The backend as it will be used. `given` has passed all checks."""
    merged = laid_over(name, given)
    values = BACKEND.filled(merged, findings)
    for short_form in SHORT_FORMS:
        del values[short_form]
    start = profile_of(name, given)
    values["rules"] = (*user_rules(name, given), *(profile(start)["rules"] if start else ()))
    values["account"] = values["account"] or name
    if values["process_name"] is None:
        values["process_name"] = _program(values["bin"], values["prompt_delivery"])
    return BackendSpec(name=name, **values)


def user_rules(name: str, given: Mapping[str, Any]) -> list[RuleSpec]:
    """The rules that agents.toml adds to a backend, short forms first."""
    rules = [
        RuleSpec(state=state, pattern=pattern, priority=USER_PRIORITY, name=f"{name}.{key}")
        for key, state in SHORT_FORMS.items()
        for pattern in given.get(key, ())
    ]
    for number, table in enumerate(_given_rules(given)):
        raised = {**table, "priority": table.get("priority", 0) + USER_PRIORITY}
        rules.append(parse_rule(raised, f"{name}.rules[{number}]"))
    return rules


def _given_rules(given: Mapping[str, Any]) -> Sequence[Given]:
    rules: Sequence[Given] = given.get("rules", ())
    return rules


def _program(command: str, delivery: PromptDelivery) -> str:
    """The process a command line runs; "" for a template, whose program only the shell knows."""
    if delivery is PromptDelivery.EXEC:
        return ""
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    return PurePosixPath(words[0]).name if words else ""
