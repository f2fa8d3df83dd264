"""The demo agent at a usage limit of some seconds: held through deaths, and told to go on once."""

from __future__ import annotations

import os
import signal

from tests.support.fleet import demo_config, fleet, until

CONFIG = demo_config(3, watchdog="limit_reset_slack = 1\nlimit_probe_fallback = 5")
LIMITED = CONFIG.replace('prompt = "/say hello"', 'prompt = "/limit 8\\n/say the rest"', 2).replace(
    'watch = "heal"', 'watch = "heal"\nresume = true'
)


def test_a_limit_is_held_through_deaths_and_the_work_goes_on_once() -> None:
    with fleet(LIMITED) as f:
        f.ao("up")
        until(lambda: [f.states()[name] for name in ("a0", "a1")] == ["limited"] * 2, "both are limited")
        told = {row["name"]: row for row in f.status()["sessions"]}
        assert told["a2"]["account_limited"] in {"a0", "a1"}
        assert told["a0"]["next_at"] >= told["a0"]["reset_at"] + 1

        pid = f.kill("a1")
        until(lambda: f.replaced("a1", pid), "it is back at once")
        os.kill(f.watchdog_pid(), signal.SIGKILL)
        f.ao("up")
        until(lambda: f.states()["a1"] == "limited", "it is held still")

        until(lambda: "the rest" in f.screen("a0"), "the work goes on")
        until(lambda: f.states() == {"a0": "idle", "a1": "idle", "a2": "idle"}, "all are free")
        events = [e for e in f.events() if e["subject"] in {"a0", "a1"}]
        kinds = [e["kind"] for e in events]
        assert kinds.count("delivered") == 2, "each is told to go on, once"
        assert kinds.count("started") == 3, "nobody was restarted for the limit"
        assert f.screen("a0").count("Go on where you left off") == 1
        (first, second) = sorted(e["at"] for e in events if e["kind"] == "delivered")
        assert second - first > 2, "one after another"


def test_what_an_agent_says_holds_nobody() -> None:
    lines = [
        "You've hit your 5-hour limit · resets 9:36am (UTC)",
        "Usage limit reached · try again in 5 hours",
        "API Error: 401 Please run /login",
        "Error: the conversation is too long",
        "Do you want to proceed? 1. Yes 2. No",
    ]
    said = "\\n".join(f"/say {line}" for line in lines)
    with fleet(CONFIG.replace("/say hello", said)) as f:
        f.ao("up")
        until(lambda: all(lines[-1] in f.screen(name) for name in f.states()), "all have spoken")
        until(lambda: set(f.states().values()) == {"idle"}, "all are idle")
        kinds = {e["kind"] for e in f.events()}
        assert kinds & {"limited", "needs-human", "fatal", "exited", "stopping", "delivered"} == set()
