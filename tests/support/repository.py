"""A made-up repository and made-up gates, for stories in virtual time."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from orchestrator.model.action import RunGate
from orchestrator.model.handoff import Commit, GateResult, Query, Sight


@dataclass(slots=True)
class Repository:
    """One branch for every loop. commits: id, subject, and the files that each changed. lost: how many looks still get no answer."""

    commits: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    trouble: str = ""
    rewritten: bool = False

    def commit(self, subject: str, **files: str) -> str:
        """Add a commit; its id."""
        name = f"{len(self.commits) + 1:02x}" * 20
        self.commits.append((name, subject, files))
        return name

    def look(self, loop: str, query: Query) -> Sight | None:
        if self.trouble:
            return Sight(query, trouble=self.trouble)
        ids = [each[0] for each in self.commits]
        tip = ids[-1] if ids else ""
        sight = Sight(
            query, tip=tip, commits=tuple(self._since(query.cursor)) if query.cursor is not None else ()
        )
        content: dict[str, tuple[str, str]] = {}
        for name, _, files in self.commits:
            content |= {path: (text, name) for path, text in files.items()}
        inboxes = {paths[0]: content[path][1] for paths in query.inboxes for path in paths if path in content}
        sight = replace(sight, inboxes=inboxes, rewritten=self.rewritten)
        path = next((path for path in query.status if path in content), None)
        if path is None:
            return sight
        text, changed = content[path]
        fresh = query.base is not None and changed in {commit.id for commit in self._since(query.base)}
        return replace(
            sight, status=text, status_path=path, status_id=changed, status_commit=changed if fresh else ""
        )

    def _since(self, cursor: str) -> list[Commit]:
        ids = [each[0] for each in self.commits]
        start = ids.index(cursor) + 1 if cursor in ids else 0
        return [Commit(name, subject) for name, subject, _ in self.commits[start:]]

    def keep(self, loops: Container[str]) -> None:
        """Nothing is kept between looks."""


@dataclass(slots=True)
class Gates:
    """Gates that end when a story says so; a new watchdog knows of none."""

    folder: Path
    _running: dict[str, str] = field(default_factory=dict)
    _results: dict[str, GateResult] = field(default_factory=dict)

    def run(self, gate: RunGate) -> str:
        self._running.setdefault(gate.name, gate.key)
        return ""

    def finish(self, loop: str, *, passed: bool) -> None:
        """End a gate."""
        key = self._running.pop(loop)
        words = "" if passed else "status 1"
        self._results[loop] = GateResult(key, passed, words, self.folder / f"{loop}-{key[:12]}.log")

    def forget(self) -> None:
        """The watchdog is another one."""
        self._running.clear()
        self._results.clear()

    def running(self) -> Mapping[str, str]:
        return dict(self._running)

    def results(self) -> Mapping[str, GateResult]:
        return dict(self._results)
