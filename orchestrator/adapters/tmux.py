"""tmux: the one place that talks to it.

The persistent control client (`control.py`) carries everything while it lives; without it, one
question at a time goes through libtmux's `Server.cmd`. Nothing here decides, and a tmux that did
not answer is `ServerState.UNKNOWN`, never an empty fleet. Targets are ids or `=name:`, since a bare
name also matches prefixes and patterns.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from orchestrator.adapters.control import Argv, Block, ControlClient
from orchestrator.adapters.processes import command_name
from orchestrator.adapters.tmux_around import is_served, send_signal, user_scope
from orchestrator.adapters.tmux_ask import Asker
from orchestrator.adapters.tmux_words import (
    CONTROL_PREFIX,
    HEIGHT,
    LAST_WORD,
    LOOK_FORMAT,
    OWN_SERVER_OPTIONS,
    ROW_FORMAT,
    WIDTH,
    Snapshot,
    dressed,
    pipe_command,
    read_rows,
    read_screen,
    says_absent,
    says_empty,
    server_environment,
    whole,
)
from orchestrator.errors import EnvironmentMissing, TmuxUnavailable
from orchestrator.model.observation import ServerState
from orchestrator.model.reading import Screen

WHILE_ALIVE = "while kill -0 $1 2>/dev/null; do sleep 2; done"
"""What runs in the control client's session: it ends a moment after whoever attached."""
TIMEOUT = 3.0
"""Seconds that any exchange with tmux may take."""
_NUMBERS = itertools.count(1)
"""Keep the control sessions of one process apart."""


def version(environ: Mapping[str, str]) -> str:
    """What the installed tmux calls itself, e.g. "tmux 3.3a"; "" when there is none."""
    binary = shutil.which("tmux", path=environ.get("PATH"))
    if binary is None:
        return ""
    return subprocess.run(
        [binary, "-V"], capture_output=True, text=True, timeout=TIMEOUT, check=False
    ).stdout.strip()


