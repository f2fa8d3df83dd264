"""What one tick hands to the next: small, stored before any effect, safe to lose.

Durations are reckoned on the monotonic clock (`mono`), which is comparable between processes
of one boot; after a reboot `decide/memory.py` drops every such stamp.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from orchestrator.model.reading import State


class Desire(StrEnum):
    """What a person last asked for."""

    UP = "up"
    DOWN = "down"


class Stage(StrEnum):
    """How far the present run of a session has come."""

    NONE = "none"
    """Never started, or stopped: nothing is expected to exist."""
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    ENDED = "ended"
    """Died, vanished or could not be started; a restart may be due."""
    COMPLETED = "completed"
    """A task that has run."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a run ended.

    words: the last lines it left on its screen. began: mono at which it was started. ready: it had come so far.
    """

    at: float
    mono: float
    status: int | None = None
    signal: int | None = None
    words: tuple[str, ...] = ()
    reason: str = ""
    began: float = 0.0
    ready: bool = False

    def describe(self) -> str:
        """One phrase: "exited with status 1", "was killed by signal 9", or the reason."""
        if self.signal is not None:
            return f"was killed by signal {self.signal}"
        if self.status is not None:
            return f"exited with status {self.status}"
        return self.reason or "ended"


@dataclass(frozen=True, slots=True)
class ReadingMemory:
    """The accepted reading, and one that waits for its second sight.

    state and rule: accepted; since: epoch seconds. candidate: read once, not yet believed.
    command: the program in the foreground when it was read. changed_mono: when the screen last changed. idle_mono: since when it is idle, or None.
    reset_at: end of a limit, epoch seconds. goes_on: the program goes on by itself then.
    box: what is typed in the prompt box; None where there is none.
    told: what the program itself reported last, told_mono when, told_reset the end of a limit that came with it.
    submitted_mono: when it last reported that it had taken a prompt.
    waiting_until: until when it says, as its last words, that it waits, epoch seconds; None when it does not.
    """

    state: State = State.STARTING
    rule: str = ""
    evidence: tuple[str, ...] = ()
    since: float = 0.0
    candidate: State | None = None
    fingerprint: str = ""
    command: str = ""
    changed_mono: float = 0.0
    idle_mono: float | None = None
    reset_at: float | None = None
    goes_on: bool = False
    box: str | None = None
    told: State | None = None
    told_mono: float = 0.0
    told_reset: float | None = None
    submitted_mono: float = 0.0
    waiting_until: float | None = None


@dataclass(frozen=True, slots=True)
class LimitMemory:
    """A usage limit that a session has met. It is kept for a while after it was lifted, to know its banner again.

    held: nothing is said to the session. words: the banner, on one line.
    since: epoch seconds of its first sighting, from which a bare time is reckoned.
    reset_at: its announced end, epoch seconds; None when it was not said. goes_on: the program goes on by itself.
    until: when the session is tried, in seconds since boot, sleep included; None to reckon it from `reset_at`.
    met: the run that met it. run: the one whose screen showed it last. tries: how often it was tried. trying: key of the text that is under way.
    over: the next start ends it.
    """

    since: float
    words: str = ""
    held: bool = True
    reset_at: float | None = None
    goes_on: bool = False
    until: float | None = None
    met: str = ""
    run: str = ""
    tries: int = 0
    trying: str = ""
    over: bool = False

    def for_next_run(self) -> LimitMemory:
        """The limit of a session that starts anew: what tried it has come to nothing, and what went on by itself is gone."""
        tries = self.tries - (1 if self.trying else 0)
        return replace(self, trying="", tries=tries, goes_on=False, until=None)


class DeliveryState(StrEnum):
    """How far a text has come on its way into a session."""

    QUEUED = "queued"
    TYPED = "typed"
    SUBMITTED = "submitted"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A text that must reach a session, once. Kept here until it is accepted or has failed.

    key: one delivery per key, ever. since: mono of its last step. presses: submit keys sent.
    queued: mono when it was queued, and once it is typed when that was.
    before: fingerprint of the screen it was typed over. busy: a turn ran then.
    by: which watchdog typed it. standing: it was seen in the prompt box. request: number of the request that waits for it, 0 for none.
    told: that it waits for long was said. commits: ids of those that it tells of.
    """

    key: str
    text: str
    sender: str
    state: DeliveryState = DeliveryState.QUEUED
    since: float = 0.0
    queued: float = 0.0
    presses: int = 0
    before: str = ""
    busy: bool = False
    by: str = ""
    standing: bool = False
    request: int = 0
    told: bool = False
    commits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SessionMemory:
    """All that is remembered of one agent or service.

    run: id of the last start, also the mark in the environment of its processes.
    spec: hash of what that run was started from. pid: of its pane's first process.
    conversation: the CLI's own id of its dialogue; `talked` once a turn was seen in it, so that
    it can be resumed. resumed: the present run was started by resuming; adopted: it was found running.
    deaths: mono stamps of restarts that count against the restart intensity.
    attempt: restarts since it was last healthy for `restart_window`.
    due: mono before which it is not started again. failed: the intensity is used up.
    asked: mono of the last request that started it; a session with watch "none" is started once per request.
    exit: how its last run ended; `exit_run` says which, so that a death is counted once.
    ended_mono: when the death was first noticed. stop_mono: when the polite end was sent; `killed` once the kill was.
    mismatch: how often in a row another program was seen there.
    restart: why it is being stopped to be started again, "" when it is not.
    survivors: processes that could not be ended at the last stop, "PID COMMAND" each.
    log_mono: of the last time its log had to be opened again.
    answers: how many dialogs were answered in this run; answered: fingerprint of the last screen that was looked at for one.
    keeps: a text was typed while a turn ran, and its program may still keep it for the end of that.
    mode_mono: since when its pane is in copy mode, None when it is not.
    woken_mono: when it was last woken by its schedule; wake_trouble: why it could not be, as told.
    said: keys of the last texts that were taken.
    unsaid: the present run was started without its kickoff.
    condition, condition_at: of its last view, and since when (epoch seconds).
    """

    name: str
    desire: Desire | None = None
    stage: Stage = Stage.NONE
    run: str = ""
    spec: str = ""
    session: str = ""
    dir: str = ""
    pid: int = 0
    conversation: str = ""
    talked: bool = False
    resumed: bool = False
    adopted: bool = False
    interrupted: bool = False
    started_at: float = 0.0
    started_mono: float = 0.0
    healthy_mono: float | None = None
    deaths: tuple[float, ...] = ()
    attempt: int = 0
    restarts: int = 0
    due: float = 0.0
    failed: bool = False
    asked: float = 0.0
    exit: Exit | None = None
    exit_run: str = ""
    ended_mono: float | None = None
    stop_mono: float | None = None
    killed: bool = False
    restart: str = ""
    survivors: tuple[str, ...] = ()
    condition: str = ""
    condition_at: float = 0.0
    mismatch: int = 0
    program_mono: float = 0.0
    drift_told: str = ""
    log_mono: float = 0.0
    taken_told: bool = False
    removed_mono: float | None = None
    unsaid: bool = False
    limit: LimitMemory | None = None
    reading: ReadingMemory = field(default_factory=ReadingMemory)
    deliveries: tuple[Delivery, ...] = ()
    said: tuple[str, ...] = ()
    answers: int = 0
    answered: str = ""
    keeps: bool = False
    mode_mono: float | None = None
    woken_mono: float | None = None
    wake_trouble: str = ""

    @property
    def held(self) -> bool:
        """Whether a usage limit keeps everything from being said to it."""
        return self.limit is not None and self.limit.held


