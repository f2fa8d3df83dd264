from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.config.locate import At, Lines

TEXT = '''\
top = 1 # [not.a.table]
"quoted.key" = """
[[agent]]
text with "quotes" and \\""" three, and four at the end""""
literal = \'\'\'
key = "in a string"
\'\'\'

[[ agent ]]  # first
name = 'a'
env.PATH = "x"
env."A B" = { from = "V", "nested" = [1, [2,
    3]] }

[[agent]]
name = "b # no comment"
tags = [ # comment with ]
    "x", # and }
    { key = 1979-05-27 07:32:00, other = 3.14 },

]
[agent.wake]
interval = +1e3

[ a . "b" ]
c = true
[[agent.list]]
x = 1
[[agent.list]]
x = 2
'''


@pytest.mark.parametrize(
    ("at", "line"),
    [
        (("top",), 1),
        (("quoted.key",), 2),
        (("literal",), 5),
        (("agent",), 9),
        (("agent", 0), 9),
        (("agent", 0, "name"), 10),
        (("agent", 0, "env"), 11),
        (("agent", 0, "env", "A B", "nested"), 12),
        (("agent", 0, "env", "A B", "nested", 1, 1), 13),
        (("agent", 1), 15),
        (("agent", 1, "name"), 16),
        (("agent", 1, "tags", 0), 18),
        (("agent", 1, "tags", 1, "other"), 19),
        (("agent", 1, "wake"), 22),
        (("agent", 1, "wake", "interval"), 23),
        (("a", "b"), 25),
        (("a", "b", "c"), 26),
        (("agent", 1, "list", 1, "x"), 30),
        (("agent", 1, "wake", "missing"), 22),
        (("nowhere",), 1),
    ],
)
def test_the_line_of_each_key(at: At, line: int) -> None:
    assert Lines(TEXT).of(at) == line


def test_an_escape_in_a_quoted_key_is_resolved() -> None:
    assert Lines('\n"a\\tb" = 1').of(("a\tb",)) == 2


def test_windows_line_ends() -> None:
    assert Lines("a = 1\r\n\r\n[b]\r\nc = 2\r\n").of(("b", "c")) == 4


def test_lists_nested_deeper_than_the_stack_are_scanned() -> None:
    text = f"a = {'[' * 5000}{']' * 5000}\nb = 1"
    assert Lines(text).of(("b",)) == 2


def paths_of(value: Any, at: At = ()) -> set[At]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {at}.union(*(paths_of(item, (*at, key)) for key, item in items)) - {()}


def test_the_scanner_and_the_parser_see_the_same_paths() -> None:
    assert set(Lines(TEXT).paths()) == paths_of(tomllib.loads(TEXT))


FRAGMENTS = st.sampled_from(
    [
        "a",
        "b",
        '"c d"',
        "'e'",
        ".",
        "=",
        " = ",
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        ",",
        "\n",
        "#",
        '"',
        "'",
        '"""',
        "'''",
        "\\",
        '\\"',
        "1",
        "true",
        "1.5",
        "[a]\n",
        "[[a]]\n",
        "a = 1\n",
        "b = '''\n''' \n",
        "c = [ 1, {a = 2} ]\n",
        "é",
    ]
)


@given(st.lists(FRAGMENTS, max_size=40).map("".join))
def test_whatever_parses_is_located(text: str) -> None:
    try:
        doc = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert set(Lines(text).paths()) == paths_of(doc)


@given(st.integers(0, 3), st.integers(0, 3))
def test_headers_alone_give_the_lines_of_a_full_scan(blank: int, agents: int) -> None:
    text = "\n" * blank + "[[agent]]\nname = '''\n[[agent]]'''\n" * agents + "[x]\n"
    lines = Lines(text)
    quick = [lines.of(("agent", number)) for number in range(agents)]
    assert quick == [blank + 1 + 3 * number for number in range(agents)]
    full = Lines(text)
    list(full.paths())
    assert [full._line_of["agent", number] for number in range(agents)] == quick
