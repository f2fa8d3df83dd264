"""Following real repositories: local and bare, empty, rewritten, with packed refs, without git, gone."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.adapters.follow import Repositories
from orchestrator.model.handoff import Query, Sight
from tests.support.fleet import until

ENV = {
    "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@localhost",
    "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@localhost", "GIT_CONFIG_NOSYSTEM": "1",
}  # fmt: skip


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(folder), *arguments], env=ENV, check=True, capture_output=True, text=True
    ).stdout.strip()


class Place:
    """A bare repository, somebody's clone of it, and the clone that is followed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bare, self.work, self.followed = folder / "bare.git", folder / "work", folder / "followed"
        git(folder, "init", "-q", "--bare", "-b", "main", str(self.bare))
        git(folder, "clone", "-q", str(self.bare), str(self.work))
        git(folder, "clone", "-q", str(self.bare), str(self.followed))
        self.pokes = 0
        self.watched: frozenset[Path] = frozenset()
        self.repositories = Repositories(self._poke, self._watch, ENV, "fleet")

    def _poke(self) -> None:
        self.pokes += 1

    def _watch(self, files: Iterable[Path]) -> None:
        self.watched = frozenset(files)

    def commit(self, subject: str, push: bool = True, **files: str) -> str:
        for path, text in files.items():
            (self.work / path).parent.mkdir(exist_ok=True)
            (self.work / path).write_text(text)
        git(self.work, "add", "-A")
        git(self.work, "commit", "-q", "--allow-empty", "-m", subject)
        if push:
            git(self.work, "push", "-q", "origin", "HEAD:main")
        return git(self.work, "rev-parse", "HEAD")

    def query(self, **changes: object) -> Query:
        query = Query(
            self.followed, "origin", "main", None, None, ("docs/S.md", "S.md"), (("docs/IN.md", "IN.md"),)
        )
        return replace(query, **changes)  # type: ignore[arg-type]  # names are Query's

    def see(self, query: Query) -> Sight:
        """The answer, once it is there, to what the repository is now."""
        self.repositories.look("loop", query)
        found: list[Sight] = []

        def is_there() -> bool:
            sight = self.repositories.look("loop", query)
            followed = self.repositories._loops["loop"]
            if (
                sight is not None
                and not (followed.job and followed.job.is_alive())
                and not followed.is_due(query)
            ):
                found.append(sight)
            return bool(found)

        until(is_there, "the repository is looked at")
        return found[-1]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_an_empty_branch_is_empty(place: Place) -> None:
    sight = place.see(place.query())
    assert (sight.trouble, sight.tip, sight.commits, sight.status) == ("", "", (), None)


def test_commits_since_the_cursor_come_in_order(place: Place) -> None:
    first = place.commit("begin")
    assert place.see(place.query()).commits == ()
    ids = [place.commit(f"claim: {n}\n\nbody", **{"S.md": f"{n}"}) for n in range(3)]
    sight = place.see(place.query(cursor=first, base=first))
    assert [(c.id, c.subject) for c in sight.commits] == [(i, f"claim: {n}") for n, i in enumerate(ids)]
    assert (sight.tip, sight.status, sight.status_path, sight.status_commit) == (
        ids[-1],
        "2",
        "S.md",
        ids[-1],
    )
    assert not sight.rewritten


def test_what_was_taken_in_needs_no_git(place: Place) -> None:
    first = place.commit("begin")
    last = place.commit("claim: x")
    place.see(place.query(cursor=first, base=first))
    pokes = place.pokes
    sight = place.see(place.query(cursor=last, base=first))
    assert (sight.commits, sight.tip, place.pokes) == ((), last, pokes)


def test_a_push_is_seen_by_two_stats_and_the_files_are_watched(place: Place) -> None:
    place.commit("begin")
    place.see(place.query())
    assert place.bare / "refs" / "heads" / "main" in place.watched
    tip = place.commit("claim: y")
    assert place.see(place.query()).tip == tip
    git(place.bare, "pack-refs", "--all")
    assert place.see(place.query()).tip == tip
    tip = place.commit("claim: z")
    assert place.see(place.query()).tip == tip


def test_files_below_the_folder_go_before_those_at_the_root(place: Place) -> None:
    base = place.commit("begin", **{"S.md": "root", "IN.md": "root"})
    assert place.see(place.query(cursor=base, base=base)).status == "root"
    place.commit("more", **{"docs/S.md": "docs", "docs/IN.md": "one"})
    one = place.see(place.query(cursor=base, base=base))
    assert (one.status, list(one.inboxes)) == ("docs", ["docs/IN.md"])
    place.commit("more", **{"docs/IN.md": "two"})
    assert place.see(place.query(cursor=base, base=base)).inboxes != one.inboxes


