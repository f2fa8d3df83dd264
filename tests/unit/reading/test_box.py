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


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        (f"{RULES}\n❯ [01] one line\n{RULES}\n  ⏵⏵ auto mode on", "[01] one line"),
        (f"{RULES}\n❯ 1. first\n  2. second\n{RULES}\n  ? for shortcuts", "1. first 2. second"),
        ("done\n\n› [01] one line\n\n  gpt-5 · ~/x", "[01] one line"),
        ("done\n\n› 2. second of a list", "2. second of a list"),
    ],
)
def test_a_list_that_somebody_types_is_no_menu(text: str, typed: str) -> None:
    box = box_of(text)
    assert box is not None
    assert box.typed == typed


@pytest.mark.parametrize(
    "text",
    [
        f"{RULES}\n❯ 1. Yes\n  2. No\n{RULES}\n  Enter to confirm · Esc to cancel",
        "Which model?\n\n  1. the small one\n› 2. the large one",
        "Which one?\n\n› 1. Pro · 5 hours\n  2. Max · more tokens",
    ],
)
def test_a_menu_is_no_box(text: str) -> None:
    assert box_of(text) is None


def test_a_question_is_no_free_prompt() -> None:
    assert box_of("Allow this action? [y/n/t]:\n\n> ") is None
    assert box_of("It is done.\n\n> ") is not None


def test_a_shell_mark_before_a_message_is_no_prompt() -> None:
    assert box_of("● Done\n\n! Failed to connect to a server") is None
    assert box_of("● Done\n\n! ") is not None


@pytest.mark.parametrize("typed", ["/", "/mo", "@src/"])
def test_a_draft_with_a_long_menu_beneath(typed: str) -> None:
    menu = "\n".join(f"  entry{number}    what it is for" for number in range(12))
    box = box_of(f"done\n\n› {typed}\n\n{menu}")
    assert box is not None
    assert box.typed == typed
    assert box_of(f"done\n\n› said before\n\n{menu}") is None


def test_a_tools_frame_that_is_cut_at_the_top_is_no_box() -> None:
    text = f"│ ❯ 1. Yes\n│ 529 Overloaded · retrying\n╰──────────╯\n\n ⠼ Thinking... (esc to cancel, 5s)\n{RULES}\n\n >   Type your message"
    box = box_of(text)
    assert box is not None
    assert box.hint == "Type your message"


def test_a_prompt_below_an_older_frame() -> None:
    text = f"╰──────────╯\n\n > said before\n\n✕ failed\n{RULES}\n\n >   Type your message"
    box = box_of(text)
    assert box is not None
    assert box.hint == "Type your message"


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
