"""What the real programs report of themselves, as the store and the transcript have it."""

from __future__ import annotations

import json
import shlex
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from orchestrator.adapters.conversations import TranscriptConversations
from orchestrator.adapters.launcher import FileLauncher
from orchestrator.adapters.store import Store
from orchestrator.adapters.transcripts import SEARCH_INTERVAL, Transcripts
from orchestrator.backends import load_profile
from orchestrator.config.load import load
from orchestrator.model.action import Start
from orchestrator.model.config import BackendSpec, Kind
from orchestrator.model.launch import Kickoff, LaunchSpec
from orchestrator.model.memory import SessionMemory, Stage
from orchestrator.model.reading import Signal, State
from tests.support.model_server import Behaviour, ModelServer, auth, limit, reply, tool
from tests.support.private_tmux import PrivateTmux
from tests.support.realcli import RealCli, need_cli, prepare, use_subscription

pytestmark = pytest.mark.real

PATIENCE = 90.0


def follow_codex(tmp_path: Path, behaviour: Behaviour, last: str) -> list[Signal]:
    """Everything its transcript reports in one turn, until `last`."""
    program = need_cli("codex")
    work = tmp_path / "work"
    work.mkdir()
    (tmp_path / "agents.toml").write_text(
        '[defaults]\nsession_prefix = "t-"\nlog_dir = "log"\n[[agent]]\nname = "a"\nbackend = "codex"\ndir = "work"\n'
    )
    config, began = load(tmp_path / "agents.toml"), time.time()
    session = SessionMemory(name="a", run="r1", stage=Stage.RUNNING, started_at=began)
    transcripts = Transcripts(TranscriptConversations({"HOME": str(tmp_path / "home")}))
    found: list[Signal] = []
    with ModelServer() as models, PrivateTmux(tmp_path) as tmux:
        models.script(behaviour)
        cli = prepare("codex", program, tmp_path / "home", [work], models.url)
        tmux.start("agent", cli.command("please do it"), cli.env, work)

        def is_over() -> bool:
            found.extend(transcripts.news(session, config, time.time(), time.monotonic()))
            return any(signal.event == last for signal in found)

        tmux.until(is_over, lambda: f"{found}\n{tmux.screen('agent')}", PATIENCE)
    assert all(signal.run == "r1" and began <= signal.at <= time.time() for signal in found)
    return found


def test_codex_tells_of_a_turn(tmp_path: Path) -> None:
    # The command outlasts a search, so that both ends of the turn are seen as they happen.
    found = follow_codex(tmp_path, tool(f"sleep {SEARCH_INTERVAL + 2}"), "task_complete")
    assert [(s.event, s.state, s.submitted) for s in found] == [
        ("task_started", State.WORKING, True),
        ("task_complete", State.IDLE, False),
    ]


def test_codex_tells_of_a_limit(tmp_path: Path) -> None:
    found = follow_codex(tmp_path, limit(time.time() + 600), "task_complete")
    assert found[-1].state is State.LIMITED
    assert "hit your usage limit" in found[-1].words


def test_codex_tells_of_an_error_that_is_no_limit(tmp_path: Path) -> None:
    found = follow_codex(tmp_path, auth(), "task_complete")
    assert found[-1].state is None
    assert "401" in found[-1].words


