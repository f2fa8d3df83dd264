"""`ao check`: everything that would keep a fleet from running, at once."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orchestrator.adapters.git import is_repository
from orchestrator.adapters.tmux import version
from orchestrator.decide.launch import base_environment, program_word
from orchestrator.decide.wanted import wanted_sessions
from orchestrator.model.config import Config, FromEnv

TMUX_AT_LEAST = (3, 2)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked. place: what it is about. hint: the mend, "" when it is well."""

    place: str
    ok: bool
    message: str
    hint: str = ""


def check(config: Config, environ: Mapping[str, str]) -> list[Finding]:
    """Check what the config itself can't say: programs, variables, folders, tmux, git."""
    findings = [
        Finding(
            "config", True, f"{config.path}: {len(config.agents)} agents, {len(config.services)} services"
        )
    ]
    findings += [_tmux(environ), _folder(config)]
    findings += _programs(config, environ)
    findings += _variables(config, environ)
    findings += _repositories(config)
    return findings


def _tmux(environ: Mapping[str, str]) -> Finding:
    said = version(environ)
    if not said:
        return Finding(
            "tmux",
            False,
            "tmux is not on PATH",
            "install tmux 3.2 or later with the system's package manager",
        )
    found = re.search(r"(\d+)\.(\d+)", said)
    if found and (int(found[1]), int(found[2])) < TMUX_AT_LEAST:
        return Finding("tmux", False, f"{said} is too old", "install tmux 3.2 or later")
    return Finding("tmux", True, said)


def _folder(config: Config) -> Finding:
    """The nearest folder that exists must take new ones."""
    folder = config.defaults.log_dir
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if os.access(folder, os.W_OK | os.X_OK):
        return Finding("log_dir", True, str(config.defaults.log_dir))
    return Finding(
        "log_dir", False, f"{folder} can't be written", "mend its rights, or choose another log_dir"
    )


def _programs(config: Config, environ: Mapping[str, str]) -> Iterator[Finding]:
    told: set[str] = set()
    for wanted in wanted_sessions(config, {}):
        launch = wanted.launch
        word = program_word(launch, sys.executable)
        if not word or launch.backend is None or launch.backend.name in told:
            continue
        told.add(launch.backend.name)
        own = launch.env.get("PATH")
        inherited = base_environment(environ, inherit=launch.inherit_env)["PATH"]
        found = shutil.which(os.path.expanduser(word), path=own if isinstance(own, str) else inherited)  # noqa: PTH111 - as the launcher does
        place = f"backend {launch.backend.name}"
        if found:
            yield Finding(place, True, found)
        else:
            yield Finding(
                place,
                False,
                f"{word} is not on PATH",
                f"install it, or set bin of [{place.replace(' ', '.')}]",
            )


def _variables(config: Config, environ: Mapping[str, str]) -> Iterator[Finding]:
    for wanted in wanted_sessions(config, {}):
        for key, value in wanted.launch.env.items():
            if isinstance(value, FromEnv) and value.variable not in environ:
                yield Finding(
                    wanted.name,
                    False,
                    f"env.{key}: the variable {value.variable} is not set",
                    f"export {value.variable}",
                )


def _repositories(config: Config) -> Iterator[Finding]:
    for loop in config.loops:
        if loop.handoff is None:
            continue
        place = f"loop {loop.name}"
        if is_repository(loop.handoff.repo):
            yield Finding(place, True, f"handoff repository {loop.handoff.repo}")
        else:
            yield Finding(
                place,
                False,
                f"{loop.handoff.repo} is no git repository",
                "`git init` there, or mend loop.handoff.repo",
            )
