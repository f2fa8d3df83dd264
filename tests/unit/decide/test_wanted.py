from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from orchestrator.config.load import parse
from orchestrator.decide.wanted import current_phase, spec_hash, wanted_sessions
from orchestrator.model.config import BackendSpec, Config
from orchestrator.model.launch import LaunchSpec
from orchestrator.model.memory import PhaseMemory
from orchestrator.model.wanted import Wanted
from tests.support.builders import PRELUDE, agent, config, service, wanted


def with_backend(key: str = "") -> Wanted:
    table = key if key.startswith("bin") else f'bin = "more"\n{key}'
    text = f"{PRELUDE}[backend.more]\n{table}\n{agent(backend='more', model='m', resume=True)}"
    return wanted(parse(text, Path("/fleet/agents.toml")))


@pytest.mark.parametrize(
    "key",
    [
        'bin = "other"', 'flags = "--fast"', 'prompt_delivery = "ping"', 'prompt_arg = "-- {prompt}"',
        'model_flag = "-m {model}"', 'model_env = "MODEL"', 'session_id_flag = "--id {id}"', "remote_control = true",
        'remote_control_flag = "--rc {session}"', 'preamble = "set -e"', 'attach = "x {server}"', 'server = "x:1"',
        'resume_flag = "-r {id}"', 'env = { A = "1" }', 'env = { A = { from = "B" } }',
    ],
)  # fmt: skip
def test_a_changed_key_that_a_process_notices_changes_the_hash(key: str) -> None:
    assert with_backend(key).spec != with_backend().spec


@pytest.mark.parametrize(
    "key",
    [
        'submit_key = "C-m"', "submit_delay = 3", 'process_name = "else"', 'fatal_re = "panic"', 'account = "x"', "stall_idle = 9",
        'leftovers = ["daemon"]', 'dialog_keys = { "sure" = "Enter" }', "connect_delay = 3", "supports_resume = true",
    ],
)  # fmt: skip
def test_a_changed_key_that_only_the_watchdog_reads_does_not(key: str) -> None:
    assert with_backend(key).spec == with_backend().spec


NOT_NOTICED = {
    "name", "preset", "process_name", "submit_key", "submit_delay", "queues", "queue_joins", "rules", "account", "leftovers", "dialog_keys", "footer_ui",
    "log_grace", "stall_idle", "supports_resume", "transcripts", "connect_delay", "hooks", "needs", "env",
}  # fmt: skip
"""`hooks` is noticed where a program has them. `env` is noticed as part of the whole environment, not as the backend's."""


def test_every_field_of_a_backend_is_either_noticed_or_known_not_to_be() -> None:
    """A field that is added later must be thought about."""
    launch = wanted(config(agent())).launch
    backend = launch.backend
    assert backend is not None
    same = spec_hash(launch)
    for field in fields(BackendSpec):
        before = getattr(backend, field.name)
        other = (
            {"x": "y"} if isinstance(before, dict) else ("x",) if isinstance(before, tuple) else f"{before}x"
        )
        changed = LaunchSpec(
            launch.name, launch.session, launch.kind, launch.dir,
            BackendSpec(**{**{f.name: getattr(backend, f.name) for f in fields(BackendSpec)}, field.name: other}),
            env=launch.env,
        )  # fmt: skip
        assert (spec_hash(changed) == same) == (field.name in NOT_NOTICED), field.name


@pytest.mark.parametrize(
    ("keys", "same"),
    [
        ({"model": "big"}, False),
        ({"dir": "elsewhere"}, False),
        ({"env": "X"}, False),
        ({"kind": "orchestrator"}, False),
        ({"watch": "none"}, True),
        ({"prompt": "Do something else."}, True),
        ({"enabled": False}, True),
        ({"stop_grace": 99}, True),
        ({"resume": True}, True),
        ({"session": "f-other"}, True),
    ],
)
def test_an_agents_own_keys(keys: dict[str, object], same: bool) -> None:
    body = agent() + 'env = { LEVEL = "2" }\n' if "env" in keys else agent(**keys)
    assert (wanted(config(body)).spec == wanted(config(agent())).spec) is same


