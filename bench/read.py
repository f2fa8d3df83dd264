"""How many recorded screens are read in a second of one core.

    python bench/read.py [--screens 4000]

The screens are those of tests/data, over and over, each with a number of its own in one row: no two
are the same, as with a program that works. `ao read --jsonl` is the whole command, its start and the
JSON included; `read` is the reader alone. Beside them, in the same run: every pattern of the same
rules over the whole pane, the nearest thing that needs no parts of a screen. It is so slow that it
is given every fiftieth screen only.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from itertools import cycle, islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from orchestrator.model.reading import RuleSpec
from tests.screens.corpus import Row, reading_of, rows, rules_of


def numbered(row: Row, number: int) -> Row:
    """The screen with a number at the end of a row that has words in it, each time another."""
    lines = row.screen.text.split("\n")
    written = [index for index, line in enumerate(lines) if line.strip()]
    if not written:
        return row
    place = written[number % max(1, len(written) // 2)]
    lines[place] = f"{lines[place].rstrip()} {number}"
    return replace(row, screen=replace(row.screen, text="\n".join(lines)))


def as_json(row: Row) -> str:
    screen = row.screen
    facts = {"id": row.id, "backend": row.backend, "text": screen.text, "title": screen.title, "command": screen.command,
             "alternate": screen.alternate, "cursor": screen.cursor, "ansi": screen.ansi,
             "now": row.now.isoformat(), "tz": row.tz}  # fmt: skip
    return json.dumps(facts) + "\n"


@cache
def patterns(backend: str) -> list[tuple[RuleSpec, re.Pattern[str]]]:
    """The rules of a backend."""
    return [
        (spec, re.compile(spec.pattern, re.IGNORECASE | re.MULTILINE)) for spec in rules_of(backend).specs
    ]


def match_everywhere(row: Row) -> list[RuleSpec]:
    """Every rule that matches anywhere on the screen."""
    return [spec for spec, pattern in patterns(row.backend) if pattern.search(row.screen.text)]


def cpu_of(work: Callable[[Row], object], screens: Iterable[Row]) -> float:
    """Seconds of this process."""
    begun = time.process_time()
    for row in screens:
        work(row)
    return time.process_time() - begun


def cpu_of_command(screens: Iterable[Row]) -> float:
    """Seconds of an `ao read --jsonl` that is given the screens, from its start to its end."""
    stream = "".join(map(as_json, screens))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "orchestrator", "read", "--jsonl"]
    subprocess.run(command, input=stream, stdout=subprocess.DEVNULL, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--screens", type=int, default=4000)
    given = parser.parse_args()
    recorded = islice(cycle(rows("recorded")), given.screens)
    screens = [numbered(row, number) for number, row in enumerate(recorded)]
    for row in rows("recorded"):  # what both compile when first needed is no part of either
        reading_of(row), patterns(row.backend)
    some = screens[::50]
    everywhere = cpu_of(match_everywhere, some) / len(some)
    print(f"{'who':<16}  {'screens/s':>9}  {'cpu ms/screen':>13}  {'ratio to everywhere':>19}")
    for who, each in (
        ("ao read --jsonl", cpu_of_command(screens) / len(screens)),
        ("read", cpu_of(reading_of, screens) / len(screens)),
        ("everywhere", everywhere),
    ):
        print(f"{who:<16}  {1 / each:>9.0f}  {each * 1000:>13.3f}  {each / everywhere:>19.4f}")


if __name__ == "__main__":
    main()
