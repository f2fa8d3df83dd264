"""The verbs that show a fleet: status, phase, events."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.common import ConfigOption, JsonOption
from orchestrator.cli.fleet import driver, listener, the_fleet
from orchestrator.cli.output import emit_json, table
from orchestrator.cli.root import app
from orchestrator.errors import ExitCode, UsageError
from orchestrator.model.event import Recorded
from orchestrator.model.text import printable

if TYPE_CHECKING:
    from orchestrator.commands.fleet import Fleet
    from orchestrator.commands.status import Status


@app.command()
def status(
    config: ConfigOption = None,
    json_: JsonOption = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit 3 when something that is wanted is not healthy.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Show it live, until Ctrl-C.")] = False,
) -> None:
    """Show every session: what it is now, since when, and what will happen next.

    Examples:
      ao status
      ao status --watch
      ao status --json --exit-code
    """
    from orchestrator.cli import status_text

    fleet = the_fleet(config, running=True)
    if watch and sys.stdout.isatty():
        _watch(fleet)
    found = _status(fleet)
    if json_:
        emit_json(status_text.facts(found))
    else:
        _show_status(found)
    raise typer.Exit(ExitCode.UNHEALTHY if exit_code and not found.healthy else ExitCode.OK)


def _status(fleet: Fleet) -> Status:
    from orchestrator.commands.status import status as find_status
    from orchestrator.wiring import look

    def glance() -> tuple[tuple[object, ...], str]:
        observation, plan = look(fleet.config.path, os.environ)
        return plan.views, observation.config_error

    return find_status(fleet, glance)  # type: ignore[arg-type]  # views, by their port


def _show_status(found: Status) -> None:
    from orchestrator.cli import status_text

    for line in status_text.heading(found):
        print(line)
    table(status_text.COLUMNS, [status_text.row(view, found.at) for view in found.views])
    print(status_text.footing(found))


def _watch(fleet: Fleet) -> None:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from orchestrator.cli import status_text

    with Live(console=Console(highlight=False), auto_refresh=False, screen=True) as live:
        while True:
            live.update(
                Text(status_text.plain(_status(fleet)), no_wrap=True, overflow="ellipsis"), refresh=True
            )
            time.sleep(1)  # noqa: TID251 - a person looks on


@app.command()
def phase(
    action: Annotated[str, typer.Argument(help="show, next or set.")] = "show",
    target: Annotated[str | None, typer.Argument(help="For set: a phase's id, or its number from 0.")] = None,
    loop: Annotated[str | None, typer.Option("--loop", help="Which loop, when there are several.")] = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Show where the loops stand, or move one.

    The loop's agents are restarted into the new phase at once.

    Examples:
      ao phase
      ao phase next
      ao phase set build-api
    """
    from orchestrator.cli.status_text import because
    from orchestrator.commands import phase as phases
    from orchestrator.wiring import prepare_folders

    fleet = the_fleet(config)
    if action not in {"show", "next", "set"}:
        raise UsageError(f"ao phase {action}: no such action", "there are: show, next, set")
    if action == "show":
        standings = phases.show(fleet)
    else:
        if (action == "set") != (target is not None):
            raise UsageError("`ao phase set` takes a phase, `ao phase next` none", "e.g. `ao phase set 1`")
        prepare_folders(fleet.config)
        standings = (
            phases.move(fleet, target or "next", loop, listener(quiet=json_), driver(fleet, "phase")),
        )
    if json_:
        emit_json(
            [
                {
                    "loop": s.loop,
                    "index": s.index,
                    "phase": s.phase or None,
                    "phases": list(s.phases),
                    "complete": s.complete,
                    "waits": s.waits or None,
                    "trouble": s.trouble or None,
                }
                for s in standings
            ]
        )
        return
    for standing in standings:
        for index, name in enumerate(standing.phases):
            print(f"{'→' if index == standing.index else ' '} {standing.loop}  {index}  {name}")
        if not standing.phases:
            print(f"  {standing.loop}  has no phases")
        elif standing.complete or standing.waits or standing.trouble:
            print(f"  {standing.loop}{' is complete' if standing.complete else ''}{because(standing)}")


@app.command()
def events(
    name: Annotated[str | None, typer.Argument(help="Only about this agent, service or loop.")] = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Go on as they happen, until Ctrl-C.")
    ] = False,
    lines: Annotated[int, typer.Option("-n", min=1, help="How many of the newest.")] = 50,
) -> None:
    """Show the journal: what happened, in order.

    Examples:
      ao events
      ao events builder -n 200
      ao events -f
    """
    from orchestrator.adapters.store import Store

    fleet = the_fleet(config, running=True)
    if name is not None:
        fleet.check_names([name], also=("watchdog", *(loop.name for loop in fleet.config.loops)))
    store = Store(fleet.store_path, read_only=True)
    seen = 0
    try:
        while True:
            found = store.events(after=seen, subject=name, limit=lines if not seen else 10_000)
            for recorded in found:
                _show_event(recorded, json_=json_)
                seen = recorded.id
            if not follow:
                return
            seen = max(seen, 1)
            time.sleep(0.2)  # noqa: TID251 - follows a file that others write
    finally:
        store.close()


def _show_event(recorded: Recorded, *, json_: bool) -> None:
    event = recorded.event
    if json_:
        facts = {"id": recorded.id, "at": recorded.at, "kind": event.kind.value, "subject": event.subject}
        print(json.dumps({**facts, "message": event.message, "data": dict(event.data)}), flush=True)
        return
    stamp = time.strftime("%m-%d %H:%M:%S", time.localtime(recorded.at))
    print(f"{stamp}  {event.subject or 'fleet'}: {printable(event.message)}", flush=True)
