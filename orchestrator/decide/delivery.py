"""Text on its way into a session: queued, typed, submitted, accepted. Pure.

Proved by looking: text is typed once, into an empty prompt box that nobody uses; the submit key is
pressed again when the text still stands in the box, and never anything else. What can't be
confirmed has failed, and is said.
"""

from __future__ import annotations

import re
from dataclasses import replace
from unicodedata import category, normalize

from orchestrator.decide.assess import Facts
from orchestrator.decide.launch import POINTER
from orchestrator.decide.outbox import (
    KICKOFF_FILE,
    OF_A_RUN,
    USER_KEY,
    close_outbox,
    is_being_drawn,
    used_by,
    waits_for,
)
from orchestrator.decide.step import Ended, Step
from orchestrator.model.action import Paste, PressKey
from orchestrator.model.config import BackendSpec
from orchestrator.model.event import EventKind
from orchestrator.model.memory import Delivery, DeliveryState, Stage
from orchestrator.model.reading import State

PRESSES = 4
"""Submit keys for one text, the first included."""
PRESS_PAUSE = 2.0
"""Seconds between two of them."""
APPEAR_PATIENCE = 3.0
"""Seconds in which a pasted text must stand in a box that can be read; then the key is pressed all the same."""
PATIENCE = 30.0
"""Seconds after typing in which a text must be accepted."""
LOOK_AGAIN = 1.0
"""Seconds between two looks at what a text waits for."""
WAITING = 30.0
"""Seconds after which it is told what a text waits for."""
PASTE_LIMIT = 4000
"""Bytes of a text that is typed as it is; a longer one is put into a file, and pointed to."""
COMMAND_SIGNS = ("/", "!", "#")
"""A text that begins so would be run by the program, or by a shell, and not be read; it is pointed to as well."""
_PLACEHOLDER = re.compile(r"\[(?:pasted|paste|copied)\b[^\]\n]*\]", re.IGNORECASE)
_DRAWN = re.compile(r"[\W_]+")
"""What programs draw in their own way: spaces, line ends, marks."""
RECOGNISED = 40
"""Letters and digits by which a part of a text is known for it, where a program shows no more."""
KEPT_KEYS = 1_000
"""Keys of people's own that are remembered for each session."""
TEXT_FILE = "{text}"
"""The same for the file that holds a long text."""
TAKEN_UP = frozenset({State.WORKING, State.TRANSIENT})


def deliver(facts: Facts, step: Step) -> None:
    """Move the oldest text of a session on by at most one step."""
    session, wanted = step.session, facts.wanted
    if session.deliveries and wanted is None:
        close_outbox(step, "it left the config")
        return
    if not session.deliveries or wanted is None or wanted.launch.backend is None or facts.pane is None:
        return
    if not facts.alive or session.stage is not Stage.RUNNING:
        return
    head, backend = session.deliveries[0], wanted.launch.backend
    if session.keeps and session.reading.state is State.IDLE and session.reading.candidate is None:
        step.change(keeps=False)
        session = step.session
    if head.state is DeliveryState.QUEUED:
        if _is_overdue(step, head):
            return  # its sender is told so in this very tick
        if why := waits_for(facts, session, head, step.observation):
            _tell_waiting(step, head, why)
            step.again(0.2 if is_being_drawn(session, backend, step.mono) else LOOK_AGAIN)
        else:
            _type(step, head, facts.pane.pane_id, backend)
        return
    if why := _is_lost(step, head, backend):
        _finish(step, head, why)
        return
    head = _noted(step, head)
    if _is_accepted(step, head, backend):
        _finish(step, head, "")
    elif step.mono - head.queued > PATIENCE and not _may_have_asked(step, head):
        stands = "stands" if session.reading.box else "may still stand"
        _finish(step, head, f"the text {stands} in its prompt box")
    else:
        _submit(facts, step, head, backend)


def _may_have_asked(step: Step, head: Delivery) -> bool:
    """Whether a dialog has come since the text was submitted: it may be the text's, so that its end is waited for."""
    reading = step.session.reading
    asks = reading.state is State.DIALOG and head.state is DeliveryState.SUBMITTED
    return asks and reading.changed_mono > head.since


def _is_lost(step: Step, head: Delivery, backend: BackendSpec) -> str:
    """Why nobody will ever see whether a text that was to be typed was taken; "" when it may be seen."""
    if words := step.observation.unsaid.get(step.session.name):
        return f"it could not be typed: {words}"
    if not backend.rules and head.by != step.observation.watchdog:
        return "the watchdog ended while it was being typed, and nobody can see whether it was taken"
    return ""


def _is_overdue(step: Step, head: Delivery) -> bool:
    """Whether the time that its sender gave it is over."""
    mono = step.mono
    return any(r.id == head.request and mono - r.at > r.patience for r in step.observation.requests)


def _tell_waiting(step: Step, head: Delivery, why: str) -> None:
    """Say once that a text waits for long, and what for."""
    if not head.told and step.mono - head.queued >= WAITING:
        step.tell(EventKind.DELIVERY_WAITS, f"the {head.sender} text waits: {why}", key=head.key)
        _put(step, replace(head, told=True))


