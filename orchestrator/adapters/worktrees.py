"""Taking away the git worktrees of agents that no longer want one; nothing that exists only there is ever lost."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from orchestrator.adapters.git import Git, GitFailed

SHOWN = 3
"""Names that a refusal lists."""
BRANCH = "ao/{name}"
OPERATIONS = ("rebase-merge", "rebase-apply", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "BISECT_LOG")


class Worktrees:
    """The worktrees below the state folder, one for each agent that has one.

    Args:
        folder: where they are.
        poke: called, from another thread, when one is gone or is to be kept.
        environ: git's environment.
    """

    def __init__(self, folder: Path, poke: Callable[[], None], environ: Mapping[str, str]) -> None:
        self._folder, self._poke, self._environ = folder, poke, environ
        self._running: set[str] = set()
        self._refusals: dict[str, str] = {}

    def names(self) -> frozenset[str]:
        """Agents whose worktree is there."""
        try:
            return frozenset(os.listdir(self._folder))  # noqa: PTH208 - names are all that is needed
        except OSError:
            return frozenset()

    def refusals(self) -> Mapping[str, str]:
        """Why one was kept, by name, of those that were to be removed."""
        return dict(self._refusals)

    def remove(self, name: str) -> str:
        """Begin to take one away, if nothing would be lost with it."""
        if name not in self._running:
            self._running.add(name)
            self._refusals.pop(name, None)
            threading.Thread(target=self._remove, args=(name,), daemon=True, name="worktree").start()
        return ""

    def _remove(self, name: str) -> None:
        path = self._folder / name
        try:
            words = self._take_away(name, path)
        except (GitFailed, OSError) as error:
            words = error.message if isinstance(error, GitFailed) else str(error)
        if words:
            self._refusals[name] = words
        self._running.discard(name)
        self._poke()

    def _take_away(self, name: str, path: Path) -> str:
        if not (path / ".git").exists():
            with contextlib.suppress(OSError):
                path.rmdir()
            return f"{path} is no worktree" if path.exists() else ""
        git = Git(path, self._environ)
        branch = BRANCH.format(name=name)
        reasons = [*_unsaved(git, branch), *_occupied(path)]
        if reasons:
            return ", ".join(reasons)
        main = Git(git.folder(), self._environ)
        main.run("worktree", "remove", str(path))
        with contextlib.suppress(GitFailed):
            main.run("branch", "-q", "-D", branch)  # what it held is on another branch
        return ""


def _unsaved(git: Git, branch: str) -> list[str]:
    """What exists in a worktree alone, for people."""
    reasons = []
    if changed := [
        line[3:] for line in git.run("status", "--porcelain", "--untracked-files=all").splitlines()
    ]:
        more = f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
        reasons.append(f"not committed: {', '.join(changed[:SHOWN])}{more}")
    own = Path(git.run("rev-parse", "--absolute-git-dir").strip())
    reasons += [f"in the middle of something ({each})" for each in OPERATIONS if (own / each).exists()]
    stashed = [
        line
        for line in git.run("stash", "list", "--format=%gs").splitlines()
        if f"on {branch}:" in line.lower()
    ]
    if stashed:
        reasons.append(f"stashed there: {len(stashed)}")
    elsewhere = ("--not", f"--exclude={branch}", "--branches", "--remotes", "--tags")
    own_branch = [f"refs/heads/{branch}"] if git.commit(f"refs/heads/{branch}") else []
    if only_here := int(git.run("rev-list", "--count", "HEAD", *own_branch, *elsewhere)):
        reasons.append(f"commits that are on no other branch: {only_here}")
    return reasons


def _occupied(path: Path) -> list[str]:
    """Processes that work in a folder, for people."""
    inside = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(path.resolve()):
                inside.append(process.name)
    return [f"in use by process {', '.join(inside[:SHOWN])}"] if inside else []
