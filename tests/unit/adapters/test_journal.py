"""The watchdog's own log."""

from __future__ import annotations

import contextlib
import os
import pty
import stat
from io import TextIOWrapper
from pathlib import Path

import pytest

from orchestrator.adapters import journal as module
from orchestrator.adapters.journal import KEEP, Journal
from orchestrator.model.event import Event, EventKind


def event(message: str) -> Event:
    return Event(EventKind.STARTED, "a", message)


def test_a_line_per_event(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "watchdog.log"
    journal = Journal(path, echo=False)
    journal.write(event("runs ✳"))
    journal.write(Event(EventKind.TMUX_LOST, "", "gone"))
    try:
        int("no number")
    except ValueError:
        journal.trouble("a tick failed", trace=True)
    journal.close()
    first, second, third, *trace = path.read_text().splitlines()
    assert first.endswith("Z  a: started: runs ✳")
    assert second.endswith("Z  fleet: tmux-lost: gone")
    assert third.endswith("Z  watchdog: a tick failed")
    assert trace[-1] == "ValueError: invalid literal for int() with base 10: 'no number'"
    assert capsys.readouterr() == ("", "")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_terminal_gets_it_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = Journal(tmp_path / "watchdog.log", echo=True)
    journal.write(event("runs"))
    journal.close()
    assert capsys.readouterr().err == (tmp_path / "watchdog.log").read_text()


def test_it_stays_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 1000)
    journal = Journal(tmp_path / "watchdog.log", echo=False)
    for number in range(200):
        journal.write(event(f"{number} {'x' * 80}"))
    journal.close()
    files = {path.name: path for path in tmp_path.iterdir()}
    assert set(files) == {"watchdog.log", *(f"watchdog.log.{number}" for number in range(1, KEEP + 1))}
    assert all(path.stat().st_size <= 1000 for path in files.values())
    assert "199 x" in files["watchdog.log"].read_text()
    assert {stat.S_IMODE(path.stat().st_mode) for path in files.values()} == {0o600}


@pytest.mark.parametrize("how", ["deleted", "moved", "folder deleted"])
def test_a_log_that_is_gone_is_begun_again(tmp_path: Path, how: str) -> None:
    path = tmp_path / "log" / "watchdog.log"
    path.parent.mkdir()
    journal = Journal(path, echo=False)
    journal.write(event("one"))
    if how == "moved":
        path.rename(path.with_name("old"))
    else:
        path.unlink()
    if how == "folder deleted":
        path.parent.rmdir()
        journal.write(event("lost"))
        path.parent.mkdir()
    journal.write(event("two"))
    journal.close()
    assert path.read_text().endswith("two\n")
    assert "one" not in path.read_text()


def test_a_full_disk_costs_lines_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "watchdog.log"
    path.touch()
    monkeypatch.setattr(module._QuietFile, "_open", _open_full_disk)
    journal = Journal(path, echo=False)
    for _ in range(3):
        journal.write(event("x" * 10_000))
    path.unlink()
    journal.write(event("lost too"))
    journal.close()
    assert capsys.readouterr() == ("", "")
    monkeypatch.undo()
    journal = Journal(path, echo=False)
    journal.write(event("room again"))
    journal.close()
    assert path.read_text().endswith("room again\n")


def test_text_that_is_no_text_is_shown_somehow(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "watchdog.log", echo=False)
    journal.write(event("\udcff\0 %s %d {x} end"))
    journal.close()
    assert "%s %d {x} end" in (tmp_path / "watchdog.log").read_text()


def test_a_terminal_that_is_gone_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = pty.openpty()
    with os.fdopen(slave, "w", encoding="utf-8", buffering=1) as terminal:
        monkeypatch.setattr("sys.stderr", terminal)
        journal = Journal(tmp_path / "watchdog.log", echo=True)
        os.close(master)
        journal.write(event("still logged"))
        journal.close()
        monkeypatch.undo()
        with contextlib.suppress(OSError):
            terminal.close()
    assert "still logged" in (tmp_path / "watchdog.log").read_text()


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "watchdog.log").symlink_to(victim)
    journal = Journal(tmp_path / "watchdog.log", echo=False)
    journal.write(event("x"))
    journal.close()
    assert victim.read_text() == "precious"


def _open_full_disk(_handler: object) -> TextIOWrapper:
    return TextIOWrapper(Path("/dev/full").open("wb"))
