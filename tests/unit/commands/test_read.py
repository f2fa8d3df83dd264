from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orchestrator.adapters import clock
from orchestrator.adapters.store import Store
from orchestrator.adapters.tmux import TmuxServer
from orchestrator.commands.fleet import Fleet
from orchestrator.commands.read import Assumed, Rulebook, answers, facts, read_file
from orchestrator.commands.read_live import read_agent
from orchestrator.errors import AoError, TmuxUnavailable, UsageError
from orchestrator.model.action import Plan
from orchestrator.model.config import Config
from orchestrator.model.memory import LimitMemory, Memory, SessionMemory
from orchestrator.model.reading import State
from tests.screens import corpus
from tests.support.fleet import until

ROOT = Path(__file__).parents[3]
SEEN = Assumed("UTC", datetime(2026, 3, 1, 12, tzinfo=UTC))
LIMIT = "⎿  You've hit your limit · resets 3pm"
BOX = f"{'─' * 60}\n❯ {{}}Try something else{{}}\n{'─' * 60}\n  ? for shortcuts\n"
"""A prompt box whose text is a hint where it is dim, and a draft where it is not."""
SHIPPED = [json.loads(line) for line in (corpus.DATA / "recorded.jsonl").read_text("utf-8").splitlines()]


class Pieces:
    """A stream that comes in these pieces."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = iter(pieces)

    def read1(self, size: int, /) -> bytes:
        return next(self._pieces, b"")


def line(**fields: object) -> bytes:
    return json.dumps({"id": "x", "backend": "claude", "text": LIMIT, **fields}).encode() + b"\n"


def ask(*pieces: bytes, config: Config | None = None) -> list[dict[str, Any]]:
    told = answers(Pieces(*pieces), Rulebook(config), SEEN)
    return [json.loads(each) for text, _ in told for each in text.splitlines()]


# ---- a stream


def test_recorded_screens_are_read_as_the_reader_reads_them() -> None:
    got = ask(*(json.dumps({**row, "id": n}).encode() + b"\n" for n, row in enumerate(SHIPPED)))
    expected = [
        {"id": n, **facts(corpus.reading_of(row))} for n, row in enumerate(corpus.rows("recorded"))
    ]  # fmt: skip
    assert got == expected


def test_a_reset_is_told_in_utc_by_the_lines_own_clock() -> None:
    (plain,) = ask(line())
    (there,) = ask(line(now="2026-03-01T12:00:00", tz="Asia/Tokyo"))
    (epoch,) = ask(line(now=SEEN.moment().timestamp(), tz="America/New_York"))
    assert [each["state"] for each in (plain, there, epoch)] == ["limited"] * 3
    assert plain["reset_at"] == "2026-03-01T15:00:00Z"
    assert there["reset_at"] == "2026-03-01T06:00:00Z"
    assert epoch["reset_at"] == "2026-03-01T20:00:00Z"


def test_a_backend_that_is_not_known_is_read_as_generic() -> None:
    unknown, generic = ask(line(backend="nobody's"), line(backend="generic"))
    assert unknown == generic
    assert unknown["state"] == "limited"


@pytest.mark.parametrize(
    ("broken", "id_", "words"),
    [
        (b"no json\n", None, "malformed"),
        (b"\xff\xfe\n", None, ""),
        (b"[1]\n", None, "object"),
        (b"[" * 100_000 + b"\n", None, ""),
        (b'{"id": 7, "backend": "claude"}\n', 7, "text"),
        (b'{"id": "y", "text": "a"}\n', "y", "backend"),
        (line(text=3), "x", "str"),
        (line(now="soon"), "x", "no ISO time"),
        (line(now=1e300), "x", "no ISO time"),
        (line(tz="Mars/Olympus"), "x", "no time zone"),
        (line(cursor="here"), "x", "no cursor"),
        (line(text="a").replace(b'"a"', b'"\\ud800"'), None, ""),
    ],
)
def test_a_broken_line_is_answered_with_an_error_and_the_next_is_read(
    broken: bytes, id_: object, words: str
) -> None:
    batches = list(answers(Pieces(broken + line()), Rulebook(None), SEEN))
    first, second = (json.loads(each) for each in batches[0][0].splitlines())
    assert first["id"] == id_
    assert words in first["error"]
    assert second["state"] == "limited"
    assert batches[0][1] is False


def test_empty_lines_are_no_lines_and_the_last_needs_no_end() -> None:
    assert [each["id"] for each in ask(b"\n \n" + line(id=1) + b"\r\n" + line(id=2).rstrip())] == [1, 2]


def test_null_is_as_good_as_absent() -> None:
    bare = dict.fromkeys(("title", "command", "alternate", "cursor", "ansi", "now", "tz"))
    assert ask(line(**bare)) == ask(line())


def test_a_cursor_may_be_written_as_tmux_does() -> None:
    shown = next(row for row in SHIPPED if row.get("cursor") and "draft" in row["states"])
    pair = ",".join(map(str, shown["cursor"]))
    assert ask(line(**shown)) == ask(line(**{**shown, "cursor": pair}))


def test_lines_that_come_in_pieces_are_answered_as_soon_as_they_are_whole() -> None:
    first, second = line(id=1), line(id=2)
    pieces = Pieces(first[:9], first[9:] + second[:5], second[5:])
    batches = [text for text, _ in answers(pieces, Rulebook(None), SEEN)]
    assert [[json.loads(each)["id"] for each in text.splitlines()] for text in batches] == [[1], [2], []]


def test_the_users_own_backend_and_rules_count(config_of: Callable[..., Config]) -> None:
    config = config_of(
        '[[agent]]\nname = "a"\nbackend = "mine"\n[backend.mine]\nbin = "mine"\nfatal_re = ["^BOOM"]\n'
        '[backend.claude]\nfatal_re = ["^BOOM"]\n'
    )
    told = ask(line(backend="mine", text="BOOM"), line(text="BOOM"), config=config)
    assert [(each["state"], each["rule"]) for each in told] == [
        ("fatal", "mine.fatal_re"),
        ("fatal", "claude.fatal_re"),
    ]


def test_a_program_that_asks_through_a_pipe_is_answered_while_it_goes_on(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "orchestrator", "read", "--jsonl"]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, cwd=tmp_path
    ) as asked:
        assert asked.stdin is not None
        assert asked.stdout is not None
        for number in range(3):
            asked.stdin.write(line(id=number))
            asked.stdin.flush()
            assert json.loads(asked.stdout.readline())["id"] == number
        asked.stdin.close()
        assert asked.wait(30) == 0


# ---- files


def test_a_screen_saved_with_attributes_tells_a_hint_from_a_draft() -> None:
    rules = Rulebook(None).rules("claude")
    plain = BOX.format("", "")
    assert read_file(plain.encode(), rules, SEEN).state is State.DRAFT
    assert read_file(BOX.format("", "\x1b[1m").encode(), rules, SEEN).state is State.DRAFT
    hinted = read_file(BOX.format("\x1b[2m", "\x1b[0m").encode(), rules, SEEN)
    assert hinted.state is State.IDLE
    assert "\x1b" not in "".join(hinted.evidence)


def test_line_ends_of_another_system_change_nothing(config_of: Callable[..., Config]) -> None:
    config = config_of('[[agent]]\nname = "a"\n[backend.mine]\nbin = "mine"\nfatal_re = ["^BOOM$"]\n')
    assert read_file(b"x\r\nBOOM\r\ny", Rulebook(config).rules("mine"), SEEN).state is State.FATAL


# ---- a live agent


@pytest.fixture
def fleet(config_of: Callable[..., Config]) -> Fleet:
    made = Fleet(
        config_of(
            '[[agent]]\nname = "a"\nbackend = "claude"\n[[agent]]\nname = "b"\nbackend = "plain"\n'
            '[backend.plain]\nbin = "cat"\n[backend.claude]\nlimit_re = ["^OUT OF JUICE"]\n'
            '[[service]]\nname = "web"\ncommand = "cat"\n'
        )
    )
    made.state_dir.mkdir(parents=True)
    return made


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TmuxServer]:
    with tempfile.TemporaryDirectory(prefix="ao-", dir="/tmp") as sockets:  # their paths have a limit
        environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMUX_TMPDIR": sockets}
        made = TmuxServer("t", "mark", environ)
        yield made
        plain_tmux(made, "kill-server")
        made.close()


def plain_tmux(server: TmuxServer, *words: str) -> None:
    subprocess.run(
        ["tmux", "-S", str(server.socket_path), *words], capture_output=True, timeout=30, check=False
    )


def start(server: TmuxServer, name: str, script: str, tmp_path: Path) -> None:
    marks = {"fleet": "mark", "name": name, "spec": "s", "run": "r1"}
    script = f"cd {tmp_path} && {script}"
    assert server.start(f"t-{name}", ("/bin/sh", "-c", script), marks, tmp_path / "log") == ""


def read_until(fleet: Fleet, server: TmuxServer, name: str, state: State) -> dict[str, Any]:
    until(lambda: read_agent(fleet, name, server, "UTC").state is state, f"{name} is {state}")
    return facts(read_agent(fleet, name, server, "UTC"))


def test_a_live_screen_is_read_by_the_users_rules_and_nothing_is_stored(
    fleet: Fleet, server: TmuxServer, tmp_path: Path
) -> None:
    start(server, "a", "echo 'OUT OF JUICE'; exec cat", tmp_path)
    told = read_until(fleet, server, "a", State.LIMITED)
    assert (told["rule"], told["evidence"]) == ("claude.limit_re", ["OUT OF JUICE"])
    assert list(fleet.state_dir.iterdir()) == []


def test_a_bare_time_counts_from_when_the_watchdog_first_saw_it(
    fleet: Fleet, server: TmuxServer, tmp_path: Path
) -> None:
    start(server, "a", "echo 'OUT OF JUICE, resets in 2 hours'; exec cat", tmp_path)
    read_until(fleet, server, "a", State.LIMITED)
    seen = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()
    session = SessionMemory("a", run="r1", limit=LimitMemory(since=seen))
    store = Store(fleet.store_path)
    store.save(Plan(memory=Memory(sessions={"a": session})), clock.now())
    store.close()
    assert facts(read_agent(fleet, "a", server, "UTC"))["reset_at"] == "2026-03-01T14:00:00Z"


def test_a_hint_in_a_live_prompt_box_is_told_from_a_draft(
    fleet: Fleet, server: TmuxServer, tmp_path: Path
) -> None:
    (tmp_path / "screen").write_text(BOX.format("\x1b[2m", "\x1b[0m"))
    start(server, "a", "cat screen; exec cat", tmp_path)
    read_until(fleet, server, "a", State.IDLE)


def test_a_plain_command_works_while_it_writes(fleet: Fleet, server: TmuxServer, tmp_path: Path) -> None:
    start(server, "b", "while echo a; do sleep 0.1; done", tmp_path)
    assert read_until(fleet, server, "b", State.WORKING)["rule"] == "screen changes"


def test_what_does_not_run_is_said(fleet: Fleet, server: TmuxServer, tmp_path: Path) -> None:
    with pytest.raises(AoError, match="a is not running"):
        read_agent(fleet, "a", server, "UTC")
    start(server, "a", "exit 3", tmp_path)
    until(lambda: (server.snapshot().panes or {})["a"].dead, "it is dead")
    with pytest.raises(AoError, match="a is not running"):
        read_agent(fleet, "a", server, "UTC")


def test_what_can_not_be_read_is_said(fleet: Fleet, server: TmuxServer, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="web is a service"):
        read_agent(fleet, "web", server, "UTC")
    with pytest.raises(UsageError, match="no agent or service"):
        read_agent(fleet, "nobody", server, "UTC")
    assert server.start("t-a", ("cat",), {"fleet": "theirs", "name": "a"}, tmp_path / "log") == ""
    with pytest.raises(AoError, match="t-a is not this fleet's"):
        read_agent(fleet, "a", server, "UTC")


def test_a_server_that_does_not_answer_is_not_taken_for_an_agent_that_is_gone(
    fleet: Fleet, tmp_path: Path
) -> None:
    broken = tmp_path / "tmux"
    broken.write_text("#!/bin/sh\necho 'no such thing' >&2\nexit 1\n")
    broken.chmod(0o755)
    server = TmuxServer("t", "mark", {"PATH": f"{tmp_path}:/bin:/usr/bin"})
    with pytest.raises(TmuxUnavailable, match="no such thing"):
        read_agent(fleet, "a", server, "UTC")
