"""Processes: who belongs to a session, and how to end them without ever hitting another.

A program's children leave its process group, its session and its parent; so the members of a run
are the union of three signs: the terminal session of the pane's process, descent from it, and the
run's mark in the environment. A process is named by pid and start time, and signals go through a
pidfd, so that a pid that was used again is never hit.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from orchestrator.model.observation import Process

MARK = "AO_RUN"
"""Environment variable that carries the run's id."""
LINUX = sys.platform.startswith("linux")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the process table. session: id of its terminal session, 0 where the system does not say."""

    pid: int
    parent: int
    session: int
    started: int
    zombie: bool
    command: str


class ProcessTable:
    """All processes at one moment; environments are read when they are asked for."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = {row.pid: row for row in rows}
        self._marks: dict[int, bytes] = {}

    @classmethod
    def read(cls) -> ProcessTable:
        """The table now."""
        return cls(_proc_rows() if LINUX else _psutil_rows())

    def members(self, leader: int, run: str) -> tuple[Process, ...]:
        """What is left of a run: by session id and descent of `leader`, and by the run's mark. Never this process."""
        found = {row.pid for row in self._rows.values() if row.session == leader}
        found |= {leader} if leader in self._rows else set()
        if run:
            mark = f"{MARK}={run}".encode()
            found |= {pid for pid in self._rows if mark in self._mark(pid)}
        found |= set(self._descendants(found))
        found.discard(os.getpid())
        rows = (self._rows[pid] for pid in sorted(found))
        return tuple(Process(row.pid, row.started, row.command) for row in rows if not row.zombie)

    def command_lines(self, leader: int) -> tuple[str, ...]:
        """Command lines of a process and its descendants, the leader's first."""
        pids = [leader, *self._descendants({leader})]
        return tuple(line for pid in pids if pid in self._rows and (line := command_line(pid)))

    def _descendants(self, of: set[int]) -> Iterator[int]:
        children: dict[int, list[int]] = {}
        for row in self._rows.values():
            children.setdefault(row.parent, []).append(row.pid)
        queue, seen = list(of), set(of)
        while queue:
            for child in children.get(queue.pop(), ()):
                if child not in seen:
                    seen.add(child)
                    queue.append(child)
                    yield child

    def _mark(self, pid: int) -> bytes:
        """The mark's assignment in a process's environment, or b""."""
        if pid not in self._marks:
            environment = _environment(pid)
            start = environment.find(b"\0" + MARK.encode() + b"=")
            end = environment.find(b"\0", start + 1)
            self._marks[pid] = environment[start + 1 : end] if start >= 0 else b""
        return self._marks[pid]


def is_alive(pid: int) -> bool:
    """Whether a process of that pid exists and has not ended; a zombie has."""
    row = _row(pid) if LINUX else _psutil_row(pid)
    return row is not None and not row.zombie


def command_line(pid: int) -> str:
    """A process's command line, words joined by blanks; "" when it is gone or has none."""
    try:
        if LINUX:
            return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").replace(b"\0", b" ").decode("utf-8", "replace")
        return " ".join(psutil.Process(pid).cmdline())
    except (OSError, psutil.Error):
        return ""


def tree_command_lines(leader: int) -> tuple[str, ...]:
    """Command lines of a process and its descendants, cheaply where the kernel lists children."""
    if not LINUX:
        return ProcessTable.read().command_lines(leader)
    lines: list[str] = []
    queue = [leader]
    while queue and len(lines) < 64:
        pid = queue.pop(0)
        if line := command_line(pid):
            lines.append(line)
        with contextlib.suppress(OSError, ValueError):
            queue += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    return tuple(lines)


def end(process: Process, *, kill: bool) -> bool:
    """Send TERM, or KILL, to exactly this process; False when it may not be signalled."""
    number = signal.SIGKILL if kill else signal.SIGTERM
    try:
        if hasattr(os, "pidfd_open"):
            descriptor = os.pidfd_open(process.pid)
            try:
                if _started(process.pid) == process.started:
                    signal.pidfd_send_signal(descriptor, number)
            finally:
                os.close(descriptor)
        elif _started(process.pid) == process.started:
            os.kill(process.pid, number)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return True


