"""The watchdog is killed at random moments of a delivery: every text is said at most once, and none is lost without a word.

AO_KILLS: how often, AO_SEED: other moments.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

from tests.support.fleet import demo_config, fleet, until

KILLS = int(os.environ.get("AO_KILLS", "12"))
SEED = int(os.environ.get("AO_SEED", "4711"))
SPAN = 1.6
"""Seconds that a delivery takes, and a little more."""


def test_a_text_is_said_once_however_often_the_watchdog_dies() -> None:
    dice = random.Random(SEED)
    told: dict[str, int] = {}
    with fleet(demo_config(1)) as f:
        f.ao("up")
        until(lambda: f.states()["a0"] == "idle", "it is idle")
        for number in range(KILLS):
            text = f"text number {number} of many"
            command = [sys.executable, "-m", "orchestrator", "send", "a0", text, "--timeout", "20"]
            sender = subprocess.Popen(
                command, env=f.env, cwd=f.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
            time.sleep(0.4 + dice.random() * SPAN)  # not awaited: the moment itself is the fault
            os.kill(f.watchdog_pid(), signal.SIGKILL)
            if number % 2:
                f.ao("up")
            _, words = sender.communicate(timeout=60)  # without another watchdog it goes on by itself
            f.ao("up")
            told[text] = sender.returncode
            assert sender.returncode == 0 or words.strip(), "a text that was not confirmed is reported"
        until(lambda: f.states()["a0"] == "idle", "it is idle")
        f.ao("send", "a0", "the last one")
        until(lambda: "Done: the last one" in f.screen("a0"), "all is said")
        said = [line for line in f.history("a0") if line.startswith("❯ ")]
        for text, status in told.items():
            times = said.count(f"❯ {text}")
            assert times == 1 if status == 0 else times <= 1, (
                f"{text}: said {times} times, ao send ended with {status}"
            )
        assert all(line[2:] in {*told, "/say hello", "the last one", ""} for line in said), said
        f.ao("down")
