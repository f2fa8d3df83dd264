"""agents.toml as the watchdog sees it: read again at every tick, the last good one kept."""

from __future__ import annotations

import contextlib
from pathlib import Path

from orchestrator.adapters.logfiles import write_private
from orchestrator.config.find import read_bytes
from orchestrator.config.load import decode, load, locate_state, parse
from orchestrator.errors import AoError, ConfigError
from orchestrator.model.config import Config

LAST_GOOD = "agents.last-good.toml"


def load_or_last_good(path: Path) -> tuple[Config, str]:
    """The config, or the last good one that its watchdog kept; and what is wrong with the file, "" when nothing is.

    Raises:
        ConfigError: it can't be used, and there is no copy.
    """
    try:
        return load(path), ""
    except ConfigError as error:
        try:
            copy = locate_state(path)[0] / "state" / LAST_GOOD
            return parse(decode(copy.read_bytes(), path), path), describe(error)
        except (AoError, OSError):
            raise error from None


def describe(error: AoError) -> str:
    """A config's error in one line: the first problem, and how many there are."""
    if not isinstance(error, ConfigError) or not error.problems:
        return error.message
    more = f" ({len(error.problems)} problems; see `ao check`)" if len(error.problems) > 1 else ""
    return f"{error.problems[0]}{more}"


class ConfigFile:
    """A config that follows its file.

    An edit that can't be used changes nothing: it is named in `error`, and the last good config
    stays in force. So does one that would move the fleet itself (its folder, its tmux server).

    Args:
        path: of agents.toml.
        last_good: begin with the copy that a watchdog kept, when the file can't be used.

    Raises:
        ConfigError: the file can't be used at the very start.
    """

    def __init__(self, path: Path, *, last_good: bool = False) -> None:
        self.path = path
        # Read before it is loaded, so that an edit in between counts as one that is still to be taken.
        self._bytes = self._read_if_there()
        self._config, self.error = load_or_last_good(path) if last_good else (load(path), "")
        if self.error:
            self._bytes = None
        self.keep: Path | None = None
        """Where a copy of every good text is kept, for verbs that meet a broken file."""

    def keep_copy(self, path: Path) -> None:
        """Keep a copy of the text in force from now on."""
        self.keep = path
        if self._bytes is not None:
            self._keep(self._bytes)

    def current(self) -> Config:
        """The config in force, after a look at the file."""
        try:
            content = self._read()
        except OSError as error:
            self._bytes = None
            self.error = f"{self.path.name} can't be read: {error.strerror}"
            return self._config
        if content != self._bytes:
            self._bytes = content
            self._take(content)
        return self._config

    def _read(self) -> bytes:
        return read_bytes(self.path)

    def _read_if_there(self) -> bytes | None:
        try:
            return self._read()
        except OSError:
            return None

    def _take(self, content: bytes) -> None:
        try:
            fresh = parse(decode(content, self.path), self.path)
            self._refuse_move(fresh)
        except AoError as error:
            self.error = describe(error)
        else:
            self._config, self.error = fresh, ""
            self._keep(content)

    def _keep(self, content: bytes) -> None:
        if self.keep is not None:
            with contextlib.suppress(OSError):
                write_private(self.keep, content.decode("utf-8", "surrogateescape"))

    def _refuse_move(self, fresh: Config) -> None:
        for key in ("log_dir", "tmux_socket"):
            old, new = getattr(self._config.defaults, key), getattr(fresh.defaults, key)
            if old != new:
                raise ConfigError(
                    f"defaults.{key} can't change from {old} to {new} while the fleet runs; `ao down` first"
                )
