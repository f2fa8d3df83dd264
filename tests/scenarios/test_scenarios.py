"""Stories of many ticks: what the world does, and beneath it all that the watchdog does and says.

`pytest tests/scenarios --rewrite` writes what comes out into the files; read the diff before you commit it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.story import tell

STORIES = sorted(Path(__file__).parent.glob("*.txt"))


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_story(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rewrite: bool) -> None:
    monkeypatch.chdir(tmp_path)  # so that no path in a story depends on where it is told
    Path("fleet").mkdir()
    told = tell(path.read_text(), Path("fleet"))
    if rewrite:
        path.write_text(told)
    assert told == path.read_text()
