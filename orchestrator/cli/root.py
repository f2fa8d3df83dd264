"""The typer application that every verb registers with."""

from __future__ import annotations

import typer

app = typer.Typer(
    name="ao",
    help="Supervise a fleet of AI coding agents in tmux, declared in one agents.toml.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
