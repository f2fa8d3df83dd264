"""The verbs that speak to an agent: send, wake."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.common import ConfigOption, JsonOption, NameArgument
from orchestrator.cli.fleet import driver, listener, the_fleet
from orchestrator.cli.output import emit_json
from orchestrator.cli.root import app
from orchestrator.errors import ExitCode, UsageError
from orchestrator.model.request import FAILURES, Outcome
from orchestrator.model.text import printable

KeyOption = Annotated[
    str, typer.Option("--key", help="Say it once: a text with a key that was said before is not said again.")
]
TimeoutOption = Annotated[
    float, typer.Option("--timeout", min=0.1, max=2_592_000, help="Seconds in which it must have been taken.")
]
WaitOption = Annotated[
    bool, typer.Option("--wait", help="Wait for as long as it takes, e.g. for the end of a limit.")
]


@app.command()
def send(
    name: NameArgument,
    text: Annotated[str | None, typer.Argument(help="What to say; `-` reads it from standard input.")] = None,
    file: Annotated[Path | None, typer.Option("--file", help="Say what is in this file.")] = None,
    key: KeyOption = "",
    timeout: TimeoutOption = 60.0,
    wait: WaitOption = False,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Type a text into an agent's prompt box, submit it, and see that it was taken.

    It waits for an empty box that nobody uses: never into a dialog, a draft, a limit. What was not
    typed in time is withdrawn. A long text is put into a file, and the agent is pointed to it.

    Examples:
      ao send builder "look at the failing test first"
      git diff | ao send reviewer -
      ao send builder --file notes.md --key notes-3 --wait
    """
    from orchestrator.commands.send import read_text

    if (text is None) == (file is None):
        raise UsageError("what shall be said?", "give a TEXT, `-` for standard input, or --file")
    said = read_text(file) if file is not None else _standard_input() if text == "-" else text or ""
    _say(config, name, said, key=key, sender="sent", timeout=timeout, wait=wait, json_=json_)


@app.command()
def wake(
    name: NameArgument,
    timeout: TimeoutOption = 60.0,
    wait: WaitOption = False,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Say an agent's wake text to it now, and not only at its interval.

    Examples:
      ao wake supervisor
    """
    from orchestrator.commands.send import wake_text

    text = wake_text(the_fleet(config), name)
    _say(config, name, text, key="", sender="wake", timeout=timeout, wait=wait, json_=json_)


def _say(
    config: str | None,
    name: str,
    text: str,
    *,
    key: str,
    sender: str,
    timeout: float,
    wait: bool,
    json_: bool,
) -> None:
    from orchestrator.commands.send import FOREVER
    from orchestrator.commands.send import send as say
    from orchestrator.wiring import prepare_folders

    fleet = the_fleet(config)
    fleet.check_names([name])
    prepare_folders(fleet.config)
    patience = FOREVER if wait else timeout
    try:
        outcome = say(
            fleet, name, text, listener(quiet=json_), driver(fleet, "send"), key=key, sender=sender, patience=patience
        )  # fmt: skip
    except KeyboardInterrupt:
        print(
            f"{name}: the text stays in its outbox for {patience:g} s; `ao explain {name}` shows it",
            file=sys.stderr,
        )
        raise
    _finish(name, outcome, json_=json_)


def _standard_input() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(
            "what came from standard input is no UTF-8 text", "convert it, or name its file"
        ) from error


def _finish(name: str, outcome: Outcome, *, json_: bool) -> None:
    bad = outcome.result in FAILURES
    if json_:
        emit_json({"ok": not bad, "name": name, "result": outcome.result.value, "detail": outcome.detail})
    else:
        detail = f": {printable(outcome.detail)}" if outcome.detail else ""
        print(f"{name}: {outcome.result.value}{detail}", file=sys.stderr if bad else sys.stdout)
    raise typer.Exit(ExitCode.FAILED if bad else ExitCode.OK)
