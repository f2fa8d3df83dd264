"""A launch spec and the values of one run to the shell script that becomes the program.

The script sets the environment itself (tmux starts it under `env -i`), removes itself, since it may
hold secrets, and ends in `exec`. A prompt is read from its file by the script, so that no quoting
of it is ever needed; what the user wrote as shell (bin, flags, preamble, an exec template) stands
as it was written, and every value that ao fills in is quoted.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from orchestrator.backends.hooks import HOOKS, HookForm
from orchestrator.model.action import Start
from orchestrator.model.config import BackendSpec, PromptDelivery
from orchestrator.model.launch import Kickoff, LaunchSpec

ARGUMENT_LIMIT = 120_000
"""Bytes of a prompt that is still given as an argument; Linux takes 131,071 in one."""
POINTER = "Read the file {path} and do what it says."
CONTINUE = "Your session was interrupted and has been resumed. Go on where you left off."
PERSONA_FILES = ("SOUL.md", "IDENTITY.md", "MEMORY.md")
NESTING_PREFIXES = (
    "TMUX",
    "CLAUDECODE",
    "CLAUDE_CODE_ENTRYPOINT",
    "CLAUDE_CODE_SSE_PORT",
    "AO_",
    "STY",
    "ZELLIJ",
)
"""Variables that tell a program it runs inside another terminal tool or agent."""
NOT_INHERITED = frozenset(
    {"PWD", "OLDPWD", "SHLVL", "_", "TERM", "TERM_PROGRAM", "TERM_PROGRAM_VERSION", "COLUMNS", "LINES"}
)
BASIC = ("HOME", "PATH", "TERM", "LANG", "USER", "SHELL")
FALLBACK_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def base_environment(inherited: Mapping[str, str], *, inherit: bool) -> dict[str, str]:
    """What a session sees before the config's own variables.

    With `inherit`: everything but what nests or leaks; else HOME, PATH, TERM, LANG, USER and SHELL.
    The language is UTF-8 in any case, since agent programs draw with it.
    """
    if inherit:
        kept = {
            k: v
            for k, v in inherited.items()
            if _NAME.match(k) and k not in NOT_INHERITED and not k.startswith(NESTING_PREFIXES)
        }
    else:
        kept = {k: inherited[k] for k in BASIC if k in inherited}
    kept.setdefault("PATH", FALLBACK_PATH)
    kept["TERM"] = "screen-256color"
    if "UTF-8" not in (kept.get("LC_ALL") or kept.get("LC_CTYPE") or kept.get("LANG") or "").upper().replace(
        "UTF8", "UTF-8"
    ):
        kept.pop("LC_ALL", None)
        kept.pop("LC_CTYPE", None)
        kept["LANG"] = "C.UTF-8"
    return kept


def compose_kickoff(kickoff: Kickoff, read: Mapping[Path, str]) -> str:
    """The first prompt from its parts, whose texts `read` holds; template values are filled in once.

    Raises:
        KeyError: a file is not in `read`.
    """
    pieces: list[str] = []
    if kickoff.template is not None:
        pieces.append(fill(read[kickoff.template], kickoff.values))
    if kickoff.persona is not None:
        pieces += [read[path] for name in PERSONA_FILES if (path := kickoff.persona / name) in read]
    pieces += [read[part] if isinstance(part, Path) else part for part in kickoff.parts]
    return pieces[0] if len(pieces) == 1 else "\n\n".join(piece.rstrip("\n") for piece in pieces)


def fill(template: str, values: Mapping[str, str]) -> str:
    """Replace each `{name}` that has a value, once; other braces stay as they are."""
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), template)


def hook_form(backend: BackendSpec) -> HookForm | None:
    """How the program is made to report its state; None when it is not to, or when the user makes it read settings of theirs.

    A second settings option or variable would put theirs out of force.
    """
    form = HOOKS.get(backend.preset or backend.name) if backend.hooks else None
    if form is None or backend.prompt_delivery is PromptDelivery.EXEC:
        return None
    option = form.flag.partition(" ")[0]
    own = f"{backend.bin} {backend.flags} {backend.preamble} {backend.remote_control_flag}"
    passed = [word for word in (option, form.variable) if word]
    return None if any(word in own for word in passed) or form.variable in backend.env else form


def program_word(launch: LaunchSpec, python: str) -> str:
    """The program that must be found before a start, or "" where a shell decides (services, templates)."""
    backend = launch.backend
    if backend is None or backend.prompt_delivery is PromptDelivery.EXEC or backend.preamble:
        return ""
    try:
        words = shlex.split(fill(backend.bin, {"python": shlex.quote(python)}))
    except ValueError:
        return ""
    return "" if not words or re.search(r"[$`;&|<>()=]", words[0]) else words[0]


def script(
    start: Start,
    *,
    environment: Mapping[str, str],
    kickoff: Path | None,
    prompt: str,
    python: str,
    hooks: Path | None = None,
) -> str:
    """The whole launch script.

    Args:
        start: what to start. A resumed conversation is told its `words`, and its kickoff not again.
        environment: all that the program sees.
        kickoff: the file that holds `prompt`; None when there is no kickoff.
        prompt: its text.
        python: the interpreter for `{python}` in a profile.
        hooks: settings that have the program report its state, None for none.
    """
    launch, conversation, resume = start.launch, start.conversation, start.resume
    # A killed program leaves its title on the pane, where it would be read as the new one's.
    lines = ["#!/bin/sh", 'rm -f -- "$0"', r"printf '\033]2;\007'"]
    lines += [f"export {key}={shlex.quote(value)}" for key, value in environment.items()]
    backend = launch.backend
    form = hook_form(backend) if backend is not None and hooks is not None else None
    if form is not None and hooks is not None and form.variable:
        value = fill(form.value, {"file": str(hooks), "url": hooks.as_uri()})
        lines.append(f"export {form.variable}={shlex.quote(value)}")
    if backend is not None:
        model = {"model": launch.model}
        lines += [
            f"export {key}={shlex.quote(fill(value, model))}"
            for key, value in backend.model_env.items()
            if launch.model
        ]
    if launch.worktree_of is not None:
        lines.append(_worktree(launch.worktree_of, launch))
    lines.append(f"cd -- {shlex.quote(str(launch.dir))} || exit 111")
    if backend is None:
        return _joined(lines, _shell(launch.command))
    if backend.prompt_delivery is PromptDelivery.EXEC:
        return _joined(lines, _shell(_with_preamble(backend, _template(launch, backend, kickoff))))
    says = _prompt_lines(backend, kickoff, "" if start.silent else prompt, resume=resume, words=start.words)
    lines += says
    slot = '"$1"' if backend.preamble else '"$prompt"'
    flag = fill(form.flag, {"file": shlex.quote(str(hooks))}) if form is not None else ""
    command = _command(
        launch, backend, conversation, resume=resume, prompt=slot if says else "", python=python, hooks=flag
    )
    if backend.preamble:
        # The preamble is the user's shell, so it runs in theirs; the prompt goes along as an argument.
        return _joined(
            lines,
            f'exec {_bash()} -c {shlex.quote(_with_preamble(backend, f"exec {command}"))} ao "${{prompt-}}"',
        )
    return _joined(lines, f"exec {command}")


def _worktree(repository: Path, launch: LaunchSpec) -> str:
    """Shell that has the session's worktree and branch; git does not queue for its locks, so it is tried again. An entry whose folder was removed is cleared: this one's alone."""
    repo, folder, branch = (
        shlex.quote(word) for word in (str(repository), str(launch.dir), f"ao/{launch.name}")
    )
    return (
        f"tries=0; until [ -e {folder}/.git ]; do\n"
        f"    rmdir {folder} 2>/dev/null; git -C {repo} worktree remove --force {folder} 2>/dev/null\n"
        f"    if git -C {repo} show-ref -q --verify refs/heads/{branch}; then\n"
        f"        git -C {repo} worktree add -q {folder} {branch} && break\n"
        f"    else\n"
        f"        git -C {repo} worktree add -q -b {branch} {folder} && break\n"
        f"    fi\n"
        "    tries=$((tries + 1)); [ $tries -lt 20 ] || exit 112; sleep 0.2\n"
        "done"
    )


def _joined(lines: list[str], last: str) -> str:
    return "\n".join([*lines, last, ""])


def _bash() -> str:
    return '"$(command -v bash || echo /bin/sh)"'


def _shell(text: str) -> str:
    """Run shell text of the user's in their kind of shell; a simple command is exec'd by it."""
    return f"exec {_bash()} -c {shlex.quote(text)}"


def _with_preamble(backend: BackendSpec, text: str) -> str:
    return f"{backend.preamble}\n{text}" if backend.preamble else text


def _template(launch: LaunchSpec, backend: BackendSpec, kickoff: Path | None) -> str:
    values = {
        "kickoff": str(kickoff or "/dev/null"), "session": launch.session, "model": launch.model,
        "name": launch.name, "dir": str(launch.dir), "server": backend.server, "bin": backend.bin,
    }  # fmt: skip
    return fill(backend.bin, {key: shlex.quote(value) if value else "" for key, value in values.items()})


def _prompt_lines(
    backend: BackendSpec, kickoff: Path | None, prompt: str, *, resume: bool, words: str
) -> list[str]:
    """Shell lines that set `prompt`; none when nothing is said by argument."""
    if resume:
        return (
            [f"prompt={shlex.quote(words)}"]
            if words and backend.prompt_delivery is PromptDelivery.ARG
            else []
        )
    if kickoff is None or not prompt or backend.prompt_delivery is not PromptDelivery.ARG:
        return []
    if len(prompt.encode("utf-8", "surrogateescape")) > ARGUMENT_LIMIT:
        return [f"prompt={shlex.quote(POINTER.format(path=kickoff))}"]
    # `$(…)` drops newlines at the end, so one letter is put behind them and taken off again.
    return [f"prompt=$(cat -- {shlex.quote(str(kickoff))}; printf x)", "prompt=${prompt%x}"]


def _command(
    launch: LaunchSpec,
    backend: BackendSpec,
    conversation: str,
    *,
    resume: bool,
    prompt: str,
    python: str,
    hooks: str,
) -> str:
    words = [fill(backend.bin, {"python": shlex.quote(python)})]
    taken_up = fill(backend.resume_flag, {"id": shlex.quote(conversation)}) if resume else ""
    words += [hooks, backend.flags]
    if launch.model and not backend.model_env:
        words.append(fill(backend.model_flag, {"model": shlex.quote(launch.model)}))
    if taken_up:
        words.append(taken_up)
    if conversation and not resume and backend.session_id_flag:
        words.append(fill(backend.session_id_flag, {"id": shlex.quote(conversation)}))
    if backend.remote_control and backend.remote_control_flag:
        words.append(
            fill(
                backend.remote_control_flag,
                {"session": shlex.quote(launch.session), "name": shlex.quote(launch.name)},
            )
        )
    if prompt:
        words.append(fill(backend.prompt_arg, {"prompt": prompt}))
    return " ".join(word for word in words if word)
