from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.bench import Bench, bench


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A private server; the environment of the test itself points elsewhere, and must not matter."""
    monkeypatch.setenv("TMUX", "/nowhere/socket,1,0")
    monkeypatch.setenv("TMUX_PANE", "%0")
    monkeypatch.delenv("TMUX_TMPDIR", raising=False)
    with bench() as made:
        yield made
