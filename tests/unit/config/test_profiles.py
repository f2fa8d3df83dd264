"""A profile, and what [backend.NAME] changes of it."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from orchestrator.backends import profile_names
from orchestrator.config.load import parse
from orchestrator.config.profiles import SHORT_FORMS, USER_PRIORITY, profile
from orchestrator.config.tables.backend import BACKEND, RULE
from orchestrator.model.config import BackendSpec, FromEnv, PromptDelivery
from orchestrator.model.reading import RuleSpec, State

HEAD = '[defaults]\nsession_prefix = "t-"\nlog_dir = "logs"\n'


def backend(name: str, toml: str) -> BackendSpec:
    return parse(HEAD + toml, Path("/fleet/agents.toml")).backends[name]


@pytest.mark.parametrize("name", profile_names())
def test_every_built_in_profile_is_right(name: str) -> None:
    assert profile(name)["submit_delay"] >= 0


def test_the_keys_of_a_backend_are_those_of_the_model() -> None:
    model = {field.name for field in fields(BackendSpec)} - {"name"}
    assert set(BACKEND.keys) - set(SHORT_FORMS) == model
    assert set(RULE.keys) == {field.name for field in fields(RuleSpec)}


def test_an_agent_may_use_a_profile_that_the_file_does_not_mention() -> None:
    spec = backend("claude", '[[agent]]\nname = "a"\nbackend = "claude"\n')
    assert (spec.bin, spec.account, spec.preset) == (profile("claude")["bin"], "claude", None)
    assert spec.rules == profile("claude")["rules"]


def test_a_given_key_wins_and_the_others_stay() -> None:
    spec = backend("claude", '[backend.claude]\nflags = "--verbose"\nresume_flag = "-r {id}"\n')
    assert (spec.flags, spec.resume_flag) == ("--verbose", "-r {id}")
    assert spec.session_id_flag == profile("claude")["session_id_flag"]


def test_another_name_starts_from_a_preset() -> None:
    spec = backend("work", '[backend.work]\npreset = "claude"\nbin = "claude-work"\n')
    assert (spec.name, spec.bin, spec.account, spec.preset) == ("work", "claude-work", "work", "claude")
    assert spec.prompt_arg == profile("claude")["prompt_arg"]


def test_user_rules_come_first_in_a_fixed_order() -> None:
    spec = backend(
        "codex",
        "[backend.codex]\n"
        'ready_re = "r"\nactive_re = ["a1", "a2"]\ndialog_re = "d"\n'
        'rules = [{ state = "limited", pattern = "l", priority = 5, region = "footer" }]\n',
    )
    count = len(spec.rules) - len(profile("codex")["rules"])
    mine = [(rule.state, rule.pattern, rule.priority) for rule in spec.rules[:count]]
    assert mine == [
        (State.DIALOG, "d", USER_PRIORITY),
        (State.WORKING, "a1", USER_PRIORITY),
        (State.WORKING, "a2", USER_PRIORITY),
        (State.IDLE, "r", USER_PRIORITY),
        (State.LIMITED, "l", USER_PRIORITY + 5),
    ]
    assert spec.rules[count - 1].region == "footer"
    assert spec.rules[count:] == profile("codex")["rules"]


def test_a_plain_command_has_no_rules_and_its_own_process_name() -> None:
    spec = backend("top", "[backend.top]\nbin = \"'/opt/my tools/htop' -d 5\"\n")
    assert (spec.rules, spec.process_name, spec.prompt_delivery) == ((), "htop", PromptDelivery.ARG)


def test_the_process_of_a_template_is_not_checked() -> None:
    spec = backend("x", '[backend.x]\nbin = "run {kickoff}"\nprompt_delivery = "exec"\n')
    assert spec.process_name == ""


def test_environment_and_dialog_keys_merge_key_by_key(monkeypatch: pytest.MonkeyPatch) -> None:
    base = {**profile("demo"), "env": {"A": "profile", "B": "profile"}, "dialog_keys": {"trust": "Enter"}}
    monkeypatch.setattr("orchestrator.config.profiles.profile", lambda _: base)
    spec = backend("demo", '[backend.demo]\nenv = { B = { from = "X" } }\ndialog_keys = { "ok" = "y" }\n')
    assert spec.env == {"A": "profile", "B": FromEnv("X")}
    assert spec.dialog_keys == {"trust": "Enter", "ok": "y"}


def test_the_model_variable_may_be_just_a_name() -> None:
    assert backend("demo", '[backend.demo]\nmodel_env = "M"\n').model_env == {"M": "{model}"}
