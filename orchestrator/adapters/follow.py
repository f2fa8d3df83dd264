"""Looking at the loops' repositories, in the background: two stats while nothing happens, git when something did.

What is fetched goes to a ref of ao's own (`refs/ao/FLEET/LOOP`), so that neither the agents' own git nor their branches notice.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from orchestrator.adapters.git import Git, GitFailed
from orchestrator.model.handoff import Commit, Query, Sight

COMMITS = 50_000
"""Commits that one look takes in, at the most: the newest."""
STATUS_BYTES = 1_000_000
RETRY = (1.0, 2.0, 5.0, 15.0, 30.0)
"""Seconds before a look that failed is tried again, the last for all further ones."""

Stamp = tuple[object, ...]


class Repositories:
    """Every loop's repository.

    Args:
        poke: called, from another thread, when there is something new.
        watch: called with the files whose change is news, whenever that set changes.
        environ: git's environment.
        fleet: tells this fleet's refs from those of others that follow the same repository.
    """

    def __init__(
        self,
        poke: Callable[[], None],
        watch: Callable[[Iterable[Path]], None],
        environ: Mapping[str, str],
        fleet: str,
    ) -> None:
        self._poke, self._watch, self._environ, self._fleet = poke, watch, environ, fleet
        self._loops: dict[str, _Followed] = {}
        self._locks: dict[Path, threading.Lock] = {}
        self._watched: frozenset[Path] = frozenset()

    def look(self, loop: str, query: Query) -> Sight | None:
        """What is known by now in answer to a query, None while it is looked for."""
        followed = self._loops.setdefault(loop, _Followed())
        sight = followed.answer(query)
        if followed.is_due(query):
            lock = self._locks.setdefault(query.repo, threading.Lock())
            reader = Reader(f"refs/ao/{self._fleet}/{loop}", Git(query.repo, self._environ))
            followed.begin(query, reader, lock, self._poke)
        self._follow_files()
        return sight

    def keep(self, loops: Container[str]) -> None:
        """Forget all other loops."""
        self._loops = {name: followed for name, followed in self._loops.items() if name in loops}

    def _follow_files(self) -> None:
        files = frozenset(path for followed in self._loops.values() for path in followed.files)
        if files != self._watched:
            self._watched = files
            self._watch(files)


@dataclass(slots=True)
class _Followed:
    """One loop's repository. files: those whose stat tells of a change; stamp: what they were when last looked at."""

    sight: Sight | None = None
    files: tuple[Path, ...] = ()
    stamp: Stamp = ()
    failures: int = 0
    due: float = 0.0
    job: threading.Thread | None = field(default=None, repr=False)

    def answer(self, query: Query) -> Sight | None:
        """The last sight, where it answers the query; that its news were taken in makes it no other."""
        sight = self.sight
        if sight is None or sight.query == query:
            return sight
        if sight.trouble:
            return None
        taken_in = replace(sight.query, cursor=sight.tip, base=query.base)
        begins = query.base == sight.tip
        if query == taken_in and (begins or query.base == sight.query.base):
            commit = "" if begins else sight.status_commit
            self.sight = replace(
                sight,
                query=query,
                commits=(),
                rewritten=False,
                status_commit=commit,
                base_id=sight.status_id if begins else sight.base_id,
            )
            return self.sight
        return None

    def is_due(self, query: Query) -> bool:
        """Whether git must be asked."""
        if self.job is not None and self.job.is_alive():
            return False
        if self.failures:
            return time.monotonic() >= self.due
        moved = self.sight is None or self.sight.query != query or _stamp(self.files) != self.stamp
        return moved or time.monotonic() >= self.due

    def begin(self, query: Query, reader: Reader, lock: threading.Lock, poke: Callable[[], None]) -> None:
        """Ask git, in a thread of its own."""

        def ask() -> None:
            with lock:
                self._read(query, reader)
            poke()

        self.job = threading.Thread(target=ask, daemon=True, name="handoff")
        self.job.start()

    def _read(self, query: Query, reader: Reader) -> None:
        try:
            files, watchable = reader.files(query)
            stamp = _stamp(files)
            sight = reader.read(query)
        except (GitFailed, OSError) as error:
            wait = RETRY[min(self.failures, len(RETRY) - 1)]
            self.failures += 1
            self.due = time.monotonic() + wait
            words = error.message if isinstance(error, GitFailed) else str(error)
            self.sight = Sight(query, trouble=words, missing=not query.repo.is_dir())
            return
        self.failures = 0
        self.due = (
            time.monotonic() + query.interval if not watchable else time.monotonic() + 10 * query.interval
        )
        self.files, self.stamp, self.sight = files, stamp, sight


