"""One tmux command by a process of its own, through libtmux, with the time limit that it lacks."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.adapters.control import Argv
from orchestrator.adapters.processes import children, command_line
from orchestrator.adapters.tmux_around import send_signal
from orchestrator.errors import TmuxUnavailable

if TYPE_CHECKING:
    import libtmux

ENDING = 0.5
"""Seconds in which a tmux that was ended must be gone."""
Answer = tuple[int, Sequence[str], Sequence[str]]
"""Exit status, lines of output, lines of errors."""


class Asker:
    """Asks one server, one question at a time.

    `Server.cmd` has no time limit, so it runs in a thread, and the tmux that hangs is ended. Such a client may be ended
    even while its server is stopped; a control client may not (tmux 3.3a then ends when it goes on).

    Args:
        binary: the tmux program.
        socket: the server's socket; by its path, since libtmux would look for a name in the
            TMUX_TMPDIR of this process.
        own: the server is the fleet's own, and no tmux.conf is read.
        timeout: seconds for one answer.
    """

    def __init__(self, binary: str, socket: Path, *, own: bool, timeout: float) -> None:
        self._binary, self._socket, self._own, self._timeout = binary, socket, own, timeout
        self._server: libtmux.Server | None = None
        self._asking: threading.Thread | None = None

    def ask(self, argv: Argv) -> Answer:
        """Run one command.

        Raises:
            TmuxUnavailable: no answer in time, or an earlier one is still to come.
        """
        if self._asking is not None and self._asking.is_alive():
            raise TmuxUnavailable("tmux still does not answer")
        server, answer = self._open(), list[Answer]()

        def ask() -> None:
            try:
                result = server.cmd(*argv)
            except Exception as error:  # noqa: BLE001 - whatever libtmux raises means "no answer"
                answer.append((127, [], [str(error)]))
            else:
                answer.append((result.returncode, result.stdout, result.stderr))

        self._asking = threading.Thread(target=ask, daemon=True, name="tmux-ask")
        self._asking.start()
        self._asking.join(self._timeout)
        if not answer:
            self._end_hung()
            raise TmuxUnavailable(f"tmux did not answer within {self._timeout:g} s")
        return answer[0]

    def _end_hung(self) -> None:
        """End the tmux that does not answer; it is this process's child, so its pid can't be another's."""
        words = f" -S{self._socket} "
        for pid in children(os.getpid()):
            if words in command_line(pid):
                send_signal(pid, signal.SIGKILL)
        if self._asking is not None:
            self._asking.join(ENDING)

    def _open(self) -> libtmux.Server:
        if self._server is None:
            import libtmux  # noqa: PLC0415 - 90 ms that a verb which never gets here need not pay

            self._server = libtmux.Server(
                socket_path=self._socket,
                config_file=os.devnull if self._own else None,
                tmux_bin=self._binary,
            )
        return self._server
