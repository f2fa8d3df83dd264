"""A loop, and everything around it killed at random moments: it still ends, no phase twice, no commit told twice or never.

AO_SEEDS: how many runs. AO_SEED: the first one's seed.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.support.fleet import REPOSITORY, TestFleet, fleet, until

SEEDS = int(os.environ.get("AO_SEEDS", "1"))
FIRST = int(os.environ.get("AO_SEED", "11"))
PHASES = ["lexer", "parser", "printer"]
FAULTS = 12
PATIENCE = 240.0
TOUGH = "[watchdog]\nmax_restarts = 100\nbackoff_initial = 0.1\nbackoff_max = 1\nlimit_reset_slack = 1\nlimit_probe_fallback = 2\n"


def end(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def watchdog(f: TestFleet, dice: random.Random) -> None:
    with contextlib.suppress(OSError, ValueError):
        end(f.watchdog_pid())
    time.sleep(dice.random() * 2)  # for so long nobody looks after the fleet: the fault itself
    f.ao("up", check=None, timeout=90)


def agent(f: TestFleet, dice: random.Random) -> None:
    row = f.rows().get(dice.choice(["builder", "adversary"]))
    if row is not None and row.pid > 1:
        end(row.pid)


def server(f: TestFleet, _dice: random.Random) -> None:
    with contextlib.suppress(ValueError):
        end(f.server_pid())


def limit(f: TestFleet, dice: random.Random) -> None:
    f.ao("send", dice.choice(["builder", "adversary"]), "/limit 3", "--timeout", "3", check=None)


def remote(f: TestFleet, dice: random.Random) -> None:
    origin = f.folder / "work" / "origin.git"
    if origin.exists():
        away = origin.with_name("away.git")
        origin.rename(away)
        time.sleep(0.5 + dice.random())  # for so long it is away: the fault itself
        away.rename(origin)


@pytest.mark.timeout(PATIENCE + 60)
@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
def test_a_loop_ends_whatever_is_killed(seed: int) -> None:
    dice = random.Random(seed)
    with fleet("") as f:
        shutil.copytree(
            REPOSITORY / "examples" / "loop-demo",
            f.folder,
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns(".ao", "work"),
        )
        f.write(f.config.read_text().replace("ao-loop", "fleet") + TOUGH)
        f.ao("up")
        done = f.folder / ".ao" / "SEQUENCE-COMPLETE"
        did: list[str] = []
        for _ in range(FAULTS):
            time.sleep(0.2 + dice.random() * 1.5)  # not awaited: the moment itself is the fault
            if done.exists():
                break
            fault = dice.choice([watchdog, watchdog, agent, agent, server, limit, remote])
            did.append(fault.__name__)
            fault(f, dice)
        f.ao("up", check=None, timeout=90)
        try:
            until(done.exists, f"the sequence is complete after {did}", PATIENCE)
        except AssertionError:
            print("\n".join(f"{e['at']:.2f} {e['subject']}: {e['message']}" for e in f.events()))
            print(f.ao("status", check=None).stdout, f.screen("builder"), f.screen("adversary"))
            raise
        until(lambda: f.states()["reporter"] == "completed", "the report is written")
        check(f)
        f.ao("down")
        assert f.processes() == []


def check(f: TestFleet) -> None:
    """What must be so at the end, whatever happened on the way."""
    events = f.events()
    moves = [e["message"].split(" ")[0] for e in events if e["kind"] in {"phase-moved", "sequence-complete"}]
    assert moves == PHASES, moves
    told = Counter(
        e["data"]["commit"] for e in events if e["kind"] == "handoff" and e["data"]["what"] != "inbox"
    )
    made = subjects(f.folder / "work" / "origin.git")
    wanted = {commit for commit, subject in made.items() if subject.startswith(("claim", "review"))}
    assert told == Counter(dict.fromkeys(wanted, 1)), [
        made.get(c, c) for c in (told - Counter(dict.fromkeys(wanted, 1)))
    ]
    taken = Counter(
        e["data"]["key"] for e in events if e["kind"] == "delivered" and "handoff/" in e["data"]["key"]
    )
    assert max(taken.values()) == 1, taken
    assert [e["subject"] for e in events if e["kind"] == "started"].count("reporter") == 1


def subjects(repository: Path) -> dict[str, str]:
    """Subjects of all commits on the branch, by id."""
    out = subprocess.run(
        ["git", "-C", str(repository), "log", "--format=%H %s", "main"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return dict(line.partition(" ")[::2] for line in out.splitlines())
