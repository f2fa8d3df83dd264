from __future__ import annotations

import pytest

from orchestrator.model.reading import Screen
from orchestrator.reading.box import Box
from orchestrator.reading.regions import View

RULES = "────────────"


def box_of(text: str, cursor: tuple[int, int] | None = None, ansi: str | None = None) -> Box | None:
    return View(Screen(text, cursor=cursor, ansi=ansi)).box


@pytest.mark.parametrize(
    "text",
    [
        f"done\n{RULES}\n❯ \n{RULES}\n  ⏵⏵ auto mode on",
        f"done\n{RULES}\n❯\n{RULES}",
        "done\n╭──────────╮\n│ >        │\n╰──────────╯\n  ? for shortcuts",
        "done\n\n› \n\n  gpt-5 · ~/x",
        "done\n────\n> ",
        "done\n( O)> ",
        "done\n\n  ┃\n  ┃\n  ┃\n  ┃  Build · Model Provider\n  ╹▀▀▀▀▀▀▀▀\n   /home/u   120 (0%)",
        "────────\n Shift+Tab to accept edits\n\n >   Type your message or @path/to/file\n\n workspace   sandbox   /model",
        "done\n╭────────╮\n│        │\n╰────────╯",
    ],
)
def test_an_empty_box(text: str) -> None:
    box = box_of(text)
    assert box is not None
    assert box.typed == ""


@pytest.mark.parametrize(
    "text",
    [
        "❯ 1. Yes\n  2. No",
        f"{RULES}\n  WARNING\n\n  ❯ No, exit\n    Yes, I accept\n\n  Enter to confirm · Esc to cancel",
        " │ Run this command?\n │  → Run (y) (enter)\n │    Reject (esc or p)",
        "┃ Let it use this tool?\n┃ >  Yes\n┃   No, with feedback",
        "  ┃  △ Permission required\n  ┃\n  ┃   Allow once   Allow always   Reject",
        "just output\nand more of it",
        "> a quoted line\n\nand an answer at the margin",
        "",
    ],
)
def test_no_box(text: str) -> None:
    assert box_of(text) is None


def test_typed_text_over_several_rows() -> None:
    box = box_of(f"{RULES}\n❯ first\n  second\n{RULES}")
    assert box is not None
    assert box.typed == "first second"


HINTED = f"{RULES}\n❯ Try something else\n{RULES}"


def test_the_cursor_tells_a_hint_from_a_draft() -> None:
    at_start, behind = box_of(HINTED, cursor=(2, 1)), box_of(HINTED, cursor=(20, 1))
    assert at_start is not None
    assert (at_start.typed, at_start.hint) == ("", "Try something else")
    assert behind is not None
    assert behind.typed == "Try something else"


def test_attributes_tell_a_hint_from_a_draft() -> None:
    dim, plain = (HINTED.replace("Try", f"{code}Try") for code in ("\x1b[2m", "\x1b[1m"))
    assert box_of(HINTED, ansi=dim).hint == "Try something else"  # type: ignore[union-attr] - the box is there
    assert box_of(HINTED, ansi=plain).typed == "Try something else"  # type: ignore[union-attr] - as above


def test_known_hints_are_no_draft() -> None:
    box = box_of("done\n\n› Ask Codex to do anything\n\n  gpt-5 · ~/x")
    assert box is not None
    assert (box.typed, box.hint) == ("", "Ask Codex to do anything")


def test_a_tools_output_in_a_frame_is_no_box() -> None:
    text = "╭──────────╮\n│ ✓  Shell │\n│ > quoted · text │\n╰──────────╯\n\n✦ Done\n\nmore"
    assert box_of(text) is None
