from __future__ import annotations

from typing import Any

import pytest

from orchestrator.decide.deaths import is_counted, record_end, refreshed
from orchestrator.decide.lifecycle import STATUS_PATIENCE, advance
from orchestrator.decide.restart import NEVER
from orchestrator.decide.step import Step
from orchestrator.model.action import NudgeServer
from orchestrator.model.config import Config
from orchestrator.model.memory import Exit, Stage
from orchestrator.model.observation import Pane, ServerState, StartFailure
from orchestrator.model.reading import State
from tests.support.builders import (
    MONO,
    NOW,
    agent,
    config,
    facts,
    memory,
    observation,
    pane,
    screen,
    session,
    step,
)

FAILED_BEFORE = tuple(MONO - 300 + number for number in range(5))
HOLD = '[watchdog]\nwhen_exhausted = "hold"\n'


def ended(ended: Exit, of: Config | None = None, **changes: Any) -> Step:
    of = of or config(agent())
    seen = observation(of)
    remembered = session(**changes)
    turn = step(seen, remembered)
    record_end(facts(seen, memory(remembered)), turn, ended)
    return turn


def told(turn: Step) -> list[str]:
    return [event.kind.value for event in turn.events]


KILLED = Exit(NOW, MONO, signal=9)
FAILED = Exit(NOW, MONO, status=1)


def test_a_death_is_counted_and_the_first_restart_is_due_at_once() -> None:
    turn = ended(KILLED)
    assert (turn.session.stage, turn.session.attempt, turn.session.due) == (Stage.ENDED, 1, MONO)
    assert turn.session.deaths == (MONO,)
    assert turn.session.exit == KILLED


def test_the_next_one_waits() -> None:
    assert ended(KILLED, attempt=1, deaths=(MONO - 9,)).session.due > MONO


@pytest.mark.parametrize(("body", "held"), [("", False), (HOLD, True)])
def test_too_many_deaths_are_a_failure(body: str, held: bool) -> None:
    turn = ended(KILLED, config(body + agent()), attempt=5, deaths=FAILED_BEFORE)
    assert turn.session.failed
    assert told(turn) == ["failed"]
    assert (turn.session.due == NEVER) is held
    assert turn.session.due >= MONO + 225
    assert told(ended(KILLED, config(body + agent()), attempt=6, deaths=FAILED_BEFORE, failed=True)) == [], (
        "it is told once"
    )


def test_deaths_of_long_ago_are_no_failure() -> None:
    turn = ended(KILLED, attempt=5, deaths=tuple(MONO - 6000 + number for number in range(5)))
    assert not turn.session.failed
    assert turn.session.deaths == (MONO,)


@pytest.mark.parametrize(
    ("of", "how", "stage"),
    [
        ("task", Exit(NOW, MONO, status=0), Stage.COMPLETED),
        ("task", FAILED, Stage.COMPLETED),
        ("task", KILLED, Stage.ENDED),
        ("task", Exit(NOW, MONO, reason="vanished"), Stage.ENDED),
        ("persistent", Exit(NOW, MONO, status=0), Stage.ENDED),
    ],
)
def test_only_a_task_that_exits_by_itself_is_completed(of: str, how: Exit, stage: Stage) -> None:
    turn = ended(how, config(agent(kind=of)))
    assert turn.session.stage is stage
    assert bool(turn.session.deaths) is (stage is Stage.ENDED)


@pytest.mark.parametrize(("stage", "resumed", "kept"), [
    (Stage.STARTING, True, False), (Stage.RUNNING, True, True), (Stage.STARTING, False, True),
])  # fmt: skip
def test_a_conversation_that_can_not_be_resumed_is_given_up(stage: Stage, resumed: bool, kept: bool) -> None:
    turn = ended(FAILED, stage=stage, resumed=resumed, conversation="c", talked=True)
    assert bool(turn.session.conversation) is kept
    assert turn.session.talked is kept
    assert ("resume-failed" in told(turn)) is not kept


@pytest.mark.parametrize(
    ("state", "interrupted"), [(State.WORKING, True), (State.TRANSIENT, True), (State.IDLE, False)]
)
def test_it_is_remembered_whether_a_turn_was_cut_off(state: State, interrupted: bool) -> None:
    assert ended(KILLED, state=state).session.interrupted is interrupted


@pytest.mark.parametrize(("deaths", "counted"), [((), False), ((MONO - 101,), False), ((MONO - 99,), True)])
def test_whether_this_run_is_in_the_tally(deaths: tuple[float, ...], counted: bool) -> None:
    assert is_counted(session(started_mono=MONO - 100, deaths=deaths)) is counted


def test_a_person_who_acts_makes_everything_forgotten() -> None:
    fresh = refreshed(session(deaths=(MONO,), attempt=9, failed=True, due=NEVER))
    assert fresh == session()


# ---- how a death is noticed

OF = config(agent())


def noticed(*panes: Pane, server: ServerState = ServerState.UP, **changes: Any) -> Step:
    seen = observation(OF, *panes, server=server, screens={"one": screen("first\n\nlast words\n\nPane is dead (status 1)")},
                       **{key: changes.pop(key) for key in ("ended", "failures") if key in changes})  # fmt: skip
    remembered = session(**changes)
    return advance(facts(seen, memory(remembered)), seen, OF.watchdog)


@pytest.mark.parametrize(
    ("turn", "kind", "described"),
    [
        (noticed(pane(dead=True, dead_status=1)), "exited", "exited with status 1"),
        (noticed(pane(dead=True, dead_signal=9)), "exited", "was killed by signal 9"),
        (noticed(), "vanished", "vanished with its tmux session"),
        (noticed(pane(run="another")), "adopted", None),
        (
            noticed(pane(run="another", dead=True, dead_status=1)),
            "vanished",
            "vanished with its tmux session",
        ),
        (noticed(server=ServerState.ABSENT), "vanished", "vanished with its tmux session"),
        (
            noticed(failures={"one": StartFailure("r1", "no such program")}, stage=Stage.STARTING),
            "start-failed",
            "could not be started: no such program",
        ),
        (
            noticed(failures={"one": StartFailure("older", "no such program")}, stage=Stage.STARTING),
            "vanished",
            None,
        ),
    ],
)
def test_each_way_to_go_is_told_in_its_words(turn: Step, kind: str, described: str | None) -> None:
    assert told(turn)[0] == kind
    if described:
        assert turn.session.exit is not None
        assert turn.session.exit.describe() == described


def test_last_words_are_kept_without_tmuxs_own() -> None:
    turn = noticed(pane(dead=True, dead_status=1))
    assert turn.session.exit is not None
    assert turn.session.exit.words == ("first", "last words")


def test_a_death_is_counted_once() -> None:
    first = noticed(pane(dead=True, dead_status=1))
    seen = observation(OF, pane(dead=True, dead_status=1))
    second = advance(facts(seen, memory(first.session)), seen, OF.watchdog)
    assert second.session.deaths == first.session.deaths
    assert told(second) == []


def test_a_death_without_a_status_is_waited_for_a_moment() -> None:
    waiting = noticed(pane(), ended=frozenset({"one"}))
    assert waiting.actions == [NudgeServer(50)]
    assert waiting.session.stage is Stage.RUNNING
    over = noticed(pane(), ended=frozenset({"one"}), ended_mono=MONO - STATUS_PATIENCE)
    assert over.session.exit is not None
    assert over.session.exit.describe() == "ended without a status"


def test_an_unknown_server_tells_nothing_about_anybody() -> None:
    turn = noticed(server=ServerState.UNKNOWN)
    assert (told(turn), turn.actions, turn.session) == ([], [], session())
