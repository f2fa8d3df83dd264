from __future__ import annotations

from typing import Any

import pytest

from orchestrator.decide.health import (
    MISMATCH_SIGHTS,
    SHELL_GRACE,
    START_LIMIT,
    is_mismatch,
    program_names,
    tend,
)
from orchestrator.decide.step import Step
from orchestrator.model.config import Config
from orchestrator.model.memory import Desire, Memory, ReadingMemory, SessionMemory, Stage
from orchestrator.model.observation import Observation
from orchestrator.model.reading import State
from tests.support.builders import (
    MONO,
    RULES,
    agent,
    config,
    facts,
    memory,
    observation,
    pane,
    service,
    session,
    step,
    wanted,
)

WINDOW = 600.0


def tended(
    of: Config, remembered: SessionMemory, seen: Observation | None = None, *, fleet: Memory | None = None
) -> Step:
    """One turn of `one`, its pane started from the present spec."""
    name = remembered.name
    seen = seen or observation(of, pane(name, spec=wanted(of, name).spec))
    turn = step(seen, remembered)
    tend(facts(seen, fleet or memory(remembered), name), turn)
    return turn


def told(turn: Step) -> list[str]:
    return [event.kind.value for event in turn.events]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("codex", ["codex"]),
        ("/usr/local/bin/claude --flag", ["claude"]),
        ("node /opt/bin/codex.js --no-daemon", ["node", "codex"]),
        ("node --max-old-space-size=4096 /x/gemini.mjs", ["node", "gemini"]),
        ("python3 -m aider.main chat", ["python3", "aider.main", "chat"]),
        ("python3 /home/me/tool.py", ["python3", "tool"]),
        ("/bin/sh", ["sh"]),
        ("", []),
        ("--only --flags", []),
    ],
)
def test_the_names_of_a_program(line: str, names: list[str]) -> None:
    assert program_names(line) == names


OLD = SHELL_GRACE + 1


@pytest.mark.parametrize(
    ("lines", "age", "mismatch"),
    [
        (("fake",), OLD, False),
        (("node /opt/fake.js",), OLD, False),
        (("python -m tools.fake --x",), OLD, False),
        (("bash -c wrapper", "fake --model big"), OLD, False),
        (("other-tool",), 0.0, True),
        (("vim /src/notes/fake-plan.md",), OLD, True),
        (("bash",), 1.0, False),
        (("/usr/bin/env node",), 1.0, False),
        (("bash",), OLD, True),
        (("bash", "make all"), OLD, True),
        ((), OLD, False),
    ],
)
def test_another_program_is_a_mismatch_and_a_shell_on_its_way_is_not(
    lines: tuple[str, ...], age: float, mismatch: bool
) -> None:
    assert is_mismatch(wanted(config(agent())), lines, age) is mismatch


def test_services_have_no_program_to_mistake() -> None:
    assert not is_mismatch(wanted(config(service()), "db"), ("anything",), OLD)


@pytest.mark.parametrize(
    ("state", "age", "stage"),
    [
        (State.IDLE, 0.1, Stage.RUNNING),
        (State.WORKING, 0.1, Stage.RUNNING),
        (State.DIALOG, 0.1, Stage.RUNNING),
        (State.STARTING, START_LIMIT - 1, Stage.STARTING),
        (State.UNKNOWN, START_LIMIT - 1, Stage.STARTING),
        (State.UNKNOWN, START_LIMIT, Stage.RUNNING),
    ],
)
def test_a_program_is_ready_when_its_screen_says_something(state: State, age: float, stage: Stage) -> None:
    turn = tended(config(agent()), session(stage=Stage.STARTING, state=state, started_mono=MONO - age))
    assert turn.session.stage is stage
    assert told(turn) == (["ready"] if stage is Stage.RUNNING else [])


@pytest.mark.parametrize(("age", "ready"), [(0.4, False), (0.5, True)])
def test_a_program_without_rules_is_ready_once_it_has_lived_a_moment(age: float, ready: bool) -> None:
    turn = tended(config(agent(backend="plain")), session(stage=Stage.STARTING, started_mono=MONO - age))
    assert (turn.session.stage is Stage.RUNNING) is ready


@pytest.mark.parametrize(("rules", "state"), [(RULES, State.UNKNOWN), ("", State.STARTING)])
@pytest.mark.parametrize(("more", "ready"), [(-0.1, False), (0.0, True)])
def test_a_program_that_is_typed_to_is_waited_for_as_long_as_connect_delay_says(
    rules: str, state: State, more: float, ready: bool
) -> None:
    mine = f'[backend.mine]\nbin = "mine"\nrules = [{rules}]\nprompt_delivery = "ping"\nconnect_delay = 7\n'
    of = config(mine + agent(backend="mine"))
    turn = tended(of, session(stage=Stage.STARTING, state=state, started_mono=MONO - 7 - more))
    assert (turn.session.stage is Stage.RUNNING) is ready


@pytest.mark.parametrize("answers", [True, False])
def test_a_service_is_ready_when_it_answers(answers: bool) -> None:
    of = config(service())
    seen = observation(of, pane("db"), services_ready=frozenset({"db"} if answers else ()))
    turn = tended(of, session("db", Stage.STARTING), seen)
    assert (turn.session.stage is Stage.RUNNING) is answers


def sick(**changes: Any) -> SessionMemory:
    return session(deaths=(MONO - WINDOW - 50, MONO - WINDOW - 40), attempt=2, **changes)


