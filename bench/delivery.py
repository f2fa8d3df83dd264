"""Fifty texts into each real agent program, and what reached its model.

    AO_REAL_CLIS=FOLDER python bench/delivery.py [--programs claude,codex,gemini,opencode] [--sends 50] [--seed 1]

One line, five lines with empty and indented ones, unicode, a leading dash, a leading slash, an
`@file`, 200 KB, and a text equal to the last; while the program is idle, in the middle of a turn,
starting up, and just after it was killed. The requests that the model server got are the proof: the
texts that `ao send` called delivered must stand in them once each, unchanged, in order, and nothing
else may. Beside it, in the same run, the usual way: `tmux send-keys -l`, half a second, `Enter`.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.support.fleet import SOCKET, TestFleet, fleet
from tests.support.model_server import ModelServer, reply, slow
from tests.support.realcli import NAMES, find_cli, prepare

CONFIG = """
[defaults]
session_prefix = "t-"
log_dir = "log"
tmux_socket = "{socket}"
watch = "heal"
resume = true
[[agent]]
name = "a"
backend = "{name}"
dir = "work"
{backend}
"""
KINDS = (
    "one line",
    "five lines",
    "unicode",
    "leading dash",
    "leading slash",
    "@file",
    "200 KB",
    "equal to the last",
)
MOMENTS = ("idle", "mid-turn", "start-up", "after a kill")
SHARES = (0.4, 0.4, 0.1, 0.1)
"""Of the sends, by moment: a restart takes seconds. Those of the last two take turns, so that every kill is a first one."""
POINTER = re.compile(r"Read the file (\S+) and do what it says\.")
OWN_WORDS = ("Your session was interrupted and has been resumed. Go on where you left off.",)
EXPANDED = re.compile(r"\s*--- Content from referenced files ---.*?--- End of content ---", re.DOTALL)
"""What gemini adds by itself for an `@file`."""
PATIENCE = 60.0


@dataclasses.dataclass(slots=True)
class Send:
    """One text, how it was said, and what became of it."""

    moment: str
    kind: str
    text: str
    told: bool = False
    why: str = ""
    seconds: float = 0.0
    arrived: int = 0


def text_of(kind: str, number: int, last: str) -> str:
    """A text of a kind; the number keeps it apart from all others."""
    mark = f"[{number:02}]"
    return {
        "one line": f"{mark} say hello to the others",
        "five lines": f"{mark} five lines\n\n    an indented one\n\tand a tabbed one\nthe last {mark}",
        "unicode": f"{mark} ünïcödé ☃ 日本語 👩‍🚀 e\u0301 {mark}",
        "leading dash": f"-n {mark} --help",
        "leading slash": f"/etc/hosts {mark} is what to read",
        "@file": f"look at @notes.txt {mark}",
        "200 KB": f"{mark}" + "".join(f" line {n} of a long text\n" for n in range(8000)) + mark,
        "equal to the last": last,
    }[kind]


def settle(condition: Callable[[], object], patience: float = PATIENCE) -> bool:
    """Wait for a condition; whether it came."""
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def by_ao(f: TestFleet, send: Send) -> None:
    command = [sys.executable, "-m", "orchestrator", "send", "a", "-", "--timeout", str(int(PATIENCE))]
    done = subprocess.run(
        command, input=send.text, env=f.env, cwd=f.folder, capture_output=True, text=True, check=False
    )
    send.told, send.why = done.returncode == 0, (done.stderr or done.stdout).strip()


def by_keys(f: TestFleet, send: Send) -> None:
    """As most tools do it: nothing is looked at before or after."""
    target = "t-a:"
    typed = [
        f.tmux("send-keys", "-t", target, "-l", "--", send.text[at : at + 8000])
        for at in range(0, len(send.text), 8000)
    ]
    time.sleep(0.5)
    f.tmux("send-keys", "-t", target, "Enter")
    send.told = all(done.returncode == 0 for done in typed)
    time.sleep(1.5)


def moments(sends: int) -> list[str]:
    """The moment of each send."""
    counts = [max(1, round(sends * share)) for share in SHARES]
    counts[0] += sends - sum(counts)
    quiet = [moment for moment, count in zip(MOMENTS[:2], counts, strict=False) for _ in range(count)]
    return quiet + list(MOMENTS[2:]) * min(counts[2:])


def bring_about(f: TestFleet, moment: str, models: ModelServer) -> None:
    """Make the moment in which a text is sent."""
    if moment == "mid-turn":
        models.script(slow("word " * 12, 0.25))
        return
    models.script(reply("All done."))
    settle(lambda: f.states()["a"] == "idle")
    if moment == "start-up":
        f.ao("restart", "a")
    elif moment == "after a kill":
        with contextlib.suppress(ProcessLookupError):
            os.kill(f.rows()["a"].pid, signal.SIGKILL)


def run(
    name: str, say: Callable[[TestFleet, Send], None], sends: int, seed: int
) -> tuple[list[Send], list[str]]:
    """All sends to one program; and what its model got beside them."""
    dice = random.Random(seed)
    done: list[Send] = []
    program = find_cli(name)
    assert program is not None, f"{name} is not in $AO_REAL_CLIS/bin; ./test.sh --real installs it"
    with ModelServer() as models, fleet("") as f:
        work = f.folder / "work"
        work.mkdir()
        (work / "notes.txt").write_text("notes\n")
        cli = prepare(name, program, f.folder / "cli-home", [work], models.url)
        f.write(CONFIG.format(socket=SOCKET, name=name, backend=cli.backend_table()))
        models.script(reply("All done."))
        f.ao("up", "--timeout", "60", timeout=120)
        settle(lambda: f.states()["a"] == "idle")
        kinds: list[str] = []
        for number, moment in enumerate(moments(sends)):
            if not kinds:
                kinds = list(KINDS)
                dice.shuffle(kinds)
            kind = kinds.pop() if done else "one line"
            bring_about(f, moment, models)
            send = Send(moment, kind, text_of(kind, number, done[-1].text if done else ""))
            begun = time.monotonic()
            say(f, send)
            send.seconds = time.monotonic() - begun
            done.append(send)
        models.script(reply("All done."))
        settle(lambda: f.states()["a"] == "idle", 30)
        time.sleep(1.0)
        extra = match(done, [whole(prompt) for prompt in new_prompts(models)])
        f.ao("down", timeout=120)
    return done, extra


def new_prompts(models: ModelServer) -> list[str]:
    """What each request of the conversation brought that the one before it had not."""
    new: list[str] = []
    before: tuple[str, ...] = ()
    for request in models.requests:
        if request.side or request.tool_results:
            continue
        known = next(
            (at for at, (a, b) in enumerate(zip(before, request.prompts, strict=False)) if a != b),
            len(before),
        )
        new += request.prompts[min(known, len(request.prompts) - 1) :]
        before = request.prompts
    return new


def whole(prompt: str) -> str:
    """A prompt with the files that it points to in their place."""

    def inside(found: re.Match[str]) -> str:
        with contextlib.suppress(OSError):
            return Path(found[1]).read_text()
        return found[0]

    return POINTER.sub(inside, prompt)


def match(sends: Sequence[Send], prompts: Sequence[str]) -> list[str]:
    """Count for each text, in order, how often it arrived; what is left over.

    Blanks behind a text don't count: opencode puts one behind a paste.
    """
    rest = [EXPANDED.sub("", prompt) for prompt in prompts if prompt.strip() not in OWN_WORDS]
    left: list[str] = []
    queue = list(sends)
    for prompt in rest:
        remaining = prompt
        while remaining.strip():
            fit = next((at for at, send in enumerate(queue) if starts_with(remaining, send.text)), None)
            if fit is None:
                left.append(remaining)
                break
            queue[fit].arrived += 1
            remaining = remaining.lstrip("\n")[len(queue[fit].text.rstrip("\n")) :].lstrip(" ")
            queue = queue[fit + 1 :]
    return left


def starts_with(prompt: str, text: str) -> bool:
    prompt, text = prompt.lstrip("\n"), text.rstrip("\n")
    return prompt.startswith(text) and prompt[len(text) :].lstrip(" ")[:1] in {"", "\n"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", default=",".join(NAMES), help="by commas")
    parser.add_argument("--sends", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ways", default="ao,send-keys", help="by commas")
    parser.add_argument(
        "--verbose", action="store_true", help="tell each text that did not arrive as it should"
    )
    given = parser.parse_args()
    print(
        f"{'program':<9} {'way':<10} {'moment':<13} {'sent':>4} {'once, whole':>11} {'reported':>8} {'lost':>4} {'median s':>8}"
    )
    for name in given.programs.split(","):
        for way in given.ways.split(","):
            sends, extra = run(name, by_ao if way == "ao" else by_keys, given.sends, given.seed)
            for moment in MOMENTS:
                here = [send for send in sends if send.moment == moment]
                good = sum(send.told and send.arrived == 1 for send in here)
                reported = sum(not send.told and send.arrived == 0 for send in here)
                bad = len(here) - good - reported
                seconds = statistics.median(send.seconds for send in here)
                print(
                    f"{name:<9} {way:<10} {moment:<13} {len(here):>4} {good:>11} {reported:>8} {bad:>4} {seconds:>8.2f}"
                )
            print(
                f"{name:<9} {way:<10} arrived beside them (doubled, glued, cut, changed): {len(extra)}",
                flush=True,
            )
            if given.verbose:
                for send in sends:
                    if not (send.told and send.arrived == 1):
                        print(
                            f"    {send.moment}, {send.kind}: told {send.told}, arrived {send.arrived}: {send.text[:60]!r} {send.why}"
                        )
                for text in extra:
                    print(f"    beside: {text[:200]!r} ({len(text)})", flush=True)


if __name__ == "__main__":
    main()