class DeathWatch:
    """Knows the moment at which watched processes end, where the system can tell (Linux).

    Elsewhere `descriptors` stays empty and `ended` looks at each pid.
    """

    def __init__(self) -> None:
        self._descriptors: dict[int, int] = {}
        self._ended: set[int] = set()

    def watch(self, pids: Iterable[int]) -> tuple[set[int], set[int]]:
        """Watch exactly these pids.

        Returns:
            Descriptors that are new, to wait on for reading, and descriptors that were closed.
        """
        wanted = set(pids)
        closed = {self._forget(pid) for pid in set(self._descriptors) - wanted}
        self._ended &= wanted
        opened: set[int] = set()
        for pid in wanted - set(self._descriptors) - self._ended:
            descriptor = _open_pidfd(pid)
            if descriptor is None:
                if not is_alive(pid):
                    self._ended.add(pid)
                continue
            self._descriptors[pid] = descriptor
            opened.add(descriptor)
        return opened, closed

    def note(self, descriptors: Sequence[int]) -> set[int]:
        """Take descriptors that became readable as deaths; they are closed and returned."""
        by_descriptor = {descriptor: pid for pid, descriptor in self._descriptors.items()}
        closed: set[int] = set()
        for descriptor in descriptors:
            if (pid := by_descriptor.get(descriptor)) is not None:
                self._ended.add(pid)
                closed.add(self._forget(pid))
        return closed

    def ended(self, pid: int) -> bool:
        """Whether this watched process is known to be gone."""
        if pid in self._ended:
            return True
        return pid not in self._descriptors and not is_alive(pid)

    def _forget(self, pid: int) -> int:
        descriptor = self._descriptors.pop(pid)
        os.close(descriptor)
        return descriptor


def _open_pidfd(pid: int) -> int | None:
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def _started(pid: int) -> int:
    row = _row(pid) if LINUX else _psutil_row(pid)
    return row.started if row else -1


def _row(pid: int) -> Row | None:
    """From /proc/PID/stat; the command may hold blanks and brackets, so fields are counted from its end."""
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes().decode("utf-8", "replace")
    except OSError:
        return None
    opening, closing = text.index("("), text.rindex(")")
    fields = text[closing + 2 :].split()
    return Row(
        pid=pid, parent=int(fields[1]), session=int(fields[3]), started=int(fields[19]),
        zombie=fields[0] in {"Z", "X"}, command=text[opening + 1 : closing],
    )  # fmt: skip


def _proc_rows() -> Iterator[Row]:
    for name in os.listdir("/proc"):  # noqa: PTH208 - names are all that is needed
        if name.isdigit() and (row := _row(int(name))) is not None:
            yield row


def _psutil_row(pid: int) -> Row | None:
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            return Row(
                pid=pid, parent=process.ppid(), session=_session(pid), started=int(process.create_time() * 100),
                zombie=process.status() == psutil.STATUS_ZOMBIE, command=process.name(),
            )  # fmt: skip
    except psutil.Error:
        return None


def _psutil_rows() -> Iterator[Row]:
    for pid in psutil.pids():
        if (row := _psutil_row(pid)) is not None:
            yield row


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return 0


def _environment(pid: int) -> bytes:
    """A process's environment as NUL-separated assignments, each with a NUL before it; b"" where not readable."""
    try:
        if LINUX:
            return b"\0" + Path(f"/proc/{pid}/environ").read_bytes() + b"\0"
        pairs: Mapping[str, str] = psutil.Process(pid).environ()
    except (OSError, psutil.Error):
        return b""
    return b"\0" + b"".join(f"{key}={value}\0".encode("utf-8", "surrogateescape") for key, value in pairs.items())