def _type(step: Step, head: Delivery, pane: str, backend: BackendSpec) -> None:
    reading = step.session.reading
    by_file = bool(backend.rules) and goes_by_file(head.text)
    text = POINTER.format(path=TEXT_FILE) if by_file else head.text.rstrip("\n")
    step.actions.append(
        Paste(
            step.session.name, pane, text, attachment=head.text if by_file else "",
            kickoff=head.sender in OF_A_RUN and KICKOFF_FILE in head.text,
        )
    )  # fmt: skip
    busy = reading.state in TAKEN_UP
    typed = replace(
        head, state=DeliveryState.TYPED, since=step.mono, queued=step.mono, before=reading.fingerprint, busy=busy,
        by=step.observation.watchdog,
    )  # fmt: skip
    _put(step, typed)
    step.change(keeps=busy)
    step.again(0.1)


def goes_by_file(text: str) -> bool:
    """Whether a prompt box would not take a text as it is: too long, a command of the program, or changed on the way.

    Real programs make blanks of tabs, compose letters and accents, and cut blanks at both ends.
    """
    if len(text.encode("utf-8", "replace")) > PASTE_LIMIT or text.lstrip().startswith(COMMAND_SIGNS):
        return True
    shown = text.rstrip("\n")
    plain = all(c.isprintable() or c == "\n" or category(c) in {"Cf", "Zs"} for c in shown)
    return not plain or shown != shown.strip() or normalize("NFC", shown) != shown


def _noted(step: Step, head: Delivery) -> Delivery:
    """The text with what was seen of it."""
    reading = step.session.reading
    stands = bool(reading.box) and reading.changed_mono > head.queued and head.presses == 0
    if stands and not head.standing:
        head = replace(head, standing=True)
        _put(step, head)
    return head


def _submit(facts: Facts, step: Step, head: Delivery, backend: BackendSpec) -> None:
    reading, first = step.session.reading, head.state is DeliveryState.TYPED
    wait = backend.submit_delay if first else PRESS_PAUSE
    if first and reading.box == "" and not head.standing:
        wait = max(wait, APPEAR_PATIENCE)
    waited = step.mono - head.since
    step.again(max(0.05, min(wait - waited, 0.3)))
    if waited < wait or facts.pane is None or used_by(facts, step.session, step.observation):
        return
    if first and _was_never_pasted(step, head):
        _put(step, replace(head, state=DeliveryState.QUEUED))
        step.again(0.05)
        return
    standing = reading.state is State.DRAFT or bool(reading.box)
    if reading.box and not is_ours(reading.box, head.text):
        return
    # A dialog that opened meanwhile must not be answered by our key.
    may = {State.IDLE, State.DRAFT, State.UNKNOWN}
    if reading.box is not None:
        may |= {State.LIMITED, State.WARNING} | (TAKEN_UP if head.busy else set())
    if reading.state not in may or head.presses >= PRESSES or not (first or standing):
        return
    step.actions.append(PressKey(step.session.name, facts.pane.pane_id, backend.submit_key))
    _put(step, replace(head, state=DeliveryState.SUBMITTED, since=step.mono, presses=head.presses + 1))


def is_ours(box: str, text: str) -> bool:
    """Whether what stands in a prompt box is what was typed, as a program draws it: whole, a long part of it, or its sign for pasted text."""
    if goes_by_file(text) or KICKOFF_FILE in text:
        return box.startswith(POINTER.partition("{")[0]) or bool(_PLACEHOLDER.search(box))
    shown, whole = _plain(_PLACEHOLDER.sub("", box)), _plain(text)
    if _PLACEHOLDER.search(box):
        return shown in whole
    if not whole:
        return "".join(box.split()) == "".join(normalize("NFC", text).split())
    return shown == whole or (len(shown) >= RECOGNISED and shown in whole)


def _plain(text: str) -> str:
    return _DRAWN.sub("", normalize("NFC", text)).lower()


def _was_never_pasted(step: Step, head: Delivery) -> bool:
    """Whether the watchdog that wrote down that it types died before it did: the box is empty, and the screen as it was."""
    reading = step.session.reading
    untouched = reading.box == "" and not head.standing and reading.fingerprint == head.before
    return untouched and head.by != step.observation.watchdog


def _is_accepted(step: Step, head: Delivery, backend: BackendSpec) -> bool:
    reading = step.session.reading
    if head.state is not DeliveryState.SUBMITTED:
        return False
    if not backend.rules:
        return step.mono - head.since >= 1.0
    if reading.submitted_mono > head.queued or (reading.state in TAKEN_UP and not head.busy):
        return True
    if reading.candidate is not None or step.mono - head.since < 1.0:
        return False
    if reading.changed_mono <= head.since or reading.fingerprint == head.before:
        return False
    if head.busy or head.standing:
        return head.standing and reading.box == ""
    return reading.state is State.IDLE or (reading.state is State.LIMITED and not reading.box)


def _put(step: Step, head: Delivery) -> None:
    step.change(deliveries=(head, *step.session.deliveries[1:]))


def _finish(step: Step, head: Delivery, why: str) -> None:
    """End a delivery: accepted, or failed for a reason."""
    kind = EventKind.DELIVERY_FAILED if why else EventKind.DELIVERED
    message = f"did not take the {head.sender} text: {why}" if why else f"took the {head.sender} text"
    step.tell(kind, message, key=head.key, presses=head.presses)
    keep = not why and head.key.startswith(USER_KEY)
    said = (*step.session.said, head.key)[-KEPT_KEYS:] if keep else step.session.said
    step.change(deliveries=step.session.deliveries[1:], said=said)
    step.ended.append(Ended(head.key, accepted=not why, why=why, request=head.request))
