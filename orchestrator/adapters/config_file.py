"""agents.toml as the watchdog sees it: read again at every tick, the last good one kept."""

from __future__ import annotations

from pathlib import Path

from orchestrator.config.load import decode, load, parse
from orchestrator.errors import AoError, ConfigError
from orchestrator.model.config import Config


class ConfigFile:
    """A config that follows its file.

    An edit that can't be used changes nothing: it is named in `error`, and the last good config
    stays in force. So does one that would move the fleet itself (its folder, its tmux server).

    Raises:
        ConfigError: the file can't be used at the very start.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._config = load(path)
        self._bytes = self._read()
        self.error = ""

    def current(self) -> Config:
        """The config in force, after a look at the file."""
        try:
            content = self._read()
        except OSError as error:
            self._bytes = b""
            self.error = f"{self.path.name} can't be read: {error.strerror}"
            return self._config
        if content != self._bytes:
            self._bytes = content
            self._take(content)
        return self._config

    def _read(self) -> bytes:
        return self.path.read_bytes()

    def _take(self, content: bytes) -> None:
        try:
            fresh = parse(decode(content, self.path), self.path)
            self._refuse_move(fresh)
        except AoError as error:
            more = f" ({len(error.problems)} problems; see `ao check`)" if isinstance(error, ConfigError) and len(error.problems) > 1 else ""
            first = error.problems[0] if isinstance(error, ConfigError) and error.problems else error.message
            self.error = f"{first}{more}"
        else:
            self._config, self.error = fresh, ""

    def _refuse_move(self, fresh: Config) -> None:
        for key in ("log_dir", "tmux_socket"):
            old, new = getattr(self._config.defaults, key), getattr(fresh.defaults, key)
            if old != new:
                raise ConfigError(f"defaults.{key} can't change from {old} to {new} while the fleet runs; `ao down` first")
