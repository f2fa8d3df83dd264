"""A tmux control client: one process, commands in lines, answers in blocks.

The protocol (tmux(1), CONTROL MODE): every command is answered by the lines between
`%begin TIME NUMBER FLAGS` and `%end` or `%error` with the same three words; a command sequence
gives one block per command, and none after the first error. Lines outside blocks that start with
`%` are notifications, others the output of hooks. A pane can show text that looks like such a line,
so an end that fits no open block is taken as a loss of step, and the client is dropped.
"""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.errors import TmuxUnavailable

Argv = Sequence[str]
IN_FLIGHT = 32
"""Sequences sent ahead of their answers: one at a time costs the server a loop turn each."""
DETACH_PATIENCE = 0.5
"""Seconds that a server gets to let its client go."""
FLAG_OURS = b"1"
"""Third word of a block that answers a line written by this client."""


@dataclass(frozen=True, slots=True)
class Block:
    """The answer to one command: its lines, or its error text."""

    lines: tuple[str, ...]
    failed: bool

    @property
    def text(self) -> str:
        """All lines as one text."""
        return "\n".join(self.lines)


def quote(word: str) -> str:
    """A word for a control-mode line.

    Raises:
        ValueError: it holds a newline or NUL, which a line can't carry.
    """
    if "\n" in word or "\r" in word or "\0" in word:
        raise ValueError(f"a tmux command line can't carry a line break or NUL: {word!r}")
    return "'" + word.replace("'", "'\\''") + "'"


def render(sequence: Sequence[Argv]) -> bytes:
    """A command sequence as one line."""
    return (" ; ".join(" ".join(map(quote, argv)) for argv in sequence) + "\n").encode(
        "utf-8", "surrogateescape"
    )


