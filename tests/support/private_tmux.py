"""A tmux server of a test's own: private socket, no user configuration, gone with all it ran."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil


class PrivateTmux:
    """Context manager around one tmux server; every pane is 120x40 and stays after its program's death."""

    def __init__(self, home: Path) -> None:
        """home: HOME of the server, a throw-away folder."""
        self.socket = f"ao-test-{uuid.uuid4().hex[:12]}"
        self._env = {
            "HOME": str(home),
            "PATH": os.environ["PATH"],
            "TERM": "screen-256color",
            "LANG": "C.UTF-8",
        }
        self._server_pid: int | None = None
        self._socket_path = Path()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server_pid is None:
            return
        started = self._processes()
        self.run("kill-server", check=False)
        _end([psutil.Process(self._server_pid)] if psutil.pid_exists(self._server_pid) else [])
        _end(started)
        self._socket_path.unlink(missing_ok=True)

    def run(self, *arguments: str, text: str | None = None, check: bool = True) -> str:
        """Runs one tmux command and returns what it prints."""
        command = ["tmux", "-L", self.socket, "-f", "/dev/null", *arguments]
        done = subprocess.run(
            command, input=text, env=self._env, capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 0 or not check, f"tmux {shlex.join(arguments)}: {done.stderr}"
        return done.stdout.rstrip("\n")

    def start(self, session: str, command: Sequence[str], env: Mapping[str, str], cwd: Path) -> None:
        """Starts a program in a session of its own, with exactly this environment."""
        line = shlex.join(["env", "-i", *(f"{key}={value}" for key, value in env.items()), *command])
        self.run("start-server", ";", "set-option", "-g", "remain-on-exit", "on", ";", "new-session", "-d",
                 "-s", session, "-x", "120", "-y", "40", "-c", str(cwd), f"exec {line}")  # fmt: skip
        pid, socket_path = self.run("display-message", "-p", "#{pid} #{socket_path}").split(" ", 1)
        self._server_pid, self._socket_path = int(pid), Path(socket_path)

    def show(self, session: str, variable: str) -> str:
        """The value of a tmux variable of the session's pane, e.g. "pane_title"."""
        return self.run("display-message", "-p", "-t", f"={session}:", f"#{{{variable}}}")

    def screen(self, session: str) -> str:
        """The visible text of the session's pane."""
        return self.run("capture-pane", "-p", "-t", f"={session}:")

    def paste(self, session: str, text: str) -> None:
        """Pastes a text as one bracketed paste; Enter is the caller's."""
        self.run("load-buffer", "-b", "ao-test", "-", text=text)
        self.run("paste-buffer", "-p", "-r", "-d", "-b", "ao-test", "-t", f"={session}:")

    def press(self, session: str, *keys: str) -> None:
        """Presses keys by tmux's names, e.g. "Enter"."""
        self.run("send-keys", "-t", f"={session}:", *keys)

    def until_shown(self, session: str, pattern: str, patience: float = 30.0) -> str:
        """Waits until the pattern (multi-line) is on the screen, and returns the screen.

        Args:
            session: whose pane.
            pattern: regular expression.
            patience: seconds after which the test fails, showing the last screen.
        """
        self.until(
            lambda: re.search(pattern, self.screen(session), re.MULTILINE),
            lambda: self.screen(session),
            patience,
        )
        return self.screen(session)

    def until_value(self, session: str, variable: str, value: str, patience: float = 30.0) -> None:
        """Waits until a tmux variable of the session's pane has the value."""
        self.until(
            lambda: self.show(session, variable) == value, lambda: self.show(session, variable), patience
        )

    def until(
        self, condition: Callable[[], object], evidence: Callable[[], str], patience: float = 30.0
    ) -> None:
        """Polls a condition; when it does not come true in time, the test fails and shows the evidence."""
        deadline = time.monotonic() + patience
        while not condition():
            assert time.monotonic() < deadline, f"not seen in {patience:g} s:\n{evidence()}"
            time.sleep(0.05)

    def _processes(self) -> list[psutil.Process]:
        """Every process of the panes' sessions: some agent programs outlive the end of their terminal."""
        panes = self.run("list-panes", "-a", "-F", "#{pane_pid}", check=False).split()
        sessions = {int(pid) for pid in panes}
        return [process for process in psutil.process_iter() if _session(process) in sessions]


def _session(process: psutil.Process) -> int | None:
    try:
        return os.getsid(process.pid)
    except OSError:
        return None


def _end(processes: list[psutil.Process]) -> None:
    """Waits a moment for the end that was asked for, then makes it."""
    for process in psutil.wait_procs(processes, timeout=2)[1]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=10)
