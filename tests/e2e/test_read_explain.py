"""`ao read` and `ao explain` on a fleet that runs, and after its watchdog was killed."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

from tests.support.fleet import TestFleet, demo_config, fleet, until

STRANGE = """
[[agent]]
name = "strange"
backend = "strange"
[backend.strange]
bin = "sh -c 'echo what is this; exec sleep 1000'"
process_name = "sleep"
rules = [{ state = "idle", pattern = "ready", region = "screen", name = "says-ready" }]
"""


def explained(f: TestFleet, name: str) -> dict[str, Any]:
    return dict(json.loads(f.ao("explain", name, "--json").stdout))


def test_a_screen_is_read_and_a_restart_explained() -> None:
    with fleet(demo_config(1)) as f:
        assert "nobody asked for it to be up" in f.ao("explain", "a0").stdout
        f.ao("up")
        until(lambda: f.states()["a0"] == "idle", "it is idle")
        seen = json.loads(f.ao("read", "a0", "--json").stdout)
        assert (seen["name"], seen["state"], seen["reset_at"]) == ("a0", "idle", None)
        assert f"rule: {seen['rule']}" in f.ao("read", "a0").stdout
        pid = f.kill("a0")
        until(lambda: f.replaced("a0", pid) and f.states()["a0"] == "idle", "it is back")
        told = explained(f, "a0")
        assert told["restarts"]["all"] == told["restarts"]["deaths_in_window"] == 1
        assert told["last_exit"]["signal"] == signal.SIGKILL
        assert told["reading"]["rule"]["name"] == told["session"]["rule"]
        assert {"exited", "started", "ready"} <= {event["kind"] for event in told["events"]}
        words = f.ao("explain", "a0").stdout
        assert "last exit: was killed by signal 9" in words
        assert "deaths within 10m: 1, allowed: 5" in words


def test_a_screen_that_nobody_knows_is_explained_with_and_without_a_watchdog() -> None:
    with fleet(demo_config(0, more=STRANGE)) as f:
        f.ao("up", "--timeout", "1", check=None)
        until(
            lambda: json.loads(f.ao("read", "strange", "--json").stdout)["state"] == "unknown", "it is drawn"
        )
        assert "none matches" in f.ao("read", "strange").stdout
        watched = explained(f, "strange")
        os.kill(f.watchdog_pid(), signal.SIGKILL)
        until(lambda: f.status()["watchdog"] is None, "the watchdog is gone")
        alone = explained(f, "strange")
        assert (watched["watchdog"] is None, alone["watchdog"] is None) == (False, True)
        for told in (watched, alone):
            assert told["reading"]["state"] == "unknown"
            assert [rule["name"] for rule in told["reading"]["looked_for"]["screen"]] == ["says-ready"]
        words = f.ao("explain", "strange").stdout
        assert "looked for and not found (1 rules)" in words
        assert "nothing is done" in words
        f.ao("down")
        assert "strange is not running" in f.ao("read", "strange", check=1).stderr
