"""One tmux server of a test's own, seen through the adapter and, for comparison, by plain tmux."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

from orchestrator.adapters.tmux import TmuxServer
from orchestrator.model.observation import Pane
from orchestrator.model.reading import Screen
from tests.support.fleet import until

SOCKET = "bench"
RECEIVER = """
import os, sys, tty
tty.setraw(0)
out = open(sys.argv[1], "wb", buffering=0)
os.write(1, sys.argv[2].encode().decode("unicode_escape").encode() + b"ready")
while data := os.read(0, 65536):
    out.write(data)
"""


class Bench:
    """A folder with HOME, socket and logs; all that is started in it carries its name in TMUX_TMPDIR."""

    def __init__(
        self, *, own: bool = True, env: Mapping[str, str] | None = None, conf: str = "", timeout: float = 5
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ao-"))
        self.env = {
            "HOME": str(self.folder), "PATH": os.environ["PATH"], "TERM": "xterm-256color", "LANG": "C.UTF-8",
            "TMUX_TMPDIR": str(self.folder), **(env or {}),
        }  # fmt: skip
        self.socket = SOCKET if own else None
        (self.folder / ".tmux.conf").write_text(conf)
        self.timeout = timeout
        self._adapters: list[TmuxServer] = []
        self.tmux = self.adapter()

    def adapter(self, fleet: str = "ours") -> TmuxServer:
        """One more view of the same server, without a control client yet."""
        made = TmuxServer(self.socket, fleet, self.env, self.timeout)
        self._adapters.append(made)
        return made

    def plain(self, *arguments: str, check: bool = True) -> str:
        """What a plain tmux command prints; with `check` it must succeed."""
        server = ["-L", SOCKET, "-f", os.devnull] if self.socket else []
        done = subprocess.run(
            ["tmux", *server, *arguments],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert done.returncode == 0 or not check, f"tmux {arguments}: {done.stderr}"
        return done.stdout.rstrip("\n")

    def start(
        self, session: str, script: str = "exec cat", *, run: str = "r1", log: Path | None = None
    ) -> str:
        """Start `sh -c script` as a session of the fleet; the adapter's answer."""
        return self.tmux.start(
            session, ["/bin/sh", "-c", script], self.marks(session, run), log or self.log(session)
        )

    def marks(self, name: str, run: str = "r1") -> dict[str, str]:
        return {"fleet": "ours", "name": name, "spec": "s1", "run": run}

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def receive(self, session: str, said: str = "") -> Path:
        """Start a program that keeps all it is typed in a file, and says `said` to the terminal first."""
        got = self.folder / f"{session}.got"
        program = self.folder / "receiver.py"
        program.write_text(RECEIVER)
        words = [sys.executable, str(program), str(got), said]
        assert self.tmux.start(session, words, self.marks(session), self.log(session)) == ""
        until(lambda: "ready" in self.screen(session).text, "the receiver is up")
        return got

    def panes(self) -> Mapping[str, Pane]:
        snapshot = self.tmux.snapshot()
        assert snapshot.panes is not None, snapshot.reason
        return snapshot.panes

    def pane(self, name: str) -> str:
        return self.panes()[name].pane_id

    def screen(self, name: str) -> Screen:
        return self.tmux.look({name: self.pane(name)})[name]

    def logged(self, name: str) -> str:
        log = self.log(name)
        return log.read_text() if log.exists() else ""

    def server_pid(self) -> int:
        return int(self.plain("display-message", "-p", "#{pid}"))

    def clients(self) -> list[psutil.Process]:
        """Processes of tmux that this test's adapters have running."""
        children = psutil.Process().children(recursive=True)
        return [child for child in children if _is_in(child, self.folder) and _name(child).startswith("tmux")]

    def close(self) -> None:
        for adapter in self._adapters:
            adapter.close()
        mine = [process for process in psutil.process_iter() if _is_in(process, self.folder)]
        for process in mine:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        until(lambda: not any(map(lives, mine)), "all that was started has ended")
        shutil.rmtree(self.folder, ignore_errors=True)


def lives(process: psutil.Process) -> bool:
    """A zombie has ended; when its new parent collects it is no matter of the test's."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _is_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.environ().get("TMUX_TMPDIR") == str(folder)
    except psutil.Error:
        return False


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        return ""


@contextlib.contextmanager
def bench(
    *, own: bool = True, env: Mapping[str, str] | None = None, conf: str = "", timeout: float = 5
) -> Iterator[Bench]:
    """A bench for one test."""
    made = Bench(own=own, env=env, conf=conf, timeout=timeout)
    try:
        yield made
    finally:
        made.close()
