"""Keeping a session's output recorded: the log reopened when it was closed or is gone, rotated when it is full. Pure."""

from __future__ import annotations

from orchestrator.decide.assess import Facts
from orchestrator.decide.step import Step
from orchestrator.model.action import ReopenLog
from orchestrator.model.event import EventKind
from orchestrator.model.memory import Stage

GONE = -1
PAUSE = 5.0
"""Seconds between two attempts: a full disk ends each of them at once."""


def keep_log(facts: Facts, step: Step) -> None:
    """Reopen or rotate one session's log where it needs it."""
    pane = facts.pane
    if step.mono - step.session.log_mono < PAUSE or step.session.stage is not Stage.RUNNING:
        return
    if pane is None or not facts.alive or facts.wanted is None or step.start is not None:
        return
    size = step.observation.log_sizes.get(step.session.name)
    if size is not None and size > step.settings.log_max_bytes:
        step.actions.append(ReopenLog(step.session.name, pane.pane_id, rotate=True))
        step.change(log_mono=step.mono)
    elif not pane.piped or size == GONE:
        step.actions.append(ReopenLog(step.session.name, pane.pane_id, rotate=False))
        step.change(log_mono=step.mono)
        why = "its log file was gone" if size == GONE else "its log had been closed"
        step.tell(EventKind.LOG_REOPENED, f"{why}; output is recorded again")
