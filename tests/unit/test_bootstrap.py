"""bootstrap.sh on machines that lack something, played by a PATH of stand-ins. Nothing is installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
UTILITIES = ("cat", "cksum", "dirname", "head", "id", "sh")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project folder with bootstrap.sh, and in it a bin/ with nothing but a shell's tools, tmux and git."""
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    for name in UTILITIES:
        found = shutil.which(name)
        assert found
        (bin_dir / name).symlink_to(found)
    for name in ("tmux", "git"):
        program(tmp_path, name, "exit 0")
    for name in ("bootstrap.sh", "pyproject.toml"):
        shutil.copy(REPOSITORY / name, tmp_path)
    return tmp_path


def program(folder: Path, name: str, script: str) -> None:
    path = folder / "bin" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def bootstrap(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": str(folder / "bin"), "HOME": str(folder)}
    command = [str(folder / "bootstrap.sh"), *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_an_old_python_is_refused(folder: Path) -> None:
    program(folder, "python3", 'if [ "$1" = -c ]; then exit 1; fi; echo Python 3.9.2')
    done = bootstrap(folder)
    assert done.returncode == 1
    assert "ao needs Python 3.11 or newer, and here is Python 3.9.2" in done.stderr
    assert not (folder / ".venv").exists()


def test_no_python_at_all_is_said(folder: Path) -> None:
    done = bootstrap(folder)
    assert done.returncode == 1
    assert "here is no Python at all" in done.stderr


def test_without_a_package_manager_the_missing_program_is_named(folder: Path) -> None:
    (folder / "bin" / "tmux").unlink()
    done = bootstrap(folder)
    assert done.returncode == 1
    assert "install tmux by hand" in done.stderr


def test_a_missing_program_is_installed_by_the_package_manager(folder: Path) -> None:
    (folder / "bin" / "tmux").unlink()
    program(folder, "id", "echo 0")
    program(folder, "chmod", f'exec {shutil.which("chmod")} "$@"')
    program(
        folder, "dnf", 'echo "$*" >> "$HOME/asked"; echo exit 0 > "$HOME/bin/tmux"; chmod +x "$HOME/bin/tmux"'
    )
    done = bootstrap(folder)
    assert (folder / "asked").read_text() == "install -y -q tmux\n"
    assert "no Python at all" in done.stderr, "it goes on after the install"


def test_without_root_or_sudo_the_command_is_named(folder: Path) -> None:
    (folder / "bin" / "git").unlink()
    program(folder, "id", "echo 1000")
    program(folder, "dnf", "exit 0")
    done = bootstrap(folder)
    assert done.returncode == 1
    assert "'dnf install -y -q git' needs root" in done.stderr


def test_nothing_is_done_when_nothing_changed(folder: Path) -> None:
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "python").symlink_to(sys.executable)
    checksum = subprocess.run(
        ["cksum"], input=(folder / "pyproject.toml").read_bytes(), capture_output=True, check=True
    ).stdout.decode()
    (folder / ".venv" / "ao-bootstrap").write_text(f"{folder}\n{checksum}")
    done = bootstrap(folder)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_changed_project_file_is_installed_again(folder: Path) -> None:
    (folder / ".venv" / "bin").mkdir(parents=True)
    python = folder / ".venv" / "bin" / "python"
    python.write_text('#!/bin/sh\n[ "$1" = -c ] || echo "$*" >> "$HOME/asked"\n')
    python.chmod(0o755)
    (folder / ".venv" / "ao-bootstrap").write_text(f"{folder}\nolder")
    assert bootstrap(folder).returncode == 0
    assert "-m pip install" in (folder / "asked").read_text()
    asked = (folder / "asked").read_text()
    assert bootstrap(folder).returncode == 0
    assert (folder / "asked").read_text() == asked, "the second time there is nothing to do"


def test_unknown_arguments_are_refused(folder: Path) -> None:
    assert "usage" in bootstrap(folder, "--nodes").stderr
