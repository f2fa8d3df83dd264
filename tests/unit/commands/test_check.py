from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.commands.check import Checked, Finding, check
from orchestrator.errors import ExitCode
from orchestrator.model.config import Config

ConfigOf = Callable[..., Config]
AGENT = '[[agent]]\nname = "a"\n'


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMUX_TMPDIR": "/nowhere"}


def bad(checked: Checked) -> list[Finding]:
    return [finding for finding in checked.findings if not finding.ok]


def test_all_is_well(config_of: ConfigOf, environ: dict[str, str]) -> None:
    checked = check(lambda: config_of(AGENT), environ)
    assert (bad(checked), checked.status) == ([], ExitCode.OK)


def test_every_problem_comes_at_once(config_of: ConfigOf, environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    tables = """
[backend.gone]
bin = "no-such-program --flag"
[[agent]]
name = "b"
backend = "gone"
[[agent]]
name = "c"
backend = "gone"
env = { KEY = { from = "NO_SUCH_VARIABLE" } }
[[loop]]
[loop.handoff]
claim_pings = "b"
review_pings = "c"
"""
    checked = check(lambda: config_of(tables, "[watchdog]"), environ)
    places = {finding.place: finding.message for finding in bad(checked)}
    assert "no-such-program is not on PATH" in places["b, c"]
    assert "NO_SUCH_VARIABLE, which is not set" in places["c"]
    assert "is no git repository" in places["loop loop"]
    assert all(finding.hint for finding in bad(checked))
    assert checked.status is ExitCode.FAILED


def test_a_bad_config_is_shown_beside_what_can_be_checked_without_it(
    config_of: ConfigOf, environ: dict[str, str]
) -> None:
    checked = check(lambda: config_of(f'{AGENT}bakend = "demo"\n'), environ | {"PATH": "/nowhere"})
    assert checked.status is ExitCode.USAGE
    assert [finding.place for finding in bad(checked)] == ["config", "config", "tmux"]
    assert "bakend" in bad(checked)[1].message


def test_a_program_is_looked_for_where_the_agent_would(
    config_of: ConfigOf, environ: dict[str, str], tmp_path: Path
) -> None:
    program = tmp_path / "tools" / "mine"
    program.parent.mkdir()
    program.touch(mode=0o755)
    tables = f'[backend.mine]\nbin = "mine"\n[[agent]]\nname = "a"\nbackend = "mine"\nenv = {{ PATH = "{program.parent}" }}\n'
    assert check(lambda: config_of(tables), environ).ok
    program.chmod(0o644)
    assert not check(lambda: config_of(tables), environ).ok


def test_what_is_disabled_may_lack_its_program(config_of: ConfigOf, environ: dict[str, str]) -> None:
    tables = (
        AGENT + '[backend.gone]\nbin = "no-such"\n[[agent]]\nname = "b"\nbackend = "gone"\nenabled = false\n'
    )
    assert check(lambda: config_of(tables), environ).ok
    started_at_the_end = tables + 'kind = "task"\n[loop]\n[loop.on_complete]\nrun = "b"\n'
    assert not check(lambda: config_of(started_at_the_end), environ).ok


def test_a_prompt_that_no_program_takes(config_of: ConfigOf, environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "p.md").write_bytes(b"a\0b")
    checked = check(lambda: config_of(f'{AGENT}prompt_file = "p.md"\n'), environ)
    assert [(f.place, f.message) for f in bad(checked)] == [
        ("a", "the prompt holds a NUL byte, which no program takes")
    ]


def test_a_log_folder_that_is_a_link(config_of: ConfigOf, environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to(tmp_path)
    assert [f.place for f in bad(check(lambda: config_of(AGENT), environ))] == ["log_dir"]


def test_a_socket_path_that_tmux_could_not_use(
    config_of: ConfigOf, environ: dict[str, str], tmp_path: Path
) -> None:
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    checked = check(lambda: config_of(AGENT), environ | {"TMUX_TMPDIR": str(deep)})
    assert ["too long" in finding.message for finding in bad(checked)] == [True]


@pytest.mark.parametrize(
    ("says", "ok"), [("tmux 3.1c", False), ("tmux 3.2", True), ("tmux next-3.7", True), ("tmux 2.9a", False)]
)
def test_the_version_of_tmux(
    config_of: ConfigOf, environ: dict[str, str], tmp_path: Path, says: str, ok: bool
) -> None:
    program = tmp_path / "tmux"
    program.write_text(f"#!/bin/sh\necho {says}\n")
    program.chmod(0o755)
    checked = check(lambda: config_of(AGENT), environ | {"PATH": f"{tmp_path}:{environ['PATH']}"})
    assert checked.ok is ok


def test_a_missing_git_matters_to_a_handoff_only(
    config_of: ConfigOf, environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "tmux").write_text("#!/bin/sh\necho tmux 3.3a\n")
    (tmp_path / "tmux").chmod(0o755)
    without = environ | {"PATH": str(tmp_path)}
    assert check(lambda: config_of(AGENT), without).ok
    loop = f'{AGENT}[loop]\n[loop.handoff]\nclaim_pings = "a"\nreview_pings = "a"\n'
    assert [f.place for f in bad(check(lambda: config_of(loop), without))] == ["git"]
