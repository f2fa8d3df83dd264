"""`ao selftest`: does the reader still read, and does tmux do here what ao builds on? Needs no config."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

from orchestrator.adapters import clock
from orchestrator.adapters.processes import is_alive
from orchestrator.adapters.tmux import TmuxServer, version
from orchestrator.backends import load_profile
from orchestrator.backends.rules import parse_rule
from orchestrator.errors import AoError
from orchestrator.model.observation import Pane
from orchestrator.model.reading import Reading, Screen
from orchestrator.reading import Rules, compile_rules, read

PATIENCE = 5.0
"""Seconds in which what was asked of tmux must show."""
NOON = "2026-01-15T12:00:00+00:00"
AWKWARD = "-leading dash; `tick` $(no) 'quotes' \"double\" ünï {braces} #{format} %1 end;"
STATUS = 7


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
    """Read every screen that is shipped, and compare with the state that a person saw in it."""
    try:
        rows = [json.loads(line) for line in _corpus().splitlines() if line]
    except FileNotFoundError as error:
        return Check("reading screens", False, f"{error.filename} is missing; install ao again")
    rules = {name: _rules(name) for name in {row["backend"] for row in rows}}
    readings = ((row, _read(rules[row["backend"]], row).state.value) for row in rows)
    wrong = [
        f"{row.get('id', number)}: read {got}, is {row['state']}"
        for number, (row, got) in enumerate(readings, 1)
        if got != row["state"]
    ]
    return Check(f"reading {len(rows)} screens", bool(rows) and not wrong, "; ".join(wrong))


def _corpus() -> str:
    return resources.files("orchestrator.reading").joinpath("corpus.jsonl").read_text(encoding="utf-8")


def _rules(backend: str) -> Rules:
    tables = load_profile(backend)["rules"]
    return compile_rules([parse_rule(table, f"{backend}-{number}") for number, table in enumerate(tables)])


def _read(rules: Rules, row: Mapping[str, Any]) -> Reading:
    screen = Screen(
        row["text"], title=row.get("title", ""), command=row.get("command", ""), ansi=row.get("ansi")
    )
    return read(rules, screen, datetime.fromisoformat(row.get("now", NOON)), row.get("tz", "UTC"))


def round_trip(environ: Mapping[str, str]) -> Iterator[Check]:
    """Start, mark, log, look, paste, end and clean up on a tmux server of its own."""
    mark = clock.fresh_id()[:8]
    try:
        server = TmuxServer(f"ao-selftest-{mark}", mark, environ)
    except AoError as error:
        yield Check("tmux", False, f"{error.message}; {error.hint}")
        return
    yield Check("tmux", True, version(environ))
    with tempfile.TemporaryDirectory(prefix="ao-selftest-") as folder:
        trial = Trial(server, Path(folder), mark)
        try:
            yield from trial.run()
        except AoError as error:
            yield Check("tmux answers", False, error.message)
        finally:
            gone = trial.clean_up()
        yield Check("nothing is left of it", gone)


class Trial:
    """One round trip on a server of its own."""

    def __init__(self, server: TmuxServer, folder: Path, mark: str) -> None:
        self._server = server
        self._folder = folder
        self._mark = mark
        self._pids: list[int] = []

    def run(self) -> Iterator[Check]:
        """Every check, in order; those after a session that did not start are left out."""
        said = self._start("echo", "echo first words; exec cat")
        yield Check("a session starts", not said, said)
        pane = self._pane("echo")
        yield Check(
            "its pane carries its marks", pane is not None and (pane.spec, pane.run) == ("spec", "run")
        )
        if pane is None:
            return
        self._pids.append(pane.pid)
        yield Check("its first output is in its log", _comes(lambda: "first words" in self._log("echo")))
        yield Check("its screen can be read", _comes(lambda: "first words" in self._screen(pane)))
        yield Check("awkward text arrives whole, once", self._paste(pane))
        yield from self._dying()
        self._server.close_pane(pane.pane_id)
        yield Check(
            "a session is ended", _comes(lambda: self._pane("echo") is None and not is_alive(pane.pid))
        )

    def _dying(self) -> Iterator[Check]:
        self._start("dying", f"echo last words; exit {STATUS}")
        yield Check("a dead program's exit status is known", _comes(self._status_known))
        pane = self._pane("dying")
        stay = pane is not None and _comes(lambda: "last words" in self._screen(pane))
        yield Check("its last words stay", stay)

    def _start(self, name: str, line: str) -> str:
        marks = {"fleet": self._mark, "name": name, "spec": "spec", "run": "run"}
        return self._server.start(f"selftest-{name}", ("/bin/sh", "-c", line), marks, self._log_path(name))

    def _log_path(self, name: str) -> Path:
        return self._folder / f"an awkward # name's %d {name}.log"

    def _log(self, name: str) -> str:
        path = self._log_path(name)
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def _pane(self, name: str) -> Pane | None:
        return (self._server.snapshot().panes or {}).get(name)

    def _screen(self, pane: Pane) -> str:
        # tmux's own note on a dead pane pushes the first row out of sight.
        return self._server.look({"": pane.pane_id}, history=1)[""].text

    def _paste(self, pane: Pane) -> bool:
        """The terminal shows the line as it is typed, and cat when it has read it."""
        text = self._folder / "text"
        text.write_text(AWKWARD, encoding="utf-8")
        self._server.paste(pane.pane_id, text)
        self._server.press(pane.pane_id, "Enter")
        return _comes(lambda: self._screen(pane).splitlines().count(AWKWARD) == 2)

    def _status_known(self) -> bool:
        pane = self._pane("dying")
        if pane is not None and pane.dead and pane.dead_status is None:
            self._server.nudge(pane.server_pid)  # tmux 3.3a misses the exit status of some
        return pane is not None and pane.dead_status == STATUS

    def clean_up(self) -> bool:
        """End what is left; whether nothing is left then."""
        with contextlib.suppress(AoError):
            for pane in (self._server.snapshot().panes or {}).values():
                self._server.close_pane(pane.pane_id)
        ended = self._server.end_empty_server()
        return ended and not self._server.has_socket() and _comes(lambda: not any(map(is_alive, self._pids)))


def _comes(condition: Callable[[], bool]) -> bool:
    """Whether a condition holds within `PATIENCE` seconds."""
    deadline = clock.mono() + PATIENCE
    while not condition():
        if clock.mono() > deadline:
            return False
        clock.pause(0.02)
    return True
