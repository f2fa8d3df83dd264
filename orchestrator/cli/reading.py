"""The verbs about what is read: read, explain."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from orchestrator.cli.common import ConfigOption, JsonOption, NameArgument, complete_names, open_running
from orchestrator.cli.fleet import the_fleet
from orchestrator.cli.output import emit_json
from orchestrator.cli.root import app
from orchestrator.errors import AoError, ConfigError, ExitCode, UsageError
from orchestrator.model.text import printable

if TYPE_CHECKING:
    from orchestrator.commands.read import Assumed, Rulebook, Stream
    from orchestrator.model.config import Config

STDIN = "-"


@app.command()
def read(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME|FILE...",
            help="An agent; or with --backend files that hold a screen each, and with --jsonl at most one. - is stdin.",
            autocompletion=complete_names,
        ),
    ] = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
    backend: Annotated[
        str | None, typer.Option("--backend", metavar="B", help="Read files, with the rules of this backend.")
    ] = None,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="Read a stream of screens, one JSON object a line.")
    ] = False,
    now: Annotated[
        str | None, typer.Option("--now", metavar="ISO", help="When the screens were seen; else just now.")
    ] = None,
    tz: Annotated[
        str | None,
        typer.Option("--tz", metavar="ZONE", help="Where they were seen; else this machine's zone."),
    ] = None,
) -> None:
    """Show what the reader makes of a screen: its state, the rule, the evidence, when a limit ends.

    Of an agent that runs, whether or not a watchdog does. Of files, as `tmux capture-pane -p`
    writes them (with -e, which tells more, too): a JSON object for each. Files and streams need no
    config; where there is one, its backends and rules count.

    A line of a stream has id, backend and text, and may have title, command, alternate, cursor
    (column and row from 0), ansi (the text with its attributes), now and tz; its answer has id, state,
    rule, evidence and reset_at. A backend that is not known is read as `generic`; a line that can't be
    read is answered with an error, and the exit status is 1 at the end.

    Examples:
      ao read builder
      ao read --backend claude --now 2026-01-31T12:00:00Z --tz Europe/Berlin screen.txt
      tmux capture-pane -p | ao read --backend codex -
      ao read --jsonl < screens.jsonl
    """
    from orchestrator.adapters.clock import local_zone
    from orchestrator.commands.read import Rulebook, assume

    names = targets or []
    _check_usage(names, backend=backend, jsonl=jsonl, placed=now is not None or tz is not None)
    local = local_zone(os.environ)
    if backend is None and not jsonl:
        _read_agent(names[0], config, local, json_=json_)
        return
    seen, book = assume(now, tz, local), Rulebook(_config_if_any(config))
    ok = _read_stream(names, book, seen) if backend is None else _read_files(names, backend, book, seen)
    raise typer.Exit(ExitCode.OK if ok else ExitCode.FAILED)


def _check_usage(names: list[str], *, backend: str | None, jsonl: bool, placed: bool) -> None:
    if backend is not None and jsonl:
        raise UsageError(
            "--backend and --jsonl don't go together", "in a stream, each line names its backend"
        )
    if jsonl and len(names) > 1:
        raise UsageError("--jsonl takes one file", "without any it reads stdin")
    if backend is not None and not names:
        raise UsageError("which files?", "name them; - is stdin")
    if backend is None and not jsonl:
        if len(names) != 1:
            raise UsageError("which agent?", "name one, e.g. `ao read builder`; files need --backend")
        if placed:
            raise UsageError("--now and --tz are for files and streams", "an agent is read here and now")


def _config_if_any(explicit: str | None) -> Config | None:
    """The config, None where none is named and none is found. One that is there must be right."""
    from orchestrator.config.load import find_config

    try:
        find_config(explicit, os.environ, Path.cwd())
    except ConfigError:
        if explicit or os.environ.get("AO_CONFIG"):
            raise
        return None
    return open_running(explicit)


def _read_agent(name: str, config: str | None, zone: str, *, json_: bool) -> None:
    from orchestrator.commands.read import facts, utc
    from orchestrator.commands.read_live import read_agent
    from orchestrator.wiring import open_tmux

    fleet = the_fleet(config, running=True)
    server = open_tmux(fleet.config, os.environ)
    try:
        reading = read_agent(fleet, name, server, zone)
    finally:
        server.close()
    if json_:
        emit_json({"name": name, **facts(reading)})
        return
    print(f"state: {reading.state.value}")
    missed = f"none matches; `ao explain {name}` says what was looked for"
    print(f"rule: {printable(reading.rule) or missed}")
    for line in reading.evidence:
        print(f"evidence: {printable(line)}")
    if reading.reset_at:
        print(f"reset: {utc(reading.reset_at)}")


def _read_files(names: list[str], backend: str, book: Rulebook, seen: Assumed) -> bool:
    from orchestrator.commands.read import load_path, read_files

    def load(name: str) -> bytes:
        return sys.stdin.buffer.read() if name == STDIN else load_path(name)

    ok = True
    for answer in read_files(names, book.rules(backend), seen, load):
        print(json.dumps(answer))
        ok = ok and "error" not in answer
    return ok


def _read_stream(names: list[str], book: Rulebook, seen: Assumed) -> bool:
    from orchestrator.commands.read import answers

    ok = True
    with _source(names) as source:
        for text, whole in answers(source, book, seen):
            sys.stdout.write(text)
            sys.stdout.flush()
            ok = ok and whole
    return ok


@contextlib.contextmanager
def _source(names: list[str]) -> Iterator[Stream]:
    """Where a stream comes from: stdin, or the one file that is named."""
    if names in ([], [STDIN]):
        yield cast("io.BufferedReader", sys.stdin.buffer)  # what it is, whatever its declared type
        return
    try:
        file = Path(names[0]).open("rb")  # noqa: SIM115 - closed below; only the opening may fail so
    except OSError as error:
        raise AoError(f"{names[0]} can't be read: {error.strerror}", "name a file, or - for stdin") from None
    with file:
        yield file


@app.command()
def explain(name: NameArgument, config: ConfigOption = None, json_: JsonOption = False) -> None:
    """Say why the watchdog did, or did not do, something about a session.

    What it is and what that means, what its screen was read as and by which rule, what was looked for,
    its deaths and restarts, its last words, texts on their way to it, and the last events about it.

    Examples:
      ao explain builder
      ao explain builder --json
    """
    from orchestrator.cli import explain_text
    from orchestrator.commands.explain import explain as find
    from orchestrator.wiring import look

    fleet = the_fleet(config, running=True)
    found = find(fleet, name, lambda: look(fleet.config.path, os.environ))
    if json_:
        emit_json(explain_text.facts(found))
    else:
        print(explain_text.plain(found))
