"""A start's files on disk, and what keeps a start from happening."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.adapters.launcher import FileLauncher
from orchestrator.adapters.store import Store
from orchestrator.errors import EnvironmentMissing
from orchestrator.model.action import Start
from orchestrator.model.config import BackendSpec, FromEnv, Kind
from orchestrator.model.launch import Kickoff, LaunchSpec

SHOW = 'printf "%s\\n" "$@" > shown; env >> shown'


@pytest.fixture
def program(tmp_path: Path) -> Path:
    program = tmp_path / "bin" / "agent"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{SHOW}\n")
    program.chmod(0o755)
    return program


@pytest.fixture
def launcher(tmp_path: Path) -> FileLauncher:
    (tmp_path / "state").mkdir()
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "TOKEN": "s3cret'\n\"x",
        "TMUX": "/outer,1,0",
        "AO_RUN": "outer",
    }
    return FileLauncher(tmp_path / "state", tmp_path / "agents.toml", environ)


@pytest.fixture
def start(tmp_path: Path, program: Path) -> Start:
    spec = LaunchSpec(
        "a", "t-a", Kind.PERSISTENT, tmp_path / "work dir", BackendSpec("b", str(program)), kickoff=Kickoff(("do this;",)),
        env={"KEY": FromEnv("TOKEN"), "PLAIN": "$HOME `id`"},
    )  # fmt: skip
    return Start(spec, "run-1", "spec-1")


def with_launch(start: Start, **changes: object) -> Start:
    return replace(start, launch=replace(start.launch, **changes))  # type: ignore[arg-type]  # one of its fields


def run(words: object, folder: Path) -> list[str]:
    subprocess.run(list(words), env={}, check=True, timeout=20)  # type: ignore[call-overload]  # a sequence of words
    return (folder / "work dir" / "shown").read_text().splitlines()


def test_the_program_gets_its_prompt_and_its_environment(
    launcher: FileLauncher, start: Start, tmp_path: Path
) -> None:
    shown = run(launcher.prepare(start), tmp_path)
    assert shown[0] == "do this;"
    assert {
        "KEY=s3cret'",
        '"x',
        "PLAIN=$HOME `id`",
        "AO_RUN=run-1",
        "AO_AGENT=a",
        f"AO_CONFIG={tmp_path}/agents.toml",
    } <= set(shown)
    assert not any(line.startswith("TMUX") or "outer" in line for line in shown)


def test_secrets_are_on_no_command_line_and_in_no_open_file(
    launcher: FileLauncher, start: Start, tmp_path: Path
) -> None:
    before = os.umask(0)
    try:
        words = launcher.prepare(start)
    finally:
        os.umask(before)
    assert not any("s3cret" in word for word in words)
    folder = tmp_path / "state" / "launch"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {
        "a.sh": 0o600,
        "a.kickoff.md": 0o600,
    }
    run(words, tmp_path)
    assert [path.name for path in folder.iterdir()] == ["a.kickoff.md"]


@pytest.mark.parametrize(
    "prompt",
    ["-dash", 'it\'s "x" $(id) `id` $HOME', "a\nb\n\n", "✳ \udcff", "", " ", "x" * 119_000, "\\n %s"],
)
def test_prompts_arrive_unchanged(
    launcher: FileLauncher, start: Start, program: Path, tmp_path: Path, prompt: str
) -> None:
    program.write_text('#!/bin/sh\nprintf "%s|" "$@" > shown\n')
    file = tmp_path / "prompt.md"
    file.write_bytes(prompt.encode("utf-8", "surrogateescape"))
    words = launcher.prepare(with_launch(start, kickoff=Kickoff((file,))))
    subprocess.run(list(words), env={}, check=True, timeout=20)
    got = (tmp_path / "work dir" / "shown").read_bytes()
    assert got == (prompt + "|").encode("utf-8", "surrogateescape")
    assert launcher.kickoff_file("a").read_bytes() == file.read_bytes()


def test_a_prompt_above_the_argument_limit_is_pointed_to(
    launcher: FileLauncher, start: Start, tmp_path: Path
) -> None:
    shown = run(launcher.prepare(with_launch(start, kickoff=Kickoff(("x" * 1_000_000,)))), tmp_path)
    assert str(launcher.kickoff_file("a")) in shown[0]
    assert launcher.kickoff_file("a").read_text() == "x" * 1_000_000


def test_what_is_missing_is_named(launcher: FileLauncher, start: Start, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"with \0 inside")
    cases = {
        "variable NO_SUCH_VAR": with_launch(start, env={"KEY": FromEnv("NO_SUCH_VAR")}),
        "program no-such-program": with_launch(start, backend=BackendSpec("b", "no-such-program --flag")),
        "program /no/such": with_launch(start, backend=BackendSpec("b", "/no/such")),
        "program ./agent": with_launch(start, backend=BackendSpec("b", "./agent")),
        f"program {file}": with_launch(start, backend=BackendSpec("b", str(file))),
        f"program {tmp_path}": with_launch(start, backend=BackendSpec("b", str(tmp_path))),
        "no-such-prompt.md": with_launch(start, kickoff=Kickoff((tmp_path / "no-such-prompt.md",))),
        "no-such-template": with_launch(start, kickoff=Kickoff(template=tmp_path / "no-such-template")),
        f"file {tmp_path} can't be read": with_launch(start, kickoff=Kickoff((tmp_path,))),
        "NUL": with_launch(start, kickoff=Kickoff((file,))),
        f"folder {file}/below": with_launch(start, dir=file / "below"),
    }
    for words, broken in cases.items():
        with pytest.raises(EnvironmentMissing, match=words):
            launcher.prepare(broken)
    assert not list((tmp_path / "state" / "launch").glob("*.sh"))


@pytest.mark.parametrize("word", ["bin/agent", "./bin/agent", "~/bin/agent", "agent"])
def test_programs_by_a_relative_path_by_home_and_by_path(
    launcher: FileLauncher, start: Start, program: Path, tmp_path: Path, word: str
) -> None:
    home = tmp_path / "other home"
    (home / "bin").mkdir(parents=True)
    (tmp_path / "work dir").mkdir()
    program.parent.rename(home / "bin" if word[0] in "~a" else tmp_path / "work dir" / "bin")
    env = {"HOME": str(home), "PATH": f"{home}/bin:{os.environ['PATH']}"}
    shown = run(launcher.prepare(with_launch(start, backend=BackendSpec("b", word), env=env)), tmp_path)
    assert shown[0] == "do this;"


def test_a_planted_link_in_the_place_of_a_script_is_replaced(
    launcher: FileLauncher, start: Start, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    folder = tmp_path / "state" / "launch"
    folder.mkdir(mode=0o700)
    (folder / "a.sh").symlink_to(victim)
    (folder / "a.kickoff.md").symlink_to(victim)
    run(launcher.prepare(start), tmp_path)
    assert victim.read_text() == "precious"


def test_a_resumed_program_is_not_told_its_kickoff_again(
    launcher: FileLauncher, start: Start, tmp_path: Path
) -> None:
    backend = replace(start.launch.backend or BackendSpec("b", ""), supports_resume=True)
    resumed = replace(with_launch(start, backend=backend), resume=True, conversation="id 1", words="go on")
    assert run(launcher.prepare(resumed), tmp_path)[:3] == ["--resume", "id 1", "go on"]


def claude(program: Path, **changes: object) -> BackendSpec:
    return replace(BackendSpec("claude", str(program), hooks=True), **changes)  # type: ignore[arg-type]  # one of its fields


def test_the_program_is_passed_settings_with_hooks(
    launcher: FileLauncher, start: Start, program: Path, tmp_path: Path
) -> None:
    shown = run(launcher.prepare(with_launch(start, backend=claude(program))), tmp_path)
    path = tmp_path / "state" / "launch" / "a.hooks.json"
    assert shown[:3] == ["--settings", str(path), "do this;"]
    assert f"AO_STATE={tmp_path}/state" in shown
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    hooks = json.loads(path.read_text())["hooks"]
    assert {"UserPromptSubmit", "Stop", "StopFailure", "PermissionRequest", "Notification"} == set(hooks)


@pytest.mark.parametrize(
    "changes",
    [
        {"hooks": False},
        {"flags": "--settings mine.json"},
        {"flags": "--settings=mine.json"},
        {"preamble": "set -- --settings mine.json"},
        {"name": "no-such-program"},
    ],
)
def test_no_hooks_where_they_are_off_or_the_user_passes_settings(
    launcher: FileLauncher, start: Start, program: Path, tmp_path: Path, changes: dict[str, object]
) -> None:
    shown = run(launcher.prepare(with_launch(start, backend=claude(program, **changes))), tmp_path)
    assert not any("hooks.json" in line for line in shown)
    assert not (tmp_path / "state" / "launch" / "a.hooks.json").exists()


@pytest.mark.parametrize("fault", ["", "no python", "no module"])
def test_a_hook_succeeds_from_a_folder_that_has_its_own_orchestrator(
    launcher: FileLauncher,
    start: Start,
    program: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
) -> None:
    python = tmp_path / "a 'folder' with \"quotes\"" / "python"
    python.parent.mkdir()
    if fault == "no module":
        python.write_text("#!/bin/sh\nexit 2\n")
        python.chmod(0o755)
    elif not fault:
        python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    launcher.prepare(with_launch(start, backend=claude(program)))
    settings = json.loads((tmp_path / "state" / "launch" / "a.hooks.json").read_text())
    command = settings["hooks"]["Stop"][0]["hooks"][0]["command"]
    trap = tmp_path / "work dir" / "orchestrator"
    trap.mkdir(parents=True)
    (trap / "__init__.py").write_text("raise SystemExit(2)")
    (trap / "__main__.py").write_text("raise SystemExit(2)")
    (tmp_path / "work dir" / "json.py").write_text("raise SystemExit(2)")
    Store(tmp_path / "state" / "ao.db").close()
    done = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path / "work dir", input='{"hook_event_name": "Stop"}', text=True, timeout=30,
        env={"AO_RUN": "r", "AO_AGENT": "a", "AO_STATE": str(tmp_path / "state"), "PATH": os.environ["PATH"], "PYTHONPATH": "."},
        capture_output=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    store = Store(tmp_path / "state" / "ao.db")
    assert list(store.new_signals()) == ([] if fault else ["a"])
    store.close()


@pytest.fixture
def opencode(program: Path, tmp_path: Path) -> BackendSpec:
    """A backend of one that has downloaded what it needs for a plugin."""
    folder = tmp_path / ".config" / "opencode"
    (folder / "node_modules" / "@opencode-ai" / "plugin").mkdir(parents=True)
    (folder / "package-lock.json").touch()
    return BackendSpec("opencode", str(program), prompt_arg="--prompt={prompt}", hooks=True)


def test_the_program_is_passed_a_plugin_by_its_variable(
    launcher: FileLauncher, start: Start, opencode: BackendSpec, tmp_path: Path
) -> None:
    shown = run(launcher.prepare(with_launch(start, backend=opencode)), tmp_path)
    path = tmp_path / "state" / "launch" / "a.hooks.js"
    assert shown[0] == "--prompt=do this;"
    assert f'OPENCODE_CONFIG_CONTENT={{"plugin": ["{path.as_uri()}"]}}' in shown
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (command,) = (line for line in path.read_text().splitlines() if line.startswith("const COMMAND = "))
    words = json.loads(command.removeprefix("const COMMAND = "))
    assert words.startswith(sys.executable)
    assert "opencode 2>/dev/null" in words


@pytest.mark.parametrize(
    ("changes", "env", "inherited"),
    [
        ({"hooks": False}, {}, {}),
        ({"env": {"OPENCODE_CONFIG_CONTENT": "{}"}}, {"OPENCODE_CONFIG_CONTENT": "{}"}, {}),
        ({"preamble": "export OPENCODE_CONFIG_CONTENT={}"}, {}, {}),
        ({}, {"OPENCODE_CONFIG_CONTENT": "{}"}, {}),
        ({}, {}, {"OPENCODE_CONFIG_CONTENT": "{}"}),
        ({}, {"XDG_CONFIG_HOME": "/nowhere"}, {}),
    ],
    ids=["off", "variable of the backend", "preamble", "variable of the agent", "variable of the user", "package not there"],
)  # fmt: skip
def test_no_plugin_where_it_is_off_or_the_variable_is_the_users(
    start: Start, opencode: BackendSpec, tmp_path: Path, changes: dict[str, object], env: dict[str, str], inherited: dict[str, str]
) -> None:  # fmt: skip
    (tmp_path / "state").mkdir()
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **inherited}
    launcher = FileLauncher(tmp_path / "state", tmp_path / "agents.toml", environ)
    backend = replace(opencode, **changes)  # type: ignore[arg-type]  # one of its fields
    shown = run(launcher.prepare(with_launch(start, backend=backend, env=env)), tmp_path)
    assert not any("hooks.js" in line for line in shown)
    assert not (tmp_path / "state" / "launch" / "a.hooks.js").exists()