class ControlClient:
    """One attached control client. Not for use by several threads.

    Args:
        argv: the whole command line, `tmux -C …`, that attaches.
        env: its environment.
        timeout: seconds that one `call` may take.
    """

    def __init__(self, argv: Argv, env: Mapping[str, str], timeout: float) -> None:
        self._timeout = timeout
        self._buffer = b""
        self._open: list[bytes] | None = None
        self._begin: tuple[bytes, ...] = ()
        self._blocks: deque[Block] = deque()
        self.sessions_changed = False
        """A session came or went since this was last cleared."""
        self._process = subprocess.Popen(
            list(argv), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=dict(env), bufsize=0, start_new_session=True,
        )  # fmt: skip
        if self._process.stdin is None or self._process.stdout is None:
            raise TmuxUnavailable("the tmux control client has no pipes")
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._in, False)
        os.set_blocking(self._out, False)
        self._await_greeting()

    def fileno(self) -> int:
        """Descriptor that becomes readable when tmux has something to say."""
        return self._out

    def call(self, sequences: Sequence[Sequence[Argv]]) -> list[tuple[Block, ...]]:
        """Run command sequences, pipelined; for each, the blocks of its commands.

        A sequence whose command fails ends there: its last block has `failed` set.

        Raises:
            TmuxUnavailable: the client is gone, out of step, or did not answer in time; it is closed.
        """
        answers: list[tuple[Block, ...]] = []
        pending: deque[int] = deque()
        waiting = iter(sequences)
        outgoing = b""
        deadline = time.monotonic() + self._timeout
        try:
            while True:
                outgoing = self._refill(outgoing, waiting, pending)
                while pending and (got := self._take(pending[0])) is not None:
                    answers.append(got)
                    pending.popleft()
                    outgoing = self._refill(outgoing, waiting, pending)
                if not pending:
                    return answers
                outgoing = self._exchange(outgoing, deadline)
        except (OSError, TmuxUnavailable) as error:
            self.close()
            raise TmuxUnavailable(f"tmux did not answer: {error}") from error

    def drain(self) -> None:
        """Read what has come without waiting.

        Raises:
            TmuxUnavailable: the client is gone; it is closed.
        """
        try:
            while self._read():
                pass
        except (OSError, TmuxUnavailable) as error:
            self.close()
            raise TmuxUnavailable(f"tmux went away: {error}") from error

    def close(self) -> None:
        """End its session, and reap the client. Never raises, and is safe to repeat."""
        self._leave()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        if self._process.poll() is None:
            # A client of a hung server does not see its input close.
            try:
                self._process.wait(0.05)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _leave(self) -> None:
        """Leave as tmux wants it, and read to the end.

        tmux 3.3a's server crashes now and then (5 in 100 right after a start, signal 11) when a control client goes
        away with words for it under way: every session would end with it.
        """
        stream = self._process.stdin
        if stream is None or stream.closed or self._process.poll() is not None:
            return
        deadline = time.monotonic() + DETACH_PATIENCE
        try:
            os.write(self._in, b"kill-session\n")
            while (left := deadline - time.monotonic()) > 0:
                ready, _, _ = select.select([self._out], [], [], left)
                if ready and not os.read(self._out, 1 << 18):
                    return
        except (OSError, ValueError):
            return

    def _await_greeting(self) -> None:
        """The commands of the command line answer first, with other flags than ours; wait for the attachment."""
        deadline = time.monotonic() + self._timeout
        self._attached = False
        try:
            while not self._attached:
                self._exchange(b"", deadline)
        except (OSError, TmuxUnavailable) as error:
            words = " ".join(line for block in self._blocks for line in block.lines)
            self.close()
            raise TmuxUnavailable(f"could not attach to tmux: {words or error}") from error
        self._blocks.clear()

    def _refill(self, outgoing: bytes, waiting: Iterator[Sequence[Argv]], pending: deque[int]) -> bytes:
        while len(pending) < IN_FLIGHT and (sequence := next(waiting, None)) is not None:
            outgoing += render(sequence)
            pending.append(len(sequence))
        return outgoing

    def _take(self, commands: int) -> tuple[Block, ...] | None:
        """The blocks of the oldest sequence, once they are all there."""
        taken: list[Block] = []
        for block in self._blocks:
            taken.append(block)
            if block.failed or len(taken) == commands:
                for _ in taken:
                    self._blocks.popleft()
                return tuple(taken)
        return None

    def _exchange(self, outgoing: bytes, deadline: float) -> bytes:
        """Write and read what is possible now; what could not be written yet comes back."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise TmuxUnavailable(f"no answer within {self._timeout:g} s")
        readable, writable, _ = select.select([self._out], [self._in] if outgoing else [], [], left)
        if writable:
            outgoing = outgoing[os.write(self._in, outgoing[:65536]) :]
        if readable:
            self._read()
        return outgoing

    def _read(self) -> bool:
        try:
            data = os.read(self._out, 1 << 18)
        except BlockingIOError:
            return False
        if not data:
            raise TmuxUnavailable("the server closed the connection")
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._feed(line)
        return True

    def _feed(self, line: bytes) -> None:
        words = tuple(line.split(b" ")) if line.startswith(b"%") else ()
        if self._open is not None:
            if words[:1] in ((b"%end",), (b"%error",)) and words[1:] == self._begin:
                if self._begin[2:] == (FLAG_OURS,) or not self._attached:
                    text = tuple(part.decode("utf-8", "replace") for part in self._open)
                    self._blocks.append(Block(text, failed=words[0] == b"%error"))
                self._open = None
            else:
                self._open.append(line)
        elif words[:1] == (b"%begin",):
            self._open, self._begin = [], words[1:]
        elif words[:1] == (b"%sessions-changed",):
            self.sessions_changed = True
        elif words[:1] == (b"%session-changed",):
            self._attached = True
        elif words[:1] == (b"%exit",):
            raise TmuxUnavailable(
                b" ".join(words[1:]).decode("utf-8", "replace") or "the server closed the session"
            )
        elif words[:1] in ((b"%end",), (b"%error",)):
            raise TmuxUnavailable("the answers of the control client are out of step")
        # Anything else is what a user's hook, or a command in the background, had to say.
