"""The words that tmux is asked in, and its answers made into facts."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.adapters.control import Argv, Block
from orchestrator.model.observation import Pane, ServerState
from orchestrator.model.reading import Screen

WIDTH, HEIGHT = 200, 50
CONTROL_PREFIX = "_ao-"
"""Sessions of ao's own control clients; never shown to users."""
MINIMAL = (
    "HOME",
    "PATH",
    "TERM",
    "LANG",
    "LC_ALL",
    "USER",
    "LOGNAME",
    "SHELL",
    "TMUX_TMPDIR",
    "XDG_RUNTIME_DIR",
)
NESTING = ("TMUX", "TMUX_PANE", "AO_RUN", "AO_AGENT", "AO_CONFIG")

FIELDS = (
    "session_id", "pane_id", "pane_pid", "pid", "pane_dead", "pane_dead_status", "pane_dead_signal",
    "window_activity", "session_attached", "pane_in_mode", "pane_pipe", "alternate_on",
    "@ao_fleet", "@ao_name", "@ao_spec", "@ao_run", "session_name",
)  # fmt: skip
ROW_FORMAT = "|".join(f"#{{{field}}}" for field in FIELDS)
LOOK_FORMAT = "#{cursor_x}|#{cursor_y}|#{alternate_on}|#{pane_current_command}|#{pane_title}"
OWN_SERVER_OPTIONS: tuple[Argv, ...] = (
    ("set-option", "-s", "exit-empty", "off"),
    ("set-option", "-s", "escape-time", "20"),
    ("set-option", "-g", "history-limit", "5000"),
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole server at one moment. panes: of this fleet, by name. taken: session names of others."""

    state: ServerState
    reason: str = ""
    server_pid: int = 0
    panes: Mapping[str, Pane] | None = None
    taken: frozenset[str] = frozenset()


def server_environment(base: Mapping[str, str], *, own: bool) -> dict[str, str]:
    """What a tmux server that we start keeps: little for our own, the user's less nesting else."""
    if own:
        return {key: base[key] for key in MINIMAL if key in base}
    return {key: value for key, value in base.items() if key not in NESTING}


def pipe_command(log: Path) -> str:
    """The command for `pipe-pane`, which expands `#` and `%` in it."""
    return f"exec cat >> {shlex.quote(str(log))}".replace("#", "##").replace("%", "%%")


def dressed(target: str, marks: Mapping[str, str], log: Path) -> list[Argv]:
    """Marks, log and the staying of a dead pane, in the same sequence as the start: nothing is lost between."""
    return [
        *(("set-option", "-p", "-t", target, f"@ao_{key}", value) for key, value in marks.items()),
        ("set-option", "-w", "-t", target, "remain-on-exit", "on"),
        ("pipe-pane", "-t", target, pipe_command(log)),
    ]


def read_rows(lines: Sequence[str], fleet: str) -> Snapshot:
    """The answer to `list-panes -a -F ROW_FORMAT`, as one fleet sees it."""
    panes: dict[str, Pane] = {}
    taken: set[str] = set()
    server_pid = 0
    for line in lines:
        if line.count("|") < len(FIELDS) - 1:
            continue  # an option that somebody set to more than one line; a pane of ours has none
        pane = _read_row(line)
        server_pid = pane.server_pid
        if pane.fleet == fleet and pane.name:
            panes.setdefault(pane.name, pane)
        elif not pane.session.startswith(CONTROL_PREFIX):
            taken.add(pane.session)
    taken -= {pane.session for pane in panes.values()}
    return Snapshot(ServerState.UP, "", server_pid, panes, frozenset(taken))


def _read_row(line: str) -> Pane:
    values = dict(zip(FIELDS, line.split("|", len(FIELDS) - 1), strict=True))

    def number(field: str) -> int | None:
        return int(values[field]) if values[field] else None

    return Pane(
        session=values["session_name"],
        session_id=values["session_id"],
        pane_id=values["pane_id"],
        pid=number("pane_pid") or 0,
        server_pid=number("pid") or 0,
        dead=values["pane_dead"] == "1",
        dead_status=number("pane_dead_status"),
        dead_signal=number("pane_dead_signal"),
        activity=number("window_activity") or 0,
        attached=number("session_attached") or 0,
        in_mode=values["pane_in_mode"] not in {"", "0"},
        piped=values["pane_pipe"] == "1",
        alternate=values["alternate_on"] == "1",
        fleet=values["@ao_fleet"],
        name=values["@ao_name"],
        spec=values["@ao_spec"],
        run=values["@ao_run"],
    )


def read_screen(blocks: tuple[Block, ...]) -> Screen:
    """The answers to `capture-pane`, `display-message LOOK_FORMAT` and, where asked for, `capture-pane -e`."""
    x, y, alternate, command, title = blocks[1].text.split("|", 4)
    return Screen(
        text=blocks[0].text,
        title=title,
        command=command,
        alternate=alternate == "1",
        cursor=(int(x or 0), int(y or 0)),
        ansi=blocks[2].text if len(blocks) > 2 else None,
    )


def says_absent(words: str) -> bool:
    """Whether tmux's words mean that no server runs."""
    return any(
        sign in words for sign in ("no server running", "No such file or directory", "Connection refused")
    )


def says_empty(words: str) -> bool:
    """Whether tmux's words mean that the server runs and has no session."""
    return any(sign in words for sign in ("no current target", "no sessions"))


LAST_WORD = (";", "show-options", "-sv", "exit-empty")
"""Asked behind a list, so that one whose end is missing is known: on a busy machine a tmux client's answer may be
cut off, and an empty list would pass for an empty server."""


def whole(lines: Sequence[str]) -> Sequence[str] | None:
    """A list that was asked for with `LAST_WORD` behind it; None when its end did not arrive."""
    return lines[:-1] if lines and lines[-1] in {"on", "off"} else None
