"""The verbs that drive a fleet: up, down, restart, status, phase, watchdog, events."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.common import ConfigOption, JsonOption, NamesArgument, open_config, open_running
from orchestrator.cli.output import emit_json, table
from orchestrator.cli.root import app
from orchestrator.errors import ExitCode, UsageError
from orchestrator.model.event import Event, EventKind, Recorded
from orchestrator.model.request import FAILURES
from orchestrator.model.text import printable

if TYPE_CHECKING:
    from orchestrator.commands.drive import OpenDriver
    from orchestrator.commands.fleet import Fleet, Listener
    from orchestrator.commands.lifecycle import Report
    from orchestrator.commands.status import Status

TimeoutOption = Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds to wait for each start.")]
TOLD = frozenset(
    {
        EventKind.STARTED, EventKind.READY, EventKind.START_FAILED, EventKind.EXITED, EventKind.STOPPED, EventKind.FAILED,
        EventKind.SURVIVED, EventKind.SESSION_TAKEN, EventKind.ADOPTED, EventKind.COMPLETED, EventKind.PHASE_MOVED,
    }
)  # fmt: skip
"""Events that a person who waits for a verb wants to see."""


def _fleet(config: str | None, *, running: bool = False) -> Fleet:
    """The fleet of a config. running: the verb is of use even when an edit has broken the file."""
    from orchestrator.commands.fleet import Fleet

    return Fleet(open_running(config) if running else open_config(config))


def _driver(fleet: Fleet, role: str) -> OpenDriver:
    from orchestrator.wiring import open_supervisor

    return lambda: open_supervisor(fleet.config.path, os.environ, role=role, echo=False)


def _listener(*, quiet: bool) -> Listener:
    def listen(event: Event) -> None:
        if sys.stderr.isatty() and not quiet and event.subject and event.kind in TOLD:
            print(f"{event.subject}: {event.message}", file=sys.stderr, flush=True)

    return listen


@app.command()
def up(
    names: NamesArgument = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
    no_watchdog: Annotated[
        bool, typer.Option("--no-watchdog", help="Only start; nobody heals afterwards.")
    ] = False,
    timeout: TimeoutOption = 30.0,
) -> None:
    """Start the fleet, and the watchdog that looks after it.

    What runs already is left alone. Services start first, then agents, then all are waited for.

    Examples:
      ao up
      ao up builder adversary
      ao up --no-watchdog --timeout 60
    """
    from orchestrator.commands import lifecycle
    from orchestrator.wiring import prepare_folders

    fleet = _fleet(config)
    fleet.check_names(names or ())
    prepare_folders(fleet.config)
    report = lifecycle.up(
        fleet,
        names or (),
        _listener(quiet=json_),
        _driver(fleet, "up"),
        os.environ,
        watchdog=not no_watchdog,
        patience=timeout,
    )
    _finish(report, json_=json_)


@app.command()
def down(names: NamesArgument = None, config: ConfigOption = None, json_: JsonOption = False) -> None:
    """Stop the fleet and its watchdog, or only the named sessions.

    Each session's whole process tree is asked to end, and killed after its stop_grace. What was
    stopped by name stays down until `ao up`. Sessions of others are never touched.

    Examples:
      ao down
      ao down builder
    """
    from orchestrator.commands import lifecycle
    from orchestrator.wiring import open_tmux, prepare_folders

    fleet = _fleet(config, running=True)
    if fleet.state_dir.exists():
        prepare_folders(fleet.config)
    server = open_tmux(fleet.config, os.environ)
    report = lifecycle.down(fleet, names or (), _listener(quiet=json_), _driver(fleet, "down"), server)
    _finish(report, json_=json_)


@app.command()
def restart(
    names: NamesArgument = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
    timeout: TimeoutOption = 30.0,
) -> None:
    """Stop the named sessions and start them again; also the way out of `failed`.

    Examples:
      ao restart builder
      ao restart builder web --timeout 60
    """
    from orchestrator.commands import lifecycle
    from orchestrator.wiring import prepare_folders

    if not names:
        raise UsageError("which ones?", "name the agents or services to restart, e.g. `ao restart builder`")
    fleet = _fleet(config)
    prepare_folders(fleet.config)
    report = lifecycle.restart(
        fleet, names, _listener(quiet=json_), _driver(fleet, "restart"), patience=timeout
    )
    _finish(report, json_=json_)


def _finish(report: Report, *, json_: bool) -> None:
    """Show what came of a verb, and exit with what it says."""
    if json_:
        outcomes = {
            name: {"result": outcome.result.value, "detail": outcome.detail}
            for name, outcome in report.outcomes.items()
        }
        emit_json({"ok": report.ok, "sessions": outcomes, "watchdog": report.watchdog or None})
    else:
        for name, outcome in report.outcomes.items():
            lines = [printable(line) for line in outcome.detail.splitlines()]
            bad = outcome.result in FAILURES
            print(
                f"{name}: {outcome.result.value}{f': {lines[0]}' if lines else ''}",
                file=sys.stderr if bad else sys.stdout,
            )
            for line in lines[1:]:
                print(f"    {line}", file=sys.stderr)
        if report.watchdog:
            print(f"watchdog: {report.watchdog}")
    raise typer.Exit(ExitCode.OK if report.ok else ExitCode.FAILED)


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

    fleet = _fleet(config, running=True)
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
def watchdog(
    config: ConfigOption = None,
    once: Annotated[bool, typer.Option("--once", help="One full pass, then exit.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
    json_: JsonOption = False,
) -> None:
    """Look after the fleet in the foreground; `ao up` runs this in the background.

    One per fleet: a second one is refused. TERM or Ctrl-C ends it and leaves the sessions as they are.

    Examples:
      ao watchdog
      ao watchdog --once
      ao watchdog --dry-run
    """
    from orchestrator.wiring import look, open_supervisor

    fleet = _fleet(config)
    path = fleet.config.path
    if dry_run:
        _, plan = look(path, os.environ)
        _show_plan([*plan.events], [type(action).__name__ for action in plan.actions], json_=json_)
        return
    with open_supervisor(
        path, os.environ, role="watchdog --once" if once else "watchdog", echo=once or sys.stderr.isatty()
    ) as supervisor:
        if once:
            supervisor.run_once()
        else:
            supervisor.run(path)


def _show_plan(events: list[Event], actions: list[str], *, json_: bool) -> None:
    if json_:
        emit_json(
            {
                "events": [
                    {"kind": e.kind.value, "subject": e.subject, "message": e.message} for e in events
                ],
                "actions": actions,
            }
        )
        return
    for event in events:
        print(f"{event.subject or 'fleet'}: {event.message}")
    print(f"{len(actions)} actions" if actions else "nothing to do")


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
    from orchestrator.commands import phase as phases
    from orchestrator.wiring import prepare_folders

    fleet = _fleet(config)
    if action not in {"show", "next", "set"}:
        raise UsageError(f"ao phase {action}: no such action", "there are: show, next, set")
    if action == "show":
        standings = phases.show(fleet)
    else:
        if (action == "set") != (target is not None):
            raise UsageError("`ao phase set` takes a phase, `ao phase next` none", "e.g. `ao phase set 1`")
        prepare_folders(fleet.config)
        standings = (
            phases.move(fleet, target or "next", loop, _listener(quiet=json_), _driver(fleet, "phase")),
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

    fleet = _fleet(config, running=True)
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