@pytest.mark.parametrize(("healthy", "attempt"), [(WINDOW - 1, 2), (WINDOW, 0)])
def test_deaths_are_forgotten_after_a_window_of_health(healthy: float, attempt: int) -> None:
    turn = tended(config(agent()), sick(healthy_mono=MONO - healthy))
    assert turn.session.attempt == attempt
    assert bool(turn.session.deaths) == bool(attempt)


def test_a_failed_session_recovers_and_that_is_said() -> None:
    turn = tended(config(agent()), sick(healthy_mono=MONO - WINDOW, failed=True))
    assert not turn.session.failed
    assert told(turn) == ["recovered"]


def test_a_fatal_screen_is_no_health() -> None:
    turn = tended(config(agent(watch="none")), sick(healthy_mono=MONO - WINDOW, state=State.FATAL))
    assert turn.session.healthy_mono is None
    assert turn.session.attempt == 2


@pytest.mark.parametrize(
    ("keys", "human", "restarts"),
    [
        ({}, False, True),
        ({"watch": "none"}, False, False),
        ({"enabled": False}, False, False),
        ({}, True, False),
    ],
)
def test_a_fatal_session_is_restarted_where_it_is_watched_and_nobody_is_there(
    keys: dict[str, object], human: bool, restarts: bool
) -> None:
    of = config(agent(**keys))
    seen = observation(of, pane(spec=wanted(of).spec), human=frozenset({"one"} if human else ()))
    turn = tended(of, session(state=State.FATAL, desire=Desire.UP, conversation="c", talked=True), seen)
    assert bool(turn.session.restart) is restarts
    assert told(turn) == (["fatal"] if restarts else [])
    assert (turn.session.conversation == "") is restarts, "to resume it would bring the same screen back"
    assert len(turn.session.deaths) == int(restarts)


@pytest.mark.parametrize(("since_due", "restarts"), [(-1.0, False), (0.0, True)])
def test_a_failed_one_is_left_until_its_next_try_is_due(since_due: float, restarts: bool) -> None:
    condemned = session(state=State.FATAL, failed=True, deaths=(MONO - 50,), attempt=6, due=MONO - since_due)
    turn = tended(config(agent()), condemned)
    assert bool(turn.session.restart) is restarts
    assert turn.session.deaths == (MONO - 50,), "one run is one death"
    assert told(turn) == []


def test_the_death_that_uses_the_restarts_up_is_told_and_left() -> None:
    deaths = tuple(MONO - 300 + number for number in range(5))
    turn = tended(config(agent()), session(state=State.FATAL, deaths=deaths, attempt=5))
    assert told(turn) == ["fatal", "failed"]
    assert not turn.session.restart


@pytest.mark.parametrize(
    ("lines", "before", "sights", "restarts"),
    [
        (("fake",), 1, 0, False),
        (("other",), 0, 1, False),
        (("other",), MISMATCH_SIGHTS - 1, 0, True),
    ],
)
def test_another_program_is_believed_when_it_was_seen_twice(
    lines: tuple[str, ...], before: int, sights: int, restarts: bool
) -> None:
    of = config(agent())
    seen = observation(of, pane(spec=wanted(of).spec), programs={"one": lines})
    turn = tended(of, session(mismatch=before), seen)
    assert turn.session.mismatch == sights
    assert bool(turn.session.restart) is restarts
    assert ("mismatched" in told(turn)) is restarts


@pytest.mark.parametrize(
    ("state", "attached", "keys", "outcome"),
    [
        (State.IDLE, 0, {}, "drift-applied"),
        (State.LIMITED, 0, {}, "drift-applied"),
        (State.WORKING, 0, {}, "drift-pending"),
        (State.DRAFT, 0, {}, "drift-pending"),
        (State.DIALOG, 0, {}, "drift-pending"),
        (State.IDLE, 1, {}, "drift-pending"),
        (State.IDLE, 0, {"watch": "none"}, "drift-pending"),
        (State.IDLE, 0, {"kind": "task"}, "drift-pending"),
    ],
)
def test_a_changed_config_waits_until_nobody_is_disturbed(
    state: State, attached: int, keys: dict[str, object], outcome: str
) -> None:
    of = config(agent(**keys))
    turn = tended(of, session(state=state), observation(of, pane(spec="older", attached=attached)))
    assert told(turn) == [outcome]
    assert bool(turn.session.restart) is (outcome == "drift-applied")


def test_what_is_pending_is_told_once_for_each_change() -> None:
    of = config(agent())
    seen = observation(of, pane(spec="older"))
    first = tended(of, session(state=State.WORKING), seen)
    assert told(tended(of, first.session, seen)) == []


def test_a_pane_that_memory_does_not_know_is_taken_on() -> None:
    of = config(agent(backend="chat", prompt="Begin."))
    seen = observation(of, pane(spec=wanted(of).spec))
    turn = tended(of, SessionMemory("one", reading=ReadingMemory(State.IDLE)), seen, fleet=memory(up=False))
    assert told(turn) == ["adopted", "ready"]
    assert (turn.session.run, turn.session.pid, turn.session.stage) == ("r1", 100, Stage.RUNNING)
    assert turn.session.desire is Desire.UP, "what runs was wanted"
    assert turn.session.deliveries == (), "its kickoff was said by whoever started it"


def test_a_conversation_is_worth_resuming_once_there_was_a_turn_in_it() -> None:
    of = config(agent(resume=True))
    assert not tended(of, session()).session.talked
    assert tended(of, session(state=State.WORKING)).session.talked
    assert tended(config(agent(resume=True, prompt="Go.")), session()).session.talked
