"""A loop runs through its plan by itself, as `examples/loop-demo` is shipped; and what does not end a phase."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.fleet import REPOSITORY, TestFleet, demo_config, fleet, until

PHASES = ["lexer", "parser", "printer"]
PATIENCE = 90.0


@contextmanager
def example(name: str) -> Iterator[TestFleet]:
    with fleet("") as f:
        shutil.copytree(
            REPOSITORY / "examples" / name,
            f.folder,
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns(".ao", "work"),
        )
        yield f


def kinds(f: TestFleet, *wanted: str) -> list[str]:
    return [event["message"] for event in f.events() if event["kind"] in wanted]


def test_the_demo_loop_runs_to_its_end_by_itself() -> None:
    with example("loop-demo") as f:
        f.ao("up")
        done = f.folder / ".ao" / "SEQUENCE-COMPLETE"
        took = until(done.exists, "the sequence is complete", PATIENCE)
        until(lambda: f.states()["reporter"] == "completed", "the report is written")
        print(f"through three phases in {took:.1f} s")
        assert (f.folder / ".ao" / "phase-idx").read_text() == "2\n"
        moves = kinds(f, "phase-moved", "sequence-complete")
        assert [move.split(" ")[0] for move in moves] == PHASES
        assert len(kinds(f, "gate-failed")) == 1
        for phase in PHASES:
            rejected = [m for m in kinds(f, "handoff") if f"review: {phase} is rejected" in m]
            assert len(rejected) == 1, phase
        told = [event["data"]["commit"] for event in f.events() if event["kind"] == "handoff"]
        assert len(told) == len(set(told)) == 12
        assert f.ao("status").stdout.startswith("loop loop: complete\n")
        assert f.states() == {"builder": "stopped", "adversary": "stopped", "reporter": "completed"}
        # A phase that is added later goes on from there.
        config = f.config.read_text()
        f.write(
            config.replace(
                'STATUS-printer.md" },',
                'STATUS-printer.md" },\n    { id = "extra", status = "STATUS-extra.md" },',
            )
        )
        until(lambda: f.states()["builder"] in {"idle", "working"}, "the builder is back")
        until(lambda: not done.exists(), "it is no longer complete")
        assert "extra was added" in kinds(f, "phase-moved")[-1]
        f.ao("down")
        assert f.processes() == []


LOOP = """
[loop]
require_review = {review}
auto_advance = {auto}
phases = [ {{ id = "one", status = "ONE.md" }}, {{ id = "two", status = "TWO.md"{gate} }} ]
[loop.handoff]
repo = "repo"
[[agent]]
name = "builder"
kind = "loop"
role = "builder"
"""


class Repo:
    """A repository without a remote, in which somebody commits."""

    def __init__(self, f: TestFleet) -> None:
        self.folder = f.folder / "repo"
        self.folder.mkdir()
        self.git("init", "-q", "-b", "main")
        self.commit("begin")

    def git(self, *arguments: str) -> str:
        who = ("-c", "user.name=b", "-c", "user.email=b@localhost")
        done = subprocess.run(
            ["git", *who, "-C", str(self.folder), *arguments], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, subject: str, **files: str) -> None:
        for name, text in files.items():
            (self.folder / f"{name}.md").write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", subject)


@contextmanager
def loop(*, review: bool = False, auto: bool = True, gate: str = "") -> Iterator[tuple[TestFleet, Repo]]:
    more = LOOP.format(
        review=str(review).lower(), auto=str(auto).lower(), gate=f', gate = "{gate}"' if gate else ""
    )
    with fleet(demo_config(0, more=more)) as f:
        prompts = f.folder / "prompts"
        prompts.mkdir()
        (prompts / "builder.md").write_text("/say I build")
        repo = Repo(f)
        f.ao("up")
        yield f, repo
        f.ao("down")
        assert f.processes() == []


def waits(f: TestFleet) -> str:
    (standing,) = f.status()["loops"]
    return str(standing["waits"])


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"ONE": "We write ## DONE when it is.\n"}, "no line that begins with the done marker"),
        ({"ONE": "```\n## DONE\n```\n"}, "no line that begins with the done marker"),
        ({"ONE": "## DONE\nnot yet\n"}, "a placeholder stands under the done marker"),
        ({"TWO": "## DONE\n"}, "there is no status file"),
    ],
)
def test_what_does_not_end_a_phase_is_explained(files: dict[str, str], why: str) -> None:
    with loop() as (f, repo):
        repo.commit("status", **files)
        until(lambda: why in waits(f), f"it waits: {why}")
        assert why in f.ao("explain", "builder").stdout
        assert why in f.ao("phase").stdout
        assert not kinds(f, "phase-moved")
        repo.commit("status", ONE="## DONE\n")
        until(lambda: kinds(f, "phase-moved"), "it goes on")
        if "TWO" in files:
            until(lambda: "before the phase began" in waits(f), "an older commit is not believed")
            repo.commit("status", TWO="## DONE\nnow\n")
            until((f.folder / "log" / "SEQUENCE-COMPLETE").exists, "it is through")


def test_a_review_is_required_where_the_config_says_so() -> None:
    with loop(review=True) as (f, repo):
        repo.commit("status", ONE="## DONE\n")
        until(lambda: "nothing was claimed" in waits(f), "it waits for a claim")
        repo.commit("claim: it works")
        until(lambda: "no review follows the last claim" in waits(f), "it waits for a review")
        repo.commit("review: it does")
        until(lambda: kinds(f, "phase-moved"), "it goes on")


def test_a_gate_that_fails_tells_the_builder_once_for_each_commit() -> None:
    with loop(gate="echo checked; test -e ok.md") as (f, repo):
        f.ao("phase", "next")
        until(lambda: f.status()["loops"][0]["phase"] == "two", "it is in the second phase")
        repo.commit("status", TWO="## DONE\n")
        until(lambda: "its gate failed" in waits(f), "the gate fails")
        log = Path(str(waits(f).rpartition(" ")[2]))
        assert log.read_text() == "checked\n"
        assert "its gate failed" in f.ao("explain", "builder").stdout
        until(lambda: "The gate of phase two failed" in f.screen("builder"), "the builder is told")
        repo.commit("another", other="x")
        until(lambda: len(kinds(f, "gate-failed")) == 2, "it is run on the new commit")
        repo.commit("mend", ok="x")
        until((f.folder / "log" / "SEQUENCE-COMPLETE").exists, "it is through")
        assert not list((f.folder / "log" / "state" / "gates").iterdir())
        assert repo.git("status", "--porcelain") == ""
        assert repo.git("worktree", "list").count("\n") == 0


def test_without_auto_advance_a_person_moves_on() -> None:
    with loop(auto=False) as (f, repo):
        repo.commit("status", ONE="## DONE\n")
        until(lambda: "ao phase next" in waits(f), "it is told")
        assert len(kinds(f, "phase-done")) == 1
        assert not kinds(f, "phase-moved")
        f.ao("phase", "next")
        until(lambda: f.status()["loops"][0]["phase"] == "two", "it is in the second phase")
