"""What a screen says: the reader's input, its rules, and its answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """What an agent program says of itself, judged from its screen."""

    STARTING = "starting"
    WORKING = "working"
    IDLE = "idle"
    DRAFT = "draft"
    """Text is typed into the prompt box and not sent."""
    DIALOG = "dialog"
    """Waits for a human: permission, trust, a menu."""
    LIMITED = "limited"
    """A usage limit stopped it."""
    TRANSIENT = "transient"
    """Overloaded or retrying: seconds to minutes."""
    AUTH = "auth"
    """Login, key or credit: a human must act."""
    FATAL = "fatal"
    """This session can't go on."""
    EXITED = "exited"
    WARNING = "warning"
    """Near a limit, still able to work."""
    UNKNOWN = "unknown"
    """Nothing that is known: no action on it."""


REGIONS = (
    "command",
    "title",
    "screen",
    "box",
    "hint",
    "footer",
    "status",
    "dialog",
    "last",
    "finished",
    "notices",
    "replies",
)
"""The parts of a screen that a rule can look at; `reading/regions.py` says what each is."""
BY_LINE = "lines:"
"""A region that begins so is all rows that the expression behind it matches."""


@dataclass(frozen=True, slots=True)
class RuleSpec:
    """One reading rule, as a profile or agents.toml states it.

    A rule matches when `pattern` (case-insensitive) is found in `region`; of the rules that
    match, the highest priority wins, and of equals the first.

    also_region, also_pattern: a second condition; "" for none.
    needs: words with "|" between them, in lower case; the pattern is tried only where one of
        them stands. "" to try it always. It makes reading quick and changes no answer.
    goes_on: of a limit: the program says that it goes on by itself when it ends.
    """

    state: State
    pattern: str
    region: str = "screen"
    priority: int = 0
    name: str = ""
    also_region: str = ""
    also_pattern: str = ""
    needs: str = ""
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class Screen:
    """One pane as tmux shows it.

    text: the visible lines, without attributes, as `capture-pane -p` gives them.
    ansi: the same with attributes (`capture-pane -e`), where it was asked for.
    cursor: column and row, from 0.
    """

    text: str
    title: str = ""
    command: str = ""
    alternate: bool = False
    cursor: tuple[int, int] | None = None
    ansi: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """The reader's answer.

    rule: name of the rule that matched, "" when none did.
    evidence: the lines that made it match, oldest first.
    reset_at: when a limit ends, UTC; None when the screen does not say.
    goes_on: the program says that it goes on by itself when the limit ends.
    box: what is typed in the prompt box, "" when it is empty; None where there is none to type into.
    """

    state: State
    rule: str = ""
    evidence: tuple[str, ...] = ()
    reset_at: datetime | None = None
    goes_on: bool = False
    box: str | None = None


@dataclass(frozen=True, slots=True)
class Signal:
    """What a program reported of itself, by a hook or in its transcript.

    id: number in the store; 0 for one that was found in a transcript.
    run: the run that reported it. at: epoch seconds. mono: seconds since boot.
    event: what happened, in the program's own word.
    state: what follows from it; None when nothing does.
    submitted: a prompt was accepted.
    reset_at: end of a limit, epoch seconds, exact.
    words: the message that came with it, one line.
    """

    id: int
    run: str
    at: float
    mono: float
    event: str
    state: State | None = None
    submitted: bool = False
    reset_at: float | None = None
    words: str = ""
