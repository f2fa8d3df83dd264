"""Real agent programs made to talk to a `ModelServer`: homes of their own, no login, no network."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

NAMES = ("claude", "codex", "gemini", "opencode")
KEY = "sk-ant-offline-test-key-0001"


@dataclass(frozen=True, slots=True)
class RealCli:
    """One installed program, ready to run offline.

    program: its path.
    flags: arguments that keep it from asking for permission, updating, or leaving daemons behind.
    env: its whole environment, HOME included.
    process_name: what a healthy pane of it runs.
    """

    name: str
    program: Path
    flags: tuple[str, ...]
    env: Mapping[str, str]

    def command(self, prompt: str) -> list[str]:
        """Argument list that starts it with a prompt, ready for more."""
        lead = {"gemini": ["-i"], "opencode": ["--prompt"]}.get(self.name, [])
        return [str(self.program), *self.flags, *lead, prompt]

    def backend_table(self, name: str | None = None) -> str:
        """`[backend.NAME]` for an agents.toml: this program instead of the one on PATH."""
        table = f"[backend.{name or self.name}]\n"
        if name and name != self.name:
            table += f"preset = {_toml(self.name)}\n"
        env = ", ".join(f"{key} = {_toml(value)}" for key, value in self.env.items())
        return (
            table
            + f"bin = {_toml(str(self.program))}\nflags = {_toml(shlex.join(self.flags))}\nenv = {{ {env} }}\n"
        )


def find_cli(name: str) -> Path | None:
    """The program in $AO_REAL_CLIS/bin, or None when it is not installed there."""
    root = os.environ.get("AO_REAL_CLIS")
    program = Path(root).resolve() / "bin" / name if root else None
    return program if program and program.exists() else None


def need_cli(name: str) -> Path:
    """The program; without it the test that asks is skipped, and says how to get it."""
    program = find_cli(name)
    if program is None:
        pytest.skip(f"{name} is not in $AO_REAL_CLIS/bin; ./test.sh --real installs it")
    return program


def prepare(name: str, program: Path, home: Path, work_dirs: Sequence[Path], url: str) -> RealCli:
    """Writes the program's settings into a throw-away HOME, and returns how to run it.

    Args:
        name: one of NAMES.
        program: from `find_cli`.
        home: an empty folder, or one prepared before.
        work_dirs: folders in which it will work; trusted without a question.
        url: of the model server.
    """
    home.mkdir(parents=True, exist_ok=True)
    env = {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "TERM": "screen-256color",
        "LANG": "C.UTF-8",
        "SHELL": "/bin/sh",
        "USER": "test",
        "TMPDIR": str(_folder(home / "tmp")),
        # Whatever else a program tries to reach ends at the model server, which refuses it.
        "HTTPS_PROXY": url,
        "NO_PROXY": "127.0.0.1",
    }
    flags, more = _SETTINGS[name](home, work_dirs, url)
    return RealCli(name, program, flags, {**env, **more})


def _claude(home: Path, work_dirs: Sequence[Path], url: str) -> tuple[tuple[str, ...], dict[str, str]]:
    _write(
        home / ".claude.json",
        {
            "hasCompletedOnboarding": True,
            "theme": "dark",
            "customApiKeyResponses": {"approved": [KEY[-20:]], "rejected": []},
            "projects": {str(path.resolve()): {"hasTrustDialogAccepted": True} for path in work_dirs},
        },
    )
    _write(home / ".claude" / "settings.json", {"skipDangerousModePermissionPrompt": True})
    env = {
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_API_KEY": KEY,
        "CLAUDE_CODE_TMPDIR": str(home / "tmp"),
        "DISABLE_AUTOUPDATER": "1",
        "IS_SANDBOX": "1",  # lets root skip the permission questions
    }
    return ("--dangerously-skip-permissions",), env


def use_subscription(cli: RealCli) -> RealCli:
    """The same claude logged in to a made-up subscription: only that shows usage limits with their reset."""
    account = {"accessToken": "made-up", "refreshToken": "made-up", "expiresAt": 9_999_999_999_000}
    scopes = {"scopes": ["user:inference", "user:profile"], "subscriptionType": "max"}
    _write(Path(cli.env["HOME"]) / ".claude" / ".credentials.json", {"claudeAiOauth": {**account, **scopes}})
    env = {key: value for key, value in cli.env.items() if key != "ANTHROPIC_API_KEY"}
    return RealCli(cli.name, cli.program, cli.flags, env)


def _codex(home: Path, work_dirs: Sequence[Path], url: str) -> tuple[tuple[str, ...], dict[str, str]]:
    trusted = "".join(f'[projects."{path.resolve()}"]\ntrust_level = "trusted"\n' for path in work_dirs)
    _folder(home / ".codex").joinpath("config.toml").write_text(
        f"""\
model = "gpt-5.1-codex"
model_provider = "offline"
check_for_update_on_startup = false
sandbox_mode = "danger-full-access"
approval_policy = "never"
[model_providers.offline]
name = "offline"
base_url = "{url}/v1"
wire_api = "responses"
env_key = "OFFLINE_KEY"
request_max_retries = 1
stream_max_retries = 1
{trusted}""",
        encoding="utf-8",
    )
    # Without the flag it copies itself into HOME and leaves two servers running.
    return ("--no-daemon",), {"OFFLINE_KEY": "offline"}


def _gemini(home: Path, work_dirs: Sequence[Path], url: str) -> tuple[tuple[str, ...], dict[str, str]]:
    settings = {
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False},
        "privacy": {"usageStatisticsEnabled": False},
    }
    _write(home / ".gemini" / "settings.json", settings)
    _write(
        home / ".gemini" / "trustedFolders.json", {str(path.resolve()): "TRUST_FOLDER" for path in work_dirs}
    )
    # A named model spares each turn the question to a small one which model is to answer.
    return ("--yolo", "-m", "gemini-2.5-pro"), {"GEMINI_API_KEY": "offline", "GOOGLE_GEMINI_BASE_URL": url}


def _opencode(home: Path, work_dirs: Sequence[Path], url: str) -> tuple[tuple[str, ...], dict[str, str]]:
    del work_dirs  # it trusts every folder
    model = {"name": "Offline", "limit": {"context": 200_000, "output": 8_000}}
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "Offline",
        "options": {"baseURL": f"{url}/v1", "apiKey": "offline"},
        "models": {"offline-model": model},
    }
    settings = {
        "autoupdate": False,
        "share": "disabled",
        "model": "offline/offline-model",
        "small_model": "offline/offline-model",
        "provider": {"offline": provider},
    }
    folder = home / ".config" / "opencode"
    _write(folder / "opencode.json", settings)
    # As if it had downloaded its own package, for which it waits before it loads a plugin.
    package = {"dependencies": {"@opencode-ai/plugin": "*"}}
    _write(folder / "package.json", package)
    _write(folder / "package-lock.json", {"packages": {"": package}})
    _folder(folder / "node_modules" / "@opencode-ai" / "plugin")
    return (), {"OPENCODE_DISABLE_MODELS_FETCH": "1", "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1"}


_SETTINGS: dict[str, Callable[[Path, Sequence[Path], str], tuple[tuple[str, ...], dict[str, str]]]] = {
    "claude": _claude,
    "codex": _codex,
    "gemini": _gemini,
    "opencode": _opencode,
}


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def _write(path: Path, settings: Mapping[str, Any]) -> None:
    _folder(path.parent)
    path.write_text(json.dumps(settings, indent=2), encoding="utf-8")


def _toml(value: str) -> str:
    return json.dumps(value)
