"""What a session is started from, before anything of one particular run is filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.model.config import BackendSpec, FromEnv, Kind


@dataclass(frozen=True, slots=True)
class Kickoff:
    """The first prompt: its parts are read and joined when the session starts.

    parts: files (read then) and literal texts, in order. values: `{placeholder}` -> text, filled
    into `template` only, which comes first, never into a prompt. persona: folder whose SOUL.md,
    IDENTITY.md and MEMORY.md, those that exist, come before the parts.
    """

    parts: tuple[Path | str, ...] = ()
    template: Path | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    persona: Path | None = None

    def __bool__(self) -> bool:
        return bool(self.parts or self.template or self.persona)


@dataclass(frozen=True, slots=True)
class LaunchSpec:
    """One agent or service, ready to be turned into a command.

    backend: None for a service, whose `command` is run as it stands.
    env: variables that the config gives, the later layers laid over the earlier ones.
    worktree_of: repository of which `dir` is a worktree of its own, None where it is a folder like any other.
    inherit_env: start from the environment of whoever runs ao, less what nests.
    """

    name: str
    session: str
    kind: Kind
    dir: Path
    backend: BackendSpec | None = None
    command: str = ""
    model: str = ""
    kickoff: Kickoff = field(default_factory=Kickoff)
    env: Mapping[str, str | FromEnv] = field(default_factory=dict)
    inherit_env: bool = True
    worktree_of: Path | None = None
