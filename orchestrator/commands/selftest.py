"""`ao selftest`: does the reader still read, and does tmux do here what ao builds on? Needs no config."""

from __future__ import annotations

import json
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

from orchestrator.adapters import clock
from orchestrator.adapters.tmux import TmuxServer
from orchestrator.backends import load_profile
from orchestrator.backends.rules import parse_rule
from orchestrator.errors import AoError
from orchestrator.model.observation import Pane, ServerState
from orchestrator.model.reading import Screen
from orchestrator.reading import Rules, compile_rules, read

PATIENCE = 5.0
AWKWARD = "-leading dash; `tick` $(no) 'quotes' \"double\" ünï {braces} #{format} end;"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried."""

    name: str
    ok: bool
    detail: str = ""


def selftest(environ: Mapping[str, str]) -> Iterator[Check]:
    """Try everything, one after another."""
    yield read_corpus()
    yield from round_trip(environ)


def read_corpus() -> Check:
    """Read every screen of the shipped corpus."""
    rows = [json.loads(line) for line in _corpus().splitlines() if line]
    rules: dict[str, Rules] = {}
    wrong: list[str] = []
    for row in rows:
        name = row["backend"]
        if name not in rules:
            tables = load_profile(name)["rules"]
            rules[name] = compile_rules(
                tuple(parse_rule(table, f"{name}-{i}") for i, table in enumerate(tables))
            )
        screen = Screen(text=row["text"], title=row.get("title", ""), command=row.get("command", ""))
        now = datetime.fromisoformat(row.get("now", "2026-01-15T12:00:00+00:00"))
        reading = read(rules[name], screen, now.astimezone(UTC), row.get("tz", "UTC"))
        if reading.state.value != row["state"]:
            wrong.append(f"{row['id']}: read {reading.state.value}, is {row['state']}")
    return Check(f"reading {len(rows)} screens", bool(rows) and not wrong, "; ".join(wrong))


def _corpus() -> str:
    return resources.files("orchestrator.reading").joinpath("corpus.jsonl").read_text(encoding="utf-8")


def round_trip(environ: Mapping[str, str]) -> Iterator[Check]:
    """Start, mark, log, look, paste, end and clean up on a tmux server of its own."""
    mark = uuid.uuid4().hex[:8]
    with tempfile.TemporaryDirectory(prefix="ao-selftest-") as folder:
        try:
            server = TmuxServer(f"ao-selftest-{mark}", mark, environ)
        except AoError as error:
            yield Check("tmux", False, f"{error.message}; {error.hint}")
            return
        try:
            yield from _try_server(server, Path(folder), mark)
        except AoError as error:
            yield Check("tmux", False, error.message)
        finally:
            for pane in (server.snapshot().panes or {}).values():
                server.close_pane(pane.pane_id)
            gone = server.end_empty_server()
        yield Check("nothing is left", gone and not server.has_socket())


def _try_server(server: TmuxServer, folder: Path, mark: str) -> Iterator[Check]:
    marks = {"fleet": mark, "name": "echo", "spec": "s", "run": "r"}
    log = folder / "an awkward # name's %d.log"
    words = server.start("selftest", ("/bin/sh", "-c", "echo first; exec cat"), marks, log)
    yield Check("a session starts", not words, words)
    pane = (server.snapshot().panes or {}).get("echo")
    yield Check("its pane carries the marks", pane is not None and pane.run == "r")
    if pane is None:
        return
    yield Check(
        "its first output is in the log", _comes(lambda: log.exists() and b"first" in log.read_bytes())
    )
    text = folder / "text"
    text.write_text(AWKWARD, encoding="utf-8")
    server.paste(pane.pane_id, text)
    server.press(pane.pane_id, "Enter")
    yield Check(
        "awkward text arrives whole",
        _comes(lambda: server.look({"echo": pane.pane_id})["echo"].text.count(AWKWARD) == 2),
    )
    server.press(pane.pane_id, "C-d")

    def ended() -> bool:
        found = server.snapshot()
        now = (found.panes or {}).get("echo")
        if now is not None and now.dead and now.dead_status is None:
            server.nudge(now.server_pid)
        return found.state is ServerState.UP and now is not None and _ended_well(now)

    yield Check("a dead program's exit status is known", _comes(ended))


def _ended_well(pane: Pane) -> bool:
    return pane.dead and pane.dead_status == 0


def _comes(condition: Callable[[], bool]) -> bool:
    """Whether a condition holds within `PATIENCE` seconds."""
    deadline = clock.mono() + PATIENCE
    while not condition():
        if clock.mono() > deadline:
            return False
        clock.pause(0.02)
    return True
