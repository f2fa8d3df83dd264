"""Gates for real: a clean checkout, the exit status, the output, the time limit, and nothing left behind."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

import psutil
import pytest

from orchestrator.adapters import gates as module
from orchestrator.adapters.gates import Gates
from orchestrator.model.action import RunGate
from orchestrator.model.handoff import GateResult
from tests.support.fleet import until

WHO = ("-c", "user.name=a", "-c", "user.email=a@localhost")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    subprocess.run(["git", "init", "-q", "-b", "main", str(folder)], check=True)
    (folder / "file").write_text("committed\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "begin")
    return folder


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *WHO, "-C", str(folder), *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


def sleeping(seconds: str) -> bool:
    """Whether a process sleeps for so long."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.cmdline() == ["sleep", seconds]:
                return True
    return False


def gate(repo: Path, command: str, timeout: float = 20.0) -> RunGate:
    commit = git(repo, "rev-parse", "HEAD")
    return RunGate("loop", "one", repo, commit, command, timeout, key=commit)


def finish(gates: Gates, wish: RunGate) -> GateResult:
    assert gates.run(wish) == ""
    assert gates.running() == {"loop": wish.key}
    until(lambda: not gates.running(), "the gate has ended")
    return gates.results()["loop"]


@pytest.fixture
def gates(tmp_path: Path) -> Gates:
    log = tmp_path / "log"
    (log / "state").mkdir(parents=True)
    return Gates(log, lambda: None, {**os.environ, "TMUX": "/somebody's"})


def test_it_runs_on_what_is_committed_and_nothing_else(gates: Gates, repo: Path, tmp_path: Path) -> None:
    (repo / "file").write_text("edited, not committed\n")
    (repo / "more").write_text("not committed\n")
    result = finish(
        gates, gate(repo, 'cat file; ls; git log --format=%s; echo "tmux ${TMUX-none}"; touch made')
    )
    assert (result.passed, result.words) == (True, "")
    assert result.log.read_text() == "committed\nfile\nbegin\ntmux none\n"
    assert result.log.stat().st_mode & 0o777 == 0o600
    assert git(repo, "status", "--porcelain").split() == ["M", "file", "??", "more"]
    assert list((tmp_path / "log" / "state" / "gates").iterdir()) == []


def test_a_failure_is_told_with_its_last_words(gates: Gates, repo: Path) -> None:
    result = finish(gates, gate(repo, "echo one; echo two is wrong >&2; exit 3"))
    assert (result.passed, result.words) == (False, "status 3: two is wrong")
    assert result.commit == git(repo, "rev-parse", "HEAD")


def test_one_that_takes_too_long_is_ended_with_its_children(gates: Gates, repo: Path) -> None:
    result = finish(gates, gate(repo, "setsid sleep 4711 & sleep 4711", timeout=0.5))
    assert (result.passed, result.words) == (False, "it took more than 0.5 s")
    until(lambda: not sleeping("4711"), "nothing is left")


def test_a_child_in_the_background_holds_up_nothing(gates: Gates, repo: Path) -> None:
    result = finish(gates, gate(repo, "sleep 4712 & echo begun"))
    assert (result.passed, result.log.read_text()) == (True, "begun\n")
    until(lambda: not sleeping("4712"), "nothing is left")


def test_endless_output_is_cut(gates: Gates, repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OUTPUT_BYTES", 1000)
    result = finish(gates, gate(repo, "yes | head -n 100000"))
    assert (result.passed, result.log.stat().st_size) == (True, 1000)


def test_without_a_repository_it_runs_in_the_folder(gates: Gates, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    result = finish(gates, RunGate("loop", "one", plain, "", "pwd", 20.0, key="abc"))
    assert result.log.read_text() == f"{plain}\n"


def test_a_commit_that_is_not_there_fails_by_name(gates: Gates, repo: Path) -> None:
    result = finish(gates, RunGate("loop", "one", repo, "ab" * 20, "true", 20.0, key="ab" * 20))
    assert not result.passed
    assert "git checkout" in result.words
    assert result.words in result.log.read_text()


def test_an_older_result_is_none_of_a_gate_that_has_begun(gates: Gates, repo: Path) -> None:
    assert finish(gates, gate(repo, "true")).passed
    gates.run(gate(repo, "sleep 4713"))
    assert gates.results() == {}
    gates.close()
    until(lambda: not gates.running(), "it is ended with the watchdog")
    until(lambda: not sleeping("4713"), "nothing is left")


def test_another_gate_of_the_loop_takes_its_place(gates: Gates, repo: Path) -> None:
    gates.run(gate(repo, "sleep 4714"))
    until(lambda: sleeping("4714"), "it runs")
    other = RunGate("loop", "two", repo, gate(repo, "").commit, "sleep 0.3", 20.0, key="other")
    until(lambda: gates.run(other) == "" and gates.running().get("loop") == "other", "the first is ended")
    until(lambda: "loop" in gates.results(), "the other has run")
    assert gates.results()["loop"].passed
    assert not sleeping("4714")


def test_a_gate_may_kill_its_parent(gates: Gates, repo: Path) -> None:
    assert not finish(gates, gate(repo, "kill -9 $PPID; sleep 1")).passed
