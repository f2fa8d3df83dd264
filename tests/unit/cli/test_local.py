"""The verbs that need no running fleet, as a person runs them."""

from __future__ import annotations

import json
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

from orchestrator.config.load import load

Ao = Callable[..., "subprocess.CompletedProcess[str]"]


def test_config_shows_toml_that_means_the_same(ao: Ao, small_config: Path) -> None:
    shown = tomllib.loads(ao("config").stdout)
    assert shown == json.loads(ao("config", "--json").stdout)
    assert [agent["name"] for agent in shown["agent"]] == ["builder", "breaker"]
    assert shown["defaults"]["log_dir"] == str(small_config.parent / "log")


def test_config_shows_the_schema_without_a_config(ao: Ao) -> None:
    assert json.loads(ao("config", "--schema").stdout)["title"] == "agents.toml"


def test_check_says_what_is_well(ao: Ao, small_config: Path) -> None:
    assert small_config.exists()
    done = ao("check", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    facts = json.loads(done.stdout)
    assert facts["ok"] is True
    assert {"config", "tmux", "log_dir", "sessions"} <= {check["place"] for check in facts["checks"]}


def test_check_shows_a_bad_config_on_stdout_with_status_2(ao: Ao, small_config: Path) -> None:
    small_config.write_text(small_config.read_text() + 'bakend = "demo"\n')
    done = ao("check")
    assert done.returncode == 2
    assert "bakend" in done.stdout
    assert "ok   tmux" in done.stdout


def test_init_makes_what_check_accepts(ao: Ao, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    done = ao("init", "project", "--json", PATH=f"{tools}:/usr/bin:/bin")
    facts = json.loads(done.stdout)
    assert (facts["kept"], facts["made_repository"]) == ([], True)
    assert load(tmp_path / "project" / "agents.toml").loops[0].handoff is not None
    checked = ao("check", "--config", "project/agents.toml")
    assert checked.returncode == 0, checked.stdout


def test_logs_of_an_unknown_name_lists_the_known(ao: Ao, small_config: Path) -> None:
    assert small_config.exists()
    done = ao("logs", "../agents")
    assert (done.returncode, done.stdout) == (2, "")
    assert "builder" in done.stderr


def test_logs_of_a_session_that_never_ran(ao: Ao, small_config: Path) -> None:
    assert small_config.exists()
    done = ao("logs", "builder")
    assert done.returncode == 1
    assert "does not exist yet" in done.stderr


def test_logs_as_text_and_raw(ao: Ao, small_config: Path) -> None:
    log = small_config.parent / "log" / "web.log"
    log.parent.mkdir()
    log.write_bytes(b"one\r\n\x1b[31mtwo\x1b[0m\r\nthr\x1b[2Dhree\x07\r\n")
    assert ao("logs", "web").stdout == "one\ntwo\nthree\n"
    assert ao("logs", "web", "-n", "1").stdout == "three\n"
    assert (
        ao("logs", "web", "--raw", "-n", "1").stdout == "thr\x1b[2Dhree\x07\n"
    )  # text mode of this pipe: \r\n is \n


def test_logs_of_an_agent_that_left_the_config(ao: Ao, small_config: Path) -> None:
    log = small_config.parent / "log" / "former.log"
    log.parent.mkdir()
    log.write_bytes(b"was here\n")
    assert ao("logs", "former").stdout == "was here\n"


def test_attach_to_what_does_not_run(ao: Ao, small_config: Path) -> None:
    assert small_config.exists()
    done = ao("attach", "builder")
    assert (done.returncode, done.stdout) == (1, "")
    assert "ao up builder" in done.stderr


def test_selftest_is_all_well_and_leaves_nothing(ao: Ao, tmp_path: Path, sockets: Path) -> None:
    done = ao("selftest", "--json")
    assert done.returncode == 0, done.stdout
    assert all(check["ok"] for check in json.loads(done.stdout)["checks"])
    left = [*tmp_path.rglob("*"), *sockets.rglob("*")]
    assert [path for path in left if not path.is_dir()] == []


def test_selftest_without_tmux_says_so(ao: Ao, tmp_path: Path) -> None:
    done = ao("selftest", PATH=str(tmp_path))
    assert done.returncode == 1
    assert "BAD  tmux: tmux is not on PATH" in done.stdout
