"""`ao hook`: a program's report of itself, into the store. Fails open: whatever happens, the program goes on."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from orchestrator.adapters import clock
from orchestrator.adapters.knock import knock
from orchestrator.adapters.signals import add_signal
from orchestrator.backends.hooks import HOOKS, HookForm, event_name
from orchestrator.model import marks
from orchestrator.model.reading import Signal, State
from orchestrator.model.text import one_line

INPUT_LIMIT = 16_000_000
"""Bytes of an event that are read; it may hold a whole prompt."""
INPUT_PATIENCE = 2.0
"""Seconds for it to arrive."""
TRANSCRIPT_TAIL = 262_144
TRANSCRIPT_PATIENCE = 5.0
"""Seconds in which the line about the limit must be there."""
MINUTE = 60.0
LONGEST_LIMIT = 35 * 86_400.0


def answer(program: str) -> str:
    """What the program expects on standard output."""
    form = HOOKS.get(program)
    return form.answer if form else ""


def report(program: str, environ: Mapping[str, str], descriptor: int) -> None:
    """Store what an event means, and wake the watchdog.

    Args:
        program: whose hook it is.
        environ: of the hook; outside a session of ao nothing is done.
        descriptor: where the event can be read, as JSON.

    Raises:
        Exception: anything; the caller lets it pass.
    """
    form = HOOKS.get(program)
    run, agent, state = (environ.get(mark) for mark in (marks.RUN, marks.NAME, marks.STATE))
    if form is None or not (run and agent and state):
        return
    event = json.loads(read_event(descriptor))
    if not isinstance(event, dict):
        return
    signal = signal_of(form, event, run, clock.now(), clock.mono())
    if signal is None:
        return
    _send(Path(state), agent, signal)
    transcript = event.get("transcript_path")
    if signal.state is State.LIMITED and isinstance(transcript, str) and _go_on_alone():
        try:
            _follow_up(Path(state), agent, signal, Path(transcript))
        finally:
            os._exit(0)


def _send(state: Path, agent: str, signal: Signal) -> None:
    add_signal(state / "ao.db", agent, signal)
    knock(state)


def _go_on_alone() -> bool:
    """Fork: False in the parent, which ends at once; True in the child, for which nobody waits."""
    if os.fork():
        return False
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    return True


def _follow_up(state: Path, agent: str, signal: Signal, transcript: Path) -> None:
    """The exact end of a limit is in the transcript, which is written while the hook runs or after it."""
    deadline = clock.mono() + TRANSCRIPT_PATIENCE
    while (reset := last_reset(transcript, signal.at)) is None and clock.mono() < deadline:
        clock.pause(0.1)
    if reset is not None:
        _send(state, agent, replace(signal, at=clock.now(), mono=clock.mono(), reset_at=reset))


def read_event(descriptor: int) -> bytes:
    """All that is written there, up to a limit and a deadline: a program that keeps it open is not waited for."""
    deadline = clock.mono() + INPUT_PATIENCE
    read = bytearray()
    while len(read) < INPUT_LIMIT:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - clock.mono()))
        piece = os.read(descriptor, 65_536) if ready else b""
        if not piece:
            break
        read += piece
    return bytes(read)


def signal_of(form: HookForm, event: Mapping[str, Any], run: str, now: float, mono: float) -> Signal | None:
    """What an event means; None when it means nothing. Nothing that a person or a model wrote is taken over but an error's line."""
    name = event_name(form, event)
    meaning = form.events.get(name)
    if meaning is None:
        return None
    if event.get(form.unfinished.get(name, "")):
        return None
    words, state = "", meaning.state
    if state in {State.LIMITED, State.AUTH, State.TRANSIENT}:
        said = event.get(form.words)
        words = one_line(said.splitlines()[:4]) if isinstance(said, str) else ""
    if state is State.TRANSIENT and form.limit and re.search(form.limit, words, re.IGNORECASE):
        state = State.LIMITED
    return Signal(0, run, now, mono, name, state, meaning.submitted, words=words)


def last_reset(transcript: Path, now: float) -> float | None:
    """End of the newest limit in a transcript, epoch seconds; None when it has none, or none that lies ahead of `now`."""
    for line in reversed(_tail(transcript).splitlines()):
        if b'"isApiErrorMessage"' not in line:
            continue
        with contextlib.suppress(ValueError):
            entry = json.loads(line)
            limits = (
                entry.get("quotaLimits")
                if isinstance(entry, dict) and entry.get("isApiErrorMessage") is True
                else None
            )
            at = limits.get("resetsAt") if isinstance(limits, dict) else None
            if isinstance(at, int | float) and now - MINUTE < at < now + LONGEST_LIMIT:
                return float(at)
            return None
    return None


def _tail(path: Path) -> bytes:
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            status = os.fstat(descriptor)
            if stat.S_ISREG(status.st_mode):  # a FIFO would never end
                return os.pread(descriptor, TRANSCRIPT_TAIL, max(0, status.st_size - TRANSCRIPT_TAIL))
        finally:
            os.close(descriptor)
    return b""
