"""Log files and folders: private, bounded, never through a link."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.adapters.logfiles import LogFiles, private_folder, write_private
from orchestrator.errors import EnvironmentMissing


@pytest.fixture(params=[0, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.fixture
def logs(tmp_path: Path) -> LogFiles:
    return LogFiles(tmp_path)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("umask")
def test_folders_and_files_are_private(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "log"
    private_folder(folder)
    private_folder(folder)
    LogFiles(folder).make("a")
    write_private(folder / "file", "text ü \udcff")
    assert (mode(folder), mode(folder / "a.log"), mode(folder / "file")) == (0o700, 0o600, 0o600)
    assert (folder / "file").read_bytes() == b"text \xc3\xbc \xff"


def test_a_folder_that_was_open_to_others_is_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    private_folder(tmp_path)
    assert mode(tmp_path) == 0o700


def test_a_file_or_a_link_in_the_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    for name in ("file", "link", "loop", "file/below"):
        with pytest.raises(EnvironmentMissing, match=name):
            private_folder(tmp_path / name)
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    os.chown(folder, 12345, -1)
    with pytest.raises(EnvironmentMissing, match=r"another user.*12345"):
        private_folder(folder)
    assert mode(folder) == 0o755


def test_writing_replaces_a_link_and_not_what_it_points_to(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "file").symlink_to("victim")
    write_private(tmp_path / "file", "new")
    assert (tmp_path / "victim").read_text() == "precious"
    assert (tmp_path / "file").read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "victim"]


def test_making_a_log_keeps_what_is_in_it(logs: LogFiles) -> None:
    assert logs.size("a") == -1
    logs.make("a")
    assert logs.size("a") == 0
    logs.path("a").write_text("said")
    logs.make("a")
    assert (logs.size("a"), logs.path("a").read_text()) == (4, "said")


@pytest.mark.parametrize("kind", ["link", "dangling link", "FIFO", "folder"])
def test_what_is_no_plain_file_is_moved_aside(logs: LogFiles, tmp_path: Path, kind: str) -> None:
    path = logs.path("a")
    (tmp_path / "victim").write_text("precious")
    for number in (1, 2):
        path.unlink(missing_ok=True)
        if kind == "folder":
            path.mkdir()
        elif kind == "FIFO":
            os.mkfifo(path)
        else:
            path.symlink_to("victim" if kind == "link" else "nowhere")
        before = path.lstat()
        assert logs.size("a") == -1
        logs.make("a")
        assert logs.size("a") == 0
        assert path.with_name(f"a.log.aside-{number}").lstat().st_ino == before.st_ino
    assert (tmp_path / "victim").read_text() == "precious"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(("keep", "kept"), [(0, []), (1, [4]), (3, [4, 3, 2])])
def test_rotation_keeps_so_many(logs: LogFiles, keep: int, kept: list[int]) -> None:
    for number in range(5):
        logs.make("a")
        logs.path("a").write_text(f"log {number}")
        logs.make("ab")
        logs.rotate("a", keep)
    assert logs.size("a") == -1
    files = {path.name: path.read_text() for path in logs.path("a").parent.iterdir()}
    assert files == {
        "ab.log": "",
        **{f"a.log.{place}": f"log {number}" for place, number in enumerate(kept, 1)},
    }


def test_rotation_that_keeps_fewer_drops_the_rest(logs: LogFiles) -> None:
    for number in range(5):
        logs.path("a").write_text(f"log {number}")
        logs.rotate("a", 5)
    logs.path("a").write_text("log 5")
    logs.rotate("a", 2)
    assert sorted(path.name for path in logs.path("a").parent.iterdir()) == ["a.log.1", "a.log.2"]
    logs.rotate("a", 0)
    assert list(logs.path("a").parent.iterdir()) == []


def test_rotation_of_nothing(logs: LogFiles) -> None:
    logs.rotate("a", 0)
    logs.rotate("a", 3)
    assert list(logs.path("a").parent.iterdir()) == []


def test_text_to_paste_is_private_and_replaced(logs: LogFiles, tmp_path: Path) -> None:
    private_folder(tmp_path / "state")
    assert logs.write_scratch("a", "one") == logs.write_scratch("a", "two\n;")
    path = logs.write_scratch("a", "three\n;")
    assert (path.read_text(), mode(path)) == ("three\n;", 0o600)
