"""All verbs together."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from orchestrator.cli import fleet, local, reading, send, show
from orchestrator.cli.root import app
from orchestrator.errors import ExitCode

__all__ = ["fleet", "local", "reading", "run", "send", "show"]


def run(arguments: Sequence[str]) -> int:
    """Parse a command line and run its verb; the exit status."""
    command = typer.main.get_command(app)
    try:
        result = command.main(args=list(arguments), prog_name="ao", standalone_mode=False)
    except typer.Abort:
        return 130
    except Exception as error:
        # Which click typer stands on (its own copy, or the package) differs by version; its errors show themselves.
        show = getattr(error, "show", None)
        if show is None:
            raise
        show()
        return ExitCode.USAGE
    return result if isinstance(result, int) else ExitCode.OK
