"""What wakes the watchdog: a request, a death, news from tmux, a saved config, a signal, or time.

A wake only says "look". Losing one costs one interval at most.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import stat
import threading
from collections.abc import Iterable
from pathlib import Path

from orchestrator.adapters.knock import FIFO
from orchestrator.adapters.processes import DeathWatch

DEBOUNCE_MS = 100
STEP_MS = 50
"""How often the watching thread looks up: at 10 ms it alone costs a third of a percent of a core."""
FOLDER_PAUSE = 0.5
"""Seconds before folders are watched again after they came or went."""


class Waker:
    """Waits for any of them. It also is the watchdog's `Deaths`: processes watched here wake it.

    Args:
        state: the state folder, where the FIFO is made that `knock` writes to.
    """

    def __init__(self, state: Path) -> None:
        self._selector = selectors.DefaultSelector()
        self._deaths = DeathWatch()
        self._death_fds: set[int] = set()
        self._tmux: int | None = None
        self._fifo = _open_fifo(state / FIFO)
        self._inner, self._poke = os.pipe()
        os.set_blocking(self._inner, False)
        os.set_blocking(self._poke, False)
        for descriptor in (self._fifo, self._inner):
            self._selector.register(descriptor, selectors.EVENT_READ)
        self._stop = threading.Event()
        self._watcher: threading.Thread | None = None
        self._files: dict[str, frozenset[Path]] = {}
        self._moved = threading.Event()
        self.signalled = False
        """TERM, INT or HUP came: the loop is to end."""

    def watch(self, pids: Iterable[int]) -> None:
        """Watch exactly these processes from now on."""
        opened, closed = self._deaths.watch(pids)
        self._forget(closed)
        for descriptor in opened:
            self._listen(descriptor)
        self._death_fds |= opened

    def ended(self, pid: int) -> bool:
        """Whether a watched process is known to be gone."""
        return self._deaths.ended(pid)

    def watch_tmux(self, descriptor: int | None) -> None:
        """Listen to this descriptor of the tmux adapter, and no longer to the one before."""
        if self._tmux is not None and self._tmux not in self._death_fds:
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(self._tmux)
        self._tmux = descriptor
        if descriptor is not None:
            self._listen(descriptor)

    def watch_files(self, what: str, files: Iterable[Path]) -> None:
        """Wake when one of these is written, replaced or removed (by its folder, since they are renamed into place).

        Args:
            what: they are: a later call for the same takes the place of this one.
            files: they need not exist.
        """
        self._files[what] = frozenset(files)
        self._moved.set()
        if self._watcher is None:
            self._watcher = threading.Thread(target=self._follow, daemon=True, name="file-watch")
            self._watcher.start()

    def catch_signals(self) -> None:
        """Take TERM, INT and HUP as a wish to end. For the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def poke(self) -> None:
        """Wake from any thread or signal handler."""
        with contextlib.suppress(OSError):
            os.write(self._poke, b".")

    def wait(self, seconds: float) -> tuple[bool, bool]:
        """Wait for at most so long.

        Returns:
            Whether something asks for a tick, and whether tmux has something to read.
        """
        ready = [key.fd for key, _ in self._selector.select(max(0.0, seconds))]
        deaths = [descriptor for descriptor in ready if descriptor in self._death_fds]
        self._forget(self._deaths.note(deaths))
        for descriptor in {self._fifo, self._inner} & set(ready):
            with contextlib.suppress(BlockingIOError):
                while len(os.read(descriptor, 4096)) == 4096:
                    pass
        news = self._tmux is not None and self._tmux in ready
        return bool(deaths) or bool({self._fifo, self._inner} & set(ready)), news

    def close(self) -> None:
        """End the watching thread and close what is open."""
        self._stop.set()
        self._moved.set()
        self.watch([])
        self._selector.close()
        # A thread that pokes late must not write into whatever gets the descriptor's number next.
        poke, self._poke = self._poke, -1
        for descriptor in (self._fifo, self._inner, poke):
            os.close(descriptor)

    def _listen(self, descriptor: int) -> None:
        """Register anew: the number may have been another descriptor's, which its owner closed unseen."""
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(descriptor)
        self._selector.register(descriptor, selectors.EVENT_READ)

    def _forget(self, closed: set[int]) -> None:
        for descriptor in closed & self._death_fds:
            # The descriptor is closed already, so epoll has dropped it; only the map is left.
            with contextlib.suppress(KeyError, ValueError, OSError):
                self._selector.unregister(descriptor)
        self._death_fds -= closed

    def _on_signal(self, _number: int, _frame: object) -> None:
        self.signalled = True
        self.poke()

    def _follow(self) -> None:
        from watchfiles import watch  # noqa: PLC0415 - only the watchdog's thread pays for it

        while not self._stop.is_set():
            self._moved.clear()
            files = frozenset().union(*self._files.values())
            names = {
                name for path in files for name in (path.name, path.resolve().name)
            }  # a link, and what it points to
            folders = {_existing(each.parent) for path in files for each in (path, path.resolve())}

            def is_ours(
                _change: object, changed: str, names: set[str] = names, folders: set[Path] = folders
            ) -> bool:
                path = Path(changed)
                return path.name in names or (path not in folders and path.is_dir())

            with contextlib.suppress(OSError, RuntimeError):
                for _ in watch(
                    *folders, watch_filter=is_ours, debounce=DEBOUNCE_MS, step=STEP_MS, stop_event=self._moved,
                    rust_timeout=60_000, recursive=False,
                ):  # fmt: skip
                    self.poke()
                    if any(_existing(path.parent) not in folders for path in files):
                        break  # a folder that was missing is there now
            if not self._moved.is_set():
                self._stop.wait(FOLDER_PAUSE)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return folder


def _open_fifo(path: Path) -> int:
    """A FIFO opened for both ends, so that it never runs out of writers; anything else in its place is removed."""
    try:
        if not stat.S_ISFIFO(path.lstat().st_mode):
            path.unlink()
    except FileNotFoundError:
        pass
    with contextlib.suppress(FileExistsError):
        os.mkfifo(path, 0o600)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK)
