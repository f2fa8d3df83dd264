"""git: the one place that talks to it."""

from __future__ import annotations

from pathlib import Path


def is_repository(path: Path) -> bool:
    """Whether a folder is in a git repository, bare or with a work tree."""
    import git  # noqa: PLC0415 - 70 ms that only who asks pays for

    try:
        git.Repo(path, search_parent_directories=True).close()
    except (git.InvalidGitRepositoryError, git.NoSuchPathError):
        return False
    return True


def branch(path: Path) -> str | None:
    """The branch that is checked out in a folder's repository, born or not; None where there is none."""
    import git  # noqa: PLC0415 - as above

    try:
        with git.Repo(path, search_parent_directories=True) as repository:
            return repository.active_branch.name
    except (git.InvalidGitRepositoryError, git.NoSuchPathError, TypeError):
        return None  # TypeError: a commit is checked out, and no branch


def make_repository(path: Path, branch_name: str) -> None:
    """Make a git repository with a work tree in a folder."""
    import git  # noqa: PLC0415 - as above

    git.Repo.init(path, initial_branch=branch_name).close()
