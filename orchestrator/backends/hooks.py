"""What programs report of themselves by their own hook mechanisms: how they are asked to, and what it means.

A hook is a command that the program runs at an event, with facts as JSON on its standard input. Only
events that say something of the state are asked for, none that comes with every tool call: each one
costs a process. What is not known here means nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
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
    variable: environment variable that passes it; "" for none.
    value: what that variable holds, with `{file}` or `{url}`.
    plugin: file beside this one that is the settings, with the command filled in; "" for a file that lists hooks.
    after: paths in the user's configuration folder that must be there, or asking for reports would hold the program up.
    events: by the program's own names.
    qualifier: field of an event whose value, after a slash, makes a name of its own: "Notification/permission_prompt".
    unfinished: by event, the field that says, when it holds anything, that work goes on in the background.
    words: field of an event that holds the line of an error.
    limit: expression for the words that make trouble a usage limit; "" for none.
    answer: what the program expects on the hook's standard output.
    patience: of a hook, in the program's own unit.
    """

    events: Mapping[str, Meaning]
    flag: str = ""
    variable: str = ""
    value: str = "{file}"
    plugin: str = ""
    after: tuple[str, ...] = ()
    qualifier: Mapping[str, str] = field(default_factory=dict)
    unfinished: Mapping[str, str] = field(default_factory=dict)
    words: str = "last_assistant_message"
    limit: str = ""
    answer: str = ""
    patience: int = PATIENCE


HOOKS: Mapping[str, HookForm] = {
    "claude": HookForm(
        flag="--settings {file}",
        qualifier={"Notification": "notification_type", "StopFailure": "error"},
        unfinished={"Stop": "background_tasks"},
        events={
            "UserPromptSubmit": Meaning(State.WORKING, submitted=True),
            "PermissionRequest": Meaning(State.DIALOG),
            "Notification/permission_prompt": Meaning(State.DIALOG),
            "Stop": Meaning(State.IDLE),
            "StopFailure/rate_limit": Meaning(State.LIMITED),
            "StopFailure/billing_error": Meaning(State.AUTH),
            "StopFailure/authentication_failed": Meaning(State.AUTH),
            "StopFailure/oauth_org_not_allowed": Meaning(State.AUTH),
            "StopFailure/account_on_hold": Meaning(State.AUTH),
            "StopFailure/verification_required": Meaning(State.AUTH),
        },
    ),
    "opencode": HookForm(
        variable="OPENCODE_CONFIG_CONTENT",
        value='{"plugin": ["{url}"]}',
        plugin="opencode_plugin.js",
        # It installs this at its first start; with any plugin it waits for it, where nothing can be downloaded for minutes.
        after=("opencode/node_modules/@opencode-ai/plugin", "opencode/package-lock.json"),
        qualifier={"session.status": "status"},
        words="message",
        limit=r"\b(usage|plan|session|5-hour|daily|weekly|monthly) limit|\b(usage|quota) (exceeded|exhausted)|\bcurrent quota",
        events={
            "chat.message": Meaning(State.WORKING, submitted=True),
            "session.status/busy": Meaning(State.WORKING),
            "session.status/idle": Meaning(State.IDLE),
            "session.status/retry": Meaning(State.TRANSIENT),
            "permission.asked": Meaning(State.DIALOG),
            "permission.replied": Meaning(State.WORKING),
            "question.asked": Meaning(State.DIALOG),
            "question.replied": Meaning(State.WORKING),
            "question.rejected": Meaning(State.WORKING),
        },
    ),
}
"""By profile. The names and fields are those of each program's documentation of its hooks, or of its plugin here."""

COMMAND_PLACE = '"ao hook opencode"'
"""Where a plugin holds the command, as a string of its language."""


def settings(form: HookForm, command: str) -> str:
    """The text of a file that has the program run `command` (shell) at every event that means something."""
    if form.plugin:
        text = (Path(__file__).parent / form.plugin).read_text(encoding="utf-8")
        return text.replace(COMMAND_PLACE, json.dumps(command))
    names = dict.fromkeys(name.partition("/")[0] for name in form.events)
    hook = {"type": "command", "command": command, "timeout": form.patience}
    return json.dumps({"hooks": {name: [{"hooks": [hook]}] for name in names}})


def event_name(form: HookForm, event: Mapping[str, Any]) -> str:
    """The name of an event, with what qualifies it; "" when it is none."""
    name = event.get("hook_event_name")
    if not isinstance(name, str):
        return ""
    kind = event.get(form.qualifier.get(name, ""))
    return f"{name}/{kind}" if isinstance(kind, str) else name
