"""Taking worktrees away for real: only what exists elsewhere too, and is used by nobody."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.adapters.worktrees import Worktrees
from tests.support.fleet import until

WHO = ("-c", "user.name=a", "-c", "user.email=a@localhost")


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *WHO, "-C", str(folder), *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


class Place:
    def __init__(self, folder: Path) -> None:
        self.repo, self.trees = folder / "repo", folder / "trees"
        self.tree = self.trees / "one"
        git(folder, "init", "-q", "-b", "main", str(self.repo))
        (self.repo / "file").write_text("x")
        git(self.repo, "add", ".")
        git(self.repo, "commit", "-q", "-m", "begin")
        git(self.repo, "worktree", "add", "-q", "-b", "ao/one", str(self.tree))
        self.worktrees = Worktrees(self.trees, lambda: None, os.environ)

    def remove(self) -> str:
        """Why it was kept, "" when it is gone."""
        self.worktrees.remove("one")
        until(lambda: not self.tree.exists() or self.worktrees.refusals(), "it is decided")
        return self.worktrees.refusals().get("one", "")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_what_is_merged_and_clean_is_taken_away_with_its_branch(place: Place) -> None:
    git(place.tree, "commit", "-q", "--allow-empty", "-m", "work")
    git(place.repo, "merge", "-q", "ao/one")
    assert place.worktrees.names() == {"one"}
    assert place.remove() == ""
    assert place.worktrees.names() == frozenset()
    until(lambda: git(place.repo, "branch", "--list", "ao/*") == "", "its branch is gone too")
    assert git(place.repo, "worktree", "list").count("\n") == 0


def untracked(place: Place) -> None:
    (place.tree / "new.txt").write_text("new")


def changed(place: Place) -> None:
    (place.tree / "file").write_text("changed")


def stashed(place: Place) -> None:
    changed(place)
    git(place.tree, "stash", "-q")


def unmerged(place: Place) -> None:
    git(place.tree, "commit", "-q", "--allow-empty", "-m", "work")


def left_behind(place: Place) -> None:
    unmerged(place)
    git(place.tree, "checkout", "-q", "--detach", "main")


def merging(place: Place) -> None:
    own = Path(git(place.tree, "rev-parse", "--absolute-git-dir"))
    (own / "MERGE_HEAD").write_text(git(place.tree, "rev-parse", "HEAD") + "\n")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (untracked, "not committed: new.txt"),
        (changed, "not committed: file"),
        (stashed, "stashed there: 1"),
        (unmerged, "commits that are on no other branch: 1"),
        (left_behind, "commits that are on no other branch: 1"),
        (merging, "in the middle of something (MERGE_HEAD)"),
    ],
)
def test_what_would_be_lost_keeps_it(place: Place, spoil: Callable[[Place], None], words: str) -> None:
    spoil(place)
    assert words in place.remove()
    assert place.tree.exists()
    assert git(place.repo, "branch", "--list", "ao/*")


def test_one_in_which_somebody_works_is_kept(place: Place) -> None:
    with subprocess.Popen(["cat"], cwd=place.tree, stdin=subprocess.PIPE) as process:
        assert f"in use by process {process.pid}" in place.remove()
        process.communicate(b"")
    assert place.tree.exists()


def test_a_folder_that_is_no_worktree_is_kept_unless_it_is_empty(place: Place) -> None:
    (place.trees / "two").mkdir()
    (place.trees / "three").mkdir()
    (place.trees / "three" / "mine").touch()
    for name in ("two", "three"):
        place.worktrees.remove(name)
    until(lambda: not (place.trees / "two").exists() and place.worktrees.refusals(), "they are decided")
    assert "is no worktree" in place.worktrees.refusals()["three"]
