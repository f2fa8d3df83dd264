"""Processes of a test's own that are no descendants of it, as programs in tmux panes are none of the watchdog's."""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import psutil

_PARENT = """
import subprocess, sys
quiet = subprocess.DEVNULL
print(subprocess.Popen(sys.argv[1:], start_new_session=True, stdin=quiet, stdout=quiet, stderr=quiet).pid)
"""
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Zoo:
    """One leader in a session of its own, and a word that all its `sleep`s carry: SECONDS.WORD."""

    leader: int
    word: str

    def sleepers(self) -> dict[str, psutil.Process]:
        """The sleeping processes by their seconds."""
        found: dict[str, psutil.Process] = {}
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                words = process.cmdline()
                if words[:1] == ["sleep"] and words[-1].endswith(f".{self.word}"):
                    found[words[-1].split(".")[0]] = process
        return found


@contextlib.contextmanager
def zoo(script: str, env: Mapping[str, str] | None = None) -> Iterator[Zoo]:
    """Run a shell script, in which WORD stands for the zoo's word, as a session leader that nobody here is the parent of."""
    word = f"{os.getpid()}{next(_numbers):04d}"
    done = subprocess.run(
        [sys.executable, "-c", _PARENT, "/bin/sh", "-c", script.replace("WORD", word)],
        env={"PATH": os.environ["PATH"], **(env or {})}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    leader = psutil.Process(int(done.stdout))
    made = Zoo(leader.pid, word)
    try:
        yield made
    finally:
        for process in [*_tree(leader), *made.sleepers().values()]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def _tree(leader: psutil.Process) -> list[psutil.Process]:
    try:
        return [leader, *leader.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
