"""The verbs that look, set up and explain, and start or stop nothing."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.common import ConfigOption, JsonOption, NameArgument, open_config, open_running
from orchestrator.cli.output import emit_json
from orchestrator.cli.root import app
from orchestrator.errors import AoError, ExitCode

WATCHDOG = "watchdog"


@app.command()
def logs(
    name: NameArgument,
    config: ConfigOption = None,
    lines: Annotated[int, typer.Option("-n", "--lines", min=1, help="How many of the last lines.")] = 200,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Go on as it is written, until Ctrl-C.")
    ] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="Bytes as they were written, control sequences and all.")
    ] = False,
) -> None:
    """Show a session's output as text; `watchdog` is a name too.

    Examples:
      ao logs builder
      ao logs builder -n 1000 -f
      ao logs watchdog
    """
    from orchestrator.adapters.logfiles import LogFiles
    from orchestrator.commands import logs as reader
    from orchestrator.commands.fleet import Fleet

    fleet = Fleet(open_running(config))
    path = LogFiles(fleet.config.defaults.log_dir).path(name)
    if not path.exists():
        fleet.check_names([name], also=[WATCHDOG])
    if raw:
        sys.stdout.buffer.write(reader.raw(path, lines))
        sys.stdout.flush()
    else:
        shown = reader.plain(path, lines) if name == WATCHDOG else reader.text(path, lines)
        print("\n".join(shown), flush=True)
    if not follow:
        return
    for data in reader.follow(path):
        if raw:
            sys.stdout.buffer.write(data)
            sys.stdout.flush()
        elif text := "\n".join(reader.printed(data)):
            print(text, flush=True)


@app.command()
def check(config: ConfigOption = None, json_: JsonOption = False) -> None:
    """Check the config, its prompts, the programs, tmux and git; every problem at once.

    Examples:
      ao check
      ao check --config fleet/agents.toml --json
    """
    from orchestrator.commands.check import check as find

    findings = find(open_config(config), os.environ)
    ok = all(finding.ok for finding in findings)
    if json_:
        emit_json(
            {
                "ok": ok,
                "checks": [
                    {"place": f.place, "ok": f.ok, "message": f.message, "hint": f.hint} for f in findings
                ],
            }
        )
    else:
        for finding in findings:
            hint = f" ({finding.hint})" if finding.hint else ""
            print(f"{'ok ' if finding.ok else 'BAD'}  {finding.place}: {finding.message}{hint}")
    raise typer.Exit(ExitCode.OK if ok else ExitCode.FAILED)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where; made if it is missing.")] = Path(),
) -> None:
    """Write an agents.toml and prompts to begin with; what is there is kept.

    The agent programs that are installed are found and chosen; without any, the demo agent is.

    Examples:
      ao init
      ao init my-project
    """
    from orchestrator.commands.init import init as scaffold

    made = scaffold(folder, os.environ)
    for name in made.written:
        print(f"wrote {made.folder / name}")
    for name in made.kept:
        print(f"kept  {made.folder / name}")
    print(
        f"backends: {', '.join(made.backends)}; next: edit {made.folder / 'prompts'}, then `ao check` and `ao up`"
    )


@app.command()
def attach(
    name: NameArgument,
    config: ConfigOption = None,
    only_print: Annotated[
        bool, typer.Option("--print", help="Print the command instead of running it.")
    ] = False,
) -> None:
    """Go into a session; leave it with tmux's own key (Ctrl-b d). While you type there, ao waits.

    Examples:
      ao attach builder
      ao attach builder --print
    """
    import shlex

    from orchestrator.commands.attach import attach_words
    from orchestrator.commands.fleet import Fleet
    from orchestrator.wiring import open_tmux

    fleet = Fleet(open_running(config))
    server = open_tmux(fleet.config, os.environ)
    try:
        words = attach_words(fleet, name, server, os.environ)
    finally:
        server.close()
    if only_print:
        print(shlex.join(words))
        return
    if not sys.stdin.isatty():
        raise AoError("this is no terminal", f"type: {shlex.join(words)}")
    environ = os.environ if "switch-client" in words else {k: v for k, v in os.environ.items() if k != "TMUX"}
    os.execvpe(words[0], words, environ)  # noqa: S606 - the terminal becomes tmux's


@app.command()
def config(
    config: ConfigOption = None,
    json_: JsonOption = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of agents.toml, for editors.")
    ] = False,
) -> None:
    """Show the config in force, every default filled in.

    Examples:
      ao config
      ao config --json
      ao config --schema > agents.schema.json
    """
    from orchestrator.config.load import effective
    from orchestrator.config.load import schema as schema_of

    if schema:
        emit_json(schema_of())
        return
    facts = effective(open_config(config))
    if json_:
        print(json.dumps(facts, indent=2, default=str))
        return
    import tomli_w

    print(tomli_w.dumps(facts), end="")


@app.command()
def selftest(json_: JsonOption = False) -> None:
    """Try the reader on the shipped screens, and tmux on a server of its own. Needs no config.

    Examples:
      ao selftest
    """
    from orchestrator.commands.selftest import selftest as try_all

    checks = []
    for tried in try_all(os.environ):
        checks.append(tried)
        if not json_:
            print(
                f"{'ok ' if tried.ok else 'BAD'}  {tried.name}{f': {tried.detail}' if tried.detail else ''}",
                flush=True,
            )
    ok = all(tried.ok for tried in checks)
    if json_:
        emit_json({"ok": ok, "checks": [{"name": c.name, "ok": c.ok, "detail": c.detail} for c in checks]})
    raise typer.Exit(ExitCode.OK if ok else ExitCode.FAILED)