@dataclass(frozen=True, slots=True)
class PhaseMemory:
    """Where one loop stands. index: of the current phase, -1 when it has none; ids: of all its phases. complete: the last one is done."""

    index: int = 0
    phase_id: str = ""
    ids: tuple[str, ...] = ()
    moved_at: float = 0.0
    complete: bool = False


@dataclass(frozen=True, slots=True)
class LoopMemory:
    """What a loop knows of its repository. A commit id is "" for an empty branch, and None before the first look.

    place: repository, remote and branch; with another one all else is forgotten.
    cursor: newest commit that was looked at. base: newest commit when the phase began.
    status_before: names the content of the status file on disk when the phase began, None before the first look.
    inboxes: what names the content of each inbox file.
    claim, review: last claim of the phase, and last review after it; "" for none.
    gate_commit: what the gate was last begun on, with gate_command; gate_passed: how that ended, None while it runs; gate_log: its output.
    waits: why the phase does not end, for people. trouble: why the repository can't be seen, as told.
    told: the commit of which it was told that the phase is done, where nobody moves it by itself.
    cleared: the trigger file is to be removed.
    """

    place: str = ""
    cursor: str | None = None
    base: str | None = None
    status_before: str | None = None
    inboxes: Mapping[str, str] | None = None
    claim: str = ""
    review: str = ""
    gate_commit: str = ""
    gate_command: str = ""
    gate_passed: bool | None = None
    gate_log: str = ""
    waits: str = ""
    trouble: str = ""
    told: str = ""
    cleared: bool = True


@dataclass(frozen=True, slots=True)
class KeptWorktree:
    """A worktree that no agent wants. tried: mono of the last try to take it away. told: why it is kept, as told."""

    tried: float
    told: str = ""


@dataclass(frozen=True, slots=True)
class Memory:
    """The whole fleet's.

    up: somebody ran `ao up` for the whole fleet, and nobody `ao down` since.
    starts: mono stamps of repeated restarts in the last minute, for the fleet's brake.
    server_pid: of the tmux server last seen, to tell a lost socket from a dead server.
    tried: by account, when a session of it was last tried after a limit, in seconds since boot, sleep included.
    """

    boot: str = ""
    up: bool = False
    starts: tuple[float, ...] = ()
    server_pid: int = 0
    server_lost: bool = False
    socket_lost: bool = False
    tried: Mapping[str, float] = field(default_factory=dict)
    config_digest: str = ""
    config_error: str = ""
    sessions: Mapping[str, SessionMemory] = field(default_factory=dict)
    phases: Mapping[str, PhaseMemory] = field(default_factory=dict)
    loops: Mapping[str, LoopMemory] = field(default_factory=dict)
    worktrees: Mapping[str, KeptWorktree] = field(default_factory=dict)
