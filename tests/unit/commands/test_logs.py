from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.commands.fleet import Fleet
from orchestrator.commands.logs import MOST, LineReader, RawReader, ScreenReader, log_path, read_log
from orchestrator.errors import AoError, UsageError
from orchestrator.model.config import Config


@pytest.fixture
def fleet(config_of: Callable[..., Config]) -> Fleet:
    made = Fleet(config_of('[[agent]]\nname = "a"\n'))
    made.config.defaults.log_dir.mkdir()
    return made


@pytest.mark.parametrize("name", ["a", "watchdog"])
def test_a_declared_name_has_a_log(fleet: Fleet, name: str) -> None:
    assert log_path(fleet, name) == fleet.config.defaults.log_dir / f"{name}.log"


@pytest.mark.parametrize("name", ["b", "", "../log/former", "state"])
def test_another_name_has_none(fleet: Fleet, name: str) -> None:
    (fleet.config.defaults.log_dir / "former.log").touch()
    with pytest.raises(UsageError, match="no agent or service"):
        log_path(fleet, name)


def test_a_name_that_left_the_config_keeps_its_log(fleet: Fleet) -> None:
    (fleet.config.defaults.log_dir / "former.log").touch()
    assert log_path(fleet, "former").name == "former.log"


def test_a_missing_log_is_an_error_unless_it_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    with pytest.raises(AoError, match="does not exist yet"):
        next(read_log(path, RawReader(), 10, follow=False))
    followed = read_log(path, RawReader(), 10, follow=True)
    assert next(followed) == b""
    path.write_bytes(b"there\n")
    assert next(followed) == b"there\n"
    followed.close()


def test_a_folder_is_no_log(tmp_path: Path) -> None:
    with pytest.raises(AoError, match="is no plain file"):
        next(read_log(tmp_path, RawReader(), 10, follow=False))


def test_only_the_end_of_a_huge_log_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    with path.open("wb") as file:
        file.truncate(1 << 40)
        file.seek(0, 2)
        file.write(b"\nlast\n")
    assert len(next(read_log(path, RawReader(), 10**9, follow=False))) <= MOST
    assert next(read_log(path, RawReader(), 1, follow=False)) == b"last\n"


def test_a_session_followed_as_text(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"one\r\n")
    followed = read_log(path, ScreenReader(), 10, follow=True)
    assert next(followed) == b"one\n"
    with path.open("ab") as file:
        file.write(b"\x1b[1mtwo\x1b[0m\r\n")
    assert next(followed) + next(followed) == b"two\n"
    followed.close()


def test_lines_of_the_watchdog_are_made_printable_and_come_whole() -> None:
    reader = LineReader()
    assert reader.last(b"a\nb\x1b[2J\nc", 1) == b"b\\x1b[2J\n"
    assert reader.more(b"c\n\xe2\x82") == b"cc\n"
    assert reader.more(b"\xac\n") == "€\n".encode()


@pytest.mark.parametrize("reader", [RawReader, LineReader, ScreenReader])
def test_no_lines_are_none(reader: type[RawReader | LineReader | ScreenReader]) -> None:
    assert reader().last(b"a\nb\n", 0) == b""
