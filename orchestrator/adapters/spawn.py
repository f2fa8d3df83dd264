"""Starting the watchdog in the background, out of reach of the terminal that started it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

INSIDE = ("TMUX", "TMUX_PANE", "AO_RUN", "AO_AGENT")


def watchdog_command(config: Path) -> list[str]:
    """The command line of a watchdog: `ao watchdog --config PATH`, by the interpreter that runs now."""
    script = Path(sys.executable).with_name("ao")
    program = [str(script)] if script.is_file() else ["-m", "orchestrator"]
    return [sys.executable, *program, "watchdog", "--config", str(config)]


def spawn_watchdog(config: Path, log: Path, environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a watchdog in a session of its own; what it says before its log is open goes to `log`.

    Marks of an agent inside which `ao up` was typed are left out: it does not belong to that agent.
    """
    clean = {key: value for key, value in environ.items() if key not in INSIDE}
    log.touch(mode=0o600)
    with log.open("ab") as output:
        return subprocess.Popen(
            watchdog_command(config), stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=clean,
            start_new_session=True, cwd="/",
        )  # fmt: skip