def _stamp(files: Iterable[Path]) -> Stamp:
    found: list[object] = []
    for path in files:
        try:
            seen = path.stat()
        except OSError:
            found.append(None)
        else:
            found.append((seen.st_mtime_ns, seen.st_size, seen.st_ino))
    return tuple(found)


class Reader:
    """Reads one repository, and waits for git.

    Args:
        ref: where what is fetched goes.
        git: the repository's.
    """

    def __init__(self, ref: str, git: Git) -> None:
        self._ref, self._git = ref, git

    def files(self, query: Query) -> tuple[tuple[Path, ...], bool]:
        """The files whose change is news, and whether those are all that matters (a remote elsewhere has none)."""
        on_disk = [query.repo / path for path in query.status] if query.on_disk else []
        if not self._git.is_repository():
            return tuple(query.repo / path for path in query.status), True
        url = self._git.remote_url(query.remote)
        folder = self._git.local_folder(url) if url else self._git.folder()
        if folder is None:
            return tuple(on_disk), False
        refs = (
            folder / "refs" / "heads" / query.branch,
            folder / "packed-refs",
            folder / "reftable" / "tables.list",
        )
        return (*refs, *on_disk), True

    def read(self, query: Query) -> Sight:
        """Everything that a query asks for.

        Raises:
            GitFailed: git could not say; with its words.
        """
        if not query.repo.is_dir():
            raise GitFailed(f"there is no folder {query.repo}")
        if not self._git.is_repository():
            return self._with_disk(Sight(query), query)
        tip = self._tip(query)
        if tip == "" and query.cursor:
            raise GitFailed(f"the branch {query.branch} is gone")
        sight = Sight(query, tip=tip)
        if tip:
            commits, rewritten = self._news(query, tip)
            sight = self._with_files(replace(sight, commits=commits, rewritten=rewritten), query)
        return self._with_disk(sight, query) if query.on_disk else sight

    def _tip(self, query: Query) -> str:
        if self._git.remote_url(query.remote):
            found = self._git.fetch(query.remote, query.branch, self._ref)
            return self._git.commit(self._ref) if found else ""
        return self._git.commit(f"refs/heads/{query.branch}")

    def _news(self, query: Query, tip: str) -> tuple[tuple[Commit, ...], bool]:
        if query.cursor is None or query.cursor == tip:
            return (), False
        if query.cursor == "":
            return self._git.log(tip, COMMITS), False
        if not self._git.commit(query.cursor):
            return (), True  # rewritten, and what was known is not even there any more
        return self._git.log(f"{query.cursor}..{tip}", COMMITS), not self._git.contains(tip, query.cursor)

    def _with_files(self, sight: Sight, query: Query) -> Sight:
        paths = [*query.status, *(path for inbox in query.inboxes for path in inbox)]
        blobs = self._git.blobs(sight.tip, paths)
        inboxes = {
            inbox[0]: next(blobs[path] for path in inbox if path in blobs)
            for inbox in query.inboxes
            if any(path in blobs for path in inbox)
        }
        sight = replace(sight, inboxes=inboxes)
        path = next((path for path in query.status if path in blobs), None)
        if path is None:
            return sight
        text = self._git.text(blobs[path], STATUS_BYTES)
        return replace(
            sight, status=text, status_path=path, status_id=blobs[path], status_commit=self._last_change(query, sight.tip, path),
            base_id=self._base_id(query),
        )  # fmt: skip

    def _base_id(self, query: Query) -> str:
        """What names the status file's content when the phase began."""
        if not query.base or not self._git.commit(query.base):
            return ""
        blobs = self._git.blobs(query.base, query.status)
        return next((blobs[path] for path in query.status if path in blobs), "")

    def _last_change(self, query: Query, tip: str, path: str) -> str:
        """The newest commit since the base that changed a file."""
        if query.base is None or query.base == tip:
            return ""
        known = query.base and self._git.commit(query.base)
        return self._git.last_change(f"{query.base}..{tip}" if known else tip, path)

    def _with_disk(self, sight: Sight, query: Query) -> Sight:
        """The sight with the status file as it stands in the folder."""
        for path in query.status:
            try:
                with (query.repo / path).open("rb") as file:
                    content = file.read(STATUS_BYTES)
            except OSError:
                continue
            text = content.decode("utf-8", "replace")
            return replace(
                sight, status=text, status_path=path, status_id=self._git.hash_of(content), status_commit=""
            )
        return replace(sight, status=None, status_path="", status_id="", status_commit="")
