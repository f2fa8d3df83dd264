"""One entry of a `rules` list, checked and typed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from orchestrator.model.reading import BY_LINE, REGIONS, RuleSpec, State

_KEYS = tuple(field.name for field in fields(RuleSpec))


def parse_rule(table: Mapping[str, Any], default_name: str) -> RuleSpec:
    """A rule from its TOML table.

    Args:
        table: one entry of `rules`.
        default_name: the rule's name when the table gives none.

    Raises:
        ValueError: the table is no rule; one sentence says why.
    """
    unknown = sorted(set(table) - set(_KEYS))
    if unknown:
        raise ValueError(f"a rule has no key {unknown[0]!r}; its keys are {', '.join(_KEYS)}")
    for key in ("state", "pattern"):
        if key not in table:
            raise ValueError(f"a rule needs the key {key!r}")
    values: dict[str, Any] = {
        key: _text(table, key) for key in table if key not in {"state", "priority", "goes_on"}
    }
    goes_on = table.get("goes_on", False)
    if not isinstance(goes_on, bool):
        raise ValueError(f"goes_on must be true or false, not {goes_on!r}")  # noqa: TRY004 - wrong data, not a wrong call
    priority = table.get("priority", 0)
    if not isinstance(priority, int) or isinstance(priority, bool):
        raise ValueError(f"priority must be a whole number, not {priority!r}")  # noqa: TRY004 - wrong data, not a wrong call
    for key in ("pattern", "also_pattern"):
        _check_pattern(values.get(key, ""))
    for key in ("region", "also_region"):
        _check_region(values.get(key, ""))
    values.setdefault("name", default_name)
    return RuleSpec(state=_state(table["state"]), priority=priority, goes_on=goes_on, **values)


def _text(table: Mapping[str, Any], key: str) -> str:
    if not isinstance(table[key], str):
        raise ValueError(f"{key} must be text, not {table[key]!r}")  # noqa: TRY004 - as above
    return str(table[key])


def _state(value: Any) -> State:
    try:
        return State(value)
    except ValueError:
        raise ValueError(f"state is {value!r}; it must be one of {', '.join(State)}") from None


def _check_region(region: str) -> None:
    if region.startswith(BY_LINE):
        _check_pattern(region.removeprefix(BY_LINE))
    elif region and region not in REGIONS:
        raise ValueError(f"there is no region {region!r}; there are {', '.join(REGIONS)} and {BY_LINE}REGEX")


def _check_pattern(pattern: str) -> None:
    try:
        re.compile(pattern, re.IGNORECASE | re.MULTILINE)  # with the flags of its use: compiled once for both
    except re.error as error:
        raise ValueError(f"the pattern {pattern!r} is no regular expression: {error}") from None
