"""Ids that programs chose for their own conversations, found in the files they keep."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from orchestrator.model.config import AgentSpec, Config, FromEnv

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
HEAD = 16_384
"""Bytes at the start of a transcript that name its working directory."""


class TranscriptConversations:
    """Looks at the transcripts below a program's HOME.

    Args:
        environ: environment that sessions inherit; HOME may be laid over by the config.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def find(self, start_at: float, agent: str, config: Config) -> str:
        """Id of the conversation that an agent began since `start_at` (epoch seconds) in its folder; "" when unknown.

        Two agents of one program in one folder can't be told apart; then nothing is found.
        """
        found = self._fresh(start_at, agent, config)
        return next(iter(found)) if len(found) == 1 else ""

    def file(self, start_at: float, agent: str, conversation: str, config: Config) -> Path | None:
        """The transcript of a run, None when unknown.

        Args:
            start_at: when the run was started, epoch seconds.
            agent: its name.
            conversation: its id, "" to look for the one that was begun since `start_at`.
            config: in force.
        """
        if not conversation:
            found = self._fresh(start_at, agent, config)
            return next(iter(found.values())) if len(found) == 1 else None
        place = self._place(agent, config)
        if place is None:
            return None
        home, pattern = place
        named = (path for path in home.glob(pattern) if conversation in path.name)
        return max(named, key=_changed, default=None)

    def _fresh(self, start_at: float, agent: str, config: Config) -> dict[str, Path]:
        """Transcripts of an agent's folder that were written since, by the ids in their names."""
        spec, place = config.agent(agent), self._place(agent, config)
        if spec is None or place is None or _has_twin(spec, config):
            return {}
        home, pattern = place
        fresh = (path for path in home.glob(pattern) if _changed(path) >= start_at - 1)
        return {conversation: path for path in fresh if (conversation := _conversation(path, spec.dir))}

    def _place(self, agent: str, config: Config) -> tuple[Path, str] | None:
        """HOME of an agent, and the pattern of its transcripts below it."""
        spec = config.agent(agent)
        if spec is None:
            return None
        backend = config.backends[spec.backend]
        home = self._home({**config.defaults.env, **backend.env, **spec.env})
        return (home, backend.transcripts) if home and backend.transcripts else None

    def _home(self, env: Mapping[str, str | FromEnv]) -> Path | None:
        value = env.get("HOME", self._environ.get("HOME", ""))
        if isinstance(value, FromEnv):
            value = self._environ.get(value.variable, "")
        return Path(value) if value else None


def _has_twin(spec: AgentSpec, config: Config) -> bool:
    return any(
        a.name != spec.name and a.backend == spec.backend and a.dir == spec.dir and a.enabled
        for a in config.agents
    )


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _conversation(path: Path, folder: Path) -> str:
    """The id in a transcript's name, when its first lines name the folder."""
    ids = UUID.findall(path.name)
    if not ids:
        return ""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD).decode("utf-8", "replace")
    except OSError:
        return ""
    names = {str(folder), os.path.realpath(folder)}
    return str(ids[-1]) if names & set(_folders(head)) else ""


def _folders(head: str) -> Iterator[str]:
    """Every value of a `cwd` key."""
    for text in re.findall(r'"cwd"\s*:\s*("(?:[^"\\]|\\.)*")', head):
        try:
            yield json.loads(text)
        except ValueError:
            continue
