"""Every problem of a wrong file, word for word. `--rewrite` accepts what is said now."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.config.load import load
from orchestrator.errors import ConfigError, ExitCode

FOLDER = Path(__file__).parents[2] / "config_errors"
CASES = sorted(path.stem for path in FOLDER.glob("*.toml"))


def said(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path)
    error = caught.value
    assert error.exit_code is ExitCode.USAGE
    text = "\n".join([error.message, f"({error.hint})", *error.problems, ""])
    return text.replace(str(path.parent), "FOLDER")


@pytest.mark.parametrize("case", CASES)
def test_the_problems_are_those_expected(case: str, rewrite: bool) -> None:
    expected = FOLDER / f"{case}.expected"
    text = said(FOLDER / f"{case}.toml")
    if rewrite:
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")


def test_no_message_can_steer_a_terminal() -> None:
    for case in CASES:
        assert all(line.isprintable() for line in said(FOLDER / f"{case}.toml").splitlines()), case


def test_no_expectation_is_left_over() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.expected")) == CASES
