"""[[agent]] and [[service]]."""

from __future__ import annotations

from typing import Final

from orchestrator.config.shapes import Key, Must, PathText, Table
from orchestrator.config.tables.common import ENVIRONMENT
from orchestrator.config.values import Choice, Duration, Flag, HostPort, Name, Regex, Text
from orchestrator.model.config import Kind, Watch

_STOP_GRACE = Duration(most=3600)

WAKE: Final = Table(
    "[agent.wake]",
    "Types a text into the idle session again and again.",
    Key("interval", Duration(least=0.1), "How often", required=True),
    Key("prompt_file", PathText(Must.FILE), "File whose text is typed", required=True),
)

AGENT: Final = Table(
    "[[agent]]",
    "One session with an agent program in it.",
    Key("name", Name(), "Unique among agents and services; `watchdog` is reserved", required=True),
    Key(
        "kind",
        Choice(Kind, without=[Kind.SERVICE]),
        "`persistent`; `loop`: works through the phases of a `[loop]`; `task`: runs once, and its exit is "
        "completion; `orchestrator`: persistent, and supervises the others",
        "persistent",
    ),
    Key("backend", Name(), "The program it runs", default_words="[defaults]"),
    Key(
        "model", Text(empty=False), "The model it asks for", default_words="[defaults], or the program's own"
    ),
    Key("role", Name(), "`loop`: its role prompt (`roles_dir`/ROLE.md), and its model in each phase"),
    Key("loop", Name(), "`loop`: the loop it belongs to", default_words="the only one"),
    Key("prompt", Text(), "What it is told at its start, unless it is a `loop` agent"),
    Key("prompt_file", PathText(Must.FILE), "The same from a file"),
    Key("dir", PathText(Must.NO_FILE), "Working directory; made if missing", default_words="[defaults]"),
    Key("session", Name(longest=128), "Name of its tmux session", default_words="session_prefix + name"),
    Key(
        "watch",
        Choice(Watch),
        "`heal`: restarted when it is gone; `heal+stall`: also when it is stuck",
        default_words="[defaults]",
    ),
    Key(
        "enabled",
        Flag(),
        "false: started only by name, and left alone by the watchdog",
        default_words="[defaults]",
    ),
    Key(
        "resume",
        Flag(),
        "A restart resumes its conversation, where the backend can",
        default_words="[defaults]",
    ),
    Key("wake", WAKE, "A text that is typed into the idle session at an interval"),
    Key("worktree", Flag(), "Give it a git worktree and a branch of its own", False),
    Key(
        "persona",
        PathText(Must.FOLDER),
        "Folder whose SOUL.md, IDENTITY.md and MEMORY.md go before its prompt",
    ),
    Key("env", ENVIRONMENT, "Environment of this agent", {}),
    Key("stop_grace", _STOP_GRACE, "Time between the polite end and the kill", 10),
)

SERVICE: Final = Table(
    "[[service]]",
    "A program that agents need: a model server, a database.",
    Key("name", Name(), "Unique among agents and services", required=True),
    Key("command", Text(empty=False), "Command line, run by a shell", required=True),
    Key("dir", PathText(Must.NO_FILE), "Working directory; made if missing", default_words="project_dir"),
    Key("env", ENVIRONMENT, "Environment of this service", {}),
    Key("restart", Flag(), "Start it again when it ends", True),
    Key("ready_re", Regex(), "It is ready when this is in its output"),
    Key("ready_tcp", HostPort(), "It is ready when this address accepts a connection"),
    Key("stop_grace", _STOP_GRACE, "Time between the polite end and the kill", 10),
)
