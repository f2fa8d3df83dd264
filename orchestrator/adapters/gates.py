"""Running gates: a command on a clean checkout, in the background, with a time limit and its output kept."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from orchestrator.adapters.git import Git
from orchestrator.adapters.logfiles import private_folder
from orchestrator.adapters.processes import ProcessTable, end
from orchestrator.errors import AoError
from orchestrator.model.action import RunGate
from orchestrator.model.handoff import GateResult
from orchestrator.model.marks import RUN
from orchestrator.model.text import last_lines

OUTPUT_BYTES = 5_000_000
"""What is kept of a gate's output; the rest is read and dropped."""
LOGS_KEPT = 50
PARENT = '/bin/sh -c "$1"; exit $?'
"""Stands between the watchdog and the command, for one that ends its parent."""
POLITE = 5.0
"""Seconds between the polite end of a gate and the kill."""


class Gates:
    """One gate at a time for each loop.

    Args:
        folder: of the fleet's logs; checkouts go below its `state`.
        poke: called, from another thread, when one has ended.
        environ: of the commands.
    """

    def __init__(self, folder: Path, poke: Callable[[], None], environ: Mapping[str, str]) -> None:
        self._folder, self._poke = folder, poke
        self._environ = {key: value for key, value in environ.items() if key not in {"TMUX", "TMUX_PANE"}}
        self._running: dict[str, str] = {}
        self._results: dict[str, GateResult] = {}
        self._closing = False
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def run(self, gate: RunGate) -> str:
        """Begin a gate; the same one goes on when it runs already, and another one of its loop is ended first."""
        if self._running.get(gate.name, gate.key) != gate.key:
            self._end(gate.name)
            return ""
        if gate.name not in self._running:
            self._running[gate.name] = gate.key
            self._results.pop(gate.name, None)
            threading.Thread(target=self._run, args=(gate,), daemon=True, name="gate").start()
        return ""

    def running(self) -> Mapping[str, str]:
        """What runs now: by loop, what it runs on."""
        return dict(self._running)

    def results(self) -> Mapping[str, GateResult]:
        """How each loop's last gate ended."""
        return dict(self._results)

    def close(self) -> None:
        """End what runs: nobody would hear of its end."""
        self._closing = True
        for name in list(self._running):
            self._end(name)

    def _end(self, name: str) -> None:
        process = self._processes.get(name)
        if process is not None and process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def _run(self, gate: RunGate) -> None:
        log = self._folder / "gates" / f"{gate.name}-{gate.phase}-{gate.key[:12]}.log"
        try:
            words = self._carry_out(gate, log)
        except (AoError, OSError) as error:
            words = error.message if isinstance(error, AoError) else str(error)
            with contextlib.suppress(OSError):
                log.write_text(words + "\n", encoding="utf-8")
        self._results[gate.name] = GateResult(gate.key, passed=not words, words=words, log=log)
        self._running.pop(gate.name, None)
        self._poke()

    def _mark(self, loop: str) -> str:
        """What marks the processes of a loop's gate; other fleets have loops of the same name."""
        return f"gate-{hashlib.blake2b(os.fsencode(self._folder), digest_size=6).hexdigest()}-{loop}"

    def _carry_out(self, gate: RunGate, log: Path) -> str:
        """Run it to its end; "" or why it failed."""
        private_folder(log.parent)
        for old in sorted(log.parent.glob("*.log"), key=lambda path: path.stat().st_mtime)[:-LOGS_KEPT]:
            old.unlink(missing_ok=True)
        mark = self._mark(gate.name)
        _end_marked(mark)  # what a watchdog that died has left
        checkout = self._folder / "state" / "gates" / gate.name
        _remove(checkout)
        where = gate.repo
        if gate.commit:
            private_folder(checkout.parent)
            Git(gate.repo, self._environ).check_out(gate.commit, checkout)
            where = checkout
        try:
            return self._command(gate, where, log, mark)
        finally:
            _end_marked(mark)
            _remove(checkout)

    def _command(self, gate: RunGate, where: Path, log: Path, mark: str) -> str:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            process = subprocess.Popen(
                ["/bin/sh", "-c", PARENT, "sh", gate.command], cwd=where, env={**self._environ, RUN: mark, "AO_GATE_COMMIT": gate.commit},
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
            self._processes[gate.name] = process
            if self._closing:
                self._end(gate.name)
            reader = threading.Thread(
                target=_copy, args=(process.stdout, out), daemon=True, name="gate-output"
            )
            reader.start()
            late = _wait(process, gate.timeout)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # a child in the background would keep the output open
            _end_marked(mark)
            reader.join(POLITE)
        if late:
            return f"it took more than {gate.timeout:g} s"
        if process.returncode == 0:
            return ""
        words = last_lines(log.read_text(encoding="utf-8", errors="replace"), 1)
        how = f"signal {-process.returncode}" if process.returncode < 0 else f"status {process.returncode}"
        return f"{how}{f': {words[0][:200]}' if words else ''}"


def _remove(folder: Path) -> None:
    """Remove a checkout, folders too in which nothing may be written (as caches make them)."""
    for inner, _, _ in os.walk(folder):
        with contextlib.suppress(OSError):
            Path(inner).chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


def _wait(process: subprocess.Popen[bytes], timeout: float) -> bool:
    """Wait for an end; whether it had to be made."""
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(POLITE)
        return True
    return False


def _copy(source: IO[bytes] | None, target: IO[bytes]) -> None:
    if source is None:
        return
    left = OUTPUT_BYTES
    with contextlib.suppress(OSError, ValueError), source:
        while data := os.read(source.fileno(), 65536):
            target.write(data[:left])
            target.flush()
            left -= min(left, len(data))


def _end_marked(mark: str) -> None:
    """End every process that carries the mark in its environment."""
    for _ in range(20):
        found = ProcessTable.read().members(0, mark, living=False)
        if not found:
            return
        for process in found:
            end(process, kill=True)
        time.sleep(0.05)
