"""The watchdog's own log: one line per event, bounded."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

from orchestrator.model.event import Event

MAX_BYTES = 5 * 1024 * 1024
KEEP = 3


class Journal:
    """Writes events as text to `watchdog.log`, and to the terminal when the watchdog has one.

    A disk that is full or a file that is gone costs lines, never the watchdog.
    """

    def __init__(self, path: Path, *, echo: bool) -> None:
        self._log = logging.Logger("ao")  # noqa: LOG001 - not registered: nobody else's logging settings reach it
        handlers: list[logging.Handler] = [
            _QuietFile(path, maxBytes=MAX_BYTES, backupCount=KEEP, encoding="utf-8", delay=True)
        ]
        if echo:
            handlers.append(logging.StreamHandler(sys.stderr))
        form = logging.Formatter("%(asctime)sZ  %(message)s", "%Y-%m-%dT%H:%M:%S")
        form.converter = time.gmtime
        for handler in handlers:
            handler.setFormatter(form)
            self._log.addHandler(handler)

    def write(self, event: Event) -> None:
        """One event as a line."""
        self._log.info("%s", f"{event.subject or 'fleet'}: {event.kind.value}: {event.message}")

    def trouble(self, message: str, *, trace: bool = False) -> None:
        """Something the watchdog met itself, with the traceback of the error at hand when asked for."""
        self._log.error("%s", f"watchdog: {message}", exc_info=trace)

    def close(self) -> None:
        """Close the file."""
        for handler in self._log.handlers:
            handler.close()


class _QuietFile(RotatingFileHandler):
    """Follows the path, so that a log that was moved or deleted is begun again, and swallows errors of writing."""

    def _open(self) -> TextIOWrapper:
        """Private whatever the umask, since events name prompts and paths."""
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        return TextIOWrapper(os.fdopen(descriptor, "ab"), encoding=self.encoding, errors="backslashreplace")

    def emit(self, record: logging.LogRecord) -> None:
        if self.stream is not None and not os.path.exists(self.baseFilename):  # noqa: PTH110 - Path's raises where it may not look
            self.close()
            self.stream = None
        super().emit(record)

    def close(self) -> None:
        """Lines that the disk did not take when they were written are not worth an error now."""
        with contextlib.suppress(OSError):
            super().close()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the base class's name
        pass
