from __future__ import annotations

import re
from dataclasses import fields

import pytest

from orchestrator.backends import load_profile, profile_names
from orchestrator.backends.rules import parse_rule
from orchestrator.model.config import BackendSpec
from orchestrator.model.reading import State
from orchestrator.reading import compile_rules

PROMISED = {
    "aider", "amp", "claude", "codex", "copilot", "cursor", "demo", "droid", "gemini", "generic", "goose", "kimi",
    "opencode", "qwen",
}  # fmt: skip
KEYS = {field.name for field in fields(BackendSpec)} - {"name", "preset"}


def test_all_are_there() -> None:
    assert set(profile_names()) == PROMISED


def test_an_unknown_name() -> None:
    with pytest.raises(KeyError):
        load_profile("clade")


def test_a_profile_may_be_changed_by_who_loaded_it() -> None:
    load_profile("claude")["rules"].clear()
    assert load_profile("claude")["rules"]


@pytest.mark.parametrize("name", sorted(PROMISED))
class TestProfile:
    def test_has_only_keys_of_a_backend(self, name: str) -> None:
        assert set(load_profile(name)) <= KEYS

    def test_its_rules_are_rules(self, name: str) -> None:
        rules = compile_rules([parse_rule(table, name) for table in load_profile(name)["rules"]])
        assert rules
        assert all(ready for ready in rules.regions.values())

    def test_every_rule_has_a_name_of_its_own(self, name: str) -> None:
        assert all("name" in table for table in load_profile(name)["rules"])

    def test_no_word_is_left_unspelled(self, name: str) -> None:
        assert not [
            table["name"] for table in load_profile(name)["rules"] if re.search(r"%\w+%", table["pattern"])
        ]

    def test_a_prompt_that_begins_with_a_dash_stays_a_prompt(self, name: str) -> None:
        profile = load_profile(name)
        if profile.get("prompt_delivery", "arg") == "arg":
            assert profile["prompt_arg"] == "-- {prompt}" or profile["prompt_arg"].endswith("={prompt}")

    def test_a_conversation_that_can_be_named_can_be_resumed(self, name: str) -> None:
        profile = load_profile(name)
        if profile.get("session_id_flag"):
            assert profile["supports_resume"]
            assert "{id}" in profile["resume_flag"]

    def test_it_knows_a_free_prompt_and_the_end_of_the_program(self, name: str) -> None:
        states = {table["state"] for table in load_profile(name)["rules"]}
        assert {State.IDLE, State.DRAFT, State.EXITED, State.DIALOG, State.LIMITED} <= states
