"""Short ways to say what a test is about: a config from its own lines, and nouns with all else filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from orchestrator.config.load import parse
from orchestrator.decide.assess import Facts, gather
from orchestrator.decide.step import Step
from orchestrator.decide.wanted import wanted_sessions
from orchestrator.model.config import Config
from orchestrator.model.memory import Memory, ReadingMemory, SessionMemory, Stage
from orchestrator.model.observation import Observation, Pane, ServerState
from orchestrator.model.reading import Screen, State
from orchestrator.model.request import Request, Verb
from orchestrator.model.wanted import Wanted

NOW, MONO = 1_800_000_000.0, 10_000.0
"""The moment at which most tests take place: wall clock and monotonic clock."""
STATES = (
    State.IDLE,
    State.WORKING,
    State.DRAFT,
    State.DIALOG,
    State.LIMITED,
    State.TRANSIENT,
    State.AUTH,
    State.FATAL,
)
RULES = ", ".join(
    f'{{ state = "{state.value}", pattern = "^{state.name}", name = "says-{state.value}" }}'
    for state in STATES
)
"""A made-up program that says its state in capitals at the start of a line."""

PRELUDE = f"""
[defaults]
session_prefix = "f-"
log_dir = "log"
tmux_socket = "fleet"
backend = "fake"
watch = "heal"
[backend.fake]
bin = "fake"
process_name = "fake"
session_id_flag = "--id {{id}}"
supports_resume = true
rules = [{RULES}]
[backend.chat]
bin = "chat"
process_name = "chat"
prompt_delivery = "ping"
session_id_flag = "--id {{id}}"
supports_resume = true
rules = [{RULES}]
[backend.plain]
bin = "plain"
"""
"""`fake` takes its prompt as an argument, `chat` has it typed, `plain` has no rules."""


@lru_cache(maxsize=256)
def config(body: str, folder: Path = Path("/fleet")) -> Config:
    """The prelude with `body` behind it, read as any agents.toml is."""
    return parse(f"{PRELUDE}\n{body}", folder / "agents.toml")


def agent(name: str = "one", /, **keys: object) -> str:
    """One `[[agent]]` table."""
    return table("agent", name, keys)


def service(name: str = "db", /, **keys: object) -> str:
    """One `[[service]]` table."""
    return table("service", name, {"command": "run", **keys})


def table(kind: str, name: str, keys: Mapping[str, object]) -> str:
    """One table of an array, its values as TOML."""
    lines = [f"{key} = {_toml(value)}" for key, value in {"name": name, **keys}.items()]
    return "\n".join((f"[[{kind}]]", *lines, ""))


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_toml(each) for each in value)}]"
    return repr(value) if isinstance(value, (int, float)) else f'"{value}"'


def pane(name: str = "one", **changes: Any) -> Pane:
    """A living pane of ours, of run `r1`."""
    base = Pane(
        session=f"f-{name}", session_id="$1", pane_id="%1", pid=100, server_pid=50, dead=False, dead_status=None,
        dead_signal=None, activity=int(NOW) - 60, attached=0, in_mode=False, piped=True, alternate=False, fleet="fleet",
        name=name, spec="", run="r1",
    )  # fmt: skip
    return replace(base, **changes)


def session(
    name: str = "one", stage: Stage = Stage.RUNNING, state: State = State.IDLE, **changes: Any
) -> SessionMemory:
    """A session as memory has it while run `r1` goes well; other stages keep what led to them."""
    base = SessionMemory(
        name=name, stage=stage, run="r1", session=f"f-{name}", dir="/fleet", pid=100, started_at=NOW - 100,
        started_mono=MONO - 100, healthy_mono=MONO - 99, reading=ReadingMemory(state=state, changed_mono=MONO - 60),
    )  # fmt: skip
    return replace(base, **changes)


def observation(of: Config, *panes: Pane, **changes: Any) -> Observation:
    """A look at a server that is up, with these panes."""
    base = Observation(
        now=NOW,
        mono=MONO,
        boot="boot",
        config=of,
        server=ServerState.UP,
        panes={each.name: each for each in panes},
    )
    return replace(base, **changes)


def memory(*sessions: SessionMemory, up: bool = True, **changes: Any) -> Memory:
    """The fleet's memory on the boot that observations have."""
    base = Memory(boot="boot", up=up, sessions={each.name: each for each in sessions})
    return replace(base, **changes)


def wanted(of: Config, name: str = "one") -> Wanted:
    """One declared session."""
    return next(each for each in wanted_sessions(of, {}) if each.name == name)


def facts(seen: Observation, remembered: Memory, name: str = "one") -> Facts:
    """One session's facts."""
    declared = wanted_sessions(seen.config, remembered.phases)
    return next(each for each in gather(seen, remembered, declared) if each.memory.name == name)


def step(seen: Observation, of: SessionMemory) -> Step:
    """A turn that has just begun."""
    return Step(seen, seen.config.watchdog, of)


def request(verb: Verb, *names: str, **changes: Any) -> Request:
    """A wish stored a moment ago, with a minute of patience."""
    base = Request(id=1, verb=verb, names=names, at=MONO - 1, patience=60.0)
    return replace(base, **changes)


def screen(text: str) -> Screen:
    """A pane that shows this."""
    return Screen(text)
