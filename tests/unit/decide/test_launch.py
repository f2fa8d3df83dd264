"""The launch script, run by a real shell with a program that records what it was given."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.decide.launch import ARGUMENT_LIMIT, base_environment, compose_kickoff, fill, script
from orchestrator.model.action import Start
from orchestrator.model.config import BackendSpec, Kind, PromptDelivery
from orchestrator.model.launch import Kickoff, LaunchSpec

RECORDER = """#!{python}
import json, os, sys
json.dump({{"argv": sys.argv[1:], "env": dict(os.environ), "cwd": os.getcwd()}}, open({out!r}, "w"))
"""
AWKWARD = 'it\'s "quoted" $(touch pwned) `touch pwned` ${HOME} \\n\n\n  -- ünï ; | & > ~ \\\n\n'


class Run:
    """Turns launch specs into scripts, runs them, and tells what the program saw."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "seen.json"
        self.program = folder / "pro gram"
        self.program.write_text(RECORDER.format(python=sys.executable, out=str(self.out)))
        self.program.chmod(0o755)
        self.backend = BackendSpec(
            name="b", bin=f"'{self.program}'", prompt_arg="-- {prompt}", session_id_flag="--id {id}"
        )

    def __call__(
        self,
        backend: BackendSpec,
        prompt: str = "",
        *,
        env: dict[str, str] | None = None,
        hooks: Path | None = None,
        **more: object,
    ) -> dict[str, object]:
        kickoff = self.folder / "kick off.md"
        kickoff.write_bytes(prompt.encode("utf-8", "surrogateescape"))
        launch = LaunchSpec(
            name="one",
            session="s-one",
            kind=Kind.PERSISTENT,
            dir=self.folder,
            backend=backend,
            model=str(more.pop("model", "")),
        )
        text = script(
            Start(launch, "r1", "", **more), environment={"PATH": os.environ["PATH"], **(env or {})},  # type: ignore[arg-type]
            kickoff=kickoff if prompt else None, prompt=prompt, python=sys.executable, hooks=hooks,
        )  # fmt: skip
        path = self.folder / "launch.sh"
        path.write_text(text)
        subprocess.run(["/usr/bin/env", "-i", "/bin/sh", str(path)], check=True, timeout=30)
        assert not path.exists(), "the script removes itself"
        assert not (self.folder / "pwned").exists()
        return dict(json.loads(self.out.read_text()))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


@pytest.mark.parametrize(
    "prompt", [AWKWARD, "-leading dash", "--flag", "x" * ARGUMENT_LIMIT, "one\nline at the end\n\n\n", "'"]
)
def test_a_prompt_arrives_as_it_is(run: Run, prompt: str) -> None:
    assert run(run.backend, prompt)["argv"] == ["--", prompt]


def test_a_prompt_past_the_limit_of_one_argument_is_pointed_to(run: Run) -> None:
    (_, said) = run(run.backend, "y" * (ARGUMENT_LIMIT + 1))["argv"]  # type: ignore[misc]
    assert str(run.folder / "kick off.md") in said


def test_a_prompt_can_be_part_of_a_word(run: Run) -> None:
    assert run(replace(run.backend, prompt_arg="--prompt={prompt}"), AWKWARD)["argv"] == [
        f"--prompt={AWKWARD}"
    ]


def test_the_order_is_flags_model_conversation_prompt(run: Run) -> None:
    backend = replace(run.backend, flags="--a 'b c'")
    seen = run(backend, "hi", model="m x", conversation="c-1")
    assert seen["argv"] == ["--a", "b c", "--model", "m x", "--id", "c-1", "--", "hi"]


def test_a_resumed_conversation_is_told_its_words_and_not_the_kickoff(run: Run) -> None:
    seen = run(run.backend, "kickoff", conversation="c-1", resume=True, words="go on")
    assert seen["argv"] == ["--resume", "c-1", "--", "go on"]
    assert run(run.backend, "kickoff", conversation="c-1", resume=True)["argv"] == ["--resume", "c-1"]


def test_the_environment_is_exactly_what_is_given(run: Run) -> None:
    values = {"TOKEN": AWKWARD, "EMPTY": ""}
    seen = run(replace(run.backend, model_env={"THE_MODEL": "<{model}>"}), "hi", env=values, model="m")
    env = seen["env"]
    assert isinstance(env, dict)
    assert {key: env[key] for key in values} == values
    assert env["THE_MODEL"] == "<m>"
    assert "HOME" not in env


def test_a_preamble_runs_before_in_the_users_shell(run: Run) -> None:
    seen = run(replace(run.backend, preamble="export FROM_PREAMBLE=$((40 + 2))"), AWKWARD)
    assert seen["argv"] == ["--", AWKWARD]
    assert seen["env"]["FROM_PREAMBLE"] == "42"  # type: ignore[index]


def test_a_template_gets_quoted_values_and_stays_shell(run: Run) -> None:
    template = f"X=1 exec '{run.program}' {{name}} {{dir}} {{kickoff}} \"$(cat {{kickoff}})\""
    seen = run(replace(run.backend, bin=template, prompt_delivery=PromptDelivery.EXEC), "it's me")
    assert seen["argv"] == ["one", str(run.folder), str(run.folder / "kick off.md"), "it's me"]


def test_what_nests_is_not_inherited_and_the_language_is_utf8() -> None:
    inherited = {
        "TMUX": "x",
        "TMUX_PANE": "%1",
        "CLAUDECODE": "1",
        "AO_RUN": "r",
        "KEEP": "k",
        "LC_ALL": "C",
        "BAD-NAME": "x",
        "TERM": "dumb",
    }
    env = base_environment(inherited, inherit=True)
    assert env == {"KEEP": "k", "LANG": "C.UTF-8", "TERM": "screen-256color", "PATH": env["PATH"]}
    assert "KEEP" not in base_environment(inherited, inherit=False)


def test_a_template_is_filled_once_and_prompts_never() -> None:
    template, prompt = Path("/t"), Path("/p")
    kickoff = Kickoff(
        parts=(prompt, "own words"), template=template, values={"name": "{role}", "role": "builder"}
    )
    text = compose_kickoff(kickoff, {template: "I am {name}, {other}\n", prompt: "Use {name}.\n"})
    assert text == "I am {role}, {other}\n\nUse {name}.\n\nown words"
    assert fill("{a}{b}", {"a": "{b}", "b": "x"}) == "{b}x"
