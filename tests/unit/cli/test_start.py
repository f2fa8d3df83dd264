"""What a command line costs before it does anything, and how it answers what it does not understand."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from orchestrator import __version__
from orchestrator.cli import app
from orchestrator.cli.root import app as root

Ao = Callable[..., "subprocess.CompletedProcess[str]"]
OUTSIDE = ("libtmux", "git", "watchfiles", "psutil", "pyte", "sqlite3")
HEAVY = ("typer", "rich", "pydantic", *OUTSIDE)
VERBS = sorted(typer.main.get_command(root).commands)  # type: ignore[attr-defined]  # it is a group


def loaded_by(code: str, *arguments: str, cwd: Path) -> list[str]:
    """The heavy libraries that a piece of code loads."""
    said = f"{code}\nimport sys\nprint('LOADED', *(name for name in {HEAVY} if name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", said, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.splitlines()[-1].split()[1:]


def test_the_door_loads_no_library(tmp_path: Path) -> None:
    assert loaded_by("import orchestrator.cli.main", cwd=tmp_path) == []


def test_help_loads_no_library_of_the_outside(tmp_path: Path) -> None:
    code = f"from orchestrator.cli.main import main\nfor verb in {VERBS}: assert main([verb, '--help']) == 0"
    assert set(loaded_by(code, cwd=tmp_path)).isdisjoint(OUTSIDE)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_shows_examples_line_by_line(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run([verb, "--help"]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    examples = lines[lines.index("Examples:") + 1 :]
    assert examples[0].startswith(f"ao {verb}")


@pytest.mark.parametrize("verb", sorted(set(VERBS) - {"init", "selftest"}))
def test_every_verb_of_a_fleet_takes_a_config(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    app.run([verb, "--help"])
    assert "--config PATH" in capsys.readouterr().out


def test_help_lists_every_verb_with_its_whole_summary(ao: Ao) -> None:
    done = ao("--help")
    assert done.returncode == 0
    assert all(f"\n  {verb} " in done.stdout for verb in VERBS)
    assert "own. Needs no config." in done.stdout
    assert ao("help").stdout == done.stdout


def test_help_of_a_verb_by_name(ao: Ao) -> None:
    assert ao("help", "logs").stdout == ao("logs", "--help").stdout


def test_version(ao: Ao) -> None:
    assert ao("--version").stdout == f"ao {__version__}\n"


def test_an_unknown_verb_names_the_nearest(ao: Ao) -> None:
    done = ao("stauts")
    assert (done.returncode, done.stdout) == (2, "")
    assert "'status'" in done.stderr


def test_an_unknown_option_is_wrong_usage(ao: Ao) -> None:
    assert ao("check", "--jsn").returncode == 2


def test_a_missing_config_is_said_once_with_its_mend(ao: Ao) -> None:
    done = ao("config")
    assert (done.returncode, done.stdout) == (2, "")
    first, second = done.stderr.splitlines()
    assert first.startswith("ao: there is no agents.toml in ")
    assert "ao init" in second


def test_every_problem_of_a_config_is_shown(ao: Ao, small_config: Path) -> None:
    small_config.write_text(small_config.read_text() + "[watchdog]\nmax_restrts = 1\nhuman_hold = -1\n")
    done = ao("config")
    assert done.returncode == 2
    assert done.stderr.count("agents.toml:") == 2


def test_no_escape_sequence_goes_into_a_pipe(ao: Ao, small_config: Path) -> None:
    assert small_config.exists()
    for verb in ("status", "check", "config", "phase"):
        done = ao(verb, FORCE_COLOR="")
        assert "\x1b" not in done.stdout + done.stderr


def test_a_reader_that_goes_early_is_no_error(tmp_path: Path, small_config: Path) -> None:
    assert small_config.parent == tmp_path
    command = [sys.executable, "-m", "orchestrator", "config", "--schema"]
    writer = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert writer.stdout is not None
    writer.stdout.close()
    assert writer.stderr is not None
    assert writer.stderr.read() == b""
    writer.stderr.close()
    assert writer.wait(30) in {0, 1}


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("ao attach b", {"builder", "breaker"}),
        ("ao up w", {"web"}),
        ("ao logs w", {"web", "watchdog"}),
        ("ao attach --config elsewhere.toml b", set()),
    ],
)
def test_the_shell_completes_names(ao: Ao, small_config: Path, words: str, completed: set[str]) -> None:
    assert small_config.exists()
    place = str(len(words.split()) - 1)
    done = ao(_AO_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=place)
    assert set(done.stdout.split()) == completed
    assert done.stderr == ""
