"""`ao logs`: a session's output as a person would have seen it, or as it was written."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from orchestrator.adapters import clock
from orchestrator.adapters.logfiles import LogFiles
from orchestrator.adapters.tail import Tail
from orchestrator.commands.fleet import Fleet
from orchestrator.errors import AoError
from orchestrator.model.text import printable

WATCHDOG = "watchdog"
_NAME = re.compile(r"[A-Za-z0-9_-]+")
LEAST, MOST = 1 << 18, 1 << 21
"""Bytes at the end of a log that are read at the least and at the most."""
BYTES_PER_LINE = 2048
"""An agent program writes many times what it shows."""
HISTORY = 20_000
"""Lines that are kept above the screen."""
PAUSE = 0.25
"""Seconds between two looks at a log that is followed."""


class Reader(Protocol):
    """One way to show a log."""

    def last(self, data: bytes, lines: int) -> bytes:
        """Its last lines."""

    def more(self, data: bytes) -> bytes:
        """What was added, as it is to be shown; called with b"" too, when nothing was."""


def log_path(fleet: Fleet, name: str) -> Path:
    """Where the log of an agent, a service or the watchdog is; one that left the config keeps its log.

    Raises:
        UsageError: nothing bears the name.
    """
    logs = LogFiles(fleet.config.defaults.log_dir)
    if not _NAME.fullmatch(name) or logs.size(name) < 0:
        fleet.check_names([name], also=[WATCHDOG])
    return logs.path(name)


def read_log(path: Path, reader: Reader, lines: int, *, follow: bool) -> Iterator[bytes]:
    """The last lines of a log, and with `follow` all that comes, without end.

    Raises:
        AoError: there is no log, and it is not to be waited for.
    """
    with Tail(path) as tail:
        if not tail.found and not follow:
            what = "is no plain file" if path.is_symlink() or path.exists() else "does not exist yet"
            raise AoError(f"the log {path} {what}", "it is written once the session has started")
        size = min(MOST, max(LEAST, lines * BYTES_PER_LINE))
        yield reader.last(tail.last(size), lines)
        while follow:
            clock.pause(PAUSE)
            yield reader.more(tail.more())


def reader_for(name: str, *, raw: bool) -> Reader:
    """The way in which a log is shown: bytes, the watchdog's lines, or a session's screen."""
    if raw:
        return RawReader()
    return LineReader() if name == WATCHDOG else ScreenReader()


class RawReader:
    """Bytes as they were written."""

    def last(self, data: bytes, lines: int) -> bytes:
        """The last lines, control sequences and all."""
        return b"".join(data.splitlines(keepends=True)[-lines:]) if lines else b""

    def more(self, data: bytes) -> bytes:
        """Everything that was added."""
        return data


class LineReader:
    """Plain lines, made printable."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._open = ""

    def last(self, data: bytes, lines: int) -> bytes:
        """The last whole lines."""
        shown = self._take(data)
        return _encoded(shown[-lines:] if lines else [])

    def more(self, data: bytes) -> bytes:
        """Lines that are whole by now."""
        return _encoded(self._take(data))

    def _take(self, data: bytes) -> list[str]:
        *whole, self._open = (self._open + self._decoder.decode(data)).split("\n")
        return [printable(line.rstrip("\r")) for line in whole]


class ScreenReader:
    """What a terminal would show."""

    def __init__(self) -> None:
        from orchestrator.commands.replay import Replay  # noqa: PLC0415 - `--raw` needs no emulator

        self._replay = Replay(HISTORY)

    def last(self, data: bytes, lines: int) -> bytes:
        """What stands on the screen and above it."""
        self._replay.feed(data)
        shown = self._replay.lines()
        return _encoded(shown[-lines:] if lines else [])

    def more(self, data: bytes) -> bytes:
        """Lines that are new and have come to rest."""
        self._replay.feed(data)
        return _encoded(self._replay.news())


def _encoded(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")
