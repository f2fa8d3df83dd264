from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.decide.requests import accept, follow
from orchestrator.decide.wanted import wanted_sessions
from orchestrator.model.config import Config
from orchestrator.model.memory import Desire, Exit, LimitMemory, Memory, SessionMemory, Stage
from orchestrator.model.observation import Observation
from orchestrator.model.reading import State
from orchestrator.model.request import Outcome, Request, Result, Verb
from tests.support.builders import (
    MONO,
    NOW,
    agent,
    config,
    facts,
    memory,
    observation,
    pane,
    request,
    service,
    session,
)

CONFIG = config(agent() + agent("two") + agent("spare", enabled=False))
GONE = session(stage=Stage.NONE, run="")
ENDED = session(
    stage=Stage.ENDED,
    exit=Exit(NOW, MONO - 50, status=1),
    deaths=(MONO - 50,),
    attempt=3,
    due=MONO + 99,
    failed=True,
)
DONE = session(stage=Stage.COMPLETED, exit=Exit(NOW, MONO - 50, status=0))


def accepted(
    wish: Request,
    *sessions: SessionMemory,
    of: Config = CONFIG,
    seen: Observation | None = None,
    **changes: Any,
) -> tuple[Request, Memory]:
    seen = seen or observation(of)
    fleet = memory(*sessions, **changes)
    taken, after, events = accept(wish, fleet, of, wanted_sessions(of, {}), seen)
    assert events[0].kind.value == "requested"
    assert taken.accepted
    return taken, after


def outcome(wish: Request, name: str = "one") -> Result | None:
    return wish.outcomes[name].result if name in wish.outcomes else None


@pytest.mark.parametrize(
    ("wish", "targets"),
    [
        (request(Verb.UP), ("one", "two")),
        (request(Verb.DOWN), ("one", "two", "spare", "old")),
        (request(Verb.RESTART), ("one", "two")),
        (request(Verb.UP, "spare", "one"), ("spare", "one")),
        (request(Verb.UP, "one", "one"), ("one",)),
        (request(Verb.DOWN, "old"), ("old",)),
    ],
)
def test_whom_a_wish_is_about(wish: Request, targets: tuple[str, ...]) -> None:
    assert accepted(wish, session("old"))[0].targets == targets


def test_who_is_asked_up_by_name_brings_the_services_it_needs() -> None:
    of = config('[backend.needy]\nbin = "needy"\nneeds = ["db"]\n' + agent(backend="needy") + service())
    assert accepted(request(Verb.UP, "one"), of=of)[0].targets == ("db", "one")
    assert accepted(request(Verb.DOWN, "one"), of=of)[0].targets == ("one",)


@pytest.mark.parametrize(
    ("wish", "before", "after"),
    [
        (request(Verb.UP), False, True),
        (request(Verb.DOWN), True, False),
        (request(Verb.UP, "one"), False, False),
        (request(Verb.DOWN, "one"), True, True),
        (request(Verb.RESTART), False, False),
    ],
)
def test_only_a_wish_for_everything_changes_what_the_fleet_shall_be(
    wish: Request, before: bool, after: bool
) -> None:
    assert accepted(wish, up=before)[1].up is after


@pytest.mark.parametrize(
    ("wish", "remembered", "alive", "result", "desire", "asked"),
    [
        # up
        (request(Verb.UP), GONE, False, None, Desire.UP, True),
        (request(Verb.UP), session(), True, Result.RUNNING, Desire.UP, False),
        (request(Verb.UP, "one"), session(), True, Result.RUNNING, Desire.UP, False),
        (request(Verb.UP), session(stage=Stage.STARTING), True, None, Desire.UP, False),
        (request(Verb.UP), ENDED, False, None, Desire.UP, True),
        (request(Verb.UP), DONE, False, Result.COMPLETED, Desire.UP, False),
        (request(Verb.UP, "one"), DONE, False, None, Desire.UP, True),
        (request(Verb.UP), session(stage=Stage.STOPPING, desire=Desire.DOWN), True, None, Desire.UP, True),
        (request(Verb.UP), session(restart="because"), True, None, Desire.UP, True),
        # down
        (request(Verb.DOWN), session(), True, None, Desire.DOWN, False),
        (request(Verb.DOWN), GONE, False, Result.ABSENT, Desire.DOWN, False),
        (request(Verb.DOWN), GONE, True, None, Desire.DOWN, False),
        (request(Verb.DOWN), ENDED, False, None, Desire.DOWN, False),
        (request(Verb.DOWN), DONE, False, None, Desire.DOWN, False),
        # restart
        (request(Verb.RESTART, "one"), session(), True, None, Desire.UP, True),
        (request(Verb.RESTART, "one"), GONE, False, None, Desire.UP, True),
        (request(Verb.RESTART, "one"), ENDED, False, None, Desire.UP, True),
    ],
)
def test_what_a_wish_does_at_once(
    wish: Request, remembered: SessionMemory, alive: bool, result: Result | None, desire: Desire, asked: bool
) -> None:
    seen = observation(CONFIG, *([pane()] if alive else []))
    taken, after = accepted(wish, remembered, seen=seen)
    one = after.sessions["one"]
    assert outcome(taken) == result
    assert one.desire is desire
    assert (one.asked == MONO) is asked
    if desire is Desire.UP and asked:
        assert (one.due, one.failed, one.attempt, one.deaths) == (0.0, False, 0, ())


