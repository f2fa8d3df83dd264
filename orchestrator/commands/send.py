"""`ao send` and `ao wake`: a text into an agent, delivered and confirmed."""

from __future__ import annotations

from pathlib import Path

from orchestrator.commands.drive import OpenDriver, carry_out
from orchestrator.commands.fleet import Fleet, Listener, new_request
from orchestrator.commands.lifecycle import UNANSWERED
from orchestrator.errors import AoError, UsageError
from orchestrator.model.request import Outcome, Verb

FOREVER = 30 * 86_400.0
"""Seconds that `--wait` waits."""
LONGEST = 4_000_000
"""Bytes of a text."""


def send(
    fleet: Fleet, name: str, text: str, listen: Listener, open_driver: OpenDriver, *, key: str, sender: str, patience: float
) -> Outcome:  # fmt: skip
    """Say a text to an agent; what came of it.

    Args:
        fleet: whose.
        name: of the agent.
        text: what to say.
        listen: called with every event on the way.
        open_driver: what ticks where no watchdog runs.
        key: a text with a key that was said before is not said again; "" for none.
        sender: who says it, for the journal.
        patience: seconds in which it must have been taken; what was not typed by then is withdrawn.

    Raises:
        UsageError: nothing bears the name, or the text can't be said.
        AoError: nobody took the request on.
    """
    fleet.check_names([name])
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise UsageError("the text is no UTF-8", "convert it first") from error
    if size > LONGEST:
        raise UsageError(
            f"the text is longer than {LONGEST} bytes",
            "put it into a file of the agent's folder, and send its path",
        )
    request = new_request(Verb.SEND, [name], patience, argument=text, key=key, sender=sender)
    return carry_out(fleet, request, listen, open_driver).outcomes.get(name, UNANSWERED)


def wake_text(fleet: Fleet, name: str) -> str:
    """What an agent is woken with.

    Raises:
        UsageError: nothing bears the name, or it has no `wake`.
        AoError: its file can't be read.
    """
    fleet.check_names([name])
    agent = fleet.config.agent(name)
    if agent is None or agent.wake is None:
        raise UsageError(f"{name} has no wake", "give it wake = { interval, prompt_file } in agents.toml")
    return read_text(agent.wake.prompt_file)


def read_text(path: Path) -> str:
    """A file's text.

    Raises:
        AoError: it can't be read, or is no text.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise AoError(f"{path} can't be read: {error.strerror}", "mend the path") from error
    except UnicodeDecodeError as error:
        raise AoError(f"{path} is no UTF-8 text", "save it as UTF-8") from error
