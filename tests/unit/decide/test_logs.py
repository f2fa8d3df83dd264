from __future__ import annotations

from typing import Any

import pytest

from orchestrator.decide.logs import GONE, PAUSE, keep_log
from orchestrator.decide.step import StartWish
from orchestrator.model.action import ReopenLog
from orchestrator.model.memory import Stage
from tests.support.builders import MONO, agent, config, facts, memory, observation, pane, session, step

REOPEN, ROTATE = ReopenLog("one", "%1", rotate=False), ReopenLog("one", "%1", rotate=True)
CONFIG = config("[watchdog]\nlog_max_bytes = 1000000\n" + agent())


@pytest.mark.parametrize(
    ("piped", "size", "changes", "actions"),
    [
        (True, None, {}, []),
        (True, 1_000_000, {}, []),
        (True, 1_000_001, {}, [ROTATE]),
        (False, 1_000_001, {}, [ROTATE]),
        (False, None, {}, [REOPEN]),
        (False, 10, {}, [REOPEN]),
        (True, GONE, {}, [REOPEN]),
        (True, GONE, {"log_mono": MONO - PAUSE + 0.1}, []),
        (True, GONE, {"log_mono": MONO - PAUSE}, [REOPEN]),
        (False, None, {"stage": Stage.STARTING}, []),
        (False, None, {"stage": Stage.STOPPING}, []),
    ],
)
def test_a_log_is_opened_again_or_rotated_where_it_needs_it(
    piped: bool, size: int | None, changes: dict[str, Any], actions: list[ReopenLog]
) -> None:
    seen = observation(CONFIG, pane(piped=piped), log_sizes={} if size is None else {"one": size})
    turn = step(seen, session(**changes))
    keep_log(facts(seen, memory(turn.session)), turn)
    assert turn.actions == actions
    assert (turn.session.log_mono == MONO) is bool(actions)
    assert [event.kind.value for event in turn.events] == (["log-reopened"] if actions == [REOPEN] else [])


@pytest.mark.parametrize("gone", ["dead", "no pane", "about to start"])
def test_nothing_is_recorded_of_what_does_not_run(gone: str) -> None:
    panes = [] if gone == "no pane" else [pane(piped=False, dead=gone == "dead")]
    seen = observation(CONFIG, *panes)
    turn = step(seen, session())
    if gone == "about to start":
        turn.start = StartWish(pane="%1", asked=False, repeated=False)
    keep_log(facts(seen, memory(turn.session)), turn)
    assert turn.actions == []
