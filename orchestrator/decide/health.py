"""Looking after the living: ready, healthy, the wrong program, a fatal screen, drift. Pure."""

from __future__ import annotations

import re

from orchestrator.decide.assess import Facts, has_drifted
from orchestrator.decide.deaths import count_death, is_counted, refreshed
from orchestrator.decide.outbox import enqueue_kickoff
from orchestrator.decide.stalls import heal_stall
from orchestrator.decide.step import AT_ONCE, Step
from orchestrator.decide.stopping import STALLED, is_interruptible
from orchestrator.model.config import Kind, PromptDelivery
from orchestrator.model.event import EventKind
from orchestrator.model.memory import Desire, Stage
from orchestrator.model.observation import Pane
from orchestrator.model.reading import State
from orchestrator.model.wanted import Wanted

SETTLE = 0.5
"""Seconds that a program without a readable screen must live to count as started."""
START_LIMIT = 60.0
"""Seconds after which a screen that still means nothing no longer counts as starting."""
SHELL_GRACE = 10.0
"""Seconds in which a shell may still be on its way to the program."""
MISMATCH_SIGHTS = 2
MISMATCH_PAUSE = 1.0
SHELLS = frozenset({"sh", "bash", "dash", "zsh", "fish", "ksh", "env"})
NOT_READY = frozenset({State.STARTING, State.UNKNOWN, State.EXITED})


def tend(facts: Facts, step: Step) -> None:
    """One living session's turn."""
    if facts.pane is None or facts.wanted is None:
        return
    _recognise(facts, facts.pane, step)
    if step.session.stage is Stage.STARTING:
        _await_ready(facts.wanted, step)
        return
    _note_talk(facts.wanted, step)
    _note_health(step)
    if facts.wanted.heal and facts.wanted.enabled and step.session.name not in step.observation.human:
        _heal_the_living(facts, facts.wanted, step)
    _note_drift(facts, facts.wanted, step)


def _recognise(facts: Facts, pane: Pane, step: Step) -> None:
    """Take on a pane that memory does not know: the store was lost, or another watchdog started it."""
    session = step.session
    if pane.run == session.run and session.stage in {Stage.STARTING, Stage.RUNNING}:
        if pane.pid != session.pid:
            # A respawn by hand changes the program under the same marks: look at it soon.
            step.change(pid=pane.pid, program_mono=0.0)
        return
    if pane.run != session.run:
        step.tell(
            EventKind.ADOPTED,
            f"found running in {pane.pane_id} and taken on",
            pane=pane.pane_id,
            pid=pane.pid,
        )
    # What runs was wanted by somebody, even where the memory of it is lost.
    desire = step.session.desire if facts.desire is Desire.UP else Desire.UP
    step.change(
        stage=Stage.STARTING, run=pane.run, spec=pane.spec, session=pane.session, pid=pane.pid, exit=None, desire=desire,
        started_at=step.observation.now, started_mono=step.mono, ended_mono=None, resumed=False,
        adopted=True,
    )  # fmt: skip


def _await_ready(wanted: Wanted, step: Step) -> None:
    session = step.session
    took = step.mono - session.started_mono
    state = session.reading.state
    backend = wanted.launch.backend
    pinged = backend is not None and backend.prompt_delivery is PromptDelivery.PING
    if backend is None or not backend.rules:
        answers = wanted.kind is not Kind.SERVICE or session.name in step.observation.services_ready
        ready = took >= (backend.connect_delay if backend and pinged else SETTLE) and answers
    else:
        ready = state not in NOT_READY or took >= (backend.connect_delay if pinged else START_LIMIT)
    if not ready:
        step.again(0.05 if took < 5 else 0.5)
        return
    step.change(stage=Stage.RUNNING, healthy_mono=step.mono, restart="")
    unread = (
        ", though its screen is not recognised" if state in NOT_READY and backend and backend.rules else ""
    )
    step.tell(EventKind.READY, f"ready after {took:.1f} s{unread}", seconds=round(took, 3))
    _note_talk(wanted, step)
    enqueue_kickoff(wanted, step)


def _note_talk(wanted: Wanted, step: Step) -> None:
    """Remember that there is a conversation to resume."""
    session = step.session
    # A turn may be over between two looks; one that was never begun only costs a resume that fails.
    if not session.talked and (
        (wanted.launch.kickoff and not session.unsaid)
        or State.WORKING in {session.reading.state, session.reading.candidate}
    ):
        step.change(talked=True)


