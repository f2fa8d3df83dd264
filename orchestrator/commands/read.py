"""`ao read`: what the reader makes of a screen in a file, or in a stream of many; `read_live.py` has a live agent's.

A stream is JSON lines both ways. What has come in is answered before more is waited for, so a
program that asks through a pipe gets its answers while it goes on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from orchestrator.adapters import clock
from orchestrator.backends import profile_names
from orchestrator.config.profiles import profile
from orchestrator.config.words import did_you_mean
from orchestrator.errors import UsageError
from orchestrator.model.config import Config
from orchestrator.model.reading import Reading, Screen
from orchestrator.model.text import printable
from orchestrator.reading import Rules, compile_rules, read
from orchestrator.reading.zones import zone_named

GENERIC: Final = "generic"
"""The profile that knows every wording; for programs that have none of their own."""
CHUNK: Final = 1 << 18
"""Bytes that are taken from a stream at once, at most."""
_ATTRIBUTES: Final = re.compile(r"\x1b\[[0-9;:]*m|\x1b\]8;[^\x07\x1b]*(?:\x07|\x1b\\)|[\x0e\x0f]")
"""What `capture-pane -e` adds to a screen's text: colours, links, changes of the character set."""


class Rulebook:
    """Every backend's rules: as a config has them, where there is one, else the built-in profile's."""

    def __init__(self, config: Config | None) -> None:
        self._declared = config.backends if config else {}
        self._known = frozenset((*profile_names(), *self._declared))
        self._ready: dict[str, Rules] = {}

    def rules(self, backend: str) -> Rules:
        """The rules of a backend.

        Raises:
            UsageError: there is none of that name; the nearest is named.
        """
        if (ready := self._ready.get(backend)) is not None:
            return ready
        if backend not in self._known:
            raise UsageError(
                f"no backend is called {printable(backend)}{did_you_mean(backend, sorted(self._known))}",
                f"there are: {', '.join(sorted(self._known))}; agents.toml declares others as [backend.NAME]",
            )
        spec = self._declared.get(backend)
        self._ready[backend] = compile_rules(spec.rules if spec else profile(backend)["rules"])
        return self._ready[backend]

    def rules_or_generic(self, backend: str) -> Rules:
        """As `rules`, with those of `generic` for a name that nothing bears."""
        return self.rules(backend if backend in self._known else GENERIC)


@dataclass(frozen=True, slots=True)
class Assumed:
    """What holds for a screen that doesn't say when and where it was seen."""

    tz: str
    now: datetime | None = None
    """None: the moment at which it is read."""

    def moment(self) -> datetime:
        """When the screen was seen, with zone."""
        return self.now or datetime.fromtimestamp(clock.now(), UTC)


def assume(now: str | None, tz: str | None, local: str) -> Assumed:
    """From what a person gave.

    Args:
        now: an ISO time, or None for the moment of reading; without an offset it is of the zone.
        tz: a zone's name, or None for this machine's.
        local: this machine's zone.

    Raises:
        UsageError: one of the two can't be understood.
    """
    zone = tz or local
    check_zone(zone)
    return Assumed(zone, parse_moment(now, zone) if now is not None else None)


def check_zone(name: str) -> None:
    """Refuse a name that no time zone bears.

    Raises:
        UsageError: with an example of one that does.
    """
    if zone_named(name) is None:
        raise UsageError(f"{printable(name)!r} is no time zone", "give an IANA name, e.g. Europe/Berlin")


def parse_moment(given: str | float, tz: str) -> datetime:
    """The moment that an ISO time or a number of epoch seconds means; without an offset, in the zone `tz`.

    Raises:
        UsageError: it is neither.
    """
    try:
        moment = (
            datetime.fromisoformat(given) if isinstance(given, str) else datetime.fromtimestamp(given, UTC)
        )
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone_named(tz))).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise UsageError(f"{printable(str(given))!r} is no ISO time", "e.g. 2026-01-31T12:00:00Z") from None


def facts(reading: Reading) -> dict[str, object]:
    """A reading as JSON has it."""
    return {
        "state": reading.state.value,
        "rule": reading.rule,
        "evidence": list(reading.evidence),
        "reset_at": utc(reading.reset_at) if reading.reset_at else None,
    }


