"""The verbs that look, set up and explain, and start or stop nothing."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.common import (
    ConfigOption,
    JsonOption,
    LogNameArgument,
    NameArgument,
    open_config,
    open_running,
)
from orchestrator.cli.output import emit_json
from orchestrator.cli.root import app
from orchestrator.errors import AoError, ExitCode
from orchestrator.model.text import printable


@app.command()
def logs(
    name: LogNameArgument,
    config: ConfigOption = None,
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, help="How many of the last lines.")] = 200,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Go on as it is written, until Ctrl-C.")
    ] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="Bytes as they were written, control sequences and all.")
    ] = False,
) -> None:
    """Show a session's output as text; `watchdog` is a name too.

    The end of the log is played through a terminal, so that what a program drew again and again is
    there once. With -f, lines follow as soon as they have come to rest.

    Examples:
      ao logs builder
      ao logs builder -n 1000 -f
      ao logs watchdog
    """
    from orchestrator.commands.fleet import Fleet
    from orchestrator.commands.logs import log_path, read_log, reader_for

    path = log_path(Fleet(open_running(config)), name)
    for shown in read_log(path, reader_for(name, raw=raw), lines, follow=follow):
        sys.stdout.buffer.write(shown)
        sys.stdout.buffer.flush()


@app.command()
def check(config: ConfigOption = None, json_: JsonOption = False) -> None:
    """Check the config, its prompts, the programs, tmux and git; every problem at once.

    Exit status: 0 when all is well, 1 when something is missing on this machine, 2 when the config
    is wrong.

    Examples:
      ao check
      ao check --config fleet/agents.toml --json
    """
    from orchestrator.commands.check import check as check_all

    found = check_all(lambda: open_config(config), os.environ)
    if json_:
        facts = [{"place": f.place, "ok": f.ok, "message": f.message, "hint": f.hint} for f in found.findings]
        emit_json({"ok": found.ok, "checks": facts})
    else:
        for finding in found.findings:
            hint = f" ({printable(finding.hint)})" if finding.hint else ""
            print(f"{_mark(finding.ok)}  {finding.place}: {printable(finding.message)}{hint}")
    raise typer.Exit(found.status)


def _mark(ok: bool) -> str:
    return "ok " if ok else "BAD"


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where; made if it is missing.")] = Path(),
    json_: JsonOption = False,
) -> None:
    """Write an agents.toml and prompts to begin with; what is there is kept.

    A builder and an adversary, handing over by commits, with the agent programs that are installed;
    without any, with the demo agent. A folder in no git repository becomes one.

    Examples:
      ao init
      ao init my-project
    """
    from orchestrator.commands.init import init as scaffold

    made = scaffold(folder, os.environ)
    builder, adversary = made.backends
    if json_:
        facts = {"folder": str(made.folder), "written": made.written, "kept": made.kept}
        roles = {"builder": builder, "adversary": adversary}
        emit_json({**facts, "backends": roles, "made_repository": made.made_repository})
        return
    if made.made_repository:
        print(f"made  a git repository in {made.folder}")
    for word, names in (("wrote", made.written), ("kept ", made.kept)):
        for name in names:
            print(f"{word} {made.folder / name}")
    if "agents.toml" in made.written:
        print(f"the builder is {builder}, the adversary {adversary}")
    print("next: say in plans/first.md what is to be built, then `ao check` and `ao up`")


@app.command()
def attach(
    name: NameArgument,
    config: ConfigOption = None,
    only_print: Annotated[
        bool, typer.Option("--print", help="Print the command instead of running it.")
    ] = False,
) -> None:
    """Go into a session; leave it with tmux's own key (Ctrl-b d). While you type there, ao waits.

    Inside the same tmux server, the client you are in is switched to it.

    Examples:
      ao attach builder
      ao attach builder --print
    """
    from orchestrator.commands.attach import attach_words, outside, shell_words
    from orchestrator.commands.fleet import Fleet
    from orchestrator.wiring import open_tmux

    fleet = Fleet(open_running(config))
    server = open_tmux(fleet.config, os.environ)
    try:
        words = attach_words(fleet, name, server, os.environ)
    finally:
        server.close()
    here = sys.stdin.isatty() and sys.stdout.isatty()
    if only_print or not here:
        print(shell_words(words))
        if not only_print:
            raise AoError("this is no terminal to attach", "type the command above in one")
        return
    os.execvpe(words[0], words, outside(os.environ, words))  # noqa: S606 - the terminal becomes tmux's


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
        emit_json(facts)
        return
    import tomli_w

    print(tomli_w.dumps(facts), end="")


@app.command()
def selftest(json_: JsonOption = False) -> None:
    """Try the reader on the shipped screens, and tmux on a server of its own. Needs no config.

    Examples:
      ao selftest
      ao selftest --json
    """
    from orchestrator.commands.selftest import selftest as try_all

    checks = []
    for tried in try_all(os.environ):
        checks.append(tried)
        if not json_:
            detail = f": {printable(tried.detail)}" if tried.detail else ""
            print(f"{_mark(tried.ok)}  {tried.name}{detail}", flush=True)
    ok = all(tried.ok for tried in checks)
    if json_:
        emit_json({"ok": ok, "checks": [{"name": c.name, "ok": c.ok, "detail": c.detail} for c in checks]})
    raise typer.Exit(ExitCode.OK if ok else ExitCode.FAILED)