def _note_health(step: Step) -> None:
    """Forget the deaths of a session that has been healthy for long enough."""
    session = step.session
    if session.reading.state is State.FATAL or session.mismatch:
        step.change(healthy_mono=None)
        return
    if session.healthy_mono is None:
        step.change(healthy_mono=step.mono)
        return
    window = step.settings.restart_window
    if not session.attempt:
        return
    if step.mono - session.healthy_mono >= window:
        if session.failed:
            step.tell(EventKind.RECOVERED, f"healthy for {window:g} s; its deaths are forgotten")
        step.session = refreshed(step.session)
    else:
        step.again(window - (step.mono - session.healthy_mono))


def _heal_the_living(facts: Facts, wanted: Wanted, step: Step) -> None:
    if step.session.reading.state is State.FATAL:
        evidence = " / ".join(line.strip() for line in step.session.reading.evidence)
        if _condemn(step, EventKind.FATAL, f"can't go on: {evidence}", "its session can't go on"):
            step.change(conversation="", talked=False)  # to resume it would bring the same screen back
        return
    if stalled := heal_stall(facts, step):
        _condemn(step, EventKind.STALLED, stalled, STALLED)
        return
    lines = step.observation.programs.get(step.session.name)
    if lines is None:
        return
    step.change(program_mono=step.mono)
    if is_mismatch(wanted, lines, step.mono - step.session.started_mono):
        step.change(mismatch=step.session.mismatch + 1)
        step.again(MISMATCH_PAUSE)
        if step.session.mismatch >= MISMATCH_SIGHTS:
            runs = f"runs `{lines[0][:200] if lines else '?'}`, not {wanted.backend_name}'s program"
            _condemn(step, EventKind.MISMATCHED, runs, f"did not run {wanted.backend_name}'s program")
    elif step.session.mismatch:
        step.change(mismatch=0)


def _condemn(step: Step, kind: EventKind, message: str, reason: str) -> bool:
    """Restart a living session, as a death that counts; whether it is being restarted.

    Once the intensity is used up it is left as it is until its next try is due.
    """
    if not is_counted(step.session):
        step.tell(kind, message, rule=step.session.reading.rule)
        count_death(step)
        wait = step.session.due - step.mono if step.session.failed else 0.0
    else:
        wait = step.session.due - step.mono
    if wait > 0:
        step.again(wait)
        return False
    step.change(restart=reason, mismatch=0)
    step.again(AT_ONCE)
    return True


def is_mismatch(wanted: Wanted, lines: tuple[str, ...], age: float) -> bool:
    """Whether a pane's process tree lacks the program that its backend names.

    Args:
        wanted: the session.
        lines: command lines of the tree, the pane's own process first; empty when unknown.
        age: seconds since the session was started; a shell is given time to get to the program.
    """
    backend = wanted.launch.backend
    if backend is None or not backend.process_name or not lines:
        return False
    names = [name for line in lines for name in program_names(line)]
    program = backend.process_name
    if any(
        name == program or name.endswith(f".{program}") for name in names
    ):  # the second: python -m package.program
        return False
    leader = program_names(lines[0])
    return not (age < SHELL_GRACE and leader and leader[0] in SHELLS)


def program_names(line: str) -> list[str]:
    """The names by which a command line's program may be known: its first words without path and script ending.

    >>> program_names("node /opt/bin/codex.js --no-daemon")
    ['node', 'codex']
    """
    words = [word for word in line.split()[:6] if not word.startswith("-")][:3]
    return [re.sub(r"\.(?:c|m)?js$|\.py$", "", word.rsplit("/", 1)[-1]) for word in words if word]


def _note_drift(facts: Facts, wanted: Wanted, step: Step) -> None:
    """Apply a changed config to a running session once nobody would be disturbed; until then it is pending."""
    if step.session.restart or not has_drifted(facts):
        return
    heals = wanted.heal and wanted.enabled
    lacking = step.observation.lacking.get(wanted.name)
    if heals and wanted.kind is not Kind.TASK and not lacking and is_interruptible(facts, step):
        step.tell(EventKind.DRIFT_APPLIED, "its config changed; restarts with the new one")
        step.change(restart="its config changed")
        step.again(AT_ONCE)
    elif step.session.drift_told != wanted.spec:
        when = "applied when it is idle and unattended" if heals else f"applied by `ao restart {wanted.name}`"
        when = f"it goes on as it is, since {lacking}" if lacking else when
        step.tell(EventKind.DRIFT_PENDING, f"its config changed; {when}")
        step.change(drift_told=wanted.spec)
