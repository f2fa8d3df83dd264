"""`ao init`: a config, prompts and a loop to begin with, for the agent programs that are installed."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from orchestrator.backends import load_profile
from orchestrator.errors import EnvironmentMissing

CHOICES = (
    "claude",
    "codex",
    "gemini",
    "opencode",
    "aider",
    "copilot",
    "cursor",
    "qwen",
    "kimi",
    "goose",
    "amp",
    "droid",
)
"""Backends in the order in which they are chosen when they are installed."""


@dataclass(frozen=True, slots=True)
class Scaffold:
    """What `init` did. written and kept: paths below the folder. backends: those that were found and chosen."""

    folder: Path
    written: tuple[str, ...]
    kept: tuple[str, ...]
    backends: tuple[str, ...]


def installed(environ: Mapping[str, str]) -> list[str]:
    """Backends whose program is on PATH, the preferred ones first."""
    programs = {name: load_profile(name)["bin"].split()[0] for name in CHOICES}
    return [name for name, program in programs.items() if shutil.which(program, path=environ.get("PATH"))]


def init(folder: Path, environ: Mapping[str, str]) -> Scaffold:
    """Write what is missing for a fleet into a folder; what is there is kept as it is.

    Raises:
        EnvironmentMissing: the folder can't be written.
    """
    found = installed(environ)
    chosen = (found[0], found[1] if len(found) > 1 else found[0]) if found else ("demo", "demo")
    files = _files(folder, chosen)
    written: list[str] = []
    kept: list[str] = []
    try:
        for name, text in files.items():
            (written if _write_new(folder / name, text) else kept).append(name)
    except OSError as error:
        raise EnvironmentMissing(
            f"{error.filename or folder} can't be written: {error.strerror}", "choose another folder"
        ) from error
    return Scaffold(folder, tuple(written), tuple(kept), tuple(dict.fromkeys(chosen)))


def _files(folder: Path, chosen: tuple[str, str]) -> dict[str, str]:
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", folder.resolve().name).strip("-")[:24] or "fleet"
    # Two folders of one name must not share a tmux server.
    mark = hashlib.blake2b(
        str(folder.resolve()).encode("utf-8", "surrogateescape"), digest_size=2
    ).hexdigest()
    values = {"prefix": name, "socket": f"ao-{name}-{mark}", "backend": chosen[0], "second": chosen[1]}
    prompts = {role: _text(f"{role}.md") for role in ("builder", "reviewer", "adversary", "kickoff")}
    if chosen[0] == "demo":
        prompts |= {"builder": _text("demo.md"), "reviewer": _text("demo.md")}
    return {
        "agents.toml": f"{_text('agents.toml').format(**values)}\n{_text('loop.toml').format()}",
        **{f"prompts/{role}.md": text for role, text in prompts.items()},
        ".ao/.gitignore": "*\n",
    }


def _text(name: str) -> str:
    return resources.files("orchestrator.commands").joinpath("scaffold", name).read_text(encoding="utf-8")


def _write_new(path: Path, text: str) -> bool:
    """Write a file that is not there; False when something is."""
    if path.is_symlink() or path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
    return True
