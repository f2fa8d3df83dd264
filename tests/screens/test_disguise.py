"""The same banner, drawn otherwise, reads the same; talked about, quoted or answered, it reads as nothing."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable

import pytest
from corpus import QUIET, Row, reading_of, rows, rules_of

from orchestrator.model.reading import Reading, Screen, State
from orchestrator.reading import read

FREE = {
    "claude": "\n\n────────────────────\n❯ \n────────────────────\n  ⏵⏵ bypass permissions on (shift+tab to cycle)",
    "codex": "\n\n› \n\n  gpt-5.1-codex medium · Context 74% left",
    "gemini": "\n\n >   Type your message or @path/to/file",
}
ANSWER = {"claude": "● ", "codex": "• ", "gemini": "✦ "}
TELLING = {"limited", "auth", "fatal", "transient"}
DRAWN = "❯›>●•⏺✦┃│$"


def plain_banners() -> list[Row]:
    """Banners without any screen around them."""
    return [
        row
        for row in rows("banners")
        if row.states[0] in TELLING
        and not any(mark in row.screen.text for mark in DRAWN)
        and "workspace (" not in row.screen.text
    ]


def framed_banners() -> list[Row]:
    return [row for row in plain_banners() if row.backend in FREE]


def read_as(row: Row, text: str) -> Reading:
    return read(rules_of(row.backend), Screen(text), row.now, row.tz)


def wrapped(text: str) -> str:
    rows_of_text = text.split("\n")
    indents = [" " * (len(line) - len(line.lstrip())) for line in rows_of_text]
    return "\n".join(
        line
        for raw, indent in zip(rows_of_text, indents, strict=True)
        for line in textwrap.wrap(raw, 50, subsequent_indent=indent, break_long_words=False) or [""]
    )


def boxed(text: str) -> str:
    lines = text.split("\n")
    width = max(map(len, lines))
    inner = "\n".join(f"│ {line:<{width}} │" for line in lines)
    edge = "─" * (width + 2)
    return f"╭{edge}╮\n{inner}\n╰{edge}╯"


@pytest.mark.parametrize(
    "draw", [wrapped, boxed, lambda text: f"\n\n{text}\n\n\n"], ids=["wrapped", "boxed", "padded"]
)
def test_drawn_otherwise(draw: Callable[[str], str]) -> None:
    for row in plain_banners():
        reading = read_as(row, draw(row.screen.text))
        assert row.is_right(reading.state), (row.id, reading)
        assert reading.reset_at == reading_of(row).reset_at, row.id


def test_above_a_free_prompt() -> None:
    for row in framed_banners():
        reading = read_as(row, row.screen.text + FREE[row.backend])
        assert row.is_right(reading.state), (row.id, reading)


def test_answered_since() -> None:
    for row in framed_banners():
        reading = read_as(
            row, f"{row.screen.text}\n\n{ANSWER[row.backend]}Done and pushed.{FREE[row.backend]}"
        )
        assert reading.state in QUIET, (row.id, reading)


@pytest.mark.parametrize("row", framed_banners(), ids=lambda row: row.id)
def test_told_by_the_agent(row: Row) -> None:
    mark, free = ANSWER[row.backend], FREE[row.backend]
    text = row.screen.text
    code = "\n".join(f'    {number} + "{line}",' for number, line in enumerate(text.split("\n"), 1))
    for told in (f"{mark}It said: " + text.replace("\n", "\n  "), f"{mark}I changed:\n\n{code}"):
        assert read_as(row, told + free).state in QUIET, told
    if "⎿" not in text:  # drawn by the agent exactly as the program draws it: nothing tells them apart
        shown = f"{mark}The log shows:\n\n" + textwrap.indent(text, "  ")
        assert read_as(row, shown + free).state in QUIET, shown


def framed(head: str, text: str) -> str:
    return boxed(f"{head}\n\n{text}")


def walled(text: str) -> str:
    return "\n".join(f"  ┃  {line}" for line in ["", *text.split("\n"), ""])


SPINS = re.compile("^ ?([↻\u2800-\u28ff]|• Reconnecting)", re.MULTILINE)
"""A spinner is drawn alike by whoever shows it."""
WALL = "\n\n  ┃\n  ┃\n  ┃\n  ┃  Build · Model Provider\n  ╹▀▀▀▀▀▀▀▀▀▀▀▀\n   ~/proj   24.1K (12%)"
SHOWN: list[tuple[str, Callable[[str], str]]] = [
    ("claude", lambda text: f"● Bash(cat log)\n  ⎿  {textwrap.indent(text, '     ').lstrip()}{FREE['claude']}"),
    ("codex", lambda text: f"• Ran cat log\n  └ {textwrap.indent(text, '    ').lstrip()}{FREE['codex']}"),
    ("gemini", lambda text: framed("✓  Shell cat log", text) + FREE["gemini"]),
    ("opencode", lambda text: walled("$ cat log\n\n" + text) + f"\n\n     ▣  Build · Model · 2.0s{WALL}"),
    ("opencode", lambda text: f"     The log:\n\n{textwrap.indent(text, '     ')}\n\n     ▣  Build · Model · 2.0s{WALL}"),
    ("droid", lambda text: f"⛬  The log:\n\n{textwrap.indent(text, '   ')}\n\n╭────────╮\n│ >      │\n╰────────╯"),
    ("cursor", lambda text: f"  The log:\n\n{textwrap.indent(text, '    ')}\n\n  → Add a follow-up\n\n  Model · 12%"),
]  # fmt: skip


@pytest.mark.parametrize(("backend", "draw"), SHOWN)
def test_shown_by_a_tool_or_an_answer(backend: str, draw: Callable[[str], str]) -> None:
    for row in plain_banners():
        text = row.screen.text
        if "⎿" not in text and not SPINS.search(text):
            reading = read(rules_of(backend), Screen(draw(text)), row.now, row.tz)
            assert reading.state in QUIET, (row.id, reading)


@pytest.mark.parametrize("quote", ['"{}"', "# {}", "- [ ] handle: {}", 'log.py:12: raise X("{}")', "+  {}"])
def test_quoted_in_bare_output(quote: str) -> None:
    for row in plain_banners():
        if row.states[0] == "limited" and "\n" not in row.screen.text:
            assert read_as(row, quote.format(row.screen.text)).state is not State.LIMITED, row.id


def test_every_banner_at_once_as_an_answer() -> None:
    everything = "\n\n".join(row.screen.text for row in plain_banners() if "⎿" not in row.screen.text)
    for backend, free in FREE.items():
        text = f"{ANSWER[backend]}All known texts:\n\n{textwrap.indent(everything, '  ')}{free}"
        reading = read(rules_of(backend), Screen(text), rows("banners")[0].now, "UTC")
        assert reading.state in QUIET, (backend, reading)
