"""`ao status` to a pipe and `ao hook`, without typer: most of what a command costs is the import of its libraries."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from orchestrator.errors import AoError, ExitCode


def status(arguments: Sequence[str]) -> int | None:
    """Answer `status` from what a running watchdog stored.

    Args:
        arguments: what follows the verb.

    Returns:
        The exit status, or None when this is not for the quick path: a terminal, an option it does
        not know, no watchdog, anything that needs an explanation.
    """
    options = _parse(arguments)
    if options is None or (sys.stdout.isatty() and not options["json"]):
        return None
    from orchestrator.cli import status_text
    from orchestrator.commands.status import quick_status
    from orchestrator.config.find import find_config

    try:
        found = quick_status(find_config(options["config"], os.environ, Path.cwd()))
    except AoError:
        return None
    if found is None:
        return None
    print(json.dumps(status_text.facts(found), indent=2) if options["json"] else status_text.plain(found))
    return ExitCode.OK if found.healthy or not options["exit_code"] else ExitCode.UNHEALTHY


def hook(arguments: Sequence[str]) -> int:
    """`ao hook PROGRAM`, run by an agent program at its events. Always a success: a report is never worth a stopped agent."""
    from orchestrator.commands.hook import answer, report

    program = arguments[0] if arguments else ""
    with contextlib.suppress(Exception):
        report(program, os.environ, sys.stdin.fileno())
    with contextlib.suppress(OSError, ValueError):
        if said := answer(program):
            os.write(1, said.encode())
    return ExitCode.OK


def _parse(arguments: Sequence[str]) -> dict[str, str | None] | None:
    options: dict[str, str | None] = {"config": None, "json": None, "exit_code": None}
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "--config" and rest:
            options["config"] = rest.pop(0)
        elif word.startswith("--config="):
            options["config"] = word.partition("=")[2]
        elif word in {"--json", "--exit-code"}:
            options[word[2:].replace("-", "_")] = "yes"
        else:
            return None
    return options