class Reporting(ABC):
    """A real program, launched as the watchdog does it, into a store that nobody empties. It reports to its user too.

    users: the file into which what the user has set up for himself writes.
    """

    name: str
    settings: str

    def __init__(self, folder: Path, models: ModelServer, tmux: PrivateTmux) -> None:
        program = need_cli(self.name)
        self.folder, self.tmux = folder, tmux
        self.work = folder / "work"
        self.work.mkdir()
        self.cli = prepare(self.name, program, folder / "home", [self.work], models.url)
        self.users = folder / "users.jsonl"
        settings = folder / "home" / self.settings
        settings.write_text(json.dumps({**json.loads(settings.read_text()), **self.users_settings()}))
        self.state = folder / "state"
        self.state.mkdir()
        self.store = Store(self.state / "ao.db")

    @abstractmethod
    def users_settings(self) -> dict[str, object]:
        """What the user has in the program's settings besides."""

    def start(self, *, hooks: bool = True, flags: str | None = None) -> None:
        env = dict(self.cli.env)
        backend = BackendSpec(
            self.name, str(self.cli.program), flags=shlex.join(self.cli.flags) if flags is None else flags,
            prompt_arg=load_profile(self.name)["prompt_arg"], hooks=hooks, env=env,
        )  # fmt: skip
        launch = LaunchSpec(
            "a", "t-a", Kind.PERSISTENT, self.work, backend, kickoff=Kickoff(("please do it",)), env=env,
            inherit_env=False,
        )  # fmt: skip
        launcher = FileLauncher(self.state, self.folder / "agents.toml", {"PATH": env["PATH"]})
        self.tmux.start("agent", launcher.prepare(Start(launch, "r1", "")), {}, self.work)

    def reports(self) -> list[Signal]:
        return list(self.store.new_signals().get("a", ()))

    def until(self, event: str, **fields: object) -> Signal:
        """Wait for a report of an event, with these fields if any are given."""

        def fitting() -> list[Signal]:
            return [
                s
                for s in self.reports()
                if s.event == event and all(getattr(s, k) == v for k, v in fields.items())
            ]

        def shown() -> str:
            return f"{self.reports()}\n{self.tmux.screen('agent')}"

        self.tmux.until(lambda: bool(fitting()), shown, PATIENCE)
        return fitting()[0]


class Claude(Reporting):
    name = "claude"
    settings = ".claude/settings.json"

    def users_settings(self) -> dict[str, object]:
        theirs = {"hooks": [{"type": "command", "command": f"(cat; echo) >> {shlex.quote(str(self.users))}"}]}
        return {"hooks": {"UserPromptSubmit": [theirs], "Stop": [theirs]}}


class Opencode(Reporting):
    """It asks before it runs a command."""

    name = "opencode"
    settings = ".config/opencode/opencode.json"

    def users_settings(self) -> dict[str, object]:
        plugin = self.folder / "theirs.js"
        plugin.write_text(
            'import { appendFileSync } from "node:fs"\n'
            "export const Theirs = async () => ({ event: async ({ event }) =>\n"
            f'  appendFileSync({json.dumps(str(self.users))}, event.type + "\\n") }})\n'
        )
        return {"plugin": [plugin.as_uri()], "permission": {"bash": "ask"}}


@pytest.fixture
def models() -> Iterator[ModelServer]:
    with ModelServer() as made:
        yield made


@pytest.fixture
def claude(tmp_path: Path, models: ModelServer) -> Iterator[Claude]:
    with PrivateTmux(tmp_path) as tmux:
        made = Claude(tmp_path, models, tmux)
        yield made
        made.store.close()


@pytest.fixture
def opencode(tmp_path: Path, models: ModelServer) -> Iterator[Opencode]:
    with PrivateTmux(tmp_path) as tmux:
        made = Opencode(tmp_path, models, tmux)
        yield made
        made.store.close()


def test_claude_tells_of_a_turn_and_the_users_own_hooks_run(claude: Claude, models: ModelServer) -> None:
    models.script(tool("echo made > made.txt"))
    claude.start()
    claude.until("Stop")
    assert [(s.event, s.state, s.submitted, s.words) for s in claude.reports()] == [
        ("UserPromptSubmit", State.WORKING, True, ""),
        ("Stop", State.IDLE, False, ""),
    ]
    theirs = [json.loads(line)["hook_event_name"] for line in claude.users.read_text().splitlines() if line]
    assert theirs == ["UserPromptSubmit", "Stop"]


def test_claude_tells_of_a_limit_and_its_exact_end(claude: Claude, models: ModelServer) -> None:
    reset = int(time.time()) + 617
    models.script(limit(reset))
    claude.cli = use_subscription(claude.cli)
    claude.start()
    found = claude.until("StopFailure/rate_limit", reset_at=float(reset))
    assert (found.state, found.run) == (State.LIMITED, "r1")
    assert "hit your 5-hour limit" in found.words


