"""Text on its way into a session: queued, typed, submitted, accepted. Pure.

Proved by looking: text is typed once, into an empty prompt box that nobody uses; the submit key is
pressed again when the text still stands in the box, and never anything else. What can't be
confirmed has failed, and is said. A turn that runs is not disturbed: its program must keep what is
submitted meanwhile, else the text waits.
"""

from __future__ import annotations

import re
from dataclasses import replace
from unicodedata import category, normalize

from orchestrator.decide.assess import Facts
from orchestrator.decide.launch import CONTINUE, POINTER
from orchestrator.decide.step import Ended, Step
from orchestrator.model.action import Paste, PressKey
from orchestrator.model.config import BackendSpec, PromptDelivery
from orchestrator.model.event import EventKind
from orchestrator.model.memory import Delivery, DeliveryState, SessionMemory, Stage
from orchestrator.model.observation import Observation
from orchestrator.model.reading import State
from orchestrator.model.wanted import Wanted

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
DRAWN = 0.7
"""Seconds for which the screen of a program that has just started must stand still."""
DRAWING_SPAN = 30.0
"""Seconds after its start in which that is asked of it."""
COPY_MODE_HOLD = 600.0
"""Seconds for which copy mode under an attached person's eyes is left alone; without one, `human_hold`."""
PASTE_LIMIT = 4000
"""Bytes of a text that is typed as it is; a longer one is put into a file, and pointed to."""
COMMAND_SIGNS = ("/", "!", "#")
"""A text that begins so would be run by the program, or by a shell, and not be read; it is pointed to as well."""
LINE_LIMIT = 4000
"""Bytes that a program without a prompt box takes: a terminal cuts a line at 4,096."""
_PLACEHOLDER = re.compile(r"\[(?:pasted|paste|copied)\b[^\]\n]*\]", re.IGNORECASE)
_DRAWN = re.compile(r"[\W_]+")
"""What programs draw in their own way: spaces, line ends, marks."""
RECOGNISED = 40
"""Letters and digits by which a part of a text is known for it, where a program shows no more."""
KEPT_KEYS = 1_000
"""Keys of people's own that are remembered for each session."""
USER_KEY = "key/"
KICKOFF_FILE = "{kickoff}"
"""Stands for the run's kickoff file in a delivery's text; the edge knows the path."""
TEXT_FILE = "{text}"
"""The same for the file that holds a long text."""
TAKEN_UP = frozenset({State.WORKING, State.TRANSIENT})
KICKOFF_SENDER = "kickoff"
LIMIT_SENDER = "limit"
"""Sender of the only texts that go to a session which a limit holds."""
OF_A_RUN = frozenset({KICKOFF_SENDER, LIMIT_SENDER})
"""Senders of texts that mean nothing to a later run."""


def enqueue_kickoff(wanted: Wanted, step: Step) -> None:
    """After a `ping` start: tell the ready program where its kickoff is, or to go on."""
    session, backend = step.session, wanted.launch.backend
    if backend is None or backend.prompt_delivery is not PromptDelivery.PING or session.adopted:
        return
    if session.held:
        return
    if session.resumed:
        text = CONTINUE if session.interrupted else ""
    else:
        text = POINTER.format(path=KICKOFF_FILE) if wanted.launch.kickoff else ""
    if text:
        enqueue(step, f"{KICKOFF_SENDER}/{session.run}", text, KICKOFF_SENDER)


def enqueue(step: Step, key: str, text: str, sender: str) -> None:
    """Put a text into a session's outbox, unless one of that key is there."""
    if all(delivery.key != key for delivery in step.session.deliveries):
        delivery = Delivery(key=key, text=text, sender=sender, since=step.mono, queued=step.mono)
        step.change(deliveries=(*step.session.deliveries, delivery))


def outlives_run(delivery: Delivery) -> bool:
    """Whether a text waits for the next run too."""
    return delivery.state is DeliveryState.QUEUED and delivery.sender not in OF_A_RUN


def drop_half_said(step: Step, why: str) -> None:
    """Give up what was submitted to a run that has ended: nobody can say whether it was taken. What only stood in its box is said to the next one."""
    kept: list[Delivery] = []
    for delivery in step.session.deliveries:
        if delivery.state is DeliveryState.QUEUED or delivery.sender in OF_A_RUN:
            kept.append(delivery)
        elif delivery.presses == 0:
            kept.append(
                replace(
                    delivery, state=DeliveryState.QUEUED, since=step.mono, queued=step.mono, standing=False
                )
            )
        else:
            _give_up(step, delivery, f"may not have taken the {delivery.sender} text: {why}", why)
    step.change(deliveries=tuple(kept))