def utc(moment: datetime) -> str:
    """A moment in UTC, to the second, as ISO 8601 writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# ---- files


def read_file(data: bytes, rules: Rules, seen: Assumed) -> Reading:
    """The reading of a screen that was saved with `capture-pane -p`, or with `-e`, which tells more."""
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    plain = _ATTRIBUTES.sub("", text)
    screen = Screen(plain, ansi=text if plain != text else None)
    return read(rules, screen, seen.moment(), seen.tz)


def read_files(
    names: list[str], rules: Rules, seen: Assumed, load: Callable[[str], bytes]
) -> Iterator[dict[str, object]]:
    """One object per file; one that can't be read has `error` in place of a reading."""
    for name in names:
        try:
            yield {"file": name, **facts(read_file(load(name), rules, seen))}
        except OSError as error:
            yield {"file": name, "error": f"it can't be read: {error.strerror}"}


def load_path(name: str) -> bytes:
    """The bytes of a file."""
    return Path(name).read_bytes()


# ---- a stream


class Stream(Protocol):
    """Where JSON lines come from."""

    def read1(self, size: int, /) -> bytes:
        """What is there, waiting only when nothing is; b"" at the end."""


class Line(msgspec.Struct, gc=False):
    """One line of a stream. null is as good as absent."""

    backend: str
    text: str
    id: Any = None
    title: str | None = None
    command: str | None = None
    alternate: bool | int | None = None
    cursor: tuple[int, int] | str | None = None
    """Column and row; tmux's own "COLUMN,ROW" too."""
    ansi: str | None = None
    now: str | float | None = None
    tz: str | None = None


_LINE: Final = msgspec.json.Decoder(Line)
_BROKEN: Final = (msgspec.MsgspecError, UnicodeDecodeError, UsageError, RecursionError)


def answers(source: Stream, book: Rulebook, seen: Assumed) -> Iterator[tuple[str, bool]]:
    """The answers to a stream, a batch at a time: the lines to write, and whether all of them are readings."""
    for lines in _batches(source):
        told = [_answer(line, book, seen) for line in lines if line.strip()]
        text = "".join(f"{json.dumps(answer)}\n" for answer in told)
        yield text, not any("error" in answer for answer in told)


def _batches(source: Stream) -> Iterator[list[bytes]]:
    """Whole lines, as many as have come."""
    open_line: list[bytes] = []
    while chunk := source.read1(CHUNK):
        *whole, rest = chunk.split(b"\n")
        if whole:
            whole[0] = b"".join((*open_line, whole[0]))
            open_line = []
            yield whole
        open_line.append(rest)
    yield [b"".join(open_line)]


def _answer(line: bytes, book: Rulebook, seen: Assumed) -> dict[str, object]:
    try:
        given = _LINE.decode(line)
        return {"id": given.id, **facts(_read_line(given, book, seen))}
    except _BROKEN as error:
        return {"id": _id_of(line), "error": str(error)}


def _read_line(line: Line, book: Rulebook, seen: Assumed) -> Reading:
    tz = line.tz or seen.tz
    if line.tz:
        check_zone(tz)
    now = parse_moment(line.now, tz) if line.now is not None else seen.moment()
    screen = Screen(
        line.text,
        title=line.title or "",
        command=line.command or "",
        alternate=bool(line.alternate),
        cursor=_cursor(line.cursor),
        ansi=line.ansi or None,
    )
    return read(book.rules_or_generic(line.backend), screen, now, tz)


def _cursor(given: tuple[int, int] | str | None) -> tuple[int, int] | None:
    if not isinstance(given, str):
        return given
    column, comma, row = given.partition(",")
    if not (comma and column.isdecimal() and row.isdecimal()):
        raise UsageError(f"{printable(given)!r} is no cursor", "give [COLUMN, ROW], from 0")
    return int(column), int(row)


def _id_of(line: bytes) -> object:
    """The id of a line that is broken otherwise, None when it has none."""
    try:
        whole = msgspec.json.decode(line)
    except _BROKEN:
        return None
    return whole.get("id") if isinstance(whole, dict) else None
