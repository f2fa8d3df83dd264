"""The text of `ao status`. Plain strings only: the quick path prints them without any library."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from orchestrator.commands.phase import Standing
from orchestrator.commands.status import Status
from orchestrator.model.text import printable
from orchestrator.model.view import HEALTHY, Condition, View

COLUMNS = ("NAME", "KIND", "BACKEND", "MODEL", "WATCH", "STATE", "SINCE", "RESTARTS", "COMMAND", "NEXT")
REASON_WIDTH = 60


def since(seconds: float) -> str:
    """A duration in two letters or so: 12s, 5m, 3h, 2d."""
    whole = max(0, int(seconds))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if whole >= size:
            return f"{whole // size}{unit}"
    return f"{whole}s"


def wall(at: float, now: float) -> str:
    """An instant on the local clock; with its date when that is not near."""
    try:
        local = time.localtime(at)
    except (OverflowError, OSError, ValueError):
        return "at no time that a clock has"
    return time.strftime("%H:%M:%S" if abs(at - now) < 43200 else "%Y-%m-%d %H:%M", local)


def row(view: View, at: float) -> tuple[str, ...]:
    """The cells of one session."""
    return (
        view.name, view.kind, view.backend or "-", view.model or "-", view.watch or "-", state(view),
        since(at - view.since), str(view.restarts), printable(view.command)[:24] or "-", upcoming(view, at),
    )  # fmt: skip


def state(view: View) -> str:
    """The condition, and where it needs somebody the reason."""
    explains = view.condition not in HEALTHY or view.condition in {Condition.WAITING, Condition.COMPLETED}
    reason = printable(view.reason)[:REASON_WIDTH]
    marks = " (drift)" if view.drift else ""
    return f"{view.condition.value}{f': {reason}' if explains and reason else ''}{marks}"


def upcoming(view: View, now: float) -> str:
    """What will happen by itself."""
    said = f"{view.next} {wall(view.next_at, now)}" if view.next and view.next_at is not None else view.next
    texts = (
        f"{view.texts} text{'s' if view.texts > 1 else ''} to say{f' ({view.text_waits})' if view.text_waits else ''}"
        if view.texts
        else ""
    )
    reset = f"resets {wall(view.reset_at, now)}" if view.reset_at is not None else ""
    if view.account_limited:
        reset = f"its account is limited ({view.account_limited}){', ' + reset if reset else ''}"
        return ", ".join(part for part in (said, reset, texts) if part)
    return ", ".join(part for part in (reset, said, texts) if part) or "-"


def heading(status: Status) -> list[str]:
    """The lines above the table: loops, and what is wrong with the whole fleet."""
    lines = []
    for loop in status.loops:
        place = f"phase {loop.phase} ({loop.index + 1} of {len(loop.phases)})" if loop.phase else "no phases"
        lines.append(f"loop {loop.loop}: {'complete' if loop.complete else place}{because(loop)}")
    if status.error:
        lines.append(f"trouble: {printable(status.error)}")
    return lines


def because(loop: Standing) -> str:
    """Why a loop's phase goes on, and what is wrong with its repository."""
    words = [
        printable(part)
        for part in (loop.waits, f"can't see its repository: {loop.trouble}" if loop.trouble else "")
        if part
    ]
    return f"; {', '.join(words)}" if words else ""


def footing(status: Status) -> str:
    """The line about the watchdog."""
    if status.watchdog is None:
        return "watchdog: not running; nothing is healed (start it with `ao up`)"
    if status.watchdog.role not in {"watchdog", "unknown"}:
        return f"watchdog: not running; `ao {status.watchdog.role}` (pid {status.watchdog.pid}) looks after the fleet until it is answered"
    return f"watchdog: running, pid {status.watchdog.pid}, since {since(status.at - status.watchdog.at)}"


def plain(status: Status) -> str:
    """The whole status as aligned text."""
    rows = [COLUMNS, *(row(view, status.at) for view in status.views)]
    return "\n".join([*heading(status), *aligned(rows), footing(status)])


def aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows with their columns padded to one width each."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    pad: Callable[[tuple[str, int]], str] = lambda cell: cell[0].ljust(cell[1])  # noqa: E731 - one use
    return ["  ".join(map(pad, zip(cells, widths, strict=True))).rstrip() for cells in rows]


def facts(status: Status) -> dict[str, object]:
    """The same as facts, for `--json`."""
    return {
        "healthy": status.healthy,
        "watchdog": None
        if status.watchdog is None
        else {"pid": status.watchdog.pid, "since": status.watchdog.at},
        "config_error": status.error or None,
        "loops": [
            {
                "name": x.loop,
                "phase": x.phase or None,
                "index": x.index,
                "phases": list(x.phases),
                "complete": x.complete,
                "waits": x.waits or None,
                "trouble": x.trouble or None,
            }
            for x in status.loops
        ],
        "sessions": [session_facts(view) for view in status.views],
    }


def session_facts(view: View) -> dict[str, object]:
    """One session as facts."""
    return {
        "name": view.name, "kind": view.kind, "session": view.session, "backend": view.backend, "model": view.model,
        "watch": view.watch, "state": view.condition.value, "since": view.since, "reason": view.reason, "rule": view.rule,
        "evidence": list(view.evidence), "restarts": view.restarts, "pid": view.pid or None, "pane": view.pane or None,
        "command": view.command, "next": view.next or None, "next_at": view.next_at, "drift": view.drift,
        "attached": view.attached, "reset_at": view.reset_at, "account_limited": view.account_limited or None,
        "texts": view.texts, "text_waits": view.text_waits or None,
    }  # fmt: skip
