"""A person at a terminal: a real tmux client on a pty."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading
from collections.abc import Iterator

from tests.support.fleet import SOCKET, TestFleet, until


class Person:
    """Somebody who is attached to a session, and types there."""

    def __init__(self, fleet: TestFleet, session: str) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        self._client = subprocess.Popen(
            ["tmux", "-L", SOCKET, "attach-session", "-t", f"={session}"], env=fleet.env, stdin=theirs, stdout=theirs,
            stderr=theirs, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        self._reader = threading.Thread(target=self._drain, daemon=True)
        self._reader.start()

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._ours, keys.encode())

    def leave(self) -> None:
        """Close the terminal."""
        self._client.terminate()
        self._client.wait(timeout=10)
        self._reader.join(timeout=10)
        os.close(self._ours)

    def _drain(self) -> None:
        """Read what is drawn: a client whose terminal takes nothing would hang."""
        with contextlib.suppress(OSError):
            while os.read(self._ours, 65536):
                pass


@contextlib.contextmanager
def attached(fleet: TestFleet, session: str) -> Iterator[Person]:
    """A person who is attached to a session, by tmux's own count."""
    person = Person(fleet, session)
    try:
        count = ("display-message", "-p", "-t", f"={session}:", "#{session_attached}")
        until(lambda: fleet.tmux(*count).stdout.strip() == "1", "the person is attached")
        yield person
    finally:
        person.leave()