def close_outbox(step: Step, why: str) -> None:
    """Give up what somebody waits for, since the session ends for good; what was handed over is kept for its return."""
    drop_half_said(step, why)
    for delivery in step.session.deliveries:
        if delivery.sender not in OF_A_RUN and not delivery.commits:
            _give_up(
                step, delivery, f"was not told the {delivery.sender} text: {why}", f"{why}; nothing was typed"
            )
    step.change(deliveries=tuple(d for d in step.session.deliveries if d.commits))


def _give_up(step: Step, delivery: Delivery, told: str, why: str) -> None:
    step.tell(EventKind.DELIVERY_FAILED, told, key=delivery.key)
    step.ended.append(Ended(delivery.key, accepted=False, why=why, request=delivery.request))


def refusal(text: str, wanted: Wanted) -> str:
    """Why a text can't be said to a session at all, "" when it can."""
    backend = wanted.launch.backend
    if backend is None:
        return "it is a service, and reads no text"
    if not backend.rules and len(text.encode("utf-8", "replace")) > LINE_LIMIT:
        return f"the text is longer than the {LINE_LIMIT} bytes that a program without a prompt box takes; put it into a file"
    if not backend.rules and any(category(c) == "Cc" and c not in "\n\t\r" for c in text):
        return "the text has control characters, which a program without a prompt box would take for keys"
    return "" if text.strip() else "the text is empty"


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
            step.again(0.2 if _is_being_drawn(session, backend, step.mono) else LOOK_AGAIN)
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


def note_mode(facts: Facts, step: Step) -> None:
    """Remember since when a pane is in copy mode."""
    inside = facts.pane is not None and facts.pane.in_mode
    if inside != (step.session.mode_mono is not None):
        step.change(mode_mono=step.mono if inside else None)


def used_by(facts: Facts, session: SessionMemory, observation: Observation) -> str:
    """The person who uses a pane, for people; "" for nobody. Copy mode that is left open counts for a while."""
    if session.name in observation.human:
        return "a person uses it"
    if session.mode_mono is None or facts.pane is None:
        return ""
    hold = COPY_MODE_HOLD if facts.pane.attached else observation.config.watchdog.human_hold
    return "its pane is in copy mode" if observation.mono - session.mode_mono < hold else ""


def waits_for(facts: Facts, session: SessionMemory, head: Delivery, observation: Observation) -> str:
    """What keeps a text from being typed now, for people; "" for nothing."""
    reading, backend = session.reading, facts.wanted.launch.backend if facts.wanted else None
    if reading.state in {State.DIALOG, State.AUTH}:
        return f"it waits for a person ({reading.state.value})"
    if session.stage is not Stage.RUNNING or backend is None:
        return "it is not ready yet"
    if session.held and head.sender != LIMIT_SENDER:
        return "a usage limit holds it"
    if used := used_by(facts, session, observation):
        return used
    if reading.box:
        return "somebody's text stands in its prompt box"
    if _is_being_drawn(session, backend, observation.mono):
        return "it has only just drawn its prompt box"
    if head.sender == LIMIT_SENDER and reading.state is State.LIMITED:
        return "" if reading.box is not None and reading.candidate is None else "its prompt box is not there"
    if (
        reading.state in {State.WORKING, State.TRANSIENT, State.WARNING}
        and backend.queues
        and head.sender not in OF_A_RUN
    ):
        if session.keeps and backend.queue_joins:
            return "it keeps another text until its turn is over"
        return "" if reading.box == "" else "its prompt box is not there"
    if reading.state is State.WARNING and reading.box == "":
        return ""
    if reading.state is not State.IDLE or reading.candidate is not None:
        return f"it is {reading.state.value}"
    return ""


def _is_being_drawn(session: SessionMemory, backend: BackendSpec, mono: float) -> bool:
    """Whether a program of which little is seen yet may still lose what is typed: some draw their box before they read keys."""
    young = mono - session.started_mono < DRAWING_SPAN
    return bool(backend.rules) and young and 0.0 <= mono - session.reading.changed_mono < DRAWN


def held_up_by(facts: Facts, session: SessionMemory, observation: Observation) -> str:
    """What the oldest text of an outbox waits for, for people; "" when it is about to be typed, or there is none."""
    head = session.deliveries[0] if session.deliveries else None
    backend = facts.wanted.launch.backend if facts.wanted else None
    if head is None or backend is None:
        return ""
    if head.state is not DeliveryState.QUEUED:
        return "it was typed, and nobody can say yet that it was taken"
    if not facts.alive:
        return "it does not run"
    return waits_for(facts, session, head, observation)


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
