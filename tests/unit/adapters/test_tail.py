from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator.adapters.tail import Tail


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "a.log"
    path.write_bytes(b"one\ntwo\nthree\n")
    return path


def add(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_the_end_begins_with_a_whole_line(log: Path) -> None:
    with Tail(log) as tail:
        assert tail.last(100) == b"one\ntwo\nthree\n"
        assert tail.last(8) == b"three\n"


def test_a_short_log_goes_on_in_the_rotated_one(log: Path) -> None:
    log.rename(log.with_name("a.log.1"))
    log.write_bytes(b"four\n")
    with Tail(log) as tail:
        assert tail.last(100) == b"one\ntwo\nthree\nfour\n"
        assert tail.last(12) == b"three\nfour\n"
        assert tail.last(5) == b"four\n" or tail.last(5) == b""


def test_what_is_added_comes_once(log: Path) -> None:
    with Tail(log) as tail:
        tail.last(100)
        assert tail.more() == b""
        add(log, b"four\n")
        assert tail.more() == b"four\n"
        assert tail.more() == b""


def test_rotation_loses_nothing(log: Path) -> None:
    with Tail(log) as tail:
        tail.last(100)
        add(log, b"four\n")
        rotated = log.rename(log.with_name("a.log.1"))
        log.touch()
        assert tail.more() == b"four\n"
        add(rotated, b"five\n")  # its writer has not noticed yet
        assert tail.more() == b"five\n"
        add(log, b"six\n")
        assert tail.more() == b"six\n"


def test_a_log_that_is_emptied_is_read_from_its_start(log: Path) -> None:
    with Tail(log) as tail:
        tail.last(100)
        log.write_bytes(b"new\n")
        assert tail.more() == b"new\n"


def test_a_deleted_log_is_waited_for(log: Path) -> None:
    with Tail(log) as tail:
        tail.last(100)
        log.unlink()
        assert tail.more() == b""
        log.write_bytes(b"again\n")
        assert tail.more() == b"again\n"


@pytest.mark.parametrize("what", ["folder", "pipe", "link", "nothing"])
def test_what_is_no_plain_file_is_passed_over(log: Path, what: str) -> None:
    target = log.rename(log.with_name("elsewhere"))
    make = {"folder": log.mkdir, "pipe": lambda: os.mkfifo(log), "link": lambda: log.symlink_to(target)}
    make.get(what, lambda: None)()
    with Tail(log) as tail:
        assert (tail.found, tail.last(100), tail.more()) == (False, b"", b"")
        if what != "nothing":
            log.rename(log.with_name("aside"))
        log.write_bytes(b"plain\n")
        assert tail.more() == b"plain\n"


def test_a_pipe_in_the_place_of_a_log_that_is_followed(log: Path) -> None:
    with Tail(log) as tail:
        tail.last(100)
        log.unlink()
        os.mkfifo(log)
        assert tail.more() == b""
