"""What programs report of themselves by their own hook mechanisms: how they are asked to, and what it means.

A hook is a command that the program runs at an event, with facts as JSON on its standard input. Only
events that say something of the state are asked for, none that comes with every tool call: each one
costs a process. What is not known here means nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.model.reading import State

PATIENCE = 5
"""Seconds after which the program itself gives a hook up."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What follows from an event. state: None when nothing does. submitted: a prompt was taken."""

    state: State | None = None
    submitted: bool = False


@dataclass(frozen=True, slots=True)
class HookForm:
    """One program's hooks.

    flag: option that passes a settings file, with `{file}`; "" for none.
    variable: environment variable that names the settings file; "" for none.
    events: by the program's own names.
    qualifier: field of an event whose value, after a slash, makes a name of its own: "Notification/permission_prompt".
    answer: what the program expects on the hook's standard output.
    patience: of a hook, in the program's own unit.
    """

    events: Mapping[str, Meaning]
    flag: str = ""
    variable: str = ""
    qualifier: Mapping[str, str] = field(default_factory=dict)
    answer: str = ""
    patience: int = PATIENCE


HOOKS: Mapping[str, HookForm] = {
    "claude": HookForm(
        flag="--settings {file}",
        qualifier={"Notification": "notification_type", "StopFailure": "error"},
        events={
            "UserPromptSubmit": Meaning(State.WORKING, submitted=True),
            "PermissionRequest": Meaning(State.DIALOG),
            "Notification/permission_prompt": Meaning(State.DIALOG),
            "Stop": Meaning(State.IDLE),
            "StopFailure/rate_limit": Meaning(State.LIMITED),
            "StopFailure/billing_error": Meaning(State.AUTH),
            "StopFailure/authentication_failed": Meaning(State.AUTH),
        },
    ),
}
"""By profile. The names and fields are those of each program's documentation of its hooks."""


def settings(form: HookForm, command: str) -> dict[str, Any]:
    """The settings that have the program run `command` (shell) at every event that means something."""
    names = dict.fromkeys(name.partition("/")[0] for name in form.events)
    hook = {"type": "command", "command": command, "timeout": form.patience}
    return {"hooks": {name: [{"hooks": [hook]}] for name in names}}


def event_name(form: HookForm, event: Mapping[str, Any]) -> str:
    """The name of an event, with what qualifies it; "" when it is none."""
    name = event.get("hook_event_name")
    if not isinstance(name, str):
        return ""
    kind = event.get(form.qualifier.get(name, ""))
    return f"{name}/{kind}" if isinstance(kind, str) else name
