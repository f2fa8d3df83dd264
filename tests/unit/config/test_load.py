from __future__ import annotations

import contextlib
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.config.load import decode, load, parse
from orchestrator.config.tables.fleet import WATCHDOG
from orchestrator.errors import ConfigError
from orchestrator.model.config import Kind, WatchdogSettings

FILE = Path("/fleet/agents.toml")
HEAD = '[defaults]\nsession_prefix = "t-"\nlog_dir = "logs"\nbackend = "demo"\n'


def test_an_agent_has_what_defaults_say_unless_it_says_otherwise() -> None:
    config = parse(
        HEAD + 'model = "m"\nwatch = "heal"\ndir = "work"\nenabled = false\nresume = true\n'
        '[[agent]]\nname = "a"\n'
        '[[agent]]\nname = "b"\nbackend = "claude"\nmodel = "n"\nwatch = "none"\ndir = "/x"\nenabled = true\nresume = false\n',
        FILE,
    )
    shown = [(x.backend, x.model, str(x.watch), str(x.dir), x.enabled, x.resume) for x in config.agents]
    assert shown == [
        ("demo", "m", "heal", "/fleet/work", False, True),
        ("claude", "n", "none", "/x", True, False),
    ]
    assert [agent.line for agent in config.agents] == [10, 12]


def test_the_smallest_file() -> None:
    config = parse(HEAD + '[[agent]]\nname = "a"\n', FILE)
    (agent,) = config.agents
    assert (agent.session, agent.kind, agent.dir, agent.prompt) == (
        "t-a",
        Kind.PERSISTENT,
        Path("/fleet"),
        None,
    )
    assert config.watchdog == WatchdogSettings()
    assert config.state_dir == Path("/fleet/logs/state")
    assert list(config.backends) == ["demo"]


def test_watchdog_defaults_are_those_of_the_model() -> None:
    assert set(WATCHDOG.keys) == {field.name for field in fields(WatchdogSettings)}


def test_paths_start_from_project_dir_and_it_from_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    text = '[defaults]\nsession_prefix = ""\nlog_dir = "~/logs"\nproject_dir = "../code"\n[loop.handoff]\nrepo = "r"\n'
    config = parse(text + '[[service]]\nname = "s"\ncommand = "true"\ndir = "d"\n', FILE)
    assert config.defaults.log_dir == Path("/home/me/logs")
    assert config.defaults.project_dir == Path("/code")
    assert config.services[0].dir == Path("/code/d")
    assert config.loops[0].roles_dir == Path("/code/prompts")
    assert config.loops[0].handoff is not None
    assert config.loops[0].handoff.repo == Path("/code/r")


def test_a_loop_agent_belongs_to_the_only_loop(tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "r.md").write_text("You are r.")
    agent = '[[agent]]\nname = "a"\nkind = "loop"\nrole = "r"\n'
    assert parse(HEAD + agent + "[loop]\n", tmp_path / "agents.toml").agents[0].loop == "loop"
    assert parse(HEAD + agent + '[[loop]]\nname = "x"\n', tmp_path / "agents.toml").agents[0].loop == "x"


def test_several_loops(tmp_path: Path) -> None:
    (tmp_path / "r.md").write_text("You are r.")
    text = (
        HEAD + '[[loop]]\nname = "x"\n[[loop]]\nname = "y"\nroles_dir = "."\n[loop.handoff]\nbranch = "dev"\n'
    )
    text += '[[agent]]\nname = "a"\nkind = "loop"\nrole = "r"\nloop = "y"\n'
    config = parse(text, tmp_path / "agents.toml")
    assert config.agents[0].loop == "y"
    assert [loop.handoff and loop.handoff.branch for loop in config.loops] == [None, "dev"]


def test_the_digest_is_that_of_the_text() -> None:
    assert parse(HEAD, FILE).digest == parse(HEAD, FILE).digest
    assert parse(HEAD, FILE).digest != parse(HEAD + "\n", FILE).digest


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert parse("\ufeff" + HEAD + '[[agent]]\nname = "a"\n', FILE).agents[0].line == 5
    with pytest.raises(ConfigError) as caught:
        parse("\ufeff" + HEAD + "x = 1\n", FILE)
    assert caught.value.problems == ("agents.toml:5  [defaults]: x: unknown key",)


def test_a_folder_and_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder"):
        load(tmp_path)
    with pytest.raises(ConfigError, match="there is no file"):
        load(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="can't be read"):
        load(tmp_path / ("x" * 300))


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 100_000,
        "a = " + "9" * 10_000,
        '[defaults]\nlog_dir = "~nobody-of-this-name/x"\nsession_prefix = 1',
        "x = " + "[" * 400 + "]" * 400,
    ],
)
def test_extremes_are_problems_too(text: str) -> None:
    with pytest.raises(ConfigError):
        parse(text, FILE)


LINES = st.sampled_from(
    [
        HEAD,
        "[watchdog]",
        "[backend.x]",
        "[backend.claude]",
        "[[agent]]",
        "[agent.wake]",
        "[[service]]",
        "[loop]",
        "[[loop]]",
        "[loop.handoff]",
        "[[loop.phases]]",
        "[agent]",
        "[[defaults]]",
        "agent = 1",
        'name = "a"',
        "name = 1",
        'kind = "loop"',
        'role = "r"',
        'loop = "z"',
        'bin = "x {y}"',
        'prompt_delivery = "exec"',
        "needs = ['a', 2]",
        "rules = [{}, 1]",
        "limit_re = ['(']",
        "interval = nan",
        "phases = [{id='a'}, {id='a'}]",
        'preset = "codex"',
        "env = {A = {from = 1}}",
        'dir = "\\u0000"',
        'prompt_file = "\\U0010ffff"',
        "run = 'a'",
    ]
)


@given(st.one_of(st.text(), st.lists(LINES, max_size=12).map("\n".join)))
def test_any_text_gives_a_config_or_a_config_error(text: str) -> None:
    with contextlib.suppress(ConfigError):
        assert parse(text, FILE).path == FILE


@given(st.binary(max_size=60))
def test_no_short_bytes_are_a_config(data: bytes) -> None:
    with pytest.raises(ConfigError):
        parse(decode(data, FILE), FILE)


def modules_after(statement: str) -> set[str]:
    script = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_a_good_file_loads_without_heavy_modules(root: Path) -> None:
    path = root / "examples" / "fleet" / "agents.toml"
    loaded = modules_after(f"from orchestrator.config.load import load, Path; load(Path({str(path)!r}))")
    assert "orchestrator.config.build" in loaded
    assert not loaded & {"difflib", "tomli_w", "pydantic", "jsonschema", "typer", "libtmux", "git", "asyncio"}


def test_finding_the_state_of_a_fleet_loads_neither_model_nor_profiles(root: Path) -> None:
    path = root / "examples" / "fleet" / "agents.toml"
    loaded = modules_after(
        f"from orchestrator.config.find import locate_state, Path; locate_state(Path({str(path)!r}))"
    )
    assert {name for name in loaded if name.startswith("orchestrator.")} == {
        "orchestrator.config",
        "orchestrator.config.find",
        "orchestrator.errors",
    }
    assert "dataclasses" not in loaded
