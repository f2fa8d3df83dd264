"""Ending a session: politely, then by force, its whole process tree, and nothing else. Pure."""

from __future__ import annotations

from orchestrator.decide.assess import Facts
from orchestrator.decide.deaths import is_counted
from orchestrator.decide.outbox import close_outbox, drop_half_said
from orchestrator.decide.step import AT_ONCE, Step
from orchestrator.model.action import CloseSession, EndProcesses
from orchestrator.model.event import EventKind
from orchestrator.model.memory import Desire, SessionMemory, Stage
from orchestrator.model.observation import Process
from orchestrator.model.reading import State

LEFTOVER_GRACE = 2.0
"""Seconds that children of a dead program get between TERM and KILL."""
KILL_PATIENCE = 2.0
"""Seconds after which a process that was killed and is still there counts as a survivor."""
REMOVAL_DELAY = 5.0
"""Seconds that an agent must be missing from the config before it is stopped: an editor may be at work."""
LOOK_AGAIN = 0.05
STALLED = "it stood idle"
"""Why one is restarted that did not go on by itself; it is told to when it is back."""


def is_to_stop(facts: Facts, step: Step) -> bool:
    """Whether this session must end now, to stay down or to be started again."""
    session = step.session
    exists = facts.pane is not None or session.stage not in {Stage.NONE, Stage.COMPLETED}
    if facts.wanted is None:
        return exists and _may_be_removed(facts, step)
    if facts.desire is Desire.DOWN:
        return exists or session.stage is Stage.COMPLETED
    return bool(session.restart) and session.stage is not Stage.NONE


def is_interruptible(facts: Facts, step: Step) -> bool:
    """Whether nobody would notice: it is idle or dead, and no person is there."""
    if not facts.alive:
        return True
    busy = {State.WORKING, State.DRAFT, State.DIALOG, State.TRANSIENT, State.STARTING}
    attended = (
        facts.pane is not None and facts.pane.attached > 0
    ) or step.session.name in step.observation.human
    backend = facts.wanted.launch.backend if facts.wanted else None
    is_service = facts.wanted is not None and backend is None
    return not attended and (is_service or step.session.reading.state not in busy)


def _may_be_removed(facts: Facts, step: Step) -> bool:
    if step.session.stage is Stage.STOPPING:
        return True
    if step.session.removed_mono is None:
        step.change(removed_mono=step.mono)
        step.tell(EventKind.DRIFT_PENDING, "no longer in the config; stops when idle and unattended")
    waited = step.mono - (step.session.removed_mono or step.mono)
    step.again(max(0.5, REMOVAL_DELAY - waited))
    return waited >= REMOVAL_DELAY and is_interruptible(facts, step)


def stop(facts: Facts, step: Step) -> None:
    """One step of the stop: TERM to the whole tree, KILL after the grace, then the pane."""
    session = step.session
    if session.stage is not Stage.STOPPING:
        step.tell(
            EventKind.STOPPING, f"stops, to be restarted: {session.restart}" if session.restart else "stops"
        )
        interrupted = session.restart == STALLED or session.reading.state in {State.WORKING, State.TRANSIENT}
        step.change(stage=Stage.STOPPING, stop_mono=None, killed=False, survivors=(), interrupted=interrupted)
        step.again(AT_ONCE)
        return
    left = step.observation.processes.get(session.name)
    if left is None:
        step.again(AT_ONCE)
        return
    grace = facts.wanted.stop_grace if facts.wanted else LEFTOVER_GRACE
    if left and not _end(step, left, grace):
        return
    if facts.pane is not None and not session.restart:
        step.actions.append(CloseSession(session.name, facts.pane.session_id, facts.pane.pane_id))
        step.again(0.02)
        return
    _finish(step)


def end_leftovers(step: Step) -> bool:
    """Before a restart: end what the dead run left behind. True once nothing is left (or nothing more helps)."""
    if not step.session.run:
        return True
    left = step.observation.processes.get(step.session.name)
    if left is None:
        step.again(AT_ONCE)
        return False
    return not left or _end(step, left, LEFTOVER_GRACE)


def _end(step: Step, left: tuple[Process, ...], grace: float) -> bool:
    """Ask, then kill, then give up. True when the rest has to be lived with; it is named, once."""
    session = step.session
    if session.survivors:
        return True
    waited = step.mono - session.stop_mono if session.stop_mono is not None else 0.0
    if session.stop_mono is None:
        step.actions.append(EndProcesses(session.name, left, kill=False))
        step.change(stop_mono=step.mono)
    elif session.killed and waited >= grace + KILL_PATIENCE:
        names = tuple(f"{process.pid} {process.command}" for process in left)
        step.tell(EventKind.SURVIVED, f"could not be ended: {', '.join(names)}", processes=names)
        step.change(survivors=names, stop_mono=None, killed=False)
        return True
    elif waited >= grace:
        step.actions.append(EndProcesses(session.name, left, kill=True))
        step.change(killed=True)
    step.again(LOOK_AGAIN)
    return False


def _finish(step: Step) -> None:
    session = step.session
    if session.restart:
        # One that was condemned is healed, as after a death: nobody asked, and the fleet's brake counts it.
        asked = session.asked if is_counted(session) else step.mono
        drop_half_said(step, "it was stopped while it was being said")
        step.change(stage=Stage.ENDED, restart="", asked=asked, stop_mono=None, killed=False)
        step.again(AT_ONCE)
        return
    close_outbox(step, "it was stopped")
    session = step.session
    step.tell(EventKind.STOPPED, "stopped" if not session.survivors else "stopped, but for what survived")
    kept = SessionMemory(
        name=session.name, desire=session.desire, survivors=session.survivors, condition=session.condition,
        condition_at=session.condition_at, deliveries=session.deliveries, said=session.said,
    )  # fmt: skip
    step.session = kept
