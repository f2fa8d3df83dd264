from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from orchestrator.adapters.tmux_words import Snapshot
from orchestrator.commands.attach import attach_words, outside, shell_words
from orchestrator.commands.fleet import Fleet
from orchestrator.errors import AoError, TmuxUnavailable, UsageError
from orchestrator.model.config import Config
from orchestrator.model.observation import Pane, ServerState

WORDS = ("tmux", "-L", "t")


def pane(name: str) -> Pane:
    return Pane(
        session=f"t-{name}", session_id="$1", pane_id="%1", pid=1, server_pid=1, dead=False, dead_status=None,
        dead_signal=None, activity=0, attached=0, in_mode=False, piped=True, alternate=False, fleet="f", name=name,
        spec="", run="",
    )  # fmt: skip


@dataclass
class StandingServer:
    """A server that says the same for ever."""

    panes: Mapping[str, Pane] = field(default_factory=dict)
    taken: frozenset[str] = frozenset()
    state: ServerState = ServerState.UP
    command_line: tuple[str, ...] = WORDS
    socket_path: Path = Path("/nowhere/tmux-1/t")

    def snapshot(self) -> Snapshot:
        return Snapshot(self.state, "it hangs", 1, self.panes, self.taken)


@pytest.fixture
def fleet(config_of: Callable[..., Config]) -> Fleet:
    return Fleet(config_of('[[agent]]\nname = "a"\n[[service]]\nname = "web"\ncommand = "cat"\n'))


def test_a_running_session_is_attached_by_its_exact_name(fleet: Fleet) -> None:
    server = StandingServer({"a": pane("a")})
    assert attach_words(fleet, "a", server, {}) == (*WORDS, "attach-session", "-t", "=t-a")


def test_inside_the_same_server_the_client_is_switched(fleet: Fleet) -> None:
    server = StandingServer({"a": pane("a")})
    environ = {"TMUX": "/nowhere/tmux-1/t,123,0", "HOME": "/h"}
    words = attach_words(fleet, "a", server, environ)
    assert words == (*WORDS, "switch-client", "-t", "=t-a")
    assert outside(environ, words) == environ


def test_inside_another_server_the_nesting_is_allowed(fleet: Fleet) -> None:
    environ = {"TMUX": "/nowhere/tmux-1/default,123,0", "HOME": "/h"}
    words = attach_words(fleet, "a", StandingServer({"a": pane("a")}), environ)
    assert "attach-session" in words
    assert outside(environ, words) == {"HOME": "/h"}


@pytest.mark.parametrize(
    ("server", "error", "words"),
    [
        (StandingServer(), AoError, "web is not running"),
        (StandingServer(state=ServerState.ABSENT), AoError, "web is not running"),
        (StandingServer(taken=frozenset({"t-web"})), AoError, "t-web is not this fleet's"),
        (StandingServer(state=ServerState.UNKNOWN), TmuxUnavailable, "it hangs"),
    ],
)
def test_why_there_is_nothing_to_attach(
    fleet: Fleet, server: StandingServer, error: type[AoError], words: str
) -> None:
    with pytest.raises(error, match=words):
        attach_words(fleet, "web", server, {})


def test_an_unknown_name(fleet: Fleet) -> None:
    with pytest.raises(UsageError, match="nobody"):
        attach_words(fleet, "nobody", StandingServer(), {})


def test_a_shown_command_can_be_typed_into_any_shell() -> None:
    assert shell_words((*WORDS, "attach-session", "-t", "=t-a")) == "tmux -L t attach-session -t '=t-a'"
