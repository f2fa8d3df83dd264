"""agents.toml while people edit it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.adapters import config_file
from orchestrator.adapters.config_file import ConfigFile
from orchestrator.config import find
from orchestrator.errors import ConfigError

GOOD = '[defaults]\nsession_prefix = "t-"\nlog_dir = "log"\n[[agent]]\nname = "a"\nbackend = "demo"\nprompt = "x"\n'
BETTER = GOOD.replace('"a"', '"b"')


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "agents.toml"
    path.write_text(GOOD)
    return path


def names(source: ConfigFile) -> list[str]:
    return [agent.name for agent in source.current().agents]


def test_an_edit_is_taken(path: Path) -> None:
    source = ConfigFile(path)
    assert (names(source), source.error) == (["a"], "")
    first = source.current()
    path.write_text(BETTER)
    assert (names(source), source.error) == (["b"], "")
    path.write_text(GOOD)
    assert source.current() == first


def delete(path: Path) -> None:
    path.unlink()


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_dangling_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def text(content: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(content)


BROKEN: dict[str, Callable[[Path], object]] = {
    "half written": text(BETTER[:-3]),
    "no TOML": text("[[agent"),
    "empty": text(""),
    "only a comment": text("# nothing\n"),
    "nested": text("x = " + "[" * 5000),
    "unknown key": text(BETTER + "colour = 1\n"),
    "wrong type": text(BETTER.replace('"x"', "5")),
    "same name twice": text(BETTER + '[[agent]]\nname = "b"\nbackend = "demo"\nprompt = "x"\n'),
    "NUL": text(BETTER + "\0"),
    "not UTF-8": lambda path: path.write_bytes(BETTER.encode() + b"# \xff\xfe\n"),
    "UTF-16": lambda path: path.write_bytes(BETTER.encode("utf-16")),
    "deleted": delete,
    "a folder": a_folder,
    "a dangling link": a_dangling_link,
    "another log_dir": text(BETTER.replace('"log"', '"elsewhere"')),
    "another tmux server": text(BETTER.replace('"log"', '"log"\ntmux_socket = "new"')),
}


@pytest.mark.parametrize("break_it", BROKEN.values(), ids=BROKEN.keys())
def test_the_last_good_one_stays_in_force(path: Path, break_it: Callable[[Path], object]) -> None:
    source = ConfigFile(path)
    kept = path.with_name("kept")
    source.keep_copy(kept)
    break_it(path)
    for _ in range(2):
        assert names(source) == ["a"]
        assert source.error != ""
        assert "\n" not in source.error
    assert kept.read_text() == GOOD
    if path.is_dir():
        path.rmdir()
    path.unlink(missing_ok=True)
    path.write_text(GOOD)
    assert (names(source), source.error) == (["a"], "")
    path.write_text(BETTER)
    assert (names(source), source.error) == (["b"], "")
    assert kept.read_text() == BETTER


@pytest.mark.parametrize("broken", ["no TOML", "empty", "unknown key"])
def test_a_broken_file_at_the_start(path: Path, broken: str) -> None:
    kept = path.parent / "log" / "state" / "agents.last-good.toml"
    kept.parent.mkdir(parents=True)
    BROKEN[broken](path)
    with pytest.raises(ConfigError):
        ConfigFile(path)
    with pytest.raises(ConfigError):
        ConfigFile(path, last_good=True)
    path.write_text(f"{GOOD}colour = 1\n")
    kept.write_text(BETTER)
    source = ConfigFile(path, last_good=True)
    source.keep_copy(kept)
    assert (names(source), "colour" in source.error) == (["b"], True)
    assert kept.read_text() == BETTER


def test_an_empty_file_after_a_deleted_one_is_named_as_what_it_is(path: Path) -> None:
    source = ConfigFile(path)
    path.unlink()
    source.current()
    assert "can't be read" in source.error
    path.touch()
    source.current()
    assert "declares nothing" in source.error


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_an_unreadable_file(path: Path) -> None:
    source = ConfigFile(path)
    path.chmod(0)
    assert (names(source), "can't be read" in source.error) == (["a"], True)
    path.chmod(0o600)
    assert (names(source), source.error) == (["a"], "")


def test_an_edit_between_two_looks_at_the_start_is_not_lost(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = find.read_bytes
    reads: list[bytes] = []

    def read_and_edit(which: Path) -> bytes:
        reads.append(read(which))
        if len(reads) == 1:
            path.write_text(BETTER)
        return reads[-1]

    for module in (find, config_file):
        monkeypatch.setattr(module, "read_bytes", read_and_edit)
    source = ConfigFile(path)
    assert names(source) == ["b"]


@pytest.mark.parametrize("harm", ["fifo", "device"])
def test_what_is_no_plain_file_is_named_and_not_waited_for(path: Path, harm: str) -> None:
    source = ConfigFile(path)
    path.unlink()
    if harm == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    assert (names(source), "no plain file" in source.error) == (["a"], True)
