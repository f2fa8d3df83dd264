"""Runs `ao` as a person would, in an environment that knows nothing of the real one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
Ao = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def sockets() -> Iterator[Path]:
    """A folder for tmux's sockets; its path is short, since theirs has a limit."""
    with tempfile.TemporaryDirectory(prefix="ao-", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture
def ao(tmp_path: Path, sockets: Path) -> Ao:
    def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        basic = {
            "HOME": str(tmp_path), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8",
            "TMUX_TMPDIR": str(sockets), "PYTHONWARNINGS": "error", "COLUMNS": "100",
        }  # fmt: skip
        return subprocess.run(
            [sys.executable, "-m", "orchestrator", *arguments], env=basic | env, cwd=tmp_path, text=True,
            capture_output=True, stdin=subprocess.DEVNULL, timeout=60, check=False,
        )  # fmt: skip

    return run


@pytest.fixture
def small_config(tmp_path: Path) -> Path:
    """A config with two agents and a service, in the folder where `ao` runs."""
    path = tmp_path / "agents.toml"
    path.write_text(
        '[defaults]\nsession_prefix = "t-"\nlog_dir = "log"\ntmux_socket = "t"\nbackend = "demo"\n'
        '[[agent]]\nname = "builder"\n[[agent]]\nname = "breaker"\n[[service]]\nname = "web"\ncommand = "cat"\n'
    )
    return path
