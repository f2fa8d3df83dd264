from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.config.find import decode, find_config, locate_state
from orchestrator.errors import ConfigError


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    return path


def test_the_flag_comes_before_the_variable_and_that_before_the_folder(tmp_path: Path) -> None:
    here, flag, variable = (touch(tmp_path / name) for name in ("agents.toml", "flag.toml", "variable.toml"))
    env = {"AO_CONFIG": str(variable)}
    assert find_config("flag.toml", env, tmp_path) == flag
    assert find_config(None, env, tmp_path) == variable
    assert find_config(None, {"AO_CONFIG": ""}, tmp_path) == here


def test_parents_are_searched_up_to_the_root_of_the_repository(tmp_path: Path) -> None:
    outside = touch(tmp_path / "agents.toml")
    deep = tmp_path / "repo" / "a" / "b"
    deep.mkdir(parents=True)
    assert find_config(None, {}, deep) == outside
    (tmp_path / "repo" / ".git").write_text("gitdir: elsewhere")
    with pytest.raises(ConfigError) as caught:
        find_config(None, {}, deep)
    assert caught.value.message == (
        f"there is no agents.toml in {deep} and each folder above it up to {tmp_path / 'repo'}"
    )
    assert "ao init" in caught.value.hint
    inside = touch(tmp_path / "repo" / "agents.toml")
    assert find_config(None, {}, deep) == inside


@pytest.mark.parametrize(("explicit", "env"), [("x.toml", {}), (None, {"AO_CONFIG": "x.toml"})])
def test_a_named_file_that_is_not_there(tmp_path: Path, explicit: str | None, env: dict[str, str]) -> None:
    touch(tmp_path / "agents.toml")
    with pytest.raises(ConfigError, match="there is no such file") as caught:
        find_config(explicit, env, tmp_path)
    assert str(tmp_path / "x.toml") in caught.value.message


def test_the_home_folder_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = touch(tmp_path / "c.toml")
    assert find_config("~/c.toml", {}, Path("/")) == path


def test_state_and_socket_are_found_in_a_file_that_is_otherwise_wrong(tmp_path: Path) -> None:
    path = tmp_path / "agents.toml"
    path.write_text('[defaults]\nlog_dir = "l"\nproject_dir = "p"\ntmux_socket = "s"\nbogus = 1\n[[agent]]\n')
    assert locate_state(path) == (tmp_path / "p" / "l", "s")
    path.write_text('[defaults]\nlog_dir = "/l"\n')
    assert locate_state(path) == (Path("/l"), None)


def test_an_edit_gone_wrong_does_not_hide_where_the_fleet_is(tmp_path: Path) -> None:
    path = tmp_path / "agents.toml"
    path.write_text("[defaults]\nlog_dir = 'l'  # logs\ntmux_socket = \"s\"\n[[agent\n")
    assert locate_state(path) == (tmp_path / "l", "s")
    path.write_text('[defaults]\nlog_dir = "l\n')
    with pytest.raises(ConfigError, match="is not TOML"):
        locate_state(path)


@pytest.mark.parametrize("text", ["defaults = 1", "[defaults]\nlog_dir = 1", "[watchdog]\n"])
def test_state_without_a_log_dir(tmp_path: Path, text: str) -> None:
    path = tmp_path / "agents.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="no log_dir"):
        locate_state(path)


def test_bytes_are_read_as_utf8() -> None:
    assert decode("é".encode(), Path("agents.toml")) == "é"
    with pytest.raises(ConfigError, match="not UTF-8"):
        decode("a\nb".encode("utf-16"), Path("agents.toml"))
