"""The typer application that every verb registers with."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from orchestrator import __version__

KEEP_LINES = "\b"
"""As the first line of a paragraph, for click: it is not to be wrapped."""


def with_examples(text: str) -> str:
    """A help text whose examples keep their lines."""
    return text.replace("\n\nExamples:\n", f"\n\n{KEEP_LINES}\nExamples:\n")


class Verbs(TyperGroup):
    """All verbs, each with its whole summary."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.help = with_examples(self.help or "")
        for command in self.commands.values():
            text = command.help or ""
            command.short_help = text.partition("\n\n")[0]
            command.help = with_examples(text)


app = typer.Typer(
    name="ao",
    cls=Verbs,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"ao {__version__}")
        raise typer.Exit


@app.callback()
def ao(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Supervise a fleet of AI coding agents in tmux, declared in one agents.toml.

    Examples:
      ao init && ao up
      ao status
      ao help logs
    """
