from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from orchestrator.commands.check import check
from orchestrator.commands.init import init, installed
from orchestrator.config.load import load
from orchestrator.errors import EnvironmentMissing


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A PATH with git, tmux and python, and no agent program."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("git", "tmux", "sh", "bash"):
        (tools / name).symlink_to(shutil.which(name) or name)
    return {"PATH": str(tools), "HOME": str(tmp_path), "TMUX_TMPDIR": "/nowhere"}


def install(environ: dict[str, str], *names: str) -> None:
    for name in names:
        Path(environ["PATH"], name).write_text("#!/bin/sh\n")
        Path(environ["PATH"], name).chmod(0o755)


def git(*arguments: str, cwd: Path) -> None:
    subprocess.run(["git", *arguments], cwd=cwd, check=True, capture_output=True)


@pytest.mark.parametrize(
    ("programs", "backends"),
    [
        ((), ("demo", "demo")),
        (("claude",), ("claude", "claude")),
        (("codex", "claude"), ("claude", "codex")),
        (("aider", "cursor-agent", "gemini"), ("gemini", "aider")),
    ],
)
def test_installed_programs_are_picked(
    environ: dict[str, str], tmp_path: Path, programs: tuple[str, ...], backends: tuple[str, str]
) -> None:
    install(environ, *programs)
    made = init(tmp_path / "project", environ)
    config = load(made.folder / "agents.toml")
    assert made.backends == backends
    assert tuple(agent.backend for agent in config.agents) == backends
    found = check(lambda: config, environ)
    assert [finding.message for finding in found.findings if not finding.ok] == []


def test_the_loop_is_ready_to_hand_over(environ: dict[str, str], tmp_path: Path) -> None:
    made = init(tmp_path / "project", environ)
    loop = load(made.folder / "agents.toml").loops[0]
    assert made.made_repository
    assert loop.handoff is not None
    assert (loop.handoff.repo, loop.handoff.branch) == (made.folder, "main")
    assert (made.folder / loop.phases[0].plan).is_file()
    kickoff = loop.kickoff_template
    assert kickoff is not None
    assert "{status}" in kickoff.read_text()


def test_a_second_time_changes_nothing(environ: dict[str, str], tmp_path: Path) -> None:
    first = init(tmp_path, environ)
    before = {path: path.read_bytes() for name in first.written if (path := tmp_path / name)}
    second = init(tmp_path, environ)
    assert (second.written, second.kept, second.made_repository) == ((), first.written, False)
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("name", ["agents.toml", "prompts/builder.md"])
def test_what_is_there_is_kept(environ: dict[str, str], tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.symlink_to("nowhere")
    made = init(tmp_path, environ)
    assert name in made.kept
    assert path.readlink() == Path("nowhere")


def test_a_repository_is_used_with_its_branch(environ: dict[str, str], tmp_path: Path) -> None:
    git("init", "-b", "trunk", cwd=tmp_path)
    made = init(tmp_path / "below", environ)
    handoff = load(made.folder / "agents.toml").loops[0].handoff
    assert handoff is not None
    assert (handoff.branch, made.made_repository) == ("trunk", False)
    assert not (made.folder / ".git").exists()


def test_logs_stay_out_of_git(environ: dict[str, str], tmp_path: Path) -> None:
    made = init(tmp_path / "project", environ)
    (made.folder / ".ao" / "builder.log").touch()
    git("add", "-A", cwd=made.folder)
    listed = subprocess.run(["git", "ls-files"], cwd=made.folder, capture_output=True, text=True, check=True)
    assert ".ao" not in listed.stdout
    assert "agents.toml" in listed.stdout


def test_without_git_there_is_no_handoff(environ: dict[str, str], tmp_path: Path) -> None:
    Path(environ["PATH"], "git").unlink()
    made = init(tmp_path / "project", environ)
    config = load(made.folder / "agents.toml")
    assert config.loops[0].handoff is None
    assert check(lambda: config, environ).ok


@pytest.mark.parametrize("name", ['it\'s "mine"; $(x)', "--", "ünï", "a" * 200, "x.y"])
def test_any_name_of_a_folder_will_do(environ: dict[str, str], tmp_path: Path, name: str) -> None:
    made = init(tmp_path / name, environ)
    socket = load(made.folder / "agents.toml").defaults.tmux_socket
    assert socket is not None
    assert len(socket) < 40


def test_folders_of_one_name_have_servers_of_their_own(environ: dict[str, str], tmp_path: Path) -> None:
    made = [init(tmp_path / parent / "project", environ) for parent in ("a", "b")]
    sockets = {load(each.folder / "agents.toml").defaults.tmux_socket for each in made}
    assert len(sockets) == 2


def test_a_file_in_the_way(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "project").touch()
    with pytest.raises(EnvironmentMissing, match="project"):
        init(tmp_path / "project", environ)


def test_the_demo_is_never_found_on_path(environ: dict[str, str]) -> None:
    install(environ, "demo", "generic", "{python}")
    assert installed(environ) == []