def test_a_services_command_and_environment_are_noticed() -> None:
    plain = wanted(config(service(command="run")), "db")
    assert wanted(config(service(command="run --fast")), "db").spec != plain.spec
    assert wanted(config(service(command="run") + 'env = { A = "1" }\n'), "db").spec != plain.spec
    assert (
        wanted(config(service(command="run", ready_tcp="localhost:1", restart=False)), "db").spec
        == plain.spec
    )


def test_later_layers_of_the_environment_lie_over_earlier_ones() -> None:
    text = PRELUDE.replace(
        "[backend.fake]", 'env = { A = "fleet", B = "fleet", C = "fleet" }\n[backend.fake]'
    ).replace("[backend.chat]", '[backend.fake.env]\nB = "backend"\nC = "backend"\n[backend.chat]')
    one = wanted(parse(text + agent() + 'env = { C = "agent" }\n', Path("/fleet/agents.toml")))
    assert one.launch.env == {"A": "fleet", "B": "backend", "C": "agent"}


def test_services_come_first_and_agents_keep_the_order_of_the_file() -> None:
    declared = wanted_sessions(config(agent("b") + agent("a") + service("z")), {})
    assert [each.name for each in declared] == ["z", "b", "a"]
    assert [each.place for each in declared] == [0, 1, 2]


def test_only_a_backend_that_can_resume_does() -> None:
    assert wanted(config(agent(resume=True))).resume
    assert not wanted(config(agent(resume=True, backend="plain"))).resume


PHASES = ("plan", "build", "test")
LOOP = """
[[agent]]
name = "bob"
kind = "loop"
role = "builder"
model = "own"
[loop]
kickoff_template = "kickoff.md"
phases = [
  { id = "plan", plan = "p0.md", status = "s0.md" },
  { id = "build", plan = "p1.md", status = "s1.md", models = { builder = "big", reviewer = "small" } },
  { id = "test", plan = "p2.md", status = "s2.md" },
]
"""


@pytest.fixture
def loop(tmp_path: Path) -> Config:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "builder.md").write_text("Build.")
    (tmp_path / "kickoff.md").write_text("{phase_id}")
    return parse(PRELUDE + LOOP, tmp_path / "agents.toml")


def in_phase(of: Config, index: int, phase_id: str = "") -> Wanted:
    return wanted_sessions(of, {"loop": PhaseMemory(index=index, phase_id=phase_id)})[0]


def test_a_phases_model_goes_before_the_agents_own(loop: Config) -> None:
    assert [in_phase(loop, index, phase).launch.model for index, phase in enumerate(PHASES)] == [
        "own",
        "big",
        "own",
    ]


def test_another_phase_is_another_spec(loop: Config) -> None:
    assert len({in_phase(loop, index, phase).spec for index, phase in enumerate(PHASES)}) == 3


def test_the_kickoff_of_a_phase_tells_what_it_is_about(loop: Config) -> None:
    kickoff = in_phase(loop, 1, "build").launch.kickoff
    assert kickoff.values == {
        "role": "builder", "name": "bob", "loop": "loop", "phase_id": "build", "plan": "p1.md", "status": "s1.md",
    }  # fmt: skip
    assert kickoff.parts == (loop.path.parent / "prompts" / "builder.md",)
    assert kickoff.template == loop.path.parent / "kickoff.md"


@pytest.mark.parametrize(
    ("memory", "expected"),
    [
        (PhaseMemory(), "plan"),
        (PhaseMemory(index=1, phase_id="build"), "build"),
        (PhaseMemory(index=0, phase_id="test"), "test"),
        (PhaseMemory(index=1, phase_id="gone"), "build"),
        (PhaseMemory(index=9, phase_id="gone"), "test"),
    ],
)
def test_a_phase_is_found_by_its_id_and_else_by_its_place(
    loop: Config, memory: PhaseMemory, expected: str
) -> None:
    phase = current_phase(loop.loops[0], {"loop": memory})
    assert phase is not None
    assert phase.id == expected


def test_hooks_are_noticed_where_the_program_has_them() -> None:
    def spec(hooks: str) -> str:
        return wanted(config(f"{agent(backend='claude')}[backend.claude]\nhooks = {hooks}\n")).spec

    assert spec("true") != spec("false")
