"""The end of a file that others write, rotate, delete or replace, read without ever waiting for it."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Self

CHUNK = 1 << 20


class Tail:
    """What a log says last, and then what is added to it.

    Only plain files are read: a folder, a pipe or a link that takes the log's place is passed over
    until a plain file is there again. A log that was rotated away is read to its end first.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = _open(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._drop()

    @property
    def found(self) -> bool:
        """Whether there is a plain file."""
        return self._descriptor is not None

    def last(self, size: int) -> bytes:
        """The last bytes, from the start of a line on; of the rotated log before it too, when this one is short."""
        if self._descriptor is None:
            return b""
        here = _end_of(self._descriptor, size)
        if len(here) >= size:
            return _whole_lines(here)
        older = _open(self.path.with_name(f"{self.path.name}.1"))
        if older is None:
            return here
        try:
            before = _end_of(older, size - len(here))
        finally:
            os.close(older)
        return (_whole_lines(before) if len(before) == size - len(here) else before) + here

    def more(self) -> bytes:
        """What was added since the last call; b"" when nothing was."""
        data = self._read()
        if data or not self._replaced():
            return data
        # Its writer may have added something between the reading and the look at the new file.
        data = self._read()
        self._drop()
        self._descriptor = _open(self.path)
        return data + self._read()

    def _read(self) -> bytes:
        if self._descriptor is None:
            return b""
        if os.fstat(self._descriptor).st_size < os.lseek(self._descriptor, 0, os.SEEK_CUR):
            os.lseek(self._descriptor, 0, os.SEEK_SET)  # it was emptied
        return os.read(self._descriptor, CHUNK)

    def _replaced(self) -> bool:
        """Whether another plain file with something in it has the log's name."""
        try:
            found = self.path.lstat()
        except OSError:
            return False
        if not stat.S_ISREG(found.st_mode) or not found.st_size:
            return False
        return self._descriptor is None or not os.path.samestat(found, os.fstat(self._descriptor))

    def _drop(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _open(path: Path) -> int | None:
    """A descriptor of a plain file, or None; the opening of a pipe would wait for its writer."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return None
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    return None


def _end_of(descriptor: int, size: int) -> bytes:
    """At most so many bytes before the file's end; the place is at the end afterwards."""
    start = max(0, os.fstat(descriptor).st_size - size)
    data = os.pread(descriptor, size, start)
    os.lseek(descriptor, start + len(data), os.SEEK_SET)
    return data


def _whole_lines(data: bytes) -> bytes:
    """Without the part of a line that it may begin with."""
    _, newline, rest = data.partition(b"\n")
    return rest if newline else data
