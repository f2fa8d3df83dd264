"""What the demo agent remembers between two runs: its turns, one JSON object a line."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class CannotStartError(Exception):
    """The command line asks for a conversation that can't be had; the text is for the user."""


class Conversation:
    """One conversation, kept in HOME/ID.jsonl when there is a folder for it."""

    def __init__(self, identity: str, home: str | None) -> None:
        self.identity = identity
        self.turns = 0
        """Turns of earlier runs."""
        self._path = os.path.join(home, identity + ".jsonl") if home else None

    def create(self) -> None:
        """Begins a new conversation.

        Raises:
            CannotStartError: one of that id exists.
        """
        if self._path is None:
            return
        os.makedirs(os.path.dirname(self._path), exist_ok=True)
        try:
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            raise CannotStartError(f"Session ID {self.identity} is already in use") from None

    def resume(self) -> None:
        """Counts the turns of an earlier run.

        Raises:
            CannotStartError: there is no conversation of that id.
        """
        if self._path is None:
            return
        try:
            with open(self._path, encoding="utf-8") as file:
                self.turns = sum('"role": "user"' in line for line in file)
        except FileNotFoundError:
            raise CannotStartError(f"No conversation found with session ID: {self.identity}") from None

    def add(self, role: str, text: str) -> None:
        """Appends what was said, by "user" or "assistant"."""
        if self._path is None:
            return
        import json  # noqa: PLC0415 - costs as much as the rest of the start, and only this needs it

        line = json.dumps({"role": role, "text": text}) + "\n"
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(line)


def home_folder(environ: Mapping[str, str]) -> str | None:
    """Where conversations are kept: $AO_DEMO_HOME, or ~/.ao-demo when it exists, or nowhere."""
    default = os.path.expanduser("~/.ao-demo")
    return environ.get("AO_DEMO_HOME") or (default if os.path.isdir(default) else None)
