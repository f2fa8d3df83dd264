"""What one submitted text makes the demo agent do.

A line that starts with a known command does what the command says, any other text is a moment
of work with an answer. A turn is a generator: it says what it waits for, and the agent's loop
resumes it then; an interrupt closes it.
"""

from __future__ import annotations

import math
import os
import signal
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from orchestrator.backends.demo_agent.agent import Agent

    Turn = Generator["Wait", str, None]

WORK_SECONDS = 0.2
MINUTE = 60.0
"""Seconds; what ends sooner is told in seconds."""
SHELL = "/bin/sh"
POINTER = ("Read the file ", " and do what it says.")
"""A text of this form stands for what is in the file."""


class Wait:
    """What a turn waits for: a time to pass, a descriptor to read, or, with neither, a key."""

    __slots__ = ("fd", "seconds")

    def __init__(self, seconds: float | None = None, fd: int | None = None) -> None:
        self.seconds = seconds
        self.fd = fd


class Refusal:
    """Why the agent does no work now.

    until: epoch seconds when it ends by itself, or None.
    cure: the text that ends it when submitted, or "".
    """

    __slots__ = ("cure", "notice", "until")

    def __init__(self, notice: str, until: float | None = None, cure: str = "") -> None:
        self.notice = notice
        self.until = until
        self.cure = cure


class DeclinedError(Exception):
    """The permission that a turn asked for was not given."""


def steps(text: str) -> list[tuple[str, str]]:
    """The text as (command, argument) pairs; lines between two commands are one piece of work."""
    found: list[tuple[str, str]] = []
    plain: list[str] = []
    for line in text.splitlines():
        name, _, argument = line.strip().partition(" ")
        if name in COMMANDS:
            found += _plain_step(plain)
            found.append((name, argument.strip()))
            plain = []
        else:
            plain.append(line)
    return found + _plain_step(plain)


def _plain_step(lines: list[str]) -> list[tuple[str, str]]:
    first = next((line.strip() for line in lines if line.strip()), "")
    return [("", first)] if first else []


def play(agent: Agent, todo: list[tuple[str, str]]) -> Turn:
    """Does the steps one after another; takes each from the list, so that the rest is left when it stops."""
    while todo and not agent.refusing():
        name, argument = todo.pop(0)
        yield from COMMANDS.get(name, _plain)(agent, argument)


