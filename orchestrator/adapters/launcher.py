"""From a `Start` to the words of a command: the files it needs, the environment, the program's existence."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from orchestrator.adapters.logfiles import private_folder, write_private
from orchestrator.backends.hooks import HookForm
from orchestrator.backends.hooks import settings as hook_settings
from orchestrator.decide.launch import (
    PERSONA_FILES,
    base_environment,
    compose_kickoff,
    hook_form,
    program_word,
    script,
)
from orchestrator.errors import EnvironmentMissing
from orchestrator.model import marks
from orchestrator.model.action import Start
from orchestrator.model.config import FromEnv
from orchestrator.model.launch import Kickoff, LaunchSpec

PACKAGE_ROOT = Path(__file__).resolve().parents[2]
HOOK = "import sys; sys.path.append(sys.argv[1]); from orchestrator.cli.main import main; main(['hook', sys.argv[2]])"
"""`ao hook`, started in half the time, and so that nothing in the agent's folder or environment takes this package's place."""
PROMPT_BYTES = 8_000_000
"""What a prompt file may hold."""


class FileLauncher:
    """Writes kickoff and launch script of each run into the state folder.

    Args:
        state: the state folder.
        config: path of agents.toml; agents see it as AO_CONFIG, so `ao` works inside them.
        environ: the environment that sessions inherit.
    """

    def __init__(self, state: Path, config: Path, environ: Mapping[str, str]) -> None:
        self._folder = state / "launch"
        self._config = config
        self._environ = environ

    def kickoff_file(self, name: str) -> Path:
        """Where a session's kickoff is."""
        return self._folder / f"{name}.kickoff.md"

    def read_prompt(self, path: Path) -> str:
        """A prompt file's text.

        Raises:
            EnvironmentMissing: it can't be read, or is no text.
        """
        return _read(path, errors="strict")

    def discard(self, name: str) -> None:
        """Remove a launch script that was not run; it removes itself when it is."""
        (self._folder / f"{name}.sh").unlink(missing_ok=True)

    def prepare(self, start: Start) -> Sequence[str]:
        """Write what the start needs; the words to run.

        Raises:
            EnvironmentMissing: the program, the folder, a file or a variable is not there.
        """
        launch = start.launch
        private_folder(self._folder)
        environment = self._environment(start)
        self._check_program(launch, environment)
        _make_folder(launch.dir)
        prompt, kickoff = "", None
        if launch.kickoff and not start.resume:
            prompt = _read_kickoff(launch.kickoff)
            kickoff = self.kickoff_file(launch.name)
            write_private(kickoff, prompt)
        text = script(
            start, environment=environment, kickoff=kickoff, prompt=prompt, python=sys.executable,
            hooks=self._write_hooks(launch, environment),
        )  # fmt: skip
        path = self._folder / f"{launch.name}.sh"
        write_private(path, text)
        return ("/usr/bin/env", "-i", "/bin/sh", str(path))

    def _write_hooks(self, launch: LaunchSpec, environment: Mapping[str, str]) -> Path | None:
        """The settings file that has the program report its state, where it is to."""
        form = hook_form(launch.backend) if launch.backend else None
        if form is None or launch.backend is None or not _can_report(form, environment):
            return None
        program = launch.backend.preset or launch.backend.name
        words = (sys.executable, "-I", "-S", "-c", HOOK, str(PACKAGE_ROOT), program)
        command = f"{shlex.join(words)} 2>/dev/null || :"
        path = self._folder / f"{launch.name}.hooks{Path(form.plugin).suffix or '.json'}"
        write_private(path, hook_settings(form, command))
        return path

    def lacks(self, launch: LaunchSpec) -> tuple[EnvironmentMissing, ...]:
        """Everything that would keep it from starting now; nothing is written."""
        found: list[EnvironmentMissing] = []
        environment = base_environment(self._environ, inherit=launch.inherit_env)
        for key, value in launch.env.items():
            with _noting(found):
                environment[key] = self._resolve(key, value) if isinstance(value, FromEnv) else value
        with _noting(found):
            self._check_program(launch, environment)
        with _noting(found):
            _read_kickoff(launch.kickoff)
        return tuple(found)

    def _environment(self, start: Start) -> dict[str, str]:
        environment = base_environment(self._environ, inherit=start.launch.inherit_env)
        for key, value in start.launch.env.items():
            environment[key] = self._resolve(key, value) if isinstance(value, FromEnv) else value
        environment[marks.RUN] = start.run
        environment[marks.NAME] = start.launch.name
        environment[marks.CONFIG] = str(self._config)
        environment[marks.STATE] = str(self._folder.parent)
        return environment

    def _resolve(self, key: str, value: FromEnv) -> str:
        try:
            return self._environ[value.variable]
        except KeyError:
            raise EnvironmentMissing(
                f"env.{key} is taken from the variable {value.variable}, which is not set",
                f"export {value.variable} before `ao up`, and restart the watchdog",
            ) from None

    def _check_program(self, launch: LaunchSpec, environment: Mapping[str, str]) -> None:
        word = program_word(launch, sys.executable)
        if not word:
            return
        if "/" in word:
            home = environment.get("HOME", "~")  # the shell that will start it expands by this one
            path = Path(launch.dir, home + word[1:] if word.startswith("~/") else word)
            found = path.is_file() and os.access(path, os.X_OK)
        else:
            found = shutil.which(word, path=environment["PATH"]) is not None
        if not found:
            name = launch.backend.name if launch.backend else launch.name
            what = "does not exist or can't be run" if "/" in word else "is not on PATH"
            raise EnvironmentMissing(
                f"the program {word} {what}", f"install it, or set bin of [backend.{name}]"
            )


