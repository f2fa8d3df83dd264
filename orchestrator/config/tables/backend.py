"""[backend.NAME] and its rules."""

from __future__ import annotations

from typing import Final

from orchestrator.config.shapes import Key, ListOf, MapOf, ModelVariables, OneOrMany, Table
from orchestrator.config.tables.common import ENVIRONMENT, VARIABLE
from orchestrator.config.values import (
    Choice,
    Duration,
    Flag,
    Integer,
    Matching,
    Name,
    Regex,
    Region,
    Template,
    Text,
    Words,
)
from orchestrator.model.config import PromptDelivery
from orchestrator.model.reading import State

_PATTERNS = OneOrMany(Regex())
_KEYS = Matching(r"[^\s-]\S*(?: [^\s-]\S*)*", "a tmux key, or several with spaces between")

_LOWER_CASE = Matching(r"[^A-Z]*", 'words in lower case with "|" between them')

COMMAND_LINE: Final = Template("kickoff", "session", "model", "name", "dir", "python")
"""`bin` of a backend with `prompt_delivery = "exec"`."""

RULE: Final = Table(
    "[[backend.NAME.rules]]",
    "One reading rule. Rules given here come before the profile's.",
    Key("state", Choice(State), "What the agent is when the pattern is found", required=True),
    Key("pattern", Regex(), "Regular expression; upper and lower case are the same", required=True),
    Key("region", Region(empty=False), "The part of the screen that is searched", "screen"),
    Key("also_pattern", Regex(), "A second pattern that must be found too", ""),
    Key("also_region", Region(), "Where that one is searched", ""),
    Key(
        "needs", _LOWER_CASE, "The pattern is tried only where one of these words stands, to read quicker", ""
    ),
    Key("priority", Integer(-10_000, 10_000), "Of several rules that match, the highest wins", 0),
    Key("goes_on", Flag(), "Of a limit: the program goes on by itself when it ends", False),
    Key("name", Text(empty=False), "What `ao explain` calls it", default_words="BACKEND.rules[N]"),
)

BACKEND: Final = Table(
    "[backend.NAME]",
    "An agent program. A key that is not given is the built-in profile's of that name, or of `preset`, or else as "
    "below. A backend with neither is a plain command: it needs `bin`, and no rule reads its screen.",
    Key(
        "preset",
        Name(),
        "Built-in profile that this backend starts from",
        default_words="NAME, where there is one",
    ),
    Key(
        "bin",
        Text(),
        'The program; with `prompt_delivery = "exec"` the whole command line, with '
        "`{kickoff}` `{session}` `{model}` `{name}` `{dir}`",
        default_words="profile",
    ),
    Key("flags", Words(), "Extra arguments", ""),
    Key(
        "prompt_delivery",
        Choice(PromptDelivery),
        "`arg`: the prompt is an argument; `ping`: a pointer to the kickoff file is typed once the screen is ready; "
        "`exec`: `bin` is run as a template",
        "arg",
    ),
    Key("prompt_arg", Template("prompt"), "How the prompt stands on the command line", "{prompt}"),
    Key(
        "process_name",
        Text(),
        'What a healthy pane runs; "" is not checked',
        default_words='profile, or the program in `bin`; for `exec` ""',
    ),
    Key("submit_key", _KEYS, "Key that submits typed text", "Enter"),
    Key("submit_delay", Duration(most=60), "Pause between typed text and the submit key", 0.8),
    Key("queues", Flag(), "The program itself keeps a prompt that is submitted while a turn runs", False),
    Key(
        "queue_joins",
        Flag(),
        "Several that it keeps reach its model as one; so it is given one at a time",
        False,
    ),
    Key(
        "active_re",
        _PATTERNS,
        "The agent is working when one of these is on its screen",
        default_words="profile",
    ),
    Key("limit_re", _PATTERNS, "The agent is stopped by a usage limit", default_words="profile"),
    Key("fatal_re", _PATTERNS, "The session can't go on", default_words="profile"),
    Key("ready_re", _PATTERNS, "The agent is idle, its prompt box ready", default_words="profile"),
    Key("dialog_re", _PATTERNS, "The agent waits for a person", default_words="profile"),
    Key("auth_re", _PATTERNS, "The agent needs a login, a key or credit", default_words="profile"),
    Key("transient_re", _PATTERNS, "The agent is overloaded or retrying", default_words="profile"),
    Key("warning_re", _PATTERNS, "A limit is near, and the agent still works", default_words="profile"),
    Key("rules", ListOf(RULE), "Rules in full", default_words="profile"),
    Key("account", Text(empty=False), "Agents of one account share its limits", default_words="NAME"),
    Key(
        "leftovers",
        ListOf(Text(empty=False)),
        "Command lines of daemons that the program leaves behind, ended by `ao down`",
        [],
    ),
    Key(
        "dialog_keys",
        MapOf(Regex(), _KEYS),
        "Pattern of a known harmless dialog, and the keys that answer it; no other dialog is ever answered",
        {},
    ),
    Key(
        "footer_ui",
        Flag(),
        "Only the last rows count as activity, with the log's age as a second sign",
        False,
    ),
    Key("log_grace", Duration(), "How fresh the log must be to count as activity, with `footer_ui`", 180),
    Key("stall_idle", Duration(least=0.1), "Idle this long with no marker is a stall", 300),
    Key("model_flag", Template("model"), "How the model is passed", "--model {model}"),
    Key(
        "model_env",
        ModelVariables(VARIABLE, Template("model")),
        "Passes the model in an environment variable instead of `model_flag`",
        {},
    ),
    Key("supports_resume", Flag(), "The program can resume an earlier conversation", False),
    Key("resume_flag", Template("id"), "How it is told which", "--resume {id}"),
    Key(
        "transcripts",
        Text(),
        "Files below HOME that name the conversation of a program that chooses its id itself, as a glob",
        "",
    ),
    Key("session_id_flag", Template("id"), "How a first start is told its conversation's id", ""),
    Key("remote_control", Flag(), "Pass the session's name to the program's own remote control", False),
    Key("remote_control_flag", Template("session", "name"), "How it is passed", ""),
    Key("preamble", Text(), "Shell text that is run before the program", ""),
    Key(
        "attach",
        Template("bin", "server", "dir", "session", "name"),
        "Command that attaches to the program's own server",
        "",
    ),
    Key("server", Text(), "Address of that server", ""),
    Key("connect_delay", Duration(most=3600), "`ping`: longest wait for a screen that is ready", 12),
    Key("hooks", Flag(), "Let the program report its state by its own hooks, besides the screen", False),
    Key("needs", ListOf(Name()), "Services that must be ready before a session of this backend starts", []),
    Key("env", ENVIRONMENT, "Environment of this backend's sessions", {}),
)
