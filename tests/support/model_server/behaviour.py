"""What the model does with a turn."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Failure(StrEnum):
    """Why a request is refused; each API has its own words for it."""

    LIMIT = "limit"
    OVERLOADED = "overloaded"
    AUTH = "auth"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One way to treat a turn. Made by the functions below.

    text: the answer.
    commands: shell commands run one after another through the program's own tool, before the answer.
    first_byte_delay, word_delay: seconds.
    failure: refuse instead; `failures` requests of the turn, or, for a limit, until `reset_at`.
    reset_at: epoch seconds.
    """

    text: str = "All done."
    commands: tuple[str, ...] = ()
    first_byte_delay: float = 0.0
    word_delay: float = 0.0
    failure: Failure | None = None
    failures: int | None = None
    reset_at: float | None = None

    def refuses(self, failed: int, now: float) -> Failure | None:
        """The failure that the next request of the turn meets.

        Args:
            failed: how many requests of the turn were refused before.
            now: epoch seconds.
        """
        over = (self.failures is not None and failed >= self.failures) or (
            self.reset_at is not None and now >= self.reset_at
        )
        return None if over else self.failure


@dataclass(frozen=True, slots=True)
class Rule:
    """A behaviour for the turns whose prompt contains a pattern; at most `times` turns."""

    pattern: str
    behaviour: Behaviour
    times: int | None = None

    def fits(self, prompt: str) -> bool:
        """Whether the prompt contains the pattern; `^` is the start of any line."""
        return re.search(self.pattern, prompt, re.MULTILINE) is not None


def reply(text: str) -> Behaviour:
    """Answers at once."""
    return Behaviour(text)


def slow(text: str, word_delay: float) -> Behaviour:
    """Answers one word every `word_delay` seconds."""
    return Behaviour(text, word_delay=word_delay)


def hang(seconds: float, text: str = "All done.") -> Behaviour:
    """Sends nothing for that long, then answers."""
    return Behaviour(text, first_byte_delay=seconds)


def tool(*commands: str, text: str = "All done.") -> Behaviour:
    """Has the program run shell commands in its own tool loop, then answers."""
    return Behaviour(text, commands=commands)


def limit(reset_at: float, text: str = "All done.") -> Behaviour:
    """Refuses with a usage limit until `reset_at` (epoch seconds), then answers."""
    return Behaviour(text, failure=Failure.LIMIT, reset_at=reset_at)


def overloaded(failures: int | None = None, text: str = "All done.") -> Behaviour:
    """Refuses that many requests of the turn as overloaded (None: all), then answers."""
    return Behaviour(text, failure=Failure.OVERLOADED, failures=failures)


def auth(failures: int | None = None, text: str = "All done.") -> Behaviour:
    """Refuses the key, for that many requests of the turn (None: all), then answers."""
    return Behaviour(text, failure=Failure.AUTH, failures=failures)
