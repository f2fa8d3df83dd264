"""`ao init`: a config, prompts and a loop to begin with, for the agent programs that are installed."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from orchestrator.adapters import git
from orchestrator.backends import load_profile, profile_names
from orchestrator.decide.launch import fill
from orchestrator.errors import EnvironmentMissing

PREFERRED = ("claude", "codex", "gemini", "opencode")
"""Chosen before all others that are installed."""
BRANCH = "main"
DEMO = "demo"


@dataclass(frozen=True, slots=True)
class Scaffold:
    """What `init` did. written and kept: paths below the folder. backends: of the builder and the adversary."""

    folder: Path
    written: tuple[str, ...]
    kept: tuple[str, ...]
    backends: tuple[str, str]
    made_repository: bool


def init(folder: Path, environ: Mapping[str, str]) -> Scaffold:
    """Write what is missing for a fleet into a folder; what is there is kept as it is.

    A folder in no git repository becomes one, since the loop hands over by commits.

    Raises:
        EnvironmentMissing: the folder can't be written.
    """
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - a link in the path is the user's name for it
    found = installed(environ)
    backends = (found[0], found[-1] if len(found) == 1 else found[1]) if found else (DEMO, DEMO)
    written: list[str] = []
    kept: list[str] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        made = _make_repository(folder, environ)
        for name, text in _files(folder, backends, environ).items():
            (written if _write_new(folder / name, text) else kept).append(name)
    except OSError as error:
        place = error.filename or folder
        raise EnvironmentMissing(
            f"{place} can't be written: {error.strerror}", "choose another folder"
        ) from error
    return Scaffold(folder, tuple(written), tuple(kept), backends, made)


def installed(environ: Mapping[str, str]) -> list[str]:
    """Backends whose program is on PATH, the preferred ones first; never the demo."""
    names = [*PREFERRED, *(name for name in profile_names() if name not in {*PREFERRED, DEMO})]
    programs = {name: (shlex.split(load_profile(name)["bin"]) or [""])[0] for name in names}
    return [name for name, word in programs.items() if shutil.which(word, path=environ.get("PATH"))]


def _make_repository(folder: Path, environ: Mapping[str, str]) -> bool:
    """Have a git repository, where there is git; True when it was made now."""
    if not _has_git(environ) or git.is_repository(folder):
        return False
    git.make_repository(folder, BRANCH)
    return True


def _has_git(environ: Mapping[str, str]) -> bool:
    return shutil.which("git", path=environ.get("PATH")) is not None


def _branch(folder: Path) -> str:
    """The branch to follow: the one that is checked out, where its name needs no quoting in TOML."""
    found = git.branch(folder) or ""
    return found if re.fullmatch(r"[\w./+-]+", found) else BRANCH


def _files(folder: Path, backends: tuple[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Path below the folder -> text of what belongs there."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", folder.name).strip("-")[:24] or "fleet"
    # Two folders of one name must not share a tmux server.
    mark = hashlib.blake2b(os.fsencode(folder), digest_size=2).hexdigest()
    values = {
        "prefix": name, "socket": f"ao-{name}-{mark}", "builder": backends[0], "adversary": backends[1],
        "branch": _branch(folder) if _has_git(environ) else "",
    }  # fmt: skip
    parts = ["agents.toml", "handoff.toml"] if values["branch"] else ["agents.toml"]
    return {
        "agents.toml": "".join(fill(_template(part), values) for part in parts),
        **{f"prompts/{name}.md": _template(f"{name}.md") for name in ("kickoff", "builder", "adversary")},
        "plans/first.md": _template("plan.md"),
        # Not in the user's own .gitignore, which is theirs.
        ".ao/.gitignore": "*\n",
    }


def _template(name: str) -> str:
    return resources.files("orchestrator.commands").joinpath("scaffold", name).read_text(encoding="utf-8")


def _write_new(path: Path, text: str) -> bool:
    """Write a file that is not there; False when something is."""
    if os.path.lexists(path):
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
    return True
