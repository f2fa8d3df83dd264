from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.commands.replay import HEIGHT, WIDTH, Replay

PIECES = [
    *(b"\x1b[", b"\x1b]", b"\x1b", b"\x1bP", b"\x1b\\", b"\x9b", b"\xc2\x9b", b"?", b"<", b">", b";", b":", b"$", b" "),
    *(b"5", b"99999999", b"\r", b"\n", b"\x07", b"\x08", b"\x0e", b"\x18", b"\x00", b"\x7f", b"\xff", b"(0", b"#8", b"%G"),
    *(bytes([letter]) for letter in b"@ABCDEFGHJKLMPXZ`abcdefghlmnqrsu78"),
    *("e\u0301 \u0301 中 👨\u200d👩 \u202e \u115f\u1160".encode().split(b" ")),
]  # fmt: skip


def shown(*data: bytes) -> list[str]:
    replay = Replay(1000)
    for piece in data:
        replay.feed(piece)
    return replay.lines()


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"one\r\ntwo\r\n\r\n", ["one", "two"]),
        (b"10%\r20%\r100%", ["100%"]),
        (b"old\r\n\x1b[1A\x1b[2Knew", ["new"]),
        (b"\x1b[31mred\x1b[0m \x1b[4:3mcurly\x1b[m", ["red curly"]),
        (b"\x1b]0;a title\x07text", ["text"]),
        (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", ["link"]),
        (b"\x1bP+q544e\x1b\\after", ["after"]),
        (b"\x1b[>4;2m\x1b[<u\x1b[?2026$p\x1b[=1u\x1b[2 qx", ["x"]),
        (b"\x1b]" + b"no end of a title\r\n" * 300, ["no end of a title"] * 300),
        (b"a\x18b\x00c\x0ed", ["abcd"]),
        ("a\u200db❤\ufe0fc".encode(), ["ab❤c"]),
        ("宽字".encode(), ["宽字"]),
        (b"x" * (WIDTH + 3), ["x" * WIDTH, "xxx"]),
    ],
)
def test_output_is_what_a_terminal_shows(data: bytes, lines: list[str]) -> None:
    assert shown(data + b"\r\n") == lines


def test_what_leaves_the_screen_is_kept() -> None:
    data = b"".join(b"line %d\r\n" % number for number in range(3 * HEIGHT))
    assert shown(data) == [f"line {number}" for number in range(3 * HEIGHT)]


def test_history_is_bounded() -> None:
    replay = Replay(10)
    replay.feed(b"x\r\n" * 1000)
    assert len(replay.lines()) == 10 + HEIGHT - 1


@given(st.lists(st.sampled_from(PIECES), max_size=40))
@settings(max_examples=300, deadline=None)
def test_no_output_breaks_it_and_no_control_comes_out(pieces: list[bytes]) -> None:
    replay = Replay(100)
    for piece in pieces:
        replay.feed(piece)
        assert all(line.isprintable() for line in replay.news())
    assert all(line.isprintable() for line in replay.lines())


@given(st.lists(st.sampled_from(PIECES), max_size=30), st.data())
@settings(max_examples=200, deadline=None)
def test_where_output_is_cut_makes_no_difference(pieces: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(pieces) + b"\x07 the end"
    cut = data.draw(st.integers(0, len(whole)))
    assert shown(whole[:cut], whole[cut:]) == shown(whole)


def test_a_new_line_is_news_once_it_has_come_to_rest() -> None:
    replay = Replay(100)
    replay.feed(b"first\r\n")
    assert replay.lines() == ["first"]
    replay.feed(b"second li")
    assert replay.news() == []
    replay.feed(b"ne\r\n")
    assert replay.news() == []
    assert replay.news() == ["second line"]
    assert replay.news() == []


def test_lines_that_scroll_by_are_all_news() -> None:
    replay = Replay(1000)
    replay.lines()
    told: list[str] = []
    for block in range(10):
        replay.feed(b"".join(b"%d-%d\r\n" % (block, number) for number in range(HEIGHT)))
        told += replay.news()
    told += replay.news()
    assert told == [f"{block}-{number}" for block in range(10) for number in range(HEIGHT)]


def test_a_spinner_is_no_news_and_what_it_leaves_is() -> None:
    replay = Replay(100)
    replay.feed("──────\r\n❯ \r\n──────\x1b[1A\r".encode())
    replay.lines()
    told: list[str] = []
    for second in range(5):
        replay.feed(f"\x1b[1A\r\x1b[J* Thinking ({second}s)\r\n❯ \r\n──────\x1b[1A\r".encode())
        told += replay.news()
    replay.feed("\x1b[1A\r\x1b[J● Done.\r\n❯ \r\n──────\x1b[1A\r".encode())
    told += replay.news() + replay.news()
    assert [line for line in told if line[0] in "*●"] == ["* Thinking (1s)", "● Done."]
