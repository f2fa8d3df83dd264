"""Showing facts: a table on a terminal, aligned text in a pipe, JSON when asked."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence


def emit_json(facts: object) -> None:
    """Print facts as JSON."""
    print(json.dumps(facts, indent=2))


def table(columns: Sequence[str], rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows under their columns."""
    if not sys.stdout.isatty():
        from orchestrator.cli.status_text import aligned

        print("\n".join(aligned([tuple(columns), *rows])))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(
            *(Text(cell, style=STYLES.get(cell.partition(":")[0].partition(" ")[0], "")) for cell in row)
        )
    Console(highlight=False).print(drawn)


STYLES = {
    "working": "green", "idle": "green", "running": "green", "starting": "cyan", "waiting": "cyan", "limited": "yellow",
    "dialog": "yellow", "draft": "yellow", "transient": "yellow", "warning": "yellow", "backoff": "yellow",
    "auth": "red", "fatal": "red", "failed": "red", "dead": "red", "mismatched": "red", "taken": "red", "unknown": "magenta",
}  # fmt: skip
