"""From `git push` of a claim to its words in the idle adversary's prompt box, as a person outside sees it.

    python bench/handoff.py [--pushes 20] [--commits 5000]

A local bare repository, the demo agent, default settings. Beside it, in the same run, what polling costs and brings: `git fetch`
every 2 seconds and `tmux send-keys`, the usual way.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.support.fleet import TestFleet, demo_config, fleet, until

LOOP = """
[loop]
phases = [ { id = "one", status = "ONE.md" } ]
[loop.handoff]
repo = "repo"
[[agent]]
name = "adversary"
kind = "loop"
role = "adversary"
"""
POLL = 2.0
WHO = ("-c", "user.name=b", "-c", "user.email=b@localhost")


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *WHO, "-C", str(folder), *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


@contextmanager
def loop(commits: int) -> Iterator[tuple[TestFleet, Path]]:
    """A fleet with an adversary, and the clone from which is pushed."""
    with fleet(demo_config(0, more=LOOP)) as f:
        (f.folder / "prompts").mkdir()
        (f.folder / "prompts" / "adversary.md").write_text("/say I review")
        bare, work = f.folder / "bare.git", f.folder / "work"
        git(f.folder, "init", "-q", "--bare", "-b", "main", str(bare))
        git(f.folder, "clone", "-q", str(bare), str(work))
        history = "".join(
            f"commit refs/heads/main\ncommitter b <b@localhost> {n} +0000\ndata 1\nx\n"
            for n in range(commits)
        )
        subprocess.run(
            ["git", "-C", str(work), "fast-import", "--quiet"], input=history, text=True, check=True
        )
        git(work, "checkout", "-q", "-f", "main")
        git(work, "push", "-q", "origin", "main")
        git(f.folder, "clone", "-q", str(bare), str(f.folder / "repo"))
        yield f, work


def measure(f: TestFleet, work: Path, pushes: int) -> list[float]:
    """Seconds from the start of each push to the words on the screen."""
    took = []
    for number in range(pushes):
        git(work, "commit", "-q", "--allow-empty", "-m", f"claim: {number}")
        short = git(work, "rev-parse", "HEAD")[:12]
        begun = time.monotonic()
        git(work, "push", "-q", "origin", "main")
        until(lambda short=short: short in f.screen("adversary"), "it is told")
        took.append(time.monotonic() - begun)
        until(lambda: is_free(f), "it is idle, and has been told all")
        time.sleep(0.5)
    return took


def is_free(f: TestFleet) -> bool:
    (row,) = f.status()["sessions"]
    return bool(row["state"] == "idle" and row["texts"] == 0)


def by_ao(pushes: int, commits: int) -> list[float]:
    with loop(commits) as (f, work):
        f.ao("up")
        until(lambda: f.states()["adversary"] == "idle", "it is idle")
        until(lambda: f.status()["loops"][0]["waits"], "its repository was looked at")
        return measure(f, work, pushes)


def by_polling(pushes: int, commits: int) -> list[float]:
    with loop(commits) as (f, work):
        f.ao("up", "--no-watchdog")
        pane, repo = f.rows()["adversary"].pane, f.folder / "repo"
        script = (
            'old=$(git rev-parse origin/main); while sleep "$1"; do git fetch -q origin; new=$(git rev-parse origin/main); '
            '[ "$old" = "$new" ] || { tmux -L fleet send-keys -t "$2" -l "New claim: $(echo "$new" | cut -c1-12)"; '
            'sleep 0.5; tmux -L fleet send-keys -t "$2" Enter; old=$new; }; done'
        )
        poller = subprocess.Popen(["sh", "-c", script, "sh", str(POLL), pane], cwd=repo, env=f.env)
        try:
            return measure(f, work, pushes)
        finally:
            poller.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pushes", type=int, default=20)
    parser.add_argument("--commits", type=int, default=5000, help="that the repository has before")
    given = parser.parse_args()
    ways: dict[str, Callable[[int, int], list[float]]] = {"ao": by_ao, f"fetch every {POLL:g} s": by_polling}
    medians = {}
    print(f"{'who':<18}  {'median s':>8}  {'worst s':>8}")
    for who, way in ways.items():
        took = way(given.pushes, given.commits)
        medians[who] = statistics.median(took)
        print(f"{who:<18}  {medians[who]:>8.2f}  {max(took):>8.2f}", flush=True)
    first, second = medians.values()
    print(f"ratio ao / polling, medians: {first / second:.2f}")


if __name__ == "__main__":
    main()
