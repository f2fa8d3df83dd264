"""What a loop asks of its repository, and what it sees there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Query:
    """What a loop needs to know of its repository.

    remote, branch: what is followed; without such a remote the local branch is.
    cursor: newest commit that is known; "" for an empty branch, None for nothing yet.
    base: newest commit when the phase began; the same.
    status, inboxes: paths within the repository, each tried in its order.
    on_disk: the status file is read from the folder, and not from the branch.
    interval: seconds between two looks at a remote that can't be watched.
    """

    repo: Path
    remote: str
    branch: str
    cursor: str | None
    base: str | None
    status: tuple[str, ...] = ()
    inboxes: tuple[tuple[str, ...], ...] = ()
    on_disk: bool = False
    interval: float = 30.0


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit. subject: its first line, as anybody may have written it."""

    id: str
    subject: str


@dataclass(frozen=True, slots=True)
class Sight:
    """What a repository shows.

    query: what was asked; an answer to another question is none.
    trouble: why nothing could be seen, "" when all is well; then all else is empty.
    missing: there is no such folder, so that whatever comes to be in it is news.
    tip: newest commit of the branch, "" for an empty one, and where there is no repository.
    commits: those since the cursor, oldest first. rewritten: the cursor is no longer part of the branch.
    status: text of the status file, None when there is none. status_path: where it was found.
    status_id: names its content. status_commit: newest commit since the base that changed it, "" for none.
    base_id: names the content that the status file had at the base, "" where it is not known.
    inboxes: what names the content of each inbox, by the first of its paths; files that are missing are left out.
    """

    query: Query
    trouble: str = ""
    missing: bool = False
    tip: str = ""
    commits: tuple[Commit, ...] = ()
    rewritten: bool = False
    status: str | None = None
    status_path: str = ""
    status_id: str = ""
    status_commit: str = ""
    base_id: str = ""
    inboxes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GateResult:
    """How a gate ended. commit: what it ran on. words: why it failed, for people. log: file with its output."""

    commit: str
    passed: bool
    words: str
    log: Path
