"""The whole fleet's plan for one tick: requests, every session's turn, the pace of starts, the answers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from orchestrator.decide.assess import Facts, gather, view
from orchestrator.decide.belief import BY_ACTIVITY, QUIET, assess_reading
from orchestrator.decide.delivery import deliver
from orchestrator.decide.dialogs import answer_dialog
from orchestrator.decide.lifecycle import advance
from orchestrator.decide.limits import account_holders, account_of, grant_tries, note_ended, tend_limit
from orchestrator.decide.logs import keep_log
from orchestrator.decide.loops import tend_loops, unseen
from orchestrator.decide.outbox import held_up_by, note_mode
from orchestrator.decide.pace import Turn, grant_starts
from orchestrator.decide.phases import follow_config
from orchestrator.decide.requests import accept, follow, is_over
from orchestrator.decide.sending import withdrawn
from orchestrator.decide.step import Step
from orchestrator.decide.wake import keep_awake
from orchestrator.decide.wanted import wanted_sessions
from orchestrator.decide.worktrees import tend_worktrees
from orchestrator.model.action import Action, Plan, RestoreSocket
from orchestrator.model.event import Event, EventKind
from orchestrator.model.memory import Memory, SessionMemory, Stage
from orchestrator.model.observation import Observation, ServerState
from orchestrator.model.reading import State
from orchestrator.model.request import Request
from orchestrator.model.view import Condition, View

SOON = 0.05
RETRY_TMUX = 1.0
HOUSEKEEPING = 5.0
"""Seconds between two looks at what wakes nobody: logs, programs, a config whose change was missed."""
QUIET_TRANSITIONS = frozenset(
    {
        Condition.MISSING,
        Condition.STARTING,
        Condition.STOPPING,
        Condition.STOPPED,
        Condition.BACKOFF,
        Condition.DEAD,
        Condition.FAILED,
        Condition.COMPLETED,
        Condition.TAKEN,
        Condition.LIMITED,
    }
)
"""Conditions that another event tells already."""
FOR_HUMANS = frozenset({Condition.DIALOG, Condition.AUTH})


def plan(observation: Observation, memory: Memory, zone: str) -> Plan:
    """What to do, what to remember, and what to tell.

    Args:
        observation: what was seen.
        memory: of the tick before.
        zone: IANA name of the machine's time zone, for reset times without one.
    """
    memory = on_this_boot(memory, observation)
    memory = follow_config(observation.config, memory, observation.now)
    events: list[Event] = _fleet_events(observation, memory)
    requests: list[Request] = []
    for request in observation.requests:
        if request.accepted:
            requests.append(request)
            continue
        wanted = wanted_sessions(observation.config, memory.phases)
        taken_on, memory, told = accept(request, memory, observation.config, wanted, observation)
        requests.append(taken_on)
        events += told
    loops = tend_loops(observation, memory)
    memory = loops.memory
    trees, removals, told_of_trees = tend_worktrees(
        observation, memory, wanted_sessions(observation.config, memory.phases)
    )
    memory = replace(memory, worktrees=trees)
    observation = replace(observation, unseen=unseen(memory, observation.config))
    facts = _read_all(observation, memory, zone)
    turns = [Turn(f, _turn(f, observation)) for f in facts]
    memory = grant_starts(turns, observation, memory, observation.config.watchdog)
    memory = replace(memory, tried=grant_tries(turns, observation, memory.tried))
    after = {turn.step.session.name: turn.step.session for turn in turns if _is_worth_keeping(turn)}
    ended = {each.request: each for turn in turns for each in turn.step.ended if each.request}
    answered = [follow(r, {f.memory.name: f for f in facts}, after, observation, ended) for r in requests]
    after = {name: withdrawn(session, answered) for name, session in after.items()}
    for turn in turns:
        turn.step.session = after.get(turn.step.session.name, turn.step.session)
    views, seen, told = _views(turns, observation)
    after = {
        name: replace(s, condition=seen[name], condition_at=observation.now) if name in seen else s
        for name, s in after.items()
    }
    changed = tuple(new for new, old in zip(answered, observation.requests, strict=True) if new != old)
    stop = any(is_over(r) for r in answered)
    actions: list[Action] = [*loops.actions, *removals]
    actions += [action for turn in turns for action in turn.step.actions]
    if observation.lost_socket_of:
        actions.append(RestoreSocket(observation.lost_socket_of))
    return Plan(
        memory=replace(_fleet_memory(memory, observation, stop=stop), sessions=after),
        actions=tuple(actions),
        events=(
            *events,
            *loops.events,
            *told_of_trees,
            *(event for turn in turns for event in turn.step.events),
            *told,
        ),
        views=views,
        requests=changed,
        signals_taken=max((s.id for found in observation.signals.values() for s in found), default=0),
        wake_after=_wake_after(turns, observation, answered),
        stop=stop,
    )


def on_this_boot(memory: Memory, observation: Observation) -> Memory:
    """Memory without the pids and monotonic stamps of another boot: holds, tallies and waits begin anew."""
    if memory.boot == observation.boot:
        return memory
    sessions = {
        name: replace(
            session, pid=0, started_mono=0.0, healthy_mono=None, deaths=(), attempt=0, due=0.0, failed=False, asked=0.0,
            ended_mono=None, stop_mono=None, program_mono=0.0, removed_mono=None, log_mono=0.0,
            exit=replace(session.exit, mono=0.0) if session.exit else None,
            reading=replace(session.reading, changed_mono=0.0, idle_mono=None, told=None, submitted_mono=0.0),
            woken_mono=None, mode_mono=None,
            deliveries=tuple(replace(d, since=observation.mono, queued=observation.mono) for d in session.deliveries),
            limit=session.limit.for_next_run() if session.limit else None,
        )
        for name, session in memory.sessions.items()
    }  # fmt: skip
    return replace(
        memory, boot=observation.boot, starts=(), server_pid=0, tried={}, worktrees={}, sessions=sessions
    )


def _fleet_events(observation: Observation, memory: Memory) -> list[Event]:
    events: list[Event] = []
    lost = observation.server is ServerState.UNKNOWN
    if lost and not memory.server_lost:
        events.append(
            Event(
                EventKind.TMUX_LOST,
                "",
                f"tmux can't be asked: {observation.server_reason}; nothing is judged until it can",
            )
        )
    if observation.lost_socket_of and not memory.socket_lost:
        told = f"the tmux server (pid {observation.lost_socket_of}) lives and its socket is gone; it is told to make it again"
        events.append(Event(EventKind.SOCKET_LOST, "", told))
    if memory.server_lost and not lost:
        events.append(Event(EventKind.TMUX_BACK, "", "tmux answers again"))
    if observation.config_error and observation.config_error != memory.config_error:
        events.append(
            Event(
                EventKind.CONFIG_REJECTED,
                "",
                f"{observation.config_error}; the last good config stays in force",
            )
        )
    if observation.config.digest != memory.config_digest:
        events.append(
            Event(
                EventKind.CONFIG_LOADED,
                "",
                f"config in force: {observation.config.path}",
                {"digest": observation.config.digest},
            )
        )
    return events


def _fleet_memory(memory: Memory, observation: Observation, *, stop: bool) -> Memory:
    pids = {pane.server_pid for pane in observation.panes.values()}
    return replace(
        memory,
        server_lost=observation.server is ServerState.UNKNOWN,
        socket_lost=bool(observation.lost_socket_of),
        server_pid=0 if stop else pids.pop() if len(pids) == 1 else memory.server_pid,
        config_digest=observation.config.digest,
        config_error=observation.config_error,
    )


def _read_all(observation: Observation, memory: Memory, zone: str) -> tuple[Facts, ...]:
    """Every session's facts, with the reading of this tick."""
    wanted = wanted_sessions(observation.config, memory.phases)
    read: list[Facts] = []
    for facts in gather(observation, memory, wanted):
        name = facts.memory.name
        screen, signals = observation.screens.get(name), observation.signals.get(name, ())
        reading = assess_reading(facts, screen, signals, observation.now, observation.mono, zone)
        read.append(
            replace(facts, memory=replace(facts.memory, reading=reading))
            if reading != facts.memory.reading
            else facts
        )
    return tuple(read)


