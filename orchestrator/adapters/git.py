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
