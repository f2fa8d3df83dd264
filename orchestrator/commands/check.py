"""`ao check`: everything that would keep a fleet from running, at once."""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.adapters.git import is_repository
from orchestrator.adapters.launcher import FileLauncher
from orchestrator.adapters.tmux import TmuxServer, version
from orchestrator.decide.wanted import wanted_sessions
from orchestrator.errors import ConfigError, EnvironmentMissing, ExitCode
from orchestrator.model.config import Config
from orchestrator.model.wanted import Wanted

TMUX_AT_LEAST = (3, 2)
SOCKET_PATH_LIMIT = 103
"""Bytes: macOS takes 103, Linux 107."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked. place: what it is about. hint: the mend, "" when it is well."""

    place: str
    ok: bool
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """All findings, and the exit status that they amount to."""

    findings: tuple[Finding, ...]
    status: ExitCode

    @property
    def ok(self) -> bool:
        """Whether all is well."""
        return self.status is ExitCode.OK


def check(open_config: Callable[[], Config], environ: Mapping[str, str]) -> Checked:
    """Check the config, and what the config itself can't say: programs, variables, folders, tmux, git."""
    try:
        config = open_config()
    except ConfigError as error:
        problems = (Finding("config", False, problem) for problem in error.problems)
        wrong = Finding("config", False, error.message, error.hint)
        return Checked((wrong, *problems, _tmux(environ)), ExitCode.USAGE)
    count = f"{len(config.agents)} agents, {len(config.services)} services, {len(config.loops)} loops"
    findings = (
        Finding("config", True, f"{config.path}: {count}"),
        _tmux(environ),
        *_socket(config, environ),
        _log_dir(config.defaults.log_dir),
        *_sessions(config, environ),
        *_repositories(config, environ),
    )
    return Checked(findings, ExitCode.OK if all(f.ok for f in findings) else ExitCode.FAILED)


def _tmux(environ: Mapping[str, str]) -> Finding:
    said = version(environ)
    if not said:
        cure = "install tmux 3.2 or later with the system's package manager"
        return Finding("tmux", False, "tmux is not on PATH", cure)
    found = re.search(r"(\d+)\.(\d+)", said)
    if found and (int(found[1]), int(found[2])) < TMUX_AT_LEAST:
        return Finding("tmux", False, f"{said} is too old", "install tmux 3.2 or later")
    return Finding("tmux", True, said)


def _socket(config: Config, environ: Mapping[str, str]) -> Iterator[Finding]:
    """A socket's path has a limit that tmux names only when it fails."""
    try:
        path = TmuxServer(config.defaults.tmux_socket, "", environ).socket_path
    except EnvironmentMissing:
        return
    if len(os.fsencode(path)) > SOCKET_PATH_LIMIT:
        yield Finding(
            "tmux", False, f"the socket's path {path} is too long", "shorten tmux_socket or TMUX_TMPDIR"
        )


def _log_dir(folder: Path) -> Finding:
    exists = os.path.lexists(folder)
    if exists and not stat.S_ISDIR(folder.lstat().st_mode):
        return Finding("log_dir", False, f"{folder} is no folder", "move it away, or choose another log_dir")
    if exists and folder.stat().st_uid != os.getuid():
        return Finding("log_dir", False, f"{folder} belongs to another user", "choose another log_dir")
    if refused := _refusing(folder):
        return Finding(
            "log_dir", False, f"{refused} can't be written", "mend its rights, or choose another log_dir"
        )
    return Finding("log_dir", True, str(folder))


def _refusing(folder: Path) -> Path | None:
    """The nearest folder that is there, when it takes nothing new; else None."""
    while not os.path.lexists(folder) and folder != folder.parent:
        folder = folder.parent
    return None if os.access(folder, os.W_OK | os.X_OK) else folder


def _sessions(config: Config, environ: Mapping[str, str]) -> Iterator[Finding]:
    """What sessions lack, each problem once with the names of all that have it."""
    launcher = FileLauncher(config.state_dir, config.path, environ)
    started = [wanted for wanted in wanted_sessions(config, {}) if _is_started(config, wanted)]
    lacking: dict[tuple[str, str], list[str]] = {}
    for wanted in started:
        for error in launcher.lacks(wanted.launch):
            lacking.setdefault((error.message, error.hint), []).append(wanted.name)
        if refused := _refusing(wanted.launch.dir):
            problem = (f"its folder {refused} can't be written", "mend its rights, or dir in agents.toml")
            lacking.setdefault(problem, []).append(wanted.name)
    for (message, hint), names in lacking.items():
        yield Finding(", ".join(names), False, message, hint)
    if not lacking:
        yield Finding("sessions", True, f"{len(started)} have their programs, prompts and variables")


def _is_started(config: Config, wanted: Wanted) -> bool:
    """Whether the fleet starts it by itself: what is disabled may lack its program."""
    return wanted.enabled or any(x.on_complete and x.on_complete.run == wanted.name for x in config.loops)


def _repositories(config: Config, environ: Mapping[str, str]) -> Iterator[Finding]:
    handoffs = [(f"loop {loop.name}", loop.handoff.repo) for loop in config.loops if loop.handoff]
    if handoffs and shutil.which("git", path=environ.get("PATH")) is None:
        cure = "install git with the system's package manager"
        yield Finding("git", False, "git is not on PATH", cure)
        return
    for place, repo in handoffs:
        if is_repository(repo):
            yield Finding(place, True, f"hands over in the git repository {repo}")
        else:
            cure = f"`git init {repo}`, or mend loop.handoff.repo"
            yield Finding(place, False, f"{repo} is no git repository", cure)
