"""agents.toml as types: what the user declared, checked, with every default filled in.

`config/load.py` makes these; nothing else does. Paths are absolute, durations are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from orchestrator.model.reading import RuleSpec


@dataclass(frozen=True, slots=True)
class FromEnv:
    """An environment value `{ from = "VAR" }`: looked up when the session starts, never stored."""

    variable: str


class Kind(StrEnum):
    """What a session is for, and so what its exit means."""

    PERSISTENT = "persistent"
    LOOP = "loop"
    TASK = "task"
    """Runs once: an exit is completion, not death."""
    ORCHESTRATOR = "orchestrator"
    SERVICE = "service"
    """Not a kind that an agent can be given: every `[[service]]` has it."""


class Watch(StrEnum):
    """How far the watchdog looks after an agent."""

    NONE = "none"
    HEAL = "heal"
    HEAL_STALL = "heal+stall"


class PromptDelivery(StrEnum):
    """How the kickoff reaches the program."""

    ARG = "arg"
    PING = "ping"
    EXEC = "exec"


class WhenExhausted(StrEnum):
    """What happens to an agent whose restart intensity is used up."""

    SLOW = "slow"
    HOLD = "hold"


class DoneSource(StrEnum):
    """Where the status file of a phase is read."""

    COMMIT = "commit"
    WORKTREE = "worktree"


@dataclass(frozen=True, slots=True)
class Defaults:
    """`[defaults]`, without the keys that only fill in `[[agent]]` tables."""

    session_prefix: str
    log_dir: Path
    project_dir: Path
    tmux_socket: str | None = None
    """Name of a tmux server of the fleet's own (`tmux -L`); None: the user's default server."""
    inherit_env: bool = True
    env: Mapping[str, str | FromEnv] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WatchdogSettings:
    """`[watchdog]`; every duration in seconds."""

    signal_interval: float = 30.0
    heavy_interval: float = 300.0
    limit_probe_fallback: float = 300.0
    limit_reset_slack: float = 45.0
    stall_grace: float = 180.0
    max_restarts: int = 5
    restart_window: float = 600.0
    when_exhausted: WhenExhausted = WhenExhausted.SLOW
    backoff_initial: float = 1.0
    backoff_max: float = 300.0
    max_starts_per_minute: int = 60
    waiting_max: float = 21600.0
    human_hold: float = 20.0
    max_parallel_starts: int = 8
    log_max_bytes: int = 50 * 1024 * 1024
    log_keep: int = 3


@dataclass(frozen=True, slots=True)
class BackendSpec:
    """A backend: its built-in profile with the keys of `[backend.NAME]` laid over it."""

    name: str
    bin: str
    preset: str | None = None
    flags: str = ""
    prompt_delivery: PromptDelivery = PromptDelivery.ARG
    prompt_arg: str = "{prompt}"
    """`arg`: how the prompt stands on the command line, e.g. "-- {prompt}" or "--prompt={prompt}"."""
    process_name: str = ""
    submit_key: str = "Enter"
    submit_delay: float = 0.8
    """Seconds between the pasted text and the submit key."""
    queues: bool = False
    """A prompt that is submitted while a turn runs is kept by the program, and comes next."""
    queue_joins: bool = False
    """Several that are kept reach its model as one."""
    rules: tuple[RuleSpec, ...] = ()
    """The user's rules first, then the profile's. Empty: a plain command."""
    account: str = ""
    leftovers: tuple[str, ...] = ()
    dialog_keys: Mapping[str, str] = field(default_factory=dict)
    """Pattern of a known harmless dialog -> the keys that answer it."""
    footer_ui: bool = False
    log_grace: float = 180.0
    stall_idle: float = 300.0
    model_flag: str = "--model {model}"
    model_env: Mapping[str, str] = field(default_factory=dict)
    """Variable -> template with `{model}`; when set, model_flag is not used."""
    supports_resume: bool = False
    resume_flag: str = "--resume {id}"
    transcripts: str = ""
    """Glob below HOME of files that name the conversation, for a program that chooses its id itself."""
    session_id_flag: str = ""
    """e.g. "--session-id {id}"; "": the program can't be told its conversation's id."""
    remote_control: bool = False
    remote_control_flag: str = ""
    preamble: str = ""
    attach: str = ""
    server: str = ""
    connect_delay: float = 12.0
    hooks: bool = False
    needs: tuple[str, ...] = ()
    """Services that must be ready before a session of this backend starts."""
    env: Mapping[str, str | FromEnv] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WakeSpec:
    """`wake = { interval, prompt_file }` of an agent."""

    interval: float
    prompt_file: Path


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """One `[[agent]]`, the defaults applied."""

    name: str
    session: str
    kind: Kind
    backend: str
    dir: Path
    model: str | None = None
    role: str | None = None
    loop: str | None = None
    """Name of its loop; set for every agent of kind `loop`."""
    prompt: str | None = None
    prompt_file: Path | None = None
    watch: Watch = Watch.NONE
    enabled: bool = True
    resume: bool = False
    wake: WakeSpec | None = None
    worktree: bool = False
    persona: Path | None = None
    env: Mapping[str, str | FromEnv] = field(default_factory=dict)
    stop_grace: float = 10.0
    line: int = 0
    """Line of its table in agents.toml, for messages."""


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """One `[[service]]`."""

    name: str
    session: str
    command: str
    dir: Path
    env: Mapping[str, str | FromEnv] = field(default_factory=dict)
    restart: bool = True
    ready_re: str | None = None
    ready_tcp: str | None = None
    """"HOST:PORT" that accepts a connection once the service is ready."""
    stop_grace: float = 10.0
    line: int = 0


@dataclass(frozen=True, slots=True)
class PhaseSpec:
    """One entry of `loop.phases`."""

    id: str
    plan: str
    status: str
    models: Mapping[str, str] = field(default_factory=dict)
    gate: str | None = None


@dataclass(frozen=True, slots=True)
class HandoffSpec:
    """`[loop.handoff]`."""

    repo: Path
    remote: str = "origin"
    branch: str = "main"
    state_subdir: str = "machine-docs"
    claim_pattern: str = "^claim"
    claim_pings: str = "adversary"
    review_pattern: str = "^review"
    review_pings: str = "builder"
    inboxes: tuple[str, ...] = ()
    done_source: DoneSource = DoneSource.COMMIT


@dataclass(frozen=True, slots=True)
class OnCompleteSpec:
    """`[loop.on_complete]`."""

    run: str | None = None
    trigger_file: Path | None = None


@dataclass(frozen=True, slots=True)
class LoopSpec:
    """`[loop]`, or one of several `[[loop]]`."""

    name: str
    """"loop" for the single unnamed one."""
    phases: tuple[PhaseSpec, ...]
    kickoff_template: Path | None
    roles_dir: Path
    done_marker: str = "## DONE"
    auto_advance: bool = True
    resume_phase: bool = True
    state_file: str = "phase-idx"
    gate: str | None = None
    gate_timeout: float = 1800.0
    """Seconds after which a gate is ended, and has failed."""
    require_review: bool = False
    handoff: HandoffSpec | None = None
    on_complete: OnCompleteSpec | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """A whole agents.toml that is fit to run."""

    path: Path
    defaults: Defaults
    watchdog: WatchdogSettings
    backends: Mapping[str, BackendSpec]
    """Every backend that an agent uses or the file declares, by name."""
    agents: tuple[AgentSpec, ...]
    services: tuple[ServiceSpec, ...]
    loops: tuple[LoopSpec, ...]
    digest: str
    """Hash of the file's text: two configs with one digest are the same."""

    def __hash__(self) -> int:
        return hash(self.digest)

    def agent(self, name: str) -> AgentSpec | None:
        """The agent of that name, or None."""
        return next((a for a in self.agents if a.name == name), None)

    def service(self, name: str) -> ServiceSpec | None:
        """The service of that name, or None."""
        return next((s for s in self.services if s.name == name), None)

    def loop(self, name: str) -> LoopSpec | None:
        """The loop of that name, or None."""
        return next((x for x in self.loops if x.name == name), None)

    @property
    def state_dir(self) -> Path:
        """Where the store, the lock and the launch files of this fleet are."""
        return self.defaults.log_dir / "state"

    @property
    def worktrees_dir(self) -> Path:
        """Where the worktrees of this fleet's agents are."""
        return self.state_dir / "worktrees"
