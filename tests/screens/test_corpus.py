"""Every recorded screen and every known banner is read right, within stated bounds."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from corpus import Row, reading_of, rows, rules_of

from orchestrator.model.reading import State
from orchestrator.reading import compile_rules, read

SETS = ("recorded", "banners", "wordings")
LEAST_RIGHT = 0.99


def confusion(name: str) -> str:
    """Rows: what it is; columns: what was read."""
    found = Counter((row.states[0], str(reading_of(row).state)) for row in rows(name))
    wanted = sorted({want for want, _ in found})
    got = sorted({got for _, got in found})
    head = f"{name:<12}" + "".join(f"{state[:9]:>10}" for state in got)
    body = [f"{want:<12}" + "".join(f"{found[want, state] or '.':>10}" for state in got) for want in wanted]
    return "\n".join([head, *body])


@pytest.mark.parametrize("name", SETS)
def test_states(name: str) -> None:
    wrong = [
        f"{row.id}: {reading_of(row).state}" for row in rows(name) if not row.is_right(reading_of(row).state)
    ]
    right = 1 - len(wrong) / len(rows(name))
    print(f"\n{confusion(name)}\n{right:.1%} of {len(rows(name))} right; wrong: {wrong}")
    assert right >= LEAST_RIGHT, wrong


@pytest.mark.parametrize("name", SETS)
def test_every_limit_is_held_and_nothing_else_is(name: str) -> None:
    held = {row.id for row in rows(name) if reading_of(row).state is State.LIMITED}
    assert {row.id for row in rows(name) if row.states[0] == "limited" and len(row.states) == 1} <= held
    assert held <= {row.id for row in rows(name) if "limited" in row.states}


@pytest.mark.parametrize("name", SETS)
def test_nothing_sound_is_restarted(name: str) -> None:
    fatal = {row.id for row in rows(name) if reading_of(row).state is State.FATAL}
    assert fatal <= {row.id for row in rows(name) if "fatal" in row.states}


@pytest.mark.parametrize("name", ["recorded", "banners"])
def test_resets_to_the_minute(name: str) -> None:
    told = [row for row in rows(name) if row.reset_at and reading_of(row).state is State.LIMITED]
    wrong = [
        f"{row.id}: {reading_of(row).reset_at}"
        for row in told
        if not row.is_reset_right(reading_of(row).reset_at)
    ]
    print(f"\n{len(told) - len(wrong)} of {len(told)} resets of {name} right")
    assert told
    assert not wrong


def test_a_reading_says_why() -> None:
    for row in rows("recorded"):
        reading = reading_of(row)
        if reading.state is not State.UNKNOWN and row.screen.text.strip():
            assert reading.rule, row.id
            assert reading.evidence, row.id


def test_evidence_are_rows_of_the_screen_or_what_tmux_said() -> None:
    for row in rows("recorded"):
        seen = {line.strip() for line in row.screen.text.split("\n")} | {
            row.screen.title.strip(),
            row.screen.command,
        }
        assert set(reading_of(row).evidence) <= seen, row.id


@pytest.mark.parametrize("name", SETS)
def test_what_rules_need_changes_no_answer(name: str) -> None:
    def without(row: Row) -> State:
        specs = [replace(spec, needs="") for spec in rules_of(row.backend).specs]
        return read(compile_rules(specs), row.screen, row.now, row.tz).state

    assert [row.id for row in rows(name) if without(row) is not reading_of(row).state] == []
