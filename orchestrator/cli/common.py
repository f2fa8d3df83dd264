"""Options that several verbs share, and how a verb comes to its config."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.errors import AoError
from orchestrator.model.config import Config


def open_config(explicit: str | None) -> Config:
    """The config in force, with this invocation's overrides.

    Raises:
        ConfigError: there is none, or it can't be used.
    """
    from orchestrator.config.load import find_config, load, override

    return override(load(find_config(explicit, os.environ, Path.cwd())), os.environ)


def open_running(explicit: str | None) -> Config:
    """As `open_config`, for verbs that serve a fleet that runs: with a broken file, the last good one, and a word about it."""
    from orchestrator.adapters.config_file import load_or_last_good
    from orchestrator.config.load import find_config, override

    config, error = load_or_last_good(find_config(explicit, os.environ, Path.cwd()))
    if error:
        print(f"ao: {error}; going by the last good config", file=sys.stderr)
    return override(config, os.environ)


def complete_names(context: typer.Context, incomplete: str) -> list[str]:
    """Names of agents and services for the shell; none when the config can't be read."""
    try:
        config = open_config(context.params.get("config"))
    except (AoError, OSError):
        return []  # an error's words would end up in the command line that is typed
    names = [*(a.name for a in config.agents), *(s.name for s in config.services)]
    return [name for name in names if name.startswith(incomplete)]


def complete_logs(context: typer.Context, incomplete: str) -> list[str]:
    """As `complete_names`, with the watchdog."""
    return [
        *complete_names(context, incomplete),
        *(["watchdog"] if "watchdog".startswith(incomplete) else []),
    ]


ConfigOption = Annotated[
    str | None,
    typer.Option(
        "--config",
        metavar="PATH",
        help="The agents.toml; else $AO_CONFIG, else the nearest one above this folder.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print facts as JSON.")]
NamesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME", help="Agents or services.", autocompletion=complete_names),
]
NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="An agent or service.", autocompletion=complete_names)
]
LogNameArgument = Annotated[
    str,
    typer.Argument(metavar="NAME", help="An agent, a service, or `watchdog`.", autocompletion=complete_logs),
]
