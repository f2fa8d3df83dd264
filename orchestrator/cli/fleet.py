"""The verbs that drive a fleet: up, down, restart, watchdog."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.common import ConfigOption, JsonOption, NamesArgument, open_config, open_running
from orchestrator.cli.output import emit_json
from orchestrator.cli.root import app
from orchestrator.errors import ExitCode, UsageError
from orchestrator.model.event import Event, EventKind
from orchestrator.model.request import FAILURES, Result
from orchestrator.model.text import printable

if TYPE_CHECKING:
    from orchestrator.commands.drive import OpenDriver
    from orchestrator.commands.fleet import Fleet, Listener
    from orchestrator.commands.lifecycle import Report

TimeoutOption = Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds to wait for each start.")]
TOLD = frozenset(
    {
        EventKind.STARTED, EventKind.READY, EventKind.START_FAILED, EventKind.EXITED, EventKind.STOPPED, EventKind.FAILED,
        EventKind.SURVIVED, EventKind.SESSION_TAKEN, EventKind.ADOPTED, EventKind.COMPLETED, EventKind.PHASE_MOVED,
        EventKind.LIMITED, EventKind.NEEDS_HUMAN,
    }
)  # fmt: skip
"""Events that a person who waits for a verb wants to see."""


def the_fleet(config: str | None, *, running: bool = False) -> Fleet:
    """The fleet of a config. running: the verb is of use even when an edit has broken the file."""
    from orchestrator.commands.fleet import Fleet

    return Fleet(open_running(config) if running else open_config(config))


def driver(fleet: Fleet, role: str) -> OpenDriver:
    """What a verb runs itself where there is no watchdog; role: its name, for who meets the lock."""
    from orchestrator.wiring import open_supervisor

    return lambda: open_supervisor(fleet.config.path, os.environ, role=role, echo=False)


def listener(*, quiet: bool) -> Listener:
    """Shows events on the way, to a person who waits at a terminal."""

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
    from orchestrator.wiring import open_tmux, prepare_folders

    fleet = the_fleet(config)
    fleet.check_names(names or ())
    open_tmux(fleet.config, os.environ)  # without tmux nothing is begun
    prepare_folders(fleet.config)
    report = lifecycle.up(
        fleet,
        names or (),
        listener(quiet=json_),
        driver(fleet, "up"),
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

    fleet = the_fleet(config, running=True)
    if fleet.state_dir.exists():
        prepare_folders(fleet.config)
    server = open_tmux(fleet.config, os.environ)
    report = lifecycle.down(fleet, names or (), listener(quiet=json_), driver(fleet, "down"), server)
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
    fleet = the_fleet(config)
    prepare_folders(fleet.config)
    report = lifecycle.restart(
        fleet, names, listener(quiet=json_), driver(fleet, "restart"), patience=timeout
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
            if sys.stderr.isatty() and outcome.result in {Result.STARTED, Result.STOPPED}:
                continue  # its events were shown as they came
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

    fleet = the_fleet(config)
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
