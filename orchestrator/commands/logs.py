"""`ao logs`: a session's output as a person would have seen it, or as it was written.

An agent program draws its screen again and again; the log holds every redraw. As text, the end of
the log is played through a terminal emulator, and what would stand on its screen and in its
history is shown.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from orchestrator.adapters import clock
from orchestrator.errors import AoError
from orchestrator.model.text import printable

TAIL = 1 << 20
"""Bytes at the end of a log that are read for text."""
CHUNK = 1 << 16
WIDTH, HEIGHT, HISTORY = 200, 50, 5000
FOLLOW_PAUSE = 0.2


def text(path: Path, lines: int) -> list[str]:
    """The last lines of a log as text, free of control characters.

    Raises:
        AoError: there is no log, or it is no file.
    """
    return [printable(line) for line in render(_tail(path, TAIL))][-lines:]


def raw(path: Path, lines: int) -> bytes:
    """The last lines of a log as they were written; raises as `text`."""
    return b"".join(_tail(path, TAIL).splitlines(keepends=True)[-lines:])


def plain(path: Path, lines: int) -> list[str]:
    """The last lines of a log that was written by ao itself; raises as `text`."""
    whole = _tail(path, TAIL).decode("utf-8", "replace").splitlines()
    return [printable(line) for line in whole[-lines:]]


def follow(path: Path) -> Iterator[bytes]:
    """What is written to a log from now on; goes on when it is rotated, deleted, or made anew. Never ends."""
    place, inode = _end(path)
    while True:
        clock.pause(FOLLOW_PAUSE)
        found = _stat(path)
        if found is None:
            inode = 0
            continue
        if found.st_ino != inode or found.st_size < place:
            place, inode = 0, found.st_ino
        if found.st_size > place:
            data = _read(path, place, found.st_size - place)
            place += len(data)
            yield data


def printed(data: bytes) -> list[str]:
    """New output as lines of text: what each redraw shows, without the control sequences."""
    return [printable(line) for line in render(data)]


def render(data: bytes) -> list[str]:
    """Terminal output as the lines that it leaves, history first, without blank lines at the end."""
    import pyte  # noqa: PLC0415 - only text needs the emulator

    screen = pyte.HistoryScreen(WIDTH, HEIGHT, history=HISTORY, ratio=0.5)
    stream = pyte.ByteStream(screen)
    for start in range(0, len(data), CHUNK):
        _feed(stream, data[start : start + CHUNK])
    above = ["".join(row[x].data for x in range(WIDTH)).rstrip() for row in screen.history.top]
    lines = [*above, *(line.rstrip() for line in screen.display)]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _feed(stream: object, data: bytes) -> None:
    """Feed the emulator; a sequence that it does not know costs the rest of its chunk's line, not the log."""
    try:
        stream.feed(data)  # type: ignore[attr-defined]  # pyte has no types
    except Exception:  # noqa: BLE001 - whatever the emulator trips over came from an agent
        for line in data.splitlines(keepends=True):
            try:
                stream.feed(line)  # type: ignore[attr-defined]
            except Exception:  # noqa: BLE001, S112 - as above
                continue


def _stat(path: Path) -> os.stat_result | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def _end(path: Path) -> tuple[int, int]:
    found = _stat(path)
    return (found.st_size, found.st_ino) if found else (0, 0)


def _tail(path: Path, size: int) -> bytes:
    found = _stat(path)
    if found is None:
        what = "is no plain file" if path.exists() else "does not exist yet"
        raise AoError(f"the log {path} {what}", "it is written once the session has started")
    start = max(0, found.st_size - size)
    return _read(path, start, found.st_size - start)


def _read(path: Path, start: int, size: int) -> bytes:
    """A part of a plain file; whatever has taken its place meanwhile is not waited for."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            file.seek(start)
            return file.read(size)
    except OSError:
        return b""