def clock(epoch: float) -> str:
    """The first whole minute that is not before the time, e.g. "9:36am (UTC)".

    Rounded up, so that whoever comes back at the shown time is never too early.
    """
    at = time.gmtime(-(-epoch // 60) * 60)
    return f"{at.tm_hour % 12 or 12}:{at.tm_min:02}{'am' if at.tm_hour < 12 else 'pm'} (UTC)"


def _plain(agent: Agent, line: str) -> Turn:
    command = next((command for words, command in agent.reactions if words in line.lower()), None)
    if command is not None:
        yield from _shell(agent, command)
        return
    path = line.removeprefix(POINTER[0]).removesuffix(POINTER[1])
    if line == POINTER[0] + path + POINTER[1]:
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read()
        except OSError as error:
            agent.note(f"{path}: {error.strerror}")
            return
        yield from play(agent, steps(text))
        return
    yield Wait(WORK_SECONDS)
    agent.answer("Done: " + " ".join(line.split()[:8]))


def _work(agent: Agent, seconds: str) -> Turn:
    yield Wait(_number(seconds, 1))
    agent.answer(f"Done: worked {_number(seconds, 1):g} s")


def _say(agent: Agent, text: str) -> Turn:
    agent.answer(text)
    yield from ()


def _limit(agent: Agent, argument: str) -> Turn:
    now = time.time()
    if ":" in argument:
        hour, _, minute = argument.partition(":")
        until = now - now % 86400 + _number(hour, 0) * 3600 + _number(minute, 0) * 60
        until += 86400 if until <= now else 0
    else:
        until = now + _number(argument, 60)
    left = until - now
    when = f"resets {clock(until)}" if left >= MINUTE else f"try again in {math.ceil(left)} seconds"
    agent.refusal = Refusal(f"Usage limit reached · {when}", until)
    yield from ()


def _auth(agent: Agent, _: str) -> Turn:
    agent.refusal = Refusal("Invalid API key · Please run /login", cure="/login")
    yield from ()


def _fatal(agent: Agent, _: str) -> Turn:
    agent.refusal = Refusal("Prompt is too long · /clear to start fresh", cure="/clear")
    yield from ()


def _dialog(agent: Agent, text: str) -> Turn:
    agent.ask(text or "Run a command")
    key = ""
    while key not in {"1", "2", "enter", "escape"}:
        key = yield Wait()
    allowed = key == "1" or (key == "enter" and agent.answered_yes())
    agent.ask(None)
    if not allowed:
        raise DeclinedError
    agent.note("Allowed")


def _overloaded(agent: Agent, seconds: str) -> Turn:
    left, attempt = _number(seconds, 5), 1
    try:
        while left > 0:
            agent.retry = f"529 Overloaded · retrying in {max(1, round(left))}s · attempt {attempt}/10"
            yield Wait(min(1.0, left))
            left, attempt = left - 1, min(attempt + 1, 10)
    finally:
        agent.retry = ""


def _exit(_: Agent, status: str) -> Turn:
    yield from ()
    raise SystemExit(int(_number(status, 0)))


def _crash(_: Agent, __: str) -> Turn:
    yield from ()
    os.kill(os.getpid(), signal.SIGKILL)


def _hang(agent: Agent, _: str) -> Turn:
    """Stops drawing, reading and heeding polite signals, as a frozen program does."""
    agent.refresh()
    yield from ()
    while True:
        time.sleep(3600)


def _title(agent: Agent, text: str) -> Turn:
    agent.name = text or "demo"
    yield from ()


def _flood(agent: Agent, count: str) -> Turn:
    agent.show(
        f"line {number} of {int(_number(count, 1000))}" for number in range(1, int(_number(count, 1000)) + 1)
    )
    yield from ()


def _child(agent: Agent, seconds: str) -> Turn:
    """Leaves a process in a session of its own, which the end of the terminal does not reach."""
    pid = os.fork()
    if pid == 0:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for fd in range(3):
            os.dup2(null, fd)
        os.execv(SHELL, [SHELL, "-c", 'exec sleep "$1"', "sleep", f"{_number(seconds, 60):g}"])  # noqa: S606
    agent.note(f"Left process {pid} in the background")
    yield from ()


def _on(agent: Agent, rule: str) -> Turn:
    """From now on a text that has the first word in it is answered by the shell command that follows."""
    word, _, command = rule.partition(" ")
    agent.reactions.append((word.lower(), command))
    agent.note(f"On {word}: {command}")
    yield from ()


def _shell(agent: Agent, command: str) -> Turn:
    agent.answer(f"Bash({command})")
    output, write_end = os.pipe()
    pid = os.posix_spawn(
        SHELL,
        [SHELL, "-c", command],
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, write_end, 1),
            (os.POSIX_SPAWN_DUP2, write_end, 2),
        ],
        setpgroup=0,
        setsigdef=[signal.SIGPIPE],
    )
    os.close(write_end)
    ended = False
    try:
        yield from _show_output(agent, output)
        status = 0
        while not ended:
            done, status = os.waitpid(pid, os.WNOHANG)
            ended = done == pid
            if not ended:
                yield Wait(0.05)
        if status:
            agent.note(f"Exit status {os.waitstatus_to_exitcode(status)}")
    finally:
        os.close(output)
        if not ended:
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _show_output(agent: Agent, fd: int) -> Turn:
    rest = b""
    while True:
        yield Wait(fd=fd)
        chunk = os.read(fd, 65536)
        *lines, rest = (rest + chunk).split(b"\n")
        if not chunk and rest:
            lines.append(rest)
        agent.show("  ⎿  " + line for line in _decoded(lines))
        if not chunk:
            return


def _decoded(lines: Iterable[bytes]) -> Iterator[str]:
    return (line.decode("utf-8", "replace") for line in lines)


def _number(text: str, default: float) -> float:
    """The number in a command's argument, or the command's own default where there is none."""
    try:
        return max(0.0, float(text))
    except ValueError:
        return default


COMMANDS: dict[str, Callable[[Agent, str], Turn]] = {
    "/auth": _auth,
    "/child": _child,
    "/crash": _crash,
    "/dialog": _dialog,
    "/exit": _exit,
    "/fatal": _fatal,
    "/flood": _flood,
    "/hang": _hang,
    "/limit": _limit,
    "/on": _on,
    "/overloaded": _overloaded,
    "/say": _say,
    "/sh": _shell,
    "/title": _title,
    "/work": _work,
}
