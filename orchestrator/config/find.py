"""Finding and reading agents.toml. Imports next to nothing: `ao status` starts with it."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from orchestrator.errors import ConfigError

FILE_NAME: Final = "agents.toml"
_PLACE = re.compile(
    r"(?P<text>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", re.DOTALL
)
LARGEST = 8 << 20
"""Bytes that a config may have: nobody writes more, and /dev/zero never ends."""


def find_config(explicit: str | None, env: Mapping[str, str], cwd: Path) -> Path:
    """The config file in force, absolute.

    Args:
        explicit: what `--config` was given, or None.
        env: where `AO_CONFIG` is looked up.
        cwd: the folder to start from.

    Raises:
        ConfigError: there is none; the message says where it was looked for.
    """
    for source, given in (("--config", explicit), ("AO_CONFIG", env.get("AO_CONFIG"))):
        if given:
            return _given(source, given, cwd)
    folders = _upwards(cwd.absolute())
    for folder in folders:
        if os.path.exists(folder / FILE_NAME):  # noqa: PTH110 -- Path.exists raises where it may not look
            return folder / FILE_NAME
    looked = (
        str(folders[0]) if len(folders) == 1 else f"{folders[0]} and each folder above it up to {folders[-1]}"
    )
    raise ConfigError(
        f"there is no {FILE_NAME} in {looked}",
        "make one with `ao init`, or name one with --config PATH or AO_CONFIG",
    )


def _given(source: str, given: str, cwd: Path) -> Path:
    path = Path(os.path.normpath(cwd.absolute() / os.path.expanduser(given)))  # noqa: PTH111 -- Path's raises for an unknown user
    if not os.path.lexists(path):
        raise ConfigError(
            f"{source} names {path}, and there is no such file", "correct it, or make one with `ao init`"
        )
    return path


def _upwards(folder: Path) -> list[Path]:
    """The folder and its parents, up to the root of its repository or of the file system."""
    found = []
    for each in (folder, *folder.parents):
        found.append(each)
        if os.path.lexists(each / ".git"):
            break
    return found


def read_text(path: Path) -> str:
    """The text of a config file.

    Raises:
        ConfigError: it can't be read, or is no text.
    """
    try:
        data = read_bytes(path)
    except IsADirectoryError:
        raise ConfigError(
            f"{path} is a folder, not a file", f"name the file, e.g. {path / FILE_NAME}"
        ) from None
    except FileNotFoundError:
        raise ConfigError(f"there is no file {path}", "make one with `ao init`") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(f"{path} can't be read: {reason}", "check its owner and its mode") from None
    return decode(data, path)


def read_bytes(path: Path) -> bytes:
    """A plain file's content; a FIFO or device is not waited for.

    Raises:
        OSError: it can't be read, is no plain file, or is larger than `LARGEST`.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is no plain file")
        if found.st_size > LARGEST:
            raise OSError(errno.EFBIG, f"it is larger than {LARGEST >> 20} MiB")
        return file.read(LARGEST)


def decode(data: bytes, path: Path) -> str:
    """The bytes of a config file as text.

    Raises:
        ConfigError: they are not UTF-8.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problem = f"{path.name}:{line}  byte 0x{data[error.start]:02x} is not UTF-8"
        raise ConfigError(f"{path} is not UTF-8 text", "save it as UTF-8", (problem,)) from None


def toml(text: str, path: Path) -> dict[str, Any]:
    """The tables of a config's text.

    Raises:
        ConfigError: it is not TOML, or declares nothing.
    """
    import tomllib  # noqa: PLC0415 -- finding a file needs no parser

    text = text.removeprefix("\ufeff")
    nul = text.find("\0")
    if nul >= 0:
        line = text.count("\n", 0, nul) + 1
        problem = f"{path.name}:{line}  there is a NUL byte"
        raise ConfigError(f"{path} is not a text file", "write it again as plain text, in UTF-8", (problem,))
    try:
        doc = tomllib.loads(text)
    except RecursionError:
        raise ConfigError(f"{path} nests lists or tables too deeply to be read", "flatten them") from None
    except ValueError as error:
        problem = _syntax_problem(str(error), text, path)
        raise ConfigError(
            f"{path} is not TOML", "correct the syntax there; strings need quotes", (problem,)
        ) from None
    if not doc:
        raise ConfigError(
            f"{path} declares nothing", "write [defaults] and an [[agent]] into it, or see `ao init`"
        )
    return doc


def _syntax_problem(error: str, text: str, path: Path) -> str:
    found = _PLACE.fullmatch(error)
    if found is None:
        return f"{path.name}  {error}"
    if found["line"] is None:
        return f"{path.name}:{text.count(chr(10)) + 1}  {found['text']} at the end of the file"
    return f"{path.name}:{found['line']}:{found['column']}  {found['text']}"


def resolve(text: str, base: Path) -> Path:
    """A path of the file made absolute: `~` expanded, relative to base."""
    return Path(os.path.normpath(base / os.path.expanduser(text)))  # noqa: PTH111 -- Path's raises for an unknown user


_ASSIGNMENT = re.compile(
    r"""^\s*(log_dir|project_dir|tmux_socket)\s*=\s*(?:"([^"\\]*)"|'([^']*)')\s*(?:#.*)?$""", re.MULTILINE
)


def _guess_defaults(text: str) -> dict[str, Any]:
    """The keys that say where a fleet is, line by line, from a text that is no whole TOML."""
    return {key: double or single for key, double, single in _ASSIGNMENT.findall(text)}


def locate_state(path: Path) -> tuple[Path, str | None]:
    """Where the fleet of a config keeps its files, read with no check of anything else.

    A file that is no TOML any more is searched for the lines that say it.

    Returns:
        `log_dir`, absolute, and `tmux_socket`.

    Raises:
        ConfigError: the file can't be read, or says no log_dir.
    """
    text = read_text(path)
    try:
        defaults = toml(text, path).get("defaults")
    except ConfigError:
        # An edit gone wrong somewhere must not hide a fleet that runs.
        defaults = _guess_defaults(text)
        if "log_dir" not in defaults:
            raise
    keys = defaults if isinstance(defaults, dict) else {}
    log_dir, socket = keys.get("log_dir"), keys.get("tmux_socket")
    if not isinstance(log_dir, str) or not log_dir:
        raise ConfigError(
            f"{path} says no log_dir", "write log_dir into its [defaults]; `ao check` shows every problem"
        )
    root = keys.get("project_dir")
    project_dir = resolve(root if isinstance(root, str) else ".", path.absolute().parent)
    return resolve(log_dir, project_dir), socket if isinstance(socket, str) else None
