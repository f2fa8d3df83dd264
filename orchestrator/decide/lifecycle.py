"""One session's life: what follows from what it is and what is wanted of it. Pure.

The world decides, memory only counts and times. A death is recorded once per run, and a restart
waits for three things: its time (`restart.py`), the end of what the dead run left behind, and the
fleet's pace (`pace.py`). `health.py` looks after the living, `stopping.py` ends them.
"""

from __future__ import annotations

from dataclasses import replace

from orchestrator.decide.assess import Facts
from orchestrator.decide.deaths import freed, record_end, refreshed
from orchestrator.decide.health import tend
from orchestrator.decide.step import StartWish, Step
from orchestrator.decide.stopping import end_leftovers, is_to_stop, stop
from orchestrator.model.action import NudgeServer
from orchestrator.model.config import WatchdogSettings
from orchestrator.model.event import EventKind
from orchestrator.model.memory import Desire, Exit, Stage
from orchestrator.model.observation import Observation, Pane, ServerState
from orchestrator.model.text import last_lines

STATUS_PATIENCE = 0.25
"""Seconds that a death waits for its exit status: tmux may have to be nudged for it."""
WORDS = 8
"""Lines of a dead program's screen that are kept."""
UNSEEN_PAUSE = 0.5
"""Seconds between two looks whether a loop's repository was seen; its first answer wakes sooner."""
GONE = frozenset({Stage.NONE, Stage.ENDED, Stage.COMPLETED})


def advance(facts: Facts, observation: Observation, settings: WatchdogSettings) -> Step:
    """One session's turn in a tick."""
    step = Step(observation, settings, facts.memory)
    if observation.server is ServerState.UNKNOWN:
        return step
    if facts.wanted is not None and step.session.removed_mono is not None:
        step.change(removed_mono=None)
    if conversation := observation.conversations.get(step.session.name):
        step.change(conversation=conversation)
    if is_to_stop(facts, step):
        stop(facts, step)
    elif facts.alive:
        tend(facts, step)
    else:
        _notice_death(facts, step)
        if facts.desire is Desire.UP and step.session.stage in GONE:
            _wish_to_start(facts, step)
    return step


def _notice_death(facts: Facts, step: Step) -> None:
    session, pane = step.session, facts.pane
    if session.stage not in {Stage.STARTING, Stage.RUNNING}:
        return
    failure = step.observation.failures.get(session.name)
    if failure is not None and failure.run == session.run:
        step.tell(EventKind.START_FAILED, failure.message)
        record_end(facts, step, _exit(step, reason=f"could not be started: {failure.message}"), ran=False)
    elif pane is None or pane.run != session.run:
        # Without a pane of this run there is no status to be had: closed, or its server ended.
        step.tell(EventKind.VANISHED, "its tmux session is gone")
        record_end(facts, step, _exit(step, reason="vanished with its tmux session"))
    elif _has_status(pane) or _waited(step):
        ended = replace(_exit(step), status=pane.dead_status, signal=pane.dead_signal)
        screen = step.observation.screens.get(session.name)
        words = last_lines(_without_notice(screen.text), WORDS) if screen else ()
        ended = replace(ended, words=words, reason="" if _has_status(pane) else "ended without a status")
        told = f"{ended.describe()}: {words[-1]}" if words else ended.describe()
        step.tell(EventKind.EXITED, told, status=pane.dead_status, signal=pane.dead_signal, words=words)
        record_end(facts, step, ended)
    else:
        step.actions.append(NudgeServer(pane.server_pid))
        step.again(0.01)


def _has_status(pane: Pane) -> bool:
    return pane.dead and (pane.dead_status is not None or pane.dead_signal is not None)


def _waited(step: Step) -> bool:
    if step.session.ended_mono is None:
        step.change(ended_mono=step.mono)
    return step.mono - (step.session.ended_mono or step.mono) >= STATUS_PATIENCE


def _exit(step: Step, reason: str = "") -> Exit:
    session = step.session
    return Exit(
        at=step.observation.now, mono=step.mono, reason=reason, began=session.started_mono,
        ready=session.stage is Stage.RUNNING,
    )  # fmt: skip


def _without_notice(text: str) -> str:
    """A dead pane's text without the line that tmux itself adds."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("Pane is dead ("))


def _wish_to_start(facts: Facts, step: Step) -> None:
    session, wanted, pane = step.session, facts.wanted, facts.pane
    if wanted is None or _is_taken(facts, step):
        return
    asked = session.asked > session.started_mono
    heals = wanted.heal and wanted.enabled
    if heals and session.spec and session.spec != wanted.spec and session.stage is Stage.ENDED:
        # A changed config is a new chance.
        step.session = replace(freed(refreshed(step.session)), spec=wanted.spec)
        asked = True
    if not (asked or not step.session.run or (heals and session.stage is not Stage.COMPLETED)):
        return
    left = step.session.due - step.mono
    if left > 0:
        step.again(left)
    elif step.session.name in step.observation.unseen:
        step.again(UNSEEN_PAUSE)
    elif end_leftovers(step):
        step.start = StartWish(
            pane=pane.pane_id if pane else "", asked=asked, repeated=step.session.attempt > 1
        )


def _is_taken(facts: Facts, step: Step) -> bool:
    """Whether somebody else's session has the name; said once."""
    wanted = facts.wanted
    taken = wanted is not None and facts.pane is None and wanted.session in step.observation.taken
    if taken and not step.session.taken_told and wanted is not None:
        step.tell(
            EventKind.SESSION_TAKEN,
            f"the tmux session {wanted.session} exists and is not this fleet's; it is left alone",
        )
    if taken != step.session.taken_told:
        step.change(taken_told=taken)
    return taken
