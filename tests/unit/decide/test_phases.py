from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.config.load import parse
from orchestrator.decide.phases import follow_config, move, standing
from orchestrator.model.config import Config
from orchestrator.model.memory import LoopMemory, Memory, PhaseMemory, Stage
from orchestrator.model.request import Result, Verb
from tests.support.builders import NOW, PRELUDE, agent, memory, observation, request, session


def with_phases(folder: Path, *ids: str) -> Config:
    (folder / "prompts").mkdir(exist_ok=True)
    (folder / "prompts" / "builder.md").write_text("Build.")
    phases = ", ".join(f'{{ id = "{each}", plan = "p.md", status = "s.md" }}' for each in ids)
    text = (
        PRELUDE
        + agent("bob", kind="loop", role="builder")
        + agent("boss", kind="orchestrator")
        + f"[loop]\nphases = [{phases}]\n"
    )
    return parse(text, folder / "agents.toml")


@pytest.fixture
def loop(tmp_path: Path) -> Config:
    return with_phases(tmp_path, "plan", "build", "7")


def at(of: Config, phase_id: str = "plan") -> Memory:
    return memory(
        session("bob", talked=True),
        session("boss", talked=True),
        phases=standing(of, {"loop": PhaseMemory(phase_id=phase_id)}),
    )


@pytest.mark.parametrize(
    ("argument", "here", "there"),
    [
        ("next", "plan", "build"), ("next", "build", "7"), ("plan", "7", "plan"),
        ("0", "build", "plan"), ("1", "plan", "build"), ("7", "plan", "7"),
    ],
)  # fmt: skip
def test_a_phase_is_named_by_its_id_its_number_or_next(
    loop: Config, argument: str, here: str, there: str
) -> None:
    outcome, after, events = move(
        request(Verb.PHASE, argument=argument, loop="loop"), loop, at(loop, here), observation(loop)
    )
    assert (outcome.result, outcome.detail) == (Result.MOVED, there)
    assert after.phases["loop"].phase_id == there
    assert after.phases["loop"].moved_at == NOW
    assert [event.data["to"] for event in events] == [there]


def test_moving_to_the_present_phase_changes_nothing(loop: Config) -> None:
    before = at(loop, "build")
    outcome, after, events = move(
        request(Verb.PHASE, argument="build", loop="loop"), loop, before, observation(loop)
    )
    assert (outcome.result, outcome.detail) == (Result.MOVED, "build")
    assert after == before
    assert events == []


@pytest.mark.parametrize(
    ("argument", "here", "words"),
    [
        ("next", "7", "7 is the last phase"),
        ("deploy", "plan", "no phase deploy"),
        ("3", "plan", "no phase 3"),
        ("-1", "plan", "no phase -1"),
        ("²", "plan", "no phase ²"),
    ],
)
def test_what_is_no_phase_is_refused_with_those_there_are(
    loop: Config, argument: str, here: str, words: str
) -> None:
    before = at(loop, here)
    outcome, after, events = move(
        request(Verb.PHASE, argument=argument, loop="loop"), loop, before, observation(loop)
    )
    assert outcome.result is Result.REFUSED
    assert outcome.detail == f"{words}; the phases are: 0 plan, 1 build, 2 7"
    assert (after, events) == (before, [])


def test_a_loop_that_does_not_exist_is_refused(loop: Config) -> None:
    outcome, _, _ = move(
        request(Verb.PHASE, argument="next", loop="other"), loop, at(loop), observation(loop)
    )
    assert outcome.result is Result.REFUSED


@pytest.mark.parametrize(
    ("stage", "restarts"),
    [(Stage.RUNNING, True), (Stage.STARTING, True), (Stage.ENDED, False), (Stage.NONE, False)],
)
def test_the_loops_running_agents_begin_anew_and_others_do_not(
    loop: Config, stage: Stage, restarts: bool
) -> None:
    fleet = memory(session("bob", stage, talked=True), session("boss"), phases=standing(loop, {}))
    _, after, _ = move(request(Verb.PHASE, argument="build", loop="loop"), loop, fleet, observation(loop))
    assert after.sessions["bob"].restart == ("phase build" if restarts else "")
    assert after.sessions["boss"].restart == ""


def test_a_conversation_ends_with_its_phase(loop: Config) -> None:
    _, after, _ = move(request(Verb.PHASE, argument="build", loop="loop"), loop, at(loop), observation(loop))
    assert not after.sessions["bob"].talked


def test_phases_may_be_inserted_before_the_present_one(loop: Config, tmp_path: Path) -> None:
    before = standing(loop, {"loop": PhaseMemory(phase_id="build")})
    assert before["loop"].index == 1
    after = standing(with_phases(tmp_path, "idea", "plan", "build"), before)
    assert (after["loop"].index, after["loop"].phase_id, after["loop"].ids) == (
        2,
        "build",
        ("idea", "plan", "build"),
    )


def test_where_the_present_phase_is_gone_its_place_counts(loop: Config, tmp_path: Path) -> None:
    before = standing(loop, {"loop": PhaseMemory(phase_id="7")})
    assert standing(with_phases(tmp_path, "a", "b"), before)["loop"].phase_id == "b"


def test_a_phase_that_is_taken_out_of_the_file_leaves_nothing_to_the_next(
    loop: Config, tmp_path: Path
) -> None:
    known = LoopMemory(
        place="p", cursor="ab", base="00", claim="c", review="r", gate_commit="ab", gate_passed=True
    )
    before = replace(at(loop, "plan"), loops={"loop": known})
    after = follow_config(with_phases(tmp_path, "build", "7"), before, NOW)
    assert after.phases["loop"].phase_id == "build"
    assert after.loops["loop"] == LoopMemory(place="p", cursor="ab", base="ab")
    assert after.sessions["bob"].restart == "phase build"
    assert follow_config(loop, before, NOW).loops["loop"] is known