def test_claude_tells_of_a_permission_question(claude: Claude, models: ModelServer) -> None:
    models.script(tool("rm -rf no-such-folder"))
    claude.start(flags="--permission-mode default")
    assert claude.until("PermissionRequest").state is State.DIALOG


def test_claude_tells_of_a_refused_key(claude: Claude, models: ModelServer) -> None:
    models.script(auth())
    claude.cli = RealCli(**{**asdict(claude.cli), "env": {**claude.cli.env, "CLAUDE_CODE_MAX_RETRIES": "1"}})
    claude.start()
    assert claude.until("StopFailure/authentication_failed").state is State.AUTH


def test_hooks_may_be_turned_off(claude: Claude, models: ModelServer) -> None:
    models.script(reply("REPLY-1 is here."))
    claude.start(hooks=False)
    claude.tmux.until_shown("agent", "REPLY-1", PATIENCE)
    claude.tmux.until(lambda: claude.users.exists() and "Stop" in claude.users.read_text(), str, PATIENCE)
    assert claude.reports() == []
    assert not list((claude.state / "launch").glob("*.hooks.json"))


def test_a_state_folder_that_is_gone_does_not_stop_claude(claude: Claude, models: ModelServer) -> None:
    models.script(tool("sleep 1", text="REPLY-2 is here."))
    claude.start()
    claude.until("UserPromptSubmit")
    claude.state.rename(claude.folder / "elsewhere")
    claude.tmux.until_shown("agent", "REPLY-2", PATIENCE)

    def screen() -> str:
        return claude.tmux.screen("agent")

    claude.tmux.until(lambda: "done" in screen() and "esc to interrupt" not in screen(), screen, PATIENCE)
    assert "hook" not in screen().lower()


def test_opencode_tells_of_a_turn_and_the_users_own_plugin_runs(
    opencode: Opencode, models: ModelServer
) -> None:
    models.script(tool("printenv OPENCODE_CONFIG_CONTENT > made.txt; true"))
    opencode.start()
    opencode.until("permission.asked")
    opencode.tmux.until_shown("agent", "Permission required", PATIENCE)
    opencode.tmux.press("agent", "Enter")
    opencode.until("session.status/idle")
    assert [(s.event, s.state, s.submitted, s.words) for s in opencode.reports()] == [
        ("chat.message", State.WORKING, True, ""),
        ("permission.asked", State.DIALOG, False, ""),
        ("permission.replied", State.WORKING, False, ""),
        ("session.status/idle", State.IDLE, False, ""),
    ]
    assert "session.idle" in opencode.users.read_text().splitlines()
    assert (opencode.work / "made.txt").read_text() == "", "what it starts would report for it"


def test_opencode_tells_of_a_limit_once_however_often_it_tries(
    opencode: Opencode, models: ModelServer
) -> None:
    models.script(replace(limit(time.time() + 600), failures=3))
    opencode.start()
    opencode.until("session.status/idle")
    assert [(s.event, s.state, s.words) for s in opencode.reports()] == [
        ("chat.message", State.WORKING, ""),
        ("session.status/retry", State.LIMITED, "The usage limit has been reached"),
        ("session.status/busy", State.WORKING, ""),
        ("session.status/idle", State.IDLE, ""),
    ]


def test_opencodes_plugin_may_be_turned_off(opencode: Opencode, models: ModelServer) -> None:
    models.script(reply("REPLY-3 is here."))
    opencode.start(hooks=False)
    opencode.tmux.until_shown("agent", "REPLY-3", PATIENCE)
    opencode.tmux.until(
        lambda: opencode.users.exists() and "session.idle" in opencode.users.read_text(), str, PATIENCE
    )
    assert opencode.reports() == []
    assert not list((opencode.state / "launch").glob("*.hooks.*"))