@pytest.mark.parametrize(
    ("remembered", "alive", "restarts"),
    [
        (session(), True, True),
        (session(stage=Stage.STARTING), False, True),
        (GONE, True, True),
        (GONE, False, False),
        (ENDED, False, False),
    ],
)
def test_a_restart_ends_what_is_there(remembered: SessionMemory, alive: bool, restarts: bool) -> None:
    seen = observation(CONFIG, *([pane()] if alive else []))
    _, after = accepted(request(Verb.RESTART, "one"), remembered, seen=seen)
    assert bool(after.sessions["one"].restart) is restarts


@pytest.mark.parametrize("verb", [Verb.UP, Verb.RESTART])
def test_what_is_not_in_the_config_is_refused(verb: Verb) -> None:
    taken, _ = accepted(request(verb, "ghost"))
    assert outcome(taken, "ghost") is Result.REFUSED


def followed(
    wish: Request, remembered: SessionMemory, *, of: Config = CONFIG, alive: bool = True, **changes: Any
) -> Outcome | None:
    wish = replace(wish, accepted=True, targets=("one",))
    seen = observation(of, *([pane()] if alive else []), **changes)
    about = facts(seen, memory(remembered))
    return follow(wish, {"one": about}, {"one": remembered}, seen, {}).outcomes.get("one")


UP, DOWN, RESTART = (request(verb, "one") for verb in (Verb.UP, Verb.DOWN, Verb.RESTART))
NOW_STARTED = MONO - 0.5
DIED_SINCE = Exit(NOW, MONO - 0.5, status=3, words=("no key",))


@pytest.mark.parametrize(
    ("wish", "remembered", "alive", "result"),
    [
        # up
        (UP, session(started_mono=NOW_STARTED), True, Result.STARTED),
        (UP, session(), True, Result.STARTED),
        (UP, session(stage=Stage.STARTING), True, None),
        (UP, session(restart="because"), True, None),
        (UP, session(stage=Stage.ENDED, exit=DIED_SINCE), False, Result.DIED),
        (UP, ENDED, False, None),
        (UP, session(stage=Stage.COMPLETED, exit=replace(DIED_SINCE, status=0)), False, Result.COMPLETED),
        (UP, session(stage=Stage.COMPLETED, exit=DIED_SINCE), False, Result.DIED),
        (UP, session(desire=Desire.DOWN), True, Result.REFUSED),
        (UP, session(stage=Stage.NONE, taken_told=True), False, Result.TAKEN),
        # restart
        (RESTART, session(started_mono=NOW_STARTED), True, Result.STARTED),
        (RESTART, session(), True, None),
        (RESTART, session(stage=Stage.ENDED, exit=DIED_SINCE), False, Result.DIED),
        # down
        (DOWN, GONE, False, Result.STOPPED),
        (DOWN, GONE, True, None),
        (DOWN, session(stage=Stage.STOPPING, desire=Desire.DOWN), True, None),
        (DOWN, session(stage=Stage.STOPPING, desire=Desire.DOWN, survivors=("9 x",)), True, Result.SURVIVED),
        (DOWN, session(desire=Desire.UP), True, Result.REFUSED),
    ],
)
def test_when_a_wish_is_answered(
    wish: Request, remembered: SessionMemory, alive: bool, result: Result | None
) -> None:
    found = followed(wish, remembered, alive=alive)
    assert (found.result if found else None) is result


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"state": State.IDLE}, ""),
        ({"state": State.DIALOG}, "waits for a person (dialog): ao attach one"),
        ({"state": State.AUTH}, "waits for a person (auth): ao attach one"),
        ({"limit": LimitMemory(0.0)}, "a usage limit holds it"),
    ],
)
def test_what_runs_and_can_not_work_is_said_to_be_so(changes: dict[str, Any], words: str) -> None:
    assert followed(UP, session(started_mono=MONO, **changes)) == Outcome(Result.STARTED, words)


def test_a_death_is_told_with_its_last_words() -> None:
    found = followed(UP, session(stage=Stage.ENDED, exit=DIED_SINCE), alive=False)
    assert found == Outcome(Result.DIED, "exited with status 3\nno key")


NEEDY = config('[backend.needy]\nbin = "needy"\nneeds = ["db"]\n' + agent(backend="needy") + service())


@pytest.mark.parametrize(
    ("remembered", "of", "detail"),
    [
        (session(stage=Stage.STARTING), CONFIG, "it runs, but is not ready yet"),
        (session(stage=Stage.NONE, run=""), NEEDY, "it waits for db"),
        (session(stage=Stage.ENDED), CONFIG, "it is ended"),
    ],
)
def test_what_is_still_open_when_patience_is_over_is_late(
    remembered: SessionMemory, of: Config, detail: str
) -> None:
    assert followed(replace(UP, at=MONO - 60), remembered, of=of, alive=False) is None
    assert followed(replace(UP, at=MONO - 61), remembered, of=of, alive=False) == Outcome(Result.LATE, detail)


def test_an_outcome_never_changes() -> None:
    wish = replace(UP, accepted=True, targets=("one",), outcomes={"one": Outcome(Result.DIED)})
    seen = observation(CONFIG, pane())
    about = facts(seen, memory(session()))
    assert follow(wish, {"one": about}, {"one": session()}, seen, {}) == wish
