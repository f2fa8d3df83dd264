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

from orchestrator.model import marks
from orchestrator.model.observation import Process

MARK = marks.RUN
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

    def members(self, leader: int, run: str, *, living: bool) -> tuple[Process, ...]:
        """What is left of a run: by terminal session and descent of its leader, and by the run's mark.

        Args:
            leader: pid of the pane's first process, 0 when it was never seen.
            run: the run's id, "" for none.
            living: tmux has the leader as a living child. Else its pid may be in use again by
                somebody else's process, which is told by the mark that it lacks.

        Returns:
            Processes by pid; never this one, its ancestors, or init.
        """
        mark = f"{MARK}={run}".encode() if run else b""
        found = {pid for pid in self._rows if mark and self._mark(pid) == mark}
        row = self._rows.get(leader)
        if leader > 1 and (living or row is None or row.zombie or leader in found):
            # As long as anything is left of a terminal session, the kernel does not give its number away.
            found |= {each.pid for each in self._rows.values() if each.session == leader}
            found |= {leader} & set(self._rows)
        found |= set(self._descendants(found))
        found -= self._own_line()
        left = (self._rows[pid] for pid in sorted(found))
        return tuple(Process(each.pid, each.started, each.command) for each in left if not each.zombie)

    def _own_line(self) -> set[int]:
        """This process, its helpers, its ancestors, and init: a supervisor started inside an agent must not end itself."""
        line, pid = {0, 1}, os.getpid()
        helpers = set(self._descendants({pid}))
        while pid in self._rows and pid not in line:
            line.add(pid)
            pid = self._rows[pid].parent
        return line | helpers

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


def command_name(pid: int) -> str:
    """Name of the program that a process runs, as the system shows it; "" when it is gone."""
    row = _row(pid) if LINUX else _psutil_row(pid)
    return row.command if row is not None else ""


def command_line(pid: int) -> str:
    """A process's command line, words joined by blanks; "" when it is gone or has none."""
    if not LINUX:
        return _psutil_command_line(pid)
    try:
        return (
            Path(f"/proc/{pid}/cmdline")
            .read_bytes()
            .rstrip(b"\0")
            .replace(b"\0", b" ")
            .decode("utf-8", "replace")
        )
    except OSError:
        return ""


def find_by_words(*words: str) -> list[int]:
    """Pids of processes whose command line has these words in a row."""
    wanted = list(words)
    pids = [row.pid for row in (_proc_rows() if LINUX else _psutil_rows()) if not row.zombie]
    return [pid for pid in pids if _has_in_a_row(_words(pid), wanted)]


def _has_in_a_row(words: list[str], wanted: list[str]) -> bool:
    return any(words[i : i + len(wanted)] == wanted for i in range(len(words)))


def _words(pid: int) -> list[str]:
    if not LINUX:
        return _psutil_command_line(pid).split(" ")
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "surrogateescape").split("\0")
    except OSError:
        return []


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
        queue += children(pid)
    return tuple(lines)


def children(pid: int) -> list[int]:
    """Pids of a process's children: the kernel lists them by the thread that started them."""
    if not LINUX:
        return [row.pid for row in _psutil_rows() if row.parent == pid]
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - names are all that is needed
            with contextlib.suppress(OSError):
                found += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_bytes().split())
    return found


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


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return 0


def _environment(pid: int) -> bytes:
    """A process's environment as NUL-separated assignments, each with a NUL before it; b"" where not readable."""
    if not LINUX:
        return _psutil_environment(pid)
    try:
        return b"\0" + Path(f"/proc/{pid}/environ").read_bytes() + b"\0"
    except OSError:
        return b""


# Where there is no /proc, psutil knows; on Linux it costs ten times as much, so it is not imported there.


def _psutil_row(pid: int) -> Row | None:
    import psutil  # noqa: PLC0415

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
    import psutil  # noqa: PLC0415

    for pid in psutil.pids():
        if (row := _psutil_row(pid)) is not None:
            yield row


def _psutil_command_line(pid: int) -> str:
    import psutil  # noqa: PLC0415

    try:
        return " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return ""


def _psutil_environment(pid: int) -> bytes:
    import psutil  # noqa: PLC0415

    try:
        pairs: Mapping[str, str] = psutil.Process(pid).environ()
    except psutil.Error:
        return b""
    return b"\0" + b"".join(
        f"{key}={value}\0".encode("utf-8", "surrogateescape") for key, value in pairs.items()
    )
