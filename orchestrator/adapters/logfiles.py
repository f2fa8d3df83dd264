"""Session logs and other small files of the fleet, private and bounded.

Folders are 0700 and files 0600 whatever the umask; a link or anything else that is no plain file
of ours is never written through: it is moved aside.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from orchestrator.errors import EnvironmentMissing

TEXTS_KEPT = 200
"""Files of long texts that are kept for each session."""


def private_folder(path: Path) -> None:
    """Make a folder (and its parents) that only this user can enter; one of another user is refused.

    Raises:
        EnvironmentMissing: it can't be made, is no folder, or is not this user's.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode):
            raise EnvironmentMissing(f"{path} is no folder", "move it away or choose another log_dir")
        if found.st_uid != os.getuid():
            raise EnvironmentMissing(
                f"the folder {path} belongs to another user (uid {found.st_uid})", "choose another log_dir"
            )
        if stat.S_IMODE(found.st_mode) & 0o077:
            path.chmod(0o700)
    except OSError as error:
        raise EnvironmentMissing(
            f"the folder {path} can't be used: {error.strerror}", "mend its rights or choose another log_dir"
        ) from error


def write_private(path: Path, text: str) -> None:
    """Write a whole file that only this user can read, replacing what was there; never through a link."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.unlink(missing_ok=True)
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text.encode("utf-8", "surrogateescape"))
    scratch.rename(path)


class LogFiles:
    """The logs of one fleet: `log_dir/NAME.log`, rotated to `.1`, `.2` and so on."""

    def __init__(self, log_dir: Path) -> None:
        self._folder = log_dir

    def path(self, name: str) -> Path:
        """Where a session's log is."""
        return self._folder / f"{name}.log"

    def size(self, name: str) -> int:
        """Bytes of a session's log, -1 when there is no plain file."""
        try:
            found = self.path(name).lstat()
        except OSError:
            return -1
        return found.st_size if stat.S_ISREG(found.st_mode) else -1

    def make(self, name: str) -> None:
        """Have a plain private file there, so that tmux appends to it and to nothing else.

        Raises:
            OSError: it can't be made.
        """
        path = self.path(name)
        if self.size(name) < 0 and (path.is_symlink() or path.exists()):
            path.rename(_free_name(path))
        descriptor = os.open(
            path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600
        )
        os.close(descriptor)

    def rotate(self, name: str, keep: int) -> None:
        """Move the log to `.1`, the older ones one further, and drop those past `keep`."""
        path = self.path(name)
        files = [path]
        while (older := path.with_name(f"{path.name}.{len(files)}")).exists() or len(files) < keep:
            files.append(older)
        for number in range(len(files) - 1, -1, -1):
            if number >= keep:
                files[number].unlink(missing_ok=True)
            elif files[number].exists():
                files[number].replace(path.with_name(f"{path.name}.{number + 1}"))

    def write_scratch(self, name: str, text: str) -> Path:
        """A private file with a text to be pasted; one per session, written anew each time."""
        path = self._folder / "state" / f"{name}.paste"
        write_private(path, text)
        return path

    def read_exports(self, paths: Iterable[Path]) -> dict[Path, str]:
        """Beginnings of small files for other programs, by path; "" for a link, and what else is no plain file is left out."""
        found: dict[Path, str] = {}
        for path in paths:
            if path.is_symlink():
                found[path] = ""
            with contextlib.suppress(OSError):
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
                try:
                    if stat.S_ISREG(os.fstat(descriptor).st_mode):
                        found[path] = os.read(descriptor, 256).decode("utf-8", "replace")
                finally:
                    os.close(descriptor)
        return found

    def export(self, path: Path, text: str | None) -> str:
        """Have a small file hold a text, or, with None, be gone; "" or why not."""
        try:
            if text is None:
                path.unlink(missing_ok=True)
            else:
                write_private(path, text)
        except OSError as error:
            return f"{path} can't be written: {error.strerror}"
        return ""

    def write_text(self, name: str, text: str) -> Path:
        """A private file with a text that a session is pointed to; the same text has the same file."""
        folder = self._folder / "state" / "texts"
        private_folder(folder)
        digest = hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=6).hexdigest()
        path = folder / f"{name}-{digest}.md"
        write_private(path, text)
        for old in sorted(folder.glob(f"{name}-*.md"), key=_changed)[:-TEXTS_KEPT]:
            old.unlink(missing_ok=True)
        return path


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _free_name(path: Path) -> Path:
    number = 1
    while (free := path.with_name(f"{path.name}.aside-{number}")).exists() or free.is_symlink():
        number += 1
    return free