class TmuxServer:
    """One tmux server, seen by one fleet.

    Args:
        socket: name of a server of the fleet's own, or None for the user's default one.
        fleet: the fleet's mark.
        environ: environment to take PATH, HOME and the like from.
        timeout: seconds for one exchange.
    """

    def __init__(
        self, socket: str | None, fleet: str, environ: Mapping[str, str], timeout: float = TIMEOUT
    ) -> None:
        binary = shutil.which("tmux", path=environ.get("PATH"))
        if binary is None:
            raise EnvironmentMissing(
                "tmux is not on PATH", "install tmux 3.2 or later with the system's package manager"
            )
        self._binary = binary
        self.own = socket is not None
        self._socket = socket or "default"
        self._fleet = fleet
        self._environ = server_environment(environ, own=self.own)
        self._timeout = timeout
        self._client: ControlClient | None = None
        self._number = next(_NUMBERS)
        self._asker = Asker(binary, self.socket_path, own=self.own, timeout=timeout)

    # ---- looking

    @property
    def command_line(self) -> tuple[str, ...]:
        """The words that reach this server from a shell."""
        return ("tmux", "-L", self._socket) if self.own else ("tmux",)

    @property
    def socket_path(self) -> Path:
        """Where the server's socket is: like tmux, in /tmp when TMUX_TMPDIR names no folder."""
        chosen = self._environ.get("TMUX_TMPDIR", "")
        base = Path(chosen if os.path.isdir(chosen) else "/tmp").resolve()  # noqa: PTH112, S108 - "" is no folder; tmux's own default
        return base / f"tmux-{os.getuid()}" / self._socket

    def fileno(self) -> int | None:
        """Descriptor that becomes readable when the server has news; None without a control client."""
        return self._client.fileno() if self._client else None

    def take_news(self) -> bool:
        """Read what the server said of itself; True when a session came or went, or the server did."""
        if self._client is None:
            return False
        try:
            self._client.drain()
        except TmuxUnavailable:
            self._client = None
            return True
        changed, self._client.sessions_changed = self._client.sessions_changed, False
        return changed

    def snapshot(self) -> Snapshot:
        """Every pane of the server. Never raises: what can't be known comes as `UNKNOWN`."""
        argv = ("list-panes", "-a", "-F", ROW_FORMAT)
        if self._client is not None:
            try:
                ((block,),) = self._call([[argv]])
            except TmuxUnavailable:
                pass  # the client is dropped by now; ask once more by a process of its own
            else:
                return read_rows(block.lines, self._fleet)
        try:
            status, lines, errors = self._asker.ask((*argv, *LAST_WORD))
        except TmuxUnavailable as error:
            return Snapshot(ServerState.UNKNOWN, str(error))
        if status == 0:
            rows = whole(lines)
            if rows is None:
                return Snapshot(ServerState.UNKNOWN, "tmux's answer was cut off")
            self._try_attach()
            return read_rows(rows, self._fleet)
        words = " ".join(errors)
        if says_empty(words):
            return Snapshot(ServerState.UP, panes={})
        if says_absent(words):
            return Snapshot(ServerState.ABSENT, words, panes={})
        return Snapshot(ServerState.UNKNOWN, words or f"tmux ended with status {status}")

    def look(
        self, panes: Mapping[str, str], *, attributes: Iterable[str] = (), history: int = 0
    ) -> dict[str, Screen]:
        """Capture panes (name to pane id); those that are gone by now are left out.

        Args:
            panes: which.
            attributes: names for which the text with attributes is wanted too.
            history: lines above the screen to take as well.

        Raises:
            TmuxUnavailable: the server did not answer.
        """
        styled = set(attributes)
        order = list(panes)
        sequences: list[list[Argv]] = []
        for name in order:
            start = ["-S", f"-{history}"] if history else []
            sequence: list[Argv] = [("capture-pane", "-p", *start, "-t", panes[name])]
            sequence.append(("display-message", "-p", "-t", panes[name], LOOK_FORMAT))
            if name in styled:
                sequence.append(("capture-pane", "-p", "-e", "-t", panes[name]))
            sequences.append(sequence)
        screens: dict[str, Screen] = {}
        for name, blocks in zip(order, self._call(sequences), strict=True):
            if not blocks[-1].failed:
                screens[name] = read_screen(blocks)
        return screens

    def human_activity(self) -> dict[str, int]:
        """Session id to the epoch second at which an attached person last pressed a key there.

        Raises:
            TmuxUnavailable: the server did not answer.
        """
        ((block,),) = self._call(
            [[("list-clients", "-F", "#{client_activity}|#{client_control_mode}|#{session_id}")]]
        )
        latest: dict[str, int] = {}
        for line in block.lines:
            activity, control, session = line.split("|")
            if control != "1":
                latest[session] = max(latest.get(session, 0), int(activity))
        return latest

    # ---- doing

    def start(self, session: str, command: Argv, marks: Mapping[str, str], log: Path) -> str:
        """Create a session whose pane carries the marks and records its output from the first byte.

        Args:
            session: its name.
            command: words to run, without a shell.
            marks: `fleet`, `name`, `spec` and `run`; they come back in every later snapshot.
            log: file that the output is appended to.

        Returns:
            "" on success, or tmux's words ("duplicate session: NAME").

        Raises:
            TmuxUnavailable: the server did not answer.
        """
        size = ("-x", str(WIDTH), "-y", str(HEIGHT))
        target = f"={session}:"
        (blocks,) = self._call(
            [
                [
                    ("new-session", "-d", "-s", session, *size, "--", *command),
                    *dressed(target, marks, log),
                    ("set-option", "-t", target, "destroy-unattached", "off"),
                    # `manual` as a global option crashes the tmux 3.3a server at the next new-session.
                    ("set-option", "-w", "-t", target, "window-size", "manual"),
                    ("set-option", "-w", "-t", target, "automatic-rename", "off"),
                    ("set-option", "-w", "-t", target, "allow-rename", "off"),
                ]
            ]
        )
        if not blocks[-1].failed:
            return ""
        if len(blocks) > 1:  # created, and not fit for use: nobody would know it for ours
            self._do([("kill-session", "-t", f"={session}")])
        return blocks[-1].text

    def respawn(self, pane: str, command: Argv, marks: Mapping[str, str], log: Path) -> str:
        """Start a program anew in a dead pane that is still there; returns as `start`."""
        return self._do([("respawn-pane", "-k", "-t", pane, "--", *command), *dressed(pane, marks, log)])

    def record(self, pane: str, log: Path) -> str:
        """Append the pane's output to `log` from now on; returns as `start`."""
        return self._do([("pipe-pane", "-t", pane, pipe_command(log))])

    def close_pane(self, pane: str) -> str:
        """Close a pane, and with it a session that has no other; returns as `start`."""
        return self._do([("kill-pane", "-t", pane)])

    def paste(self, pane: str, file: Path) -> str:
        """Paste a file's text, bracketed where the program asked for it; returns as `start`."""
        name = f"ao{pane[1:]}"
        return self._do(
            [
                ("copy-mode", "-q", "-t", pane),
                (
                    "load-buffer",
                    "-b",
                    name,
                    str(file).replace("#", "##"),
                ),  # it expands `#`, and would run `#(…)`
                ("paste-buffer", "-d", "-p", "-r", "-b", name, "-t", pane),
            ]
        )

    def press(self, pane: str, key: str) -> str:
        """Press one key by its tmux name, for the program and not for copy mode; returns as `start`."""
        return self._do([("copy-mode", "-q", "-t", pane), ("send-keys", "-t", pane, "--", key)])

    def has_socket(self) -> bool:
        """Whether the server's socket file is there."""
        return self.socket_path.exists()

    def nudge(self, server_pid: int) -> None:
        """Make the server collect children whose end it missed."""
        send_signal(server_pid, signal.SIGCHLD)

    def restore_socket(self, server_pid: int) -> None:
        """Make a living server create its socket again."""
        self.socket_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The signal ends any other program, and the pid of a server that is gone may be in use again.
        if command_name(server_pid).startswith("tmux"):
            send_signal(server_pid, signal.SIGUSR1)

    def close(self) -> None:
        """Drop the control client; the server stays."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def end_empty_server(self) -> bool:
        """End a server of the fleet's own that holds no session but control clients'; False when it stays."""
        self.close()
        if not self.own:
            return False
        try:
            if not self._is_empty():
                # Without us it shall end with its last session, as any tmux does.
                self._asker.ask(("set-option", "-s", "exit-empty", "on"))
                return False
            if is_served(self.socket_path):
                self._asker.ask(("kill-server",))
        except TmuxUnavailable:
            return False
        # tmux leaves the socket's file behind.
        self.socket_path.unlink(missing_ok=True)
        return True

    # ---- underneath

    def _is_empty(self) -> bool:
        """Whether the server holds nobody's session, or there is none."""
        status, lines, errors = self._asker.ask(("list-sessions", "-F", "#{session_name}", *LAST_WORD))
        if status != 0:
            return says_absent(" ".join(errors)) and not is_served(self.socket_path)
        names = whole(lines)
        return names is not None and all(name.startswith(CONTROL_PREFIX) for name in names)

    def attach(self) -> None:
        """Have a control client, starting the server when there is none.

        Raises:
            TmuxUnavailable: it could not be had.
        """
        if self._client is not None:
            return
        session = f"{CONTROL_PREFIX}{self._fleet}-{os.getpid()}-{self._number}"
        options = (
            # A session that goes with its client crashes tmux 3.3a now and then (11 in 100 when a busy watchdog is killed).
            ("set-option", "destroy-unattached", "off"),
            ("set-option", "-w", "remain-on-exit", "off"),
            *(OWN_SERVER_OPTIONS if self.own else ()),
        )
        argv = [
            # Without -u, a locale that is not UTF-8 has tmux replace what titles hold by "_".
            *(self._binary, "-u", "-L", self._socket, *(("-f", os.devnull) if self.own else ()), "-C"),
            *("new-session", "-A", "-s", session, "-x", "20", "-y", "5", "-f", "no-output,ignore-size"),
            *("--", "sh", "-c", WHILE_ALIVE, "sh", str(os.getpid())),
            *(word for option in options for word in (";", *option)),
        ]
        scope = user_scope(self._environ)
        if is_served(self.socket_path):
            # A new client that is given up on while the server hangs has tmux 3.3a end, sessions and all, once it goes on.
            self._asker.ask(("has-session",))
            scope = []
        try:
            self._client = ControlClient([*scope, *argv], self._environ, self._timeout)
        except TmuxUnavailable:
            if not scope:
                raise
            # No scope to be had is no reason to have no server.
            self._client = ControlClient(argv, self._environ, self._timeout)

    def _try_attach(self) -> None:
        try:
            self.attach()
        except TmuxUnavailable:
            self.close()

    def _call(self, sequences: Sequence[Sequence[Argv]]) -> list[tuple[Block, ...]]:
        if not sequences:
            return []
        self.attach()
        client = self._client
        if client is None:
            raise TmuxUnavailable("no control client")
        try:
            return client.call(sequences)
        except TmuxUnavailable:
            self._client = None
            raise

    def _do(self, sequence: Sequence[Argv]) -> str:
        (blocks,) = self._call([sequence])
        return blocks[-1].text if blocks[-1].failed else ""
