"""A fleet of a test's own: config, HOME, tmux server and watchdog in one throw-away folder."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

REPOSITORY = Path(__file__).resolve().parents[2]
SOCKET = "fleet"
PATIENCE = 30.0
"""Seconds after which a condition that should come is given up; nothing waits that long when all is well."""


@dataclass(frozen=True, slots=True)
class Row:
    """One pane, as plain tmux shows it."""

    session: str
    pane: str
    pid: int
    dead: bool
    name: str


class TestFleet:
    """Runs `ao` as a person would, in an environment that knows nothing of the real one.

    folder: short, since a tmux socket's path may have 107 bytes at the most.
    """

    __test__ = False

    def __init__(self, config: str, *, env: Mapping[str, str] | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ao-"))
        self.config = self.folder / "agents.toml"
        self.home = self.folder / "home"
        self.home.mkdir()
        self.env = {
            "HOME": str(self.home), "PATH": os.environ["PATH"], "TERM": "xterm-256color", "LANG": "C.UTF-8",
            "TMUX_TMPDIR": str(self.folder), "PYTHONPATH": str(REPOSITORY), "SHELL": "/bin/sh", "USER": "tester",
            **(env or {}),
        }  # fmt: skip
        self.write(config)

    def write(self, config: str) -> None:
        """Save the config as an editor does: whole, and by renaming."""
        scratch = self.folder / ".agents.toml.new"
        scratch.write_text(config)
        scratch.rename(self.config)

    # ---- ao

    def ao(
        self, *arguments: str, check: int | None = 0, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run one verb to its end. check: the exit status it must have, None for any."""
        done = subprocess.run(
            [sys.executable, "-m", "orchestrator", *arguments], env=self.env, cwd=self.folder, capture_output=True,
            text=True, timeout=timeout, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert check is None or done.returncode == check, (
            f"ao {arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        return done

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Start one verb and leave it running."""
        return subprocess.Popen(
            [sys.executable, "-m", "orchestrator", *arguments], env=self.env, cwd=self.folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def status(self) -> dict[str, Any]:
        """`ao status --json`."""
        return dict(json.loads(self.ao("status", "--json").stdout))

    def states(self) -> dict[str, str]:
        """State of each session, by name."""
        return {session["name"]: session["state"] for session in self.status()["sessions"]}

    def events(self) -> list[dict[str, Any]]:
        """The journal."""
        return [json.loads(line) for line in self.ao("events", "--json", "-n", "10000").stdout.splitlines()]

    def watchdog_pid(self) -> int:
        """Pid of the running watchdog."""
        holder = json.loads((self.folder / "log" / "state" / "lock").read_text())
        return int(holder["pid"])

    # ---- tmux

    def tmux(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One plain tmux command on the fleet's server."""
        return subprocess.run(
            ["tmux", "-L", SOCKET, *arguments],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )

    def rows(self) -> dict[str, Row]:
        """Every pane of the fleet by its name, as tmux itself tells."""
        form = "#{session_name} #{pane_id} #{pane_pid} #{pane_dead} #{@ao_name}"
        rows = [line.split(" ") for line in self.tmux("list-panes", "-a", "-F", form).stdout.splitlines()]
        return {r[4]: Row(r[0], r[1], int(r[2]), r[3] == "1", r[4]) for r in rows if r[4]}

    def sessions(self) -> list[str]:
        """Names of all sessions but ao's own."""
        listed = self.tmux("list-sessions", "-F", "#{session_name}").stdout.splitlines()
        return sorted(name for name in listed if not name.startswith("_ao-"))

    def screen(self, name: str) -> str:
        """The visible text of a session's pane."""
        return self.tmux("capture-pane", "-p", "-t", self.rows()[name].pane).stdout

    def history(self, name: str) -> list[str]:
        """All lines of an agent's pane, those above the screen too."""
        shown = self.tmux("capture-pane", "-p", "-J", "-S", "-", "-t", self.rows()[name].pane)
        return [line.rstrip() for line in shown.stdout.splitlines()]

    def server_pid(self) -> int:
        """Pid of the fleet's tmux server."""
        return int(self.tmux("display-message", "-p", "#{pid}").stdout)

    # ---- faults

    def kill(self, name: str) -> int:
        """SIGKILL to a session's program; its pid."""
        pid = self.rows()[name].pid
        os.kill(pid, signal.SIGKILL)
        return pid

    def replaced(self, name: str, pid: int) -> bool:
        """Whether a session runs, and no longer as this pid."""
        row = self.rows().get(name)
        return row is not None and row.pid != pid and not row.dead and psutil.pid_exists(row.pid)

    # ---- the end

    def close(self) -> None:
        """End everything that this fleet started, however badly a test went; its folder goes too."""
        mine = self.processes()
        for process in mine:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(mine, timeout=10)
        shutil.rmtree(self.folder, ignore_errors=True)

    def processes(self) -> list[psutil.Process]:
        """Every process that was started in this fleet's folder: its environment names it."""
        found = []
        mark = str(self.folder)
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                environment = process.environ()
                if environment.get("TMUX_TMPDIR") == mark or environment.get("HOME", "").startswith(mark):
                    found.append(process)
        return found


def words_of(process: psutil.Process) -> list[str]:
    """A process's command line; none for one that has ended meanwhile: short ones come and go."""
    try:
        return process.cmdline() or [""]
    except psutil.Error:
        return [""]


@contextlib.contextmanager
def fleet(config: str, *, env: Mapping[str, str] | None = None) -> Iterator[TestFleet]:
    """A fleet for one test."""
    made = TestFleet(config, env=env)
    try:
        yield made
    finally:
        made.close()


def until(condition: Callable[[], object], what: str, patience: float = PATIENCE) -> float:
    """Wait until a condition holds; seconds it took.

    Raises:
        AssertionError: it did not come.
    """
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < patience, f"waited {patience:g} s in vain: {what}"
        time.sleep(0.02)
    return time.monotonic() - begun


def demo_config(agents: int = 3, *, more: str = "", watchdog: str = "") -> str:
    """A config with demo agents a0, a1 and so on."""
    lines = "\n".join(f'[[agent]]\nname = "a{number}"\nprompt = "/say hello"\n' for number in range(agents))
    return (
        f'[defaults]\nsession_prefix = "t-"\nlog_dir = "log"\ntmux_socket = "{SOCKET}"\nbackend = "demo"\nwatch = "heal"\n'
        f"[watchdog]\n{watchdog}\n{lines}\n{more}"
    )
