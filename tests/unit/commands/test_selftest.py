"""That a selftest can fail: each check sees what it is there to see."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from orchestrator.commands import selftest
from orchestrator.commands.selftest import read_corpus, round_trip


def test_the_shipped_corpus_reads_right() -> None:
    tried = read_corpus()
    assert tried.ok, tried.detail


@pytest.mark.parametrize(
    ("rows", "detail"),
    [
        ([{"id": "x", "backend": "claude", "state": "limited", "text": "nothing of the kind"}], "x: read"),
        ([], ""),
    ],
)
def test_a_wrong_reading_is_seen(monkeypatch: pytest.MonkeyPatch, rows: list[object], detail: str) -> None:
    monkeypatch.setattr(selftest, "_corpus", lambda: "\n".join(map(json.dumps, rows)))
    tried = read_corpus()
    assert not tried.ok
    assert tried.detail.startswith(detail)


def test_a_tmux_that_does_not_work_is_seen(tmp_path: Path) -> None:
    (tmp_path / "tmux").write_text("#!/bin/sh\necho broken >&2\nexit 1\n")
    (tmp_path / "tmux").chmod(0o755)
    environ = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "TMUX_TMPDIR": str(tmp_path),
        "HOME": str(tmp_path),
    }
    tried = {check.name: check for check in round_trip(environ)}
    assert not tried["tmux answers"].ok
