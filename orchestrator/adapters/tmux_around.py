"""What surrounds a tmux server: its socket, its process, the scope that it lives in."""

from __future__ import annotations

import os
import shutil
import signal
import socket
from collections.abc import Mapping
from pathlib import Path


def is_served(path: Path) -> bool:
    """Whether somebody listens at a socket; its file outlives a server that was killed."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except OSError:
            pass
    return True


def send_signal(pid: int, number: signal.Signals) -> None:
    """Signal a server; one that is gone needs none."""
    if pid <= 1:  # 0 would be every process of our own group
        return
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def user_scope(environ: Mapping[str, str]) -> list[str]:
    """A prefix that puts a new server into a systemd scope of its own, so that a logout does not end it."""
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    tool = shutil.which("systemd-run", path=environ.get("PATH"))
    if not tool or not runtime or not Path(runtime, "systemd", "private").exists():
        return []
    return [tool, "--user", "--scope", "--quiet", "--collect", "--"]
