"""`ao attach`: the exact words that bring a person to a session."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from orchestrator.commands.fleet import Fleet
from orchestrator.errors import AoError, TmuxUnavailable
from orchestrator.model.observation import Pane, ServerState

SWITCH = "switch-client"


class Snapshot(Protocol):
    """What tmux has now."""

    @property
    def state(self) -> ServerState:
        """Whether it answered."""

    @property
    def reason(self) -> str:
        """Why it did not."""

    @property
    def panes(self) -> Mapping[str, Pane] | None:
        """The fleet's panes by name."""

    @property
    def taken(self) -> frozenset[str]:
        """Sessions that are not the fleet's."""


class Server(Protocol):
    """The fleet's tmux server."""

    @property
    def command_line(self) -> tuple[str, ...]:
        """The words that reach it."""

    @property
    def socket_path(self) -> Path:
        """Its socket."""

    def snapshot(self) -> Snapshot:
        """What it has now."""


def attach_words(fleet: Fleet, name: str, server: Server, environ: Mapping[str, str]) -> tuple[str, ...]:
    """The command line that attaches to a session; inside the same tmux server it switches instead.

    Raises:
        UsageError: nothing bears the name.
        TmuxUnavailable: tmux did not answer.
        AoError: it does not run, or its session is somebody else's.
    """
    fleet.check_names([name])
    found = server.snapshot()
    if found.state is ServerState.UNKNOWN:
        raise TmuxUnavailable(f"tmux did not answer: {found.reason}", "try again")
    pane = (found.panes or {}).get(name)
    if pane is None:
        session = _session_of(fleet, name)
        if session in found.taken:
            raise AoError(f"the session {session} is not this fleet's", "rename it, or change session_prefix")
        raise AoError(f"{name} is not running", f"start it with `ao up {name}`")
    return (*server.command_line, _verb(server, environ), "-t", f"={pane.session}")


def shell_words(words: Sequence[str]) -> str:
    """A command line to be typed; `=name` is quoted too, since zsh takes it for a path."""
    return " ".join(f"'{word}'" if word.startswith("=") else shlex.quote(word) for word in words)


def outside(environ: Mapping[str, str], words: Sequence[str]) -> dict[str, str]:
    """The environment to attach in: tmux refuses to nest as long as it knows that it does."""
    return {key: value for key, value in environ.items() if SWITCH in words or key != "TMUX"}


def _session_of(fleet: Fleet, name: str) -> str:
    spec = fleet.config.agent(name) or fleet.config.service(name)
    return spec.session if spec else name


def _verb(server: Server, environ: Mapping[str, str]) -> str:
    inside = environ.get("TMUX", "").partition(",")[0]
    here = bool(inside) and os.path.realpath(inside) == os.path.realpath(server.socket_path)
    return SWITCH if here else "attach-session"
