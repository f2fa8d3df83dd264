"""Counting deaths: once per run, against the restart intensity, and what time the next start has. Pure."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.decide import restart
from orchestrator.decide.assess import Facts
from orchestrator.decide.outbox import close_outbox, drop_half_said
from orchestrator.decide.step import Step
from orchestrator.model.config import Kind
from orchestrator.model.event import EventKind
from orchestrator.model.memory import Exit, SessionMemory, Stage
from orchestrator.model.reading import State


def record_end(facts: Facts, step: Step, ended: Exit, *, ran: bool = True) -> None:
    """Count the end of a run, once, and set the time of the next start. ran: its program was started at all."""
    session = step.session
    wanted = facts.wanted
    step.change(exit=ended, ended_mono=None, stop_mono=None, killed=False, healthy_mono=None, mismatch=0)
    if wanted and wanted.kind is Kind.TASK and ended.status is not None and ended.signal is None:
        step.change(stage=Stage.COMPLETED)
        close_outbox(step, "it has run to its end")
        step.tell(EventKind.COMPLETED, f"the task {ended.describe()}", status=ended.status)
        return
    if ran and session.stage is Stage.STARTING and session.resumed:
        step.tell(
            EventKind.RESUME_FAILED, "its conversation could not be resumed; the next start begins a new one"
        )
        step.change(conversation="", talked=False)
    if ran:
        step.change(interrupted=session.reading.state in {State.WORKING, State.TRANSIENT})
    step.change(stage=Stage.ENDED)
    drop_half_said(step, "its program ended while it was being said")
    count_death(step)


def count_death(step: Step) -> None:
    """Add a death to the tally; past the restart intensity the session is `failed`."""
    session, settings = step.session, step.settings
    deaths = restart.tally(session.deaths, step.mono, settings.restart_window)
    attempt = session.attempt + 1
    step.change(deaths=deaths[-(settings.max_restarts + 1) :], attempt=attempt)
    if session.failed or restart.is_exhausted(deaths, settings):
        if not session.failed:
            step.tell(
                EventKind.FAILED,
                f"died {len(deaths)} times within {settings.restart_window:g} s; restarts are {settings.when_exhausted.value}",
            )
        step.change(failed=True, due=_later(step, restart.wait_exhausted(session.name, attempt, settings)))
    else:
        step.change(due=_later(step, restart.wait(session.name, attempt, settings)))


def is_counted(session: SessionMemory) -> bool:
    """Whether the end of the present run is in the tally already, though it may still live."""
    return bool(session.deaths) and session.deaths[-1] > session.started_mono


def _later(step: Step, seconds: float) -> float:
    return seconds if seconds >= restart.NEVER else step.mono + seconds


def freed(session: SessionMemory) -> SessionMemory:
    """A session whose limit ends with its next start, since a person says so or it must be over: it is told to go on then."""
    return (
        replace(session, limit=replace(session.limit, over=True))
        if session.limit and session.held
        else session
    )


def refreshed(session: SessionMemory) -> SessionMemory:
    """A session for which a person acted: its deaths are forgotten, and it is due at once."""
    return replace(session, due=0.0, failed=False, attempt=0, deaths=())
