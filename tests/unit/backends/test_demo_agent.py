"""The demo agent on a real terminal: what it shows, and what it does with keys and commands."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from fcntl import ioctl
from pathlib import Path
from struct import pack

import psutil
import pyte
import pytest

from orchestrator.backends.demo_agent.keys import decode
from orchestrator.backends.demo_agent.script import Script
from orchestrator.backends.demo_agent.turns import clock, steps
from tests.support.private_tmux import PrivateTmux

COMMAND = [sys.executable, "-P", "-m", "orchestrator.backends.demo_agent"]
REPOSITORY = Path(__file__).parents[3]
DEADLINE = 20.0


def environment(home: Path, **more: str) -> dict[str, str]:
    return {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "TERM": "screen-256color",
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(REPOSITORY),
        "PYTHONPYCACHEPREFIX": str(home / "bytecode"),
        **more,
    }


class Terminal:
    """The agent on a pty, its output interpreted by a terminal emulator."""

    def __init__(self, arguments: list[str], env: dict[str, str], cwd: Path) -> None:
        self.screen = pyte.Screen(80, 40)
        self.stream = pyte.ByteStream(self.screen)
        self.output = b""
        self.status: int | None = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execve(COMMAND[0], [*COMMAND, *arguments], env)
        self.resize(80, 40)

    def resize(self, columns: int, rows: int) -> None:
        ioctl(self.fd, termios.TIOCSWINSZ, pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display)

    def send(self, keys: str) -> None:
        os.write(self.fd, keys.encode())

    def submit(self, text: str) -> None:
        """Pastes a text as tmux does, and presses Enter once it stands in the box."""
        before = self.text
        self.send(f"\x1b[200~{text}\x1b[201~")
        self.until(lambda: self.text != before)
        self.send("\r")

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + DEADLINE
        while not condition():
            assert time.monotonic() < deadline, f"not seen in time; the screen is\n{self.text}"
            self.read(0.2)

    def until_shown(self, pattern: str) -> None:
        self.until(lambda: re.search(pattern, self.text, re.MULTILINE))

    def read(self, patience: float) -> None:
        if not select.select([self.fd], [], [], patience)[0]:
            return
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        if not data and self.status is None:
            self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self.output += data
        self.stream.feed(data)

    def until_ended(self) -> int:
        self.until(lambda: self.status is not None)
        assert self.status is not None
        return self.status

    def close(self) -> None:
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)


Start = Callable[..., Terminal]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    terminals: list[Terminal] = []

    def run(*arguments: str, **env: str) -> Terminal:
        terminals.append(Terminal(list(arguments), environment(tmp_path, **env), tmp_path))
        return terminals[-1]

    yield run
    for terminal in terminals:
        terminal.close()


def ready(terminal: Terminal) -> Terminal:
    terminal.until_shown(r"^❯$(.|\n)*⏵⏵ demo mode on$")
    return terminal


def test_an_idle_agent_shows_header_box_and_footer(start: Start) -> None:
    agent = ready(start("--model", "m-9", "--session-id", "abc"))
    assert "Demo Agent · m-9" in agent.text
    assert "conversation abc" in agent.text
    rows = [line for line in agent.text.split("\n") if line]
    assert rows[-4:] == ["─" * 80, "❯", "─" * 80, "  ⏵⏵ demo mode on"]
    assert b"\x1b[?2004h" in agent.output
    # A read may end anywhere in what was written.
    agent.until(lambda: agent.screen.title == "✳ demo")
    agent.until(
        lambda: (agent.screen.cursor.x, agent.screen.display[agent.screen.cursor.y].rstrip()) == (2, "❯")
    )


def test_a_kickoff_is_the_first_turn_and_any_text_gets_an_answer(start: Start) -> None:
    agent = start("--", "--please do 'this' and $(that)\n\n  now")
    agent.until_shown(r"^● Done: --please do 'this' and \$\(that\)")
    assert "❯ --please do" in agent.text
    ready(agent)


def test_typed_text_is_a_draft_until_enter(start: Start) -> None:
    agent = ready(start())
    agent.send("halfx\x7f")
    agent.until_shown("^❯ half$")
    assert "●" not in agent.text
    agent.send(" done\r")
    agent.until_shown("^● Done: half done$")


def test_a_long_paste_shows_as_a_placeholder_and_arrives_whole(start: Start) -> None:
    agent = ready(start())
    body = "\n".join(f"row {number}" for number in range(59))
    agent.send(f"\x1b[200~/say first\n{body}\x1b[201~")
    agent.until_shown(r"^❯ \[Pasted text #1 \+59 lines\]$")
    agent.send("\r")
    agent.until_shown("^● first$")
    agent.until_shown("^● Done: row 0$")


def test_work_shows_a_spinner_and_queues_what_is_typed(start: Start) -> None:
    agent = ready(start())
    agent.submit("/work 600")
    agent.until_shown(r"^✻ Working… \(\d+s · esc to interrupt\)$")
    agent.until(lambda: agent.screen.title[0] in "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
    agent.submit("/say second")
    agent.until_shown("⎿  Queued")
    agent.send("\x1b")
    agent.until_shown("Interrupted")
    agent.until_shown("^● second$")
    agent.until(lambda: agent.screen.title == "✳ demo")
    assert "Queued" not in agent.text


def test_the_seconds_of_the_spinner_go_on(start: Start) -> None:
    agent = ready(start())
    agent.submit("/work 600")
    agent.until_shown(r"Working… \(([2-9]|\d\d+)s")


def test_a_limit_refuses_work(start: Start) -> None:
    agent = ready(start())
    agent.submit("/limit 600\n/say the rest")
    agent.until_shown(r"⎿  Usage limit reached · resets \d+:\d\d[ap]m \(UTC\)")
    agent.submit("go on")
    agent.until(lambda: agent.text.count("Usage limit reached") == 2)
    assert "●" not in agent.text


def test_after_a_limit_the_rest_is_done_first(start: Start) -> None:
    agent = ready(start())
    agent.submit("/limit 1\n/say the rest")
    agent.until_shown("⎿  Usage limit reached")
    lifted = time.time() + 1.1
    agent.until(lambda: time.time() > lifted)
    agent.submit("go on now")
    agent.until_shown("^● the rest\n● Done: go on now$")


def test_a_limit_until_a_time_of_day(start: Start) -> None:
    agent = ready(start())
    at = time.time() // 60 * 60 + 7200
    agent.submit(f"/limit {time.strftime('%H:%M', time.gmtime(at))}")
    agent.until_shown("⎿  Usage limit reached")
    assert f"resets {clock(at)}" in agent.text


@pytest.mark.parametrize(
    ("key", "outcome"),
    [("1", "Allowed"), ("\r", "Allowed"), ("2", "Interrupted"), ("\x1b[B\r", "Interrupted")],
)
def test_a_dialog_waits_for_its_answer(start: Start, key: str, outcome: str) -> None:
    agent = ready(start())
    agent.submit("/dialog rm -rf build")
    agent.until_shown(r"rm -rf build\n\n Do you want to proceed\?\n ❯ 1\. Yes\n   2\. No")
    agent.send("x")
    agent.send(key)
    agent.until_shown(outcome)
    ready(agent)


@pytest.mark.parametrize(
    ("command", "notice", "cure"),
    [("/auth", "Please run /login", "/login"), ("/fatal", "Prompt is too long", "/clear")],
)
def test_auth_and_fatal_stand_until_cured(start: Start, command: str, notice: str, cure: str) -> None:
    agent = ready(start())
    agent.submit(command)
    agent.until_shown(notice)
    agent.submit("work")
    agent.until(lambda: agent.text.count(notice) == 2)
    agent.submit(cure)
    agent.until_shown("⎿  Ready")
    agent.submit("work again")
    agent.until_shown("Done: work again")


def test_overloaded_retries_and_goes_on(start: Start) -> None:
    agent = ready(start())
    agent.submit("/overloaded 1\n/say through")
    agent.until_shown("^● through$")
    assert "✻ 529 Overloaded · retrying in 1s · attempt 1/10" in agent.output.decode()


def test_a_shell_command_runs_in_the_working_directory(start: Start, tmp_path: Path) -> None:
    agent = ready(start())
    agent.submit("/sh echo made > made.txt; echo shown; exit 3")
    agent.until_shown("⎿  shown\n  ⎿  Exit status 3")
    assert (tmp_path / "made.txt").read_text() == "made\n"


def test_an_interrupt_ends_the_shell_command(start: Start, tmp_path: Path) -> None:
    agent = ready(start())
    agent.submit("/sh echo $$ > pid; exec sleep 600")
    agent.until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    agent.send("\x1b")
    agent.until_shown("Interrupted")
    child = int((tmp_path / "pid").read_text())
    agent.until(lambda: not psutil.pid_exists(child))


def test_a_child_outlives_the_agent(start: Start) -> None:
    agent = ready(start())
    agent.submit("/child 600")
    agent.until_shown(r"Left process \d+ in the background")
    found = re.search(r"Left process (\d+)", agent.text)
    assert found
    child = int(found.group(1))
    try:
        agent.send("\x03\x03")
        assert agent.until_ended() == 0
        assert os.getsid(child) == child
    finally:
        os.kill(child, signal.SIGKILL)


def test_escape_sequences_in_output_are_not_obeyed(start: Start) -> None:
    agent = ready(start())
    agent.submit(r"/sh printf '\033]0;owned\007\033[2J\033[31mred'")
    agent.until_shown(r"⎿  \]0;owned\[2J\[31mred")
    assert agent.screen.title.endswith(" demo")


def test_flood_and_title(start: Start) -> None:
    agent = ready(start())
    agent.submit("/flood 5000\n/title busy bee")
    agent.until_shown("^line 5000 of 5000$")
    agent.until(lambda: agent.screen.title == "✳ busy bee")


@pytest.mark.parametrize(("command", "status"), [("/exit", 0), ("/exit 7", 7), ("/crash", -signal.SIGKILL)])
def test_it_ends_as_told(start: Start, command: str, status: int) -> None:
    agent = ready(start())
    agent.submit(command)
    assert agent.until_ended() == status


def test_an_end_leaves_the_terminal_as_it_was(start: Start) -> None:
    agent = ready(start())
    agent.submit("/exit")
    agent.until_ended()
    assert agent.output.rstrip().endswith(b"\x1b[?2004l\x1b[?25h")


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_signal_ends_it_also_mid_turn(start: Start, number: signal.Signals) -> None:
    agent = ready(start())
    agent.submit("/work 600")
    agent.until_shown("Working…")
    os.kill(agent.pid, number)
    assert agent.until_ended() == 128 + number


def test_a_hung_agent_heeds_no_polite_signal(start: Start) -> None:
    agent = ready(start())
    agent.submit("/hang")
    agent.until_shown("Working…")
    os.kill(agent.pid, signal.SIGTERM)
    agent.send("hello")
    agent.read(1.0)
    assert agent.status is None
    assert "hello" not in agent.text


def test_one_ctrl_c_clears_the_draft_and_two_end_it(start: Start) -> None:
    agent = ready(start())
    agent.send("draft")
    agent.until_shown("^❯ draft$")
    agent.send("\x03")
    agent.until_shown("Press Ctrl-C again to exit")
    assert "draft" not in agent.text
    agent.send("x")
    agent.until_shown("^❯ x$")
    agent.send("\x03\x03")
    assert agent.until_ended() == 0


def test_a_new_size_redraws_the_box(start: Start) -> None:
    agent = ready(start("--", "/say kept"))
    agent.until_shown("^● kept$")
    agent.resize(60, 30)
    agent.until_shown(f"^{'─' * 60}\n❯\n{'─' * 60}$")
    assert agent.text.count("● kept") == 1


def test_a_conversation_is_resumed_idle(start: Start, tmp_path: Path) -> None:
    home = str(tmp_path / "demo-home")
    first = start("--session-id", "c1", "--", "/say one", AO_DEMO_HOME=home)
    first.until_shown("^● one$")
    first.submit("/exit")
    first.until_ended()
    again = ready(start("--resume", "c1", AO_DEMO_HOME=home))
    assert "Resumed c1 (2 turns)" in again.text
    assert "●" not in again.text


@pytest.mark.parametrize(
    ("arguments", "env", "words", "status"),
    [
        (["--session-id", "used"], {}, "Session ID used is already in use", 1),
        (["--resume", "gone"], {}, "No conversation found with session ID: gone", 1),
        (["--bogus"], {}, "unknown option --bogus", 1),
        (["--model"], {}, "--model needs a value", 1),
        (["--script", "nowhere"], {}, "nowhere: No such file", 1),
        ([], {"AO_DEMO_EXIT": "4"}, "AO_DEMO_EXIT is 4", 4),
    ],
)
def test_what_cannot_start_says_why(
    tmp_path: Path, arguments: list[str], env: dict[str, str], words: str, status: int
) -> None:
    (tmp_path / "used.jsonl").touch()
    done = plain(tmp_path, *arguments, AO_DEMO_HOME=str(tmp_path), **env)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith("demo: cannot start: ")
    assert words in done.stderr


def plain(home: Path, *arguments: str, text: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    """Runs the agent without a terminal."""
    return subprocess.run(
        [*COMMAND, *arguments],
        input=text,
        env=environment(home, **env),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_without_a_terminal_each_line_is_a_turn(tmp_path: Path) -> None:
    done = plain(tmp_path, "--", "/say zero", text="/say one\n/dialog\n/sh echo two\n/say last")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    said = [line for line in done.stdout.splitlines() if line.startswith(("●", "  ⎿"))]
    assert said[:2] == ["● zero", "● one"]
    assert said[2].startswith("  ⎿  Interrupted")
    assert said[3:] == ["● Bash(echo two)", "  ⎿  two", "● last"]


def test_a_start_delay_holds_the_box_back(start: Start) -> None:
    agent = start(AO_DEMO_START_DELAY="600")
    agent.read(1.0)
    assert agent.output == b""


def test_a_script_answers_prose(start: Start, tmp_path: Path) -> None:
    (tmp_path / "play").write_text("/say opening\non review\n/say mended\non *\n/say waiting\n")
    agent = start("--script", "play", "--", "Read the plan.")
    agent.until_shown("^● opening$")
    agent.submit("A new Review is there")
    agent.until_shown("^● mended$")
    agent.submit("something")
    agent.until_shown("^● waiting$")


def test_an_idle_agent_sleeps(start: Start) -> None:
    agent = ready(start())
    stat = Path(f"/proc/{agent.pid}/status")
    if not stat.exists():
        pytest.skip("needs /proc to count context switches")

    def no_switch() -> bool:
        before = re.findall(r"_switches:\s+(\d+)", stat.read_text())
        agent.read(2.0)
        return re.findall(r"_switches:\s+(\d+)", stat.read_text()) == before

    agent.until(no_switch)


def test_in_tmux_it_takes_a_paste_and_tells_its_state_by_the_title(tmp_path: Path) -> None:
    with PrivateTmux(tmp_path) as tmux:
        tmux.start("demo", COMMAND, environment(tmp_path), tmp_path)
        tmux.until_shown("demo", "^❯$")
        tmux.until_value("demo", "pane_title", "✳ demo")
        assert tmux.show("demo", "alternate_on") == "0"
        tmux.paste("demo", '/say it\'s\n/say "here"\n/work 600')
        tmux.until_shown("demo", '^❯ /say it\'s\n  /say "here"\n  /work 600$')
        tmux.press("demo", "Enter")
        tmux.until_shown("demo", '^● it\'s\n● "here"\n✻ Working…')
        tmux.press("demo", "Escape")
        tmux.until_shown("demo", "Interrupted(.|\n)*^❯$")
        tmux.until_value("demo", "pane_title", "✳ demo")
        tmux.press("demo", "-l", "/exit 5")
        tmux.press("demo", "Enter")
        tmux.until_value("demo", "pane_dead", "1")


def test_script_blocks() -> None:
    script = Script("# a comment\n/say hello\n\non red light\n/work 1\n/work 2\non *\n")
    assert script.for_text("anything", first=True) == "/say hello"
    assert script.for_text("a RED LIGHT shows", first=False) == "/work 1\n/work 2"
    assert script.for_text("green", first=False) == ""


def test_text_without_a_fitting_block_is_taken_as_it_is() -> None:
    assert Script("on red\n/work 1").for_text("green", first=True) == "green"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("\n \n", []),
        ("one\n\ntwo", [("", "one")]),
        ("/say hi there\nprose\n/exit", [("/say", "hi there"), ("", "prose"), ("/exit", "")]),
        ("/usr/bin/true is a path", [("", "/usr/bin/true is a path")]),
    ],
)
def test_steps(text: str, expected: list[tuple[str, str]]) -> None:
    assert steps(text) == expected


@pytest.mark.parametrize(
    ("epoch", "shown"),
    [
        (0, "12:00am (UTC)"),
        (43_200, "12:00pm (UTC)"),
        (34_560, "9:36am (UTC)"),
        (34_561, "9:37am (UTC)"),
        (86_399, "12:00am (UTC)"),
    ],
)
def test_the_shown_reset_is_never_early(epoch: float, shown: str) -> None:
    assert clock(epoch) == shown


STREAM = "aé✳\x1b[200~p\r\nq\x1b[201~\r\x7f\x1b[A\x1bx\t\x03".encode()
STREAM_KEYS = [
    ("text", "aé✳"),
    ("paste", "p\nq"),
    ("enter", ""),
    ("backspace", ""),
    ("up", ""),
    ("other", ""),
    ("text", "\t"),
    ("ctrl-c", ""),
]


@pytest.mark.parametrize("cut", range(len(STREAM)))
def test_keys_are_the_same_wherever_a_read_ends(cut: int) -> None:
    first, rest = decode(STREAM[:cut])
    second, rest = decode(rest + STREAM[cut:])
    keys: list[tuple[str, str]] = []
    for name, text in first + second:
        if name == "text" and text != "\t" and keys and keys[-1][0] == "text":
            keys[-1] = (name, keys[-1][1] + text)
        else:
            keys.append((name, text))
    assert (keys, rest) == (STREAM_KEYS, b"")


@pytest.mark.parametrize(("data", "keys"), [(b"\x1b", [("escape", "")]), (b"\xe2\x9c", [("text", "�")])])
def test_an_unfinished_key_is_taken_when_nothing_follows(data: bytes, keys: list[tuple[str, str]]) -> None:
    assert decode(data) == ([], data)
    assert decode(data, final=True) == (keys, b"")