def test_a_status_of_before_the_phase_has_no_commit(place: Place) -> None:
    base = place.commit("begin", **{"S.md": "## DONE"})
    place.commit("other", x="y")
    assert place.see(place.query(cursor=base, base=base)).status_commit == ""


def test_a_link_is_no_status(place: Place) -> None:
    (place.work / "S.md").symlink_to("/etc/passwd")
    base = place.commit("begin")
    assert place.see(place.query(base=base)).status is None


def test_a_rewritten_branch_is_told_with_what_is_new(place: Place) -> None:
    base = place.commit("begin")
    old = place.commit("claim: old")
    place.see(place.query(cursor=old, base=base))
    git(place.work, "reset", "-q", "--hard", base)
    place.commit("claim: new", push=False)
    git(place.work, "push", "-q", "-f", "origin", "HEAD:main")
    sight = place.see(place.query(cursor=old, base=base))
    assert sight.rewritten
    assert [commit.subject for commit in sight.commits] == ["claim: new"]


def test_a_cursor_that_nobody_has_any_more_brings_no_commits(place: Place) -> None:
    place.commit("begin")
    sight = place.see(place.query(cursor="ab" * 20, base="ab" * 20))
    assert (sight.rewritten, sight.commits) == (True, ())


def test_hundreds_at_once_and_merges(place: Place) -> None:
    base = place.commit("begin")
    git(place.work, "checkout", "-q", "-b", "side")
    for number in range(150):
        place.commit(f"claim: side {number}", push=False)
    git(place.work, "checkout", "-q", "main")
    place.commit("claim: main", push=False)
    git(place.work, "merge", "-q", "--no-ff", "-m", "merge the side", "side")
    git(place.work, "push", "-q", "origin", "HEAD:main")
    sight = place.see(place.query(cursor=base, base=base))
    assert len(sight.commits) == 152
    assert sight.commits[-1].subject == "merge the side"


def test_a_local_branch_is_followed_where_there_is_no_such_remote(place: Place) -> None:
    tip = place.commit("begin")
    sight = place.see(place.query(repo=place.work, remote="nowhere"))
    assert (sight.tip, sight.trouble) == (tip, "")
    assert place.see(place.query(repo=place.bare, remote="origin")).tip == tip


def test_a_folder_without_git_has_its_status_on_disk(place: Place) -> None:
    plain = place.folder / "plain"
    plain.mkdir()
    assert place.see(place.query(repo=plain)).status is None
    (plain / "S.md").write_text("## DONE")
    sight = place.see(place.query(repo=plain))
    assert (sight.tip, sight.status) == ("", "## DONE")
    (plain / "S.md").write_text("## DONE and more")
    assert place.see(place.query(repo=plain)).status_id != sight.status_id


def test_the_folder_on_disk_can_count_instead_of_the_commit(place: Place) -> None:
    base = place.commit("begin", **{"S.md": "committed"})
    (place.work / "S.md").write_text("only written")
    sight = place.see(place.query(repo=place.work, base=base, on_disk=True))
    assert (sight.tip, sight.status) == (base, "only written")


def test_what_is_wrong_is_named(place: Place) -> None:
    gone = place.see(place.query(repo=place.folder / "gone"))
    assert gone.missing
    assert "there is no folder" in gone.trouble
    place.commit("begin")
    place.bare.rename(place.folder / "moved.git")
    lost = Place.see(place, place.query(remote="origin", branch="main"))
    assert not lost.missing
    assert "git fetch" in lost.trouble


def test_a_repository_that_was_gone_is_followed_again(place: Place) -> None:
    tip = place.commit("begin")
    place.bare.rename(place.folder / "moved.git")
    assert place.see(place.query()).trouble
    (place.folder / "moved.git").rename(place.bare)
    until(lambda: (s := place.repositories.look("loop", place.query())) and s.tip == tip, "it is tried again")


def test_nothing_of_it_shows_in_the_followed_repository(place: Place) -> None:
    place.commit("begin")
    place.see(place.query())
    assert git(place.followed, "branch", "-a") == ""
    assert git(place.followed, "status", "--porcelain") == ""
    assert not (place.followed / ".git" / "FETCH_HEAD").exists()


def test_a_huge_status_file_is_not_read(place: Place) -> None:
    base = place.commit("begin")
    place.commit("huge", **{"S.md": "## DONE\n" + "\0" * 3_000_000})
    assert place.see(place.query(cursor=base, base=base)).status == ""


def test_a_rewritten_history_does_not_make_an_old_status_new(place: Place) -> None:
    base = place.commit("begin", **{"S.md": "## DONE"})
    sight = place.see(place.query(cursor=base, base=base))
    assert sight.base_id == sight.status_id
    git(place.work, "commit", "-q", "--amend", "-m", "begin, otherwise")
    git(place.work, "push", "-q", "-f", "origin", "HEAD:main")
    sight = place.see(place.query(cursor=base, base=base))
    assert sight.rewritten
    assert sight.base_id == sight.status_id
