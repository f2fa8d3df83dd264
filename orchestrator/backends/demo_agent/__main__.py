"""Command line of the demo agent."""

from __future__ import annotations

import os
import signal
import sys
import termios
import time

from orchestrator.backends.demo_agent.agent import Agent
from orchestrator.backends.demo_agent.conversation import CannotStartError, Conversation, home_folder
from orchestrator.backends.demo_agent.terminal import Screen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from orchestrator.backends.demo_agent.script import Script

USAGE = """\
usage: demo_agent [--model MODEL] [--session-id ID | --resume ID] [--script FILE] [--] [PROMPT]

A scripted agent. Lines of a submitted text that it obeys; any other text is a moment of work:
  /work SECONDS  /say TEXT  /sh COMMAND  /title TEXT  /flood LINES  /child SECONDS
  /limit SECONDS|HH:MM  /overloaded SECONDS  /dialog [TEXT]  /auth  /fatal
  /hang  /exit [STATUS]  /crash
Environment: AO_DEMO_HOME (where conversations are kept), AO_DEMO_START_DELAY (seconds before
the box appears), AO_DEMO_EXIT (status to exit with at once).
"""
OPTIONS = ("--model", "--session-id", "--resume", "--script")
INPUT_FLAGS, LOCAL_FLAGS, CONTROL_CHARACTERS = 0, 3, 6
"""Indexes into what `termios.tcgetattr` gives."""


def parse(arguments: list[str]) -> tuple[dict[str, str], str | None]:
    """Options and prompt. By hand: argparse would double the time of the start.

    Raises:
        CannotStartError: an option is unknown or lacks its value, or there are two prompts.
    """
    options: dict[str, str] = {}
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        name, equals, value = rest.pop(0).partition("=")
        if name == "--":
            break
        if name not in OPTIONS:
            raise CannotStartError(f"unknown option {name}")
        if not equals and not rest:
            raise CannotStartError(f"{name} needs a value")
        options[name] = value if equals else rest.pop(0)
    if len(rest) > 1:
        raise CannotStartError(f"one prompt is enough, not {len(rest)}")
    return options, rest[0] if rest else None


def main(arguments: list[str]) -> int:
    """Runs the agent and returns its exit status."""
    if arguments in (["-h"], ["--help"]):
        print(USAGE, end="")
        return 0
    if status := os.environ.get("AO_DEMO_EXIT"):
        print(f"demo: cannot start: AO_DEMO_EXIT is {status}", file=sys.stderr)
        return int(status) if status.isdigit() else 1
    try:
        options, prompt = parse(arguments)
        conversation = open_conversation(options)
        script = read_script(options.get("--script"))
    except CannotStartError as error:
        print(f"demo: cannot start: {error}", file=sys.stderr)
        return 1
    time.sleep(float(os.environ.get("AO_DEMO_START_DELAY") or 0))
    return converse(conversation, script, options.get("--model", "demo-1"), prompt)


def open_conversation(options: dict[str, str]) -> Conversation:
    """The conversation that the options ask for, or a new one."""
    home = home_folder(os.environ)
    if "--resume" in options:
        conversation = Conversation(options["--resume"], home)
        conversation.resume()
        return conversation
    if "--session-id" in options:
        conversation = Conversation(options["--session-id"], home)
        conversation.create()
        return conversation
    return Conversation(f"demo-{os.getpid()}", None)


def read_script(path: str | None) -> Script | None:
    """The script file, if one is named."""
    if path is None:
        return None
    from orchestrator.backends.demo_agent.script import Script  # noqa: PLC0415 - most starts have none

    try:
        with open(path, encoding="utf-8") as file:
            return Script(file.read())
    except OSError as error:
        raise CannotStartError(f"{path}: {error.strerror}") from None


def converse(conversation: Conversation, script: Script | None, model: str, prompt: str | None) -> int:
    """Shows the header, and works until the terminal ends or is told to."""
    tty = os.isatty(0) and os.isatty(1)
    screen = Screen(1, tty=tty)
    agent = Agent(screen, conversation, script)
    signals = watch_signals()
    saved = raw_mode() if tty else None
    try:
        screen.open()
        screen.show(header(conversation, model))
        if prompt is not None:
            agent.submit(prompt)
        return agent.run(0, signals)
    finally:
        screen.close()
        if saved is not None:
            termios.tcsetattr(0, termios.TCSANOW, saved)


def header(conversation: Conversation, model: str) -> list[str]:
    """The first lines of the transcript."""
    lines = [
        "",
        f" ✳ Demo Agent · {model}",
        f"   conversation {conversation.identity}",
        f"   {os.getcwd()}",
        "",
    ]
    if conversation.turns:
        lines += [f"  Resumed {conversation.identity} ({conversation.turns} turns)", ""]
    return lines


def raw_mode() -> list[Any]:
    """Takes keys one by one and unechoed; what was typed before is lost, as with real agents.

    Returns:
        The settings to put back at the end.
    """
    saved = termios.tcgetattr(0)
    mode = termios.tcgetattr(0)
    mode[INPUT_FLAGS] &= ~(termios.ICRNL | termios.INLCR | termios.IXON)
    mode[LOCAL_FLAGS] &= ~(termios.ECHO | termios.ICANON | termios.ISIG | termios.IEXTEN)
    mode[CONTROL_CHARACTERS][termios.VMIN] = 1
    mode[CONTROL_CHARACTERS][termios.VTIME] = 0
    termios.tcsetattr(0, termios.TCSAFLUSH, mode)
    return saved


def watch_signals() -> int:
    """Turns signals into bytes that the loop can select on; returns the descriptor to read."""
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    for number in (signal.SIGWINCH, signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    return read_end


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