def _can_report(form: HookForm, environment: Mapping[str, str]) -> bool:
    """Whether the user leaves its variable free, and the program has what it would otherwise wait for."""
    configuration = environment.get("XDG_CONFIG_HOME") or f"{environment.get('HOME', '')}/.config"
    return form.variable not in environment and all(Path(configuration, path).exists() for path in form.after)


@contextlib.contextmanager
def _noting(found: list[EnvironmentMissing]) -> Iterator[None]:
    """Add what is missing to a list, and go on."""
    try:
        yield
    except EnvironmentMissing as error:
        found.append(error)


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentMissing(
            f"the folder {path} can't be made: {error.strerror}", "mend dir in agents.toml"
        ) from error


def _read_kickoff(kickoff: Kickoff) -> str:
    files = [part for part in kickoff.parts if isinstance(part, Path)]
    files += [kickoff.template] if kickoff.template else []
    texts = {path: _read(path) for path in files}
    if kickoff.persona is not None:
        texts |= {path: _read(path) for name in PERSONA_FILES if (path := kickoff.persona / name).is_file()}
    text = compose_kickoff(kickoff, texts)
    if "\0" in text:
        raise EnvironmentMissing("the prompt holds a NUL byte, which no program takes", "remove it")
    return text


def _read(path: Path, *, errors: str = "surrogateescape") -> str:
    """A prompt file's text; what is no plain file is not waited for, and one without an end not read to it."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise EnvironmentMissing(
                    f"the prompt file {path} is no plain file", "mend the path in agents.toml"
                )
            content = file.read(PROMPT_BYTES + 1)
    except OSError as error:
        raise EnvironmentMissing(
            f"the prompt file {path} can't be read: {error.strerror}", "mend the path in agents.toml"
        ) from error
    if len(content) > PROMPT_BYTES:
        raise EnvironmentMissing(
            f"the prompt file {path} is longer than {PROMPT_BYTES} bytes", "make it shorter"
        )
    try:
        return content.decode("utf-8", errors)
    except UnicodeDecodeError as error:
        raise EnvironmentMissing(f"the prompt file {path} is no UTF-8 text", "save it as UTF-8") from error
