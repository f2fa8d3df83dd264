"""From `kill -9` of an agent's process to its replacement running, as a person outside sees it.

    python bench/heal.py [--agents 1,20,100] [--kills 10]

Default settings, the demo agent, one private tmux server per row. The agent that is killed is
restarted by hand between two kills of it, so that every kill is a first one (later ones back off).
Beside it, in the same run: tmux's own `respawn-pane` by a hook on `pane-died`, the nearest thing
that needs no supervisor.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.support.fleet import TestFleet, demo_config, fleet

GIVE_UP = 20.0


def until(condition: Callable[[], bool]) -> float:
    """Seconds until a condition holds, looked at every 2 ms; GIVE_UP when it never does."""
    begun = time.monotonic()
    while not condition():
        if time.monotonic() - begun > GIVE_UP:
            return GIVE_UP
        time.sleep(0.002)
    return time.monotonic() - begun


def is_program(pid: int) -> bool:
    """Whether the replacement is the agent itself, and no longer the script that becomes it."""
    try:
        return b"demo_agent" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def back(f: TestFleet, name: str, old: int) -> bool:
    row = f.rows().get(name)
    return row is not None and row.pid != old and not row.dead and is_program(row.pid)


def heal_with_ao(agents: int, kills: int) -> list[float]:
    with fleet(demo_config(agents)) as f:
        f.ao("up", "--timeout", "120", timeout=180)
        took = []
        for number in range(kills):
            name = f"a{number % agents}"
            if number >= agents:
                f.ao("restart", name)
            old = f.rows()[name].pid
            os.kill(old, signal.SIGKILL)
            took.append(until(lambda name=name, old=old: back(f, name, old)))
        return took


def heal_with_hook(agents: int, kills: int) -> list[float]:
    """The same panes, kept by `set-hook -g pane-died respawn-pane` alone."""
    with fleet(demo_config(1)) as f:
        command = f"exec {sys.executable} -P -m orchestrator.backends.demo_agent"
        f.tmux("-f", "/dev/null", "start-server", ";", "set-option", "-g", "exit-empty", "off", ";", "set-option", "-g",
               "remain-on-exit", "on", ";", "set-hook", "-g", "pane-died", "respawn-pane")  # fmt: skip
        for number in range(agents):
            f.tmux("new-session", "-d", "-s", f"a{number}", command)
            f.tmux("set-option", "-p", "-t", f"=a{number}:", "@ao_name", f"a{number}")
        until(lambda: all(is_program(row.pid) for row in f.rows().values()))
        took = []
        for number in range(kills):
            name = f"a{number % agents}"
            old = f.rows()[name].pid
            os.kill(old, signal.SIGKILL)
            took.append(until(lambda name=name, old=old: back(f, name, old)))
        return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--agents", default="1,20,100", help="fleet sizes, by commas")
    parser.add_argument("--kills", type=int, default=10)
    given = parser.parse_args()
    print(f"{'agents':>6}  {'who':<12}  {'median ms':>9}  {'worst ms':>8}")
    for agents in map(int, given.agents.split(",")):
        medians = {}
        for who, heal in (("ao", heal_with_ao), ("tmux hook", heal_with_hook)):
            took = [seconds * 1000 for seconds in heal(agents, given.kills)]
            medians[who] = statistics.median(took)
            print(f"{agents:>6}  {who:<12}  {medians[who]:>9.0f}  {max(took):>8.0f}", flush=True)
        print(f"{agents:>6}  ratio ao / hook, medians: {medians['ao'] / medians['tmux hook']:.2f}")


if __name__ == "__main__":
    main()
