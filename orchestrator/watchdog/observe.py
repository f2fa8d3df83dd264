"""Step 1 of a tick: gather what the plan needs to know. Reads only, and judges nothing.

What is costly (a screen, a process tree, a probe) is looked at only where `attention.py` says so.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from orchestrator.decide.loops import exported, queries
from orchestrator.decide.phases import standing
from orchestrator.decide.wanted import wanted_sessions
from orchestrator.errors import AoError, TmuxUnavailable
from orchestrator.model.config import Config
from orchestrator.model.handoff import Sight
from orchestrator.model.memory import Memory, SessionMemory
from orchestrator.model.observation import Observation, Pane, Process, ServerState
from orchestrator.model.reading import Screen, Signal
from orchestrator.model.wanted import Wanted
from orchestrator.watchdog import attention
from orchestrator.watchdog.apply import Failed
from orchestrator.watchdog.ports import (
    Clock,
    ConfigSource,
    Conversations,
    Deaths,
    Gates,
    Handoffs,
    Launcher,
    Logs,
    Probes,
    Processes,
    Snapshot,
    Store,
    Tmux,
    Transcripts,
    Worktrees,
)

LOG_INTERVAL = 5.0
"""Seconds between two looks at the log files."""
LAST_WORDS_HISTORY = 200
"""Lines above a dead pane's screen that may hold its last words."""


@dataclass(slots=True)
class Eyes:
    """The ports that observing needs."""

    tmux: Tmux
    processes: Processes
    deaths: Deaths
    store: Store
    logs: Logs
    probes: Probes
    conversations: Conversations
    clock: Clock
    config: ConfigSource
    launcher: Launcher
    transcripts: Transcripts
    handoffs: Handoffs
    gates: Gates
    worktrees: Worktrees


