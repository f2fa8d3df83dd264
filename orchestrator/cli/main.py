"""The door: the quick path, or typer; and the one place where a verb's error becomes words and an exit status."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence

from orchestrator.errors import AoError, ConfigError, ExitCode

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; its exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if words[:1] == ["hook"]:
            from orchestrator.cli import fast

            return fast.hook(words[1:])
        if words[:1] == ["status"]:
            from orchestrator.cli import fast

            if (status := fast.status(words[1:])) is not None:
                return int(status)
        from orchestrator.cli.app import run

        status = run([*words[1:], "--help"] if words[:1] == ["help"] else words)
        sys.stdout.flush()  # while a reader that has gone can still be told from an error
        return status  # noqa: TRY300 - it belongs to the flush
    except AoError as error:
        return tell(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read has gone; nothing more may be written, not even at exit.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK


def tell(error: AoError) -> int:
    """Say an error to a person; its exit status."""
    from orchestrator.model.text import printable

    lines = [f"ao: {printable(error.message)}"]
    if isinstance(error, ConfigError):
        lines += [f"  {printable(problem)}" for problem in error.problems]
    if error.hint:
        lines.append(f"  hint: {printable(error.hint)}")
    print("\n".join(lines), file=sys.stderr)
    return int(error.exit_code)
