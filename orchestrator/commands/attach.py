"""`ao attach`: the exact words that bring a person to a session."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from orchestrator.commands.fleet import Fleet
from orchestrator.errors import AoError
from orchestrator.model.observation import Pane


class Snapshot(Protocol):
    """What tmux has now."""

    @property
    def panes(self) -> Mapping[str, Pane] | None:
        """The fleet's panes by name."""


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
        AoError: it does not run.
    """
    fleet.check_names([name])
    pane = (server.snapshot().panes or {}).get(name)
    if pane is None:
        raise AoError(f"{name} is not running", f"start it with `ao up {name}`")
    inside = environ.get("TMUX", "").partition(",")[0]
    verb = (
        "switch-client"
        if inside and os.path.realpath(inside) == os.path.realpath(server.socket_path)
        else "attach-session"
    )
    return (*server.command_line, verb, "-t", f"={pane.session}")