@dataclass(slots=True)
class Observer:
    """Observes, and remembers between ticks only what was already looked at."""

    eyes: Eyes
    _seen: dict[str, attention.Seen] = field(default_factory=dict)
    _ready: dict[str, str] = field(default_factory=dict)
    _rows: object = None
    _config: Config | None = None
    _logs_mono: float = 0.0
    _conversations_mono: float = 0.0
    _transcripts_mono: dict[str, float] = field(default_factory=dict)
    _heard: int = 0
    _identity: str = ""

    def glance(self) -> Snapshot | None:
        """One cheap look: the snapshot when it or the config has moved since the last tick, else None."""
        snapshot = self.eyes.tmux.snapshot()
        moved = _rows_of(snapshot) != self._rows or self.eyes.config.current() is not self._config
        return snapshot if moved or self._unsettled() else None

    def observe(self, memory: Memory, failed: Failed, snapshot: Snapshot | None = None) -> Observation:
        """Everything one tick needs; a snapshot that was just taken is used as it is."""
        eyes = self.eyes
        now, mono = eyes.clock.now(), eyes.clock.mono()
        self._identity = self._identity or f"{mono!r}"
        config = self._config = eyes.config.current()
        snapshot = snapshot or eyes.tmux.snapshot()
        self._rows = _rows_of(snapshot)
        panes = dict(snapshot.panes or {})
        state, reason = self._server(snapshot, memory)
        server_pid = next((pane.server_pid for pane in panes.values()), memory.server_pid)
        eyes.deaths.watch([pane.pid for pane in panes.values() if not pane.dead])
        ended = frozenset(
            name for name, pane in panes.items() if not pane.dead and eyes.deaths.ended(pane.pid)
        )
        alive = frozenset(name for name, pane in panes.items() if not pane.dead and name not in ended)
        wanted = {w.name: w for w in wanted_sessions(config, memory.phases)}
        look = _Look(memory, wanted, panes, alive, now, mono)
        try:
            screens = self._screens(look)
            human = self._human(look, config)
        except TmuxUnavailable as error:
            state, reason, screens, human = ServerState.UNKNOWN, str(error), {}, frozenset()
        wakes = self._wakes(look)
        return Observation(
            now=now,
            mono=mono,
            boot=eyes.clock.boot(),
            watchdog=self._identity,
            slept=eyes.clock.slept(),
            config=config,
            config_error=eyes.config.error,
            server=state,
            server_reason=reason,
            lost_socket_of=server_pid if self._has_lost_socket(server_pid, state) else 0,
            panes=panes,
            taken=snapshot.taken,
            ended=ended,
            screens=screens,
            human=human,
            processes=self._processes(look),
            programs=self._programs(look),
            services_ready=self._services(look, config, screens),
            conversations=self._find_conversations(look, config),
            # What is reported while tmux can't be asked waits with everything else.
            signals=self._signals(look, config, screens) if state is not ServerState.UNKNOWN else {},
            wake_texts=wakes.texts,
            wake_troubles=wakes.troubles,
            failures=failed.starts,
            unsaid=failed.texts,
            lacking=self._lacking(look),
            log_sizes=self._log_sizes(look),
            sights=self._sights(look, config),
            gates=eyes.gates.results() if config.loops else {},
            gating=eyes.gates.running() if config.loops else {},
            exports=eyes.logs.read_exports(exported(config)) if config.loops else {},
            worktrees=eyes.worktrees.names(),
            worktree_refusals=eyes.worktrees.refusals(),
            requests=eyes.store.open_requests(),
        )

    def _unsettled(self) -> bool:
        return any(not seen.settled for seen in self._seen.values())

    def _server(self, snapshot: Snapshot, memory: Memory) -> tuple[ServerState, str]:
        """The server's state; one that lives and lost its socket is not absent."""
        if snapshot.state is ServerState.ABSENT and self._is_server(memory.server_pid):
            if not self.eyes.tmux.has_socket():
                return (
                    ServerState.UNKNOWN,
                    f"the server (pid {memory.server_pid}) lives, but its socket is gone",
                )
            return ServerState.UNKNOWN, f"the server (pid {memory.server_pid}) lives, but takes no connection"
        return snapshot.state, snapshot.reason

    def _has_lost_socket(self, server_pid: int, state: ServerState) -> bool:
        if state is ServerState.ABSENT or self.eyes.tmux.has_socket():
            return False
        return self._is_server(server_pid)

    def _is_server(self, pid: int) -> bool:
        """Whether a pid is a living tmux; that of a server that is gone may be in use by another program."""
        processes = self.eyes.processes
        return pid > 1 and processes.is_alive(pid) and processes.command_name(pid).startswith("tmux")

    def _screens(self, look: _Look) -> dict[str, Screen]:
        living: dict[str, str] = {}
        last_words: dict[str, str] = {}
        for name, pane in look.panes.items():
            session = look.session(name)
            if name not in look.alive:
                if attention.wants_last_words(session, pane, alive=False):
                    last_words[name] = pane.pane_id
            elif attention.wants_capture(
                look.wanted.get(name), session, pane, self._seen.get(name)
            ) or self._awaits_text(look, name):
                living[name] = pane.pane_id
                self._seen[name] = attention.Seen(
                    pane.run, pane.activity, settled=look.now >= pane.activity + 2
                )
        self._seen = {name: seen for name, seen in self._seen.items() if name in look.alive}
        styled = [name for name in living if attention.wants_attributes(look.session(name))]
        screens = self.eyes.tmux.look(living, attributes=styled) if living else {}
        if last_words:
            screens |= self.eyes.tmux.look(last_words, history=LAST_WORDS_HISTORY)
        return screens

    def _awaits_text(self, look: _Look, name: str) -> bool:
        """Whether a service says on its screen that it is ready, and has not said so yet."""
        service = self.eyes.config.current().service(name)
        return (
            service is not None and bool(service.ready_re) and self._ready.get(name) != look.panes[name].run
        )

    def _human(self, look: _Look, config: Config) -> frozenset[str]:
        attached = {pane.session_id: name for name, pane in look.panes.items() if pane.attached}
        if not attached:
            return frozenset()
        recent = self.eyes.tmux.human_activity()
        hold = config.watchdog.human_hold
        return frozenset(
            name for session, name in attached.items() if look.now - recent.get(session, 0) < hold
        )

    def _processes(self, look: _Look) -> dict[str, tuple[Process, ...]]:
        names = [
            name
            for name in {*look.memory.sessions, *look.panes}
            if attention.wants_processes(
                look.wanted.get(name),
                look.session(name),
                look.panes.get(name),
                look.memory,
                alive=name in look.alive,
                mono=look.mono,
            )
        ]
        if not names:
            return {}
        table = self.eyes.processes.table()
        return {
            name: table.members(
                attention.leader_of(look.session(name), look.panes), look.run(name), living=name in look.alive
            )
            for name in names
        }

    def _programs(self, look: _Look) -> dict[str, tuple[str, ...]]:
        return {
            name: self.eyes.processes.tree_command_lines(look.panes[name].pid)
            for name in look.alive
            if attention.wants_program(look.wanted.get(name), look.session(name), look.panes[name], look.mono)
        }

    def _services(self, look: _Look, config: Config, screens: Mapping[str, Screen]) -> frozenset[str]:
        for service in config.services:
            if service.name not in look.alive:
                self._ready.pop(service.name, None)
                continue
            run = look.panes[service.name].run
            screen = screens.get(service.name)
            said = service.ready_re is None or (
                screen is not None and re.search(service.ready_re, screen.text, re.MULTILINE) is not None
            )
            if (
                self._ready.get(service.name) != run
                and said
                and (service.ready_tcp is None or self.eyes.probes.ready(service, run))
            ):
                self._ready[service.name] = run
        return frozenset(
            name for name, run in self._ready.items() if name in look.alive and look.panes[name].run == run
        )

    def _find_conversations(self, look: _Look, config: Config) -> dict[str, str]:
        """Looked for in files: of the living now and then, of the dead at once."""
        is_time = look.mono - self._conversations_mono >= attention.CONVERSATION_INTERVAL
        names = [
            name
            for name, session in look.memory.sessions.items()
            if attention.wants_conversation(
                look.wanted.get(name), session, alive=name in look.alive, mono=look.mono
            )
            and (is_time or name not in look.alive)
        ]
        if is_time and names:
            self._conversations_mono = look.mono
        found = {
            name: self.eyes.conversations.find(look.session(name).started_at, name, config) for name in names
        }
        return {name: conversation for name, conversation in found.items() if conversation}

    def _signals(
        self, look: _Look, config: Config, screens: Mapping[str, Screen]
    ) -> dict[str, tuple[Signal, ...]]:
        """What programs reported by their hooks, and what stands in their transcripts."""
        found = self._unheard()
        looked: dict[str, float] = {}
        for name in look.alive:
            session, last = look.session(name), self._transcripts_mono.get(name, -math.inf)
            if not attention.wants_transcript(look.wanted.get(name), session, look.panes[name]):
                continue
            looked[name] = last
            if name in screens or look.mono - last >= attention.TRANSCRIPT_INTERVAL:
                looked[name] = look.mono
                if news := self.eyes.transcripts.news(session, config, look.now, look.mono):
                    found[name] = (*found.get(name, ()), *news)
        self._transcripts_mono = looked
        self.eyes.transcripts.keep(looked)
        return found

    def _unheard(self) -> dict[str, tuple[Signal, ...]]:
        """The store's reports that were not heard before: a store that can't be written goes on showing them."""
        rows = self.eyes.store.new_signals()
        found = {name: tuple(s for s in rows[name] if s.id > self._heard) for name in rows}
        self._heard = max((s.id for signals in found.values() for s in signals), default=self._heard)
        return found

    def _wakes(self, look: _Look) -> _Wakes:
        """The wake texts of those whose time has come: the file is read each time, so it may be edited."""
        texts: dict[str, str] = {}
        troubles: dict[str, str] = {}
        for name in look.alive:
            wanted = look.wanted.get(name)
            if (
                wanted is None
                or wanted.wake is None
                or not attention.wants_wake(wanted, look.session(name), look.mono)
            ):
                continue
            try:
                texts[name] = self.eyes.launcher.read_prompt(wanted.wake.prompt_file)
            except AoError as error:
                troubles[name] = error.message
        return _Wakes(texts, troubles)

    def _sights(self, look: _Look, config: Config) -> dict[str, Sight]:
        """What is known by now of the loops' repositories."""
        if not config.loops:
            return {}
        asked = queries(config, replace(look.memory, phases=standing(config, look.memory.phases)))
        self.eyes.handoffs.keep(asked)
        found = {name: self.eyes.handoffs.look(name, query) for name, query in asked.items()}
        return {name: sight for name, sight in found.items() if sight is not None}

    def _lacking(self, look: _Look) -> dict[str, str]:
        """Asked for those whose config changed while they run: an edit gone wrong must not stop them."""
        drifted = [
            w for name, w in look.wanted.items() if name in look.alive and look.panes[name].spec != w.spec
        ]
        lacks = {w.name: self.eyes.launcher.lacks(w.launch) for w in drifted}
        return {name: str(found[0]) for name, found in lacks.items() if found}

    def _log_sizes(self, look: _Look) -> dict[str, int]:
        if look.mono - self._logs_mono < LOG_INTERVAL:
            return {}
        self._logs_mono = look.mono
        return {name: self.eyes.logs.size(name) for name in look.alive}


@dataclass(frozen=True, slots=True)
class _Wakes:
    """Texts by session, and why there is none."""

    texts: Mapping[str, str]
    troubles: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Look:
    """What the parts of one observation share."""

    memory: Memory
    wanted: Mapping[str, Wanted]
    panes: Mapping[str, Pane]
    alive: frozenset[str]
    now: float
    mono: float

    def session(self, name: str) -> SessionMemory:
        return self.memory.sessions.get(name) or SessionMemory(name=name)

    def run(self, name: str) -> str:
        """The run whose processes are meant: the pane's, which may be another than memory's."""
        pane = self.panes.get(name)
        return self.session(name).run or (pane.run if pane else "")


def _rows_of(snapshot: Snapshot) -> object:
    """What must differ for a look to be worth a tick."""
    return (snapshot.state, snapshot.panes, snapshot.taken)