def _turn(facts: Facts, observation: Observation) -> Step:
    step = advance(facts, observation, observation.config.watchdog)
    if observation.server is ServerState.UP:
        note_mode(facts, step)
        deliver(facts, step)
        note_ended(step)
        tend_limit(facts, step)
        answer_dialog(facts, step)
        keep_awake(facts, step)
        keep_log(facts, step)
    if step.session.reading.rule == BY_ACTIVITY and step.session.reading.state is State.WORKING:
        step.again(QUIET)
    if step.session.reading.candidate is not None:
        step.again(0.2)
    return step


def _is_worth_keeping(turn: Turn) -> bool:
    """Memory of sessions that left the config goes with them."""
    return turn.facts.wanted is not None or turn.step.session.stage is not Stage.NONE


def _views(
    turns: list[Turn], observation: Observation
) -> tuple[tuple[View, ...], Mapping[str, str], list[Event]]:
    """The views, the conditions that are new, and events for conditions that changed."""
    views: list[View] = []
    seen: dict[str, str] = {}
    events: list[Event] = []
    holders = account_holders([(account_of(turn), turn.step.session) for turn in turns])
    for turn in turns:
        session = turn.step.session
        facts = replace(turn.facts, memory=session)
        row = view(facts, observation)
        holder = holders.get(account_of(turn)) if facts.alive and not session.held else None
        if holder is not None and holder.limit is not None:
            row = replace(row, account_limited=holder.name, reset_at=holder.limit.reset_at)
        if session.deliveries:
            row = replace(
                row, texts=len(session.deliveries), text_waits=held_up_by(facts, session, observation)
            )
        if facts.wanted is None and session.stage is Stage.NONE and facts.pane is None:
            continue
        if row.condition.value != session.condition:
            seen[session.name] = row.condition.value
            if session.condition and row.condition not in QUIET_TRANSITIONS:
                events.append(_transition(session, row))
        views.append(row)
    return tuple(views), seen, events


def _transition(session: SessionMemory, row: View) -> Event:
    why = f": {row.reason}" if row.reason else ""
    data: dict[str, object] = {
        "from": session.condition,
        "to": row.condition.value,
        "rule": row.rule,
        "evidence": row.evidence,
    }
    if row.condition in FOR_HUMANS:
        told = f"waits for a person ({row.condition.value}){why}"
        return Event(EventKind.NEEDS_HUMAN, session.name, told, {"state": row.condition.value, **data})
    return Event(EventKind.CONDITION, session.name, f"{session.condition} → {row.condition.value}{why}", data)


def _wake_after(turns: list[Turn], observation: Observation, requests: list[Request]) -> float:
    wake = min((turn.step.wake for turn in turns), default=1e9)
    if observation.server is ServerState.UNKNOWN:
        wake = min(wake, RETRY_TMUX)
    if any(not request.answered for request in requests):
        wake = min(wake, 0.25)
    return min(wake, observation.config.watchdog.signal_interval, HOUSEKEEPING)
