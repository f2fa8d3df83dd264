"""`ao read NAME`: what the reader makes of a live agent's screen."""

from __future__ import annotations

from datetime import UTC, datetime

from orchestrator.adapters import clock
from orchestrator.adapters.store import Store
from orchestrator.adapters.store_schema import StoreBroken
from orchestrator.adapters.tmux import TmuxServer
from orchestrator.commands.fleet import Fleet
from orchestrator.commands.read import Rulebook
from orchestrator.errors import AoError, TmuxUnavailable, UsageError
from orchestrator.model.config import AgentSpec
from orchestrator.model.observation import Pane, ServerState
from orchestrator.model.reading import Reading
from orchestrator.reading import read


def read_agent(fleet: Fleet, name: str, server: TmuxServer, tz: str) -> Reading:
    """The reading of an agent's screen as it is now. Takes no lock, changes nothing.

    Raises:
        UsageError: no agent bears the name.
        AoError: it does not run.
        TmuxUnavailable: tmux did not answer.
    """
    fleet.check_names([name])
    agent = fleet.config.agent(name)
    if agent is None:
        raise UsageError(f"{name} is a service: it has no screen that means anything", "`ao logs` shows it")
    pane = _living_pane(agent, server)
    screen = server.look({name: pane.pane_id}, attributes=[name]).get(name)
    if screen is None:
        raise _not_running(name)
    now = clock.now()
    return read(
        Rulebook(fleet.config).rules(agent.backend),
        screen,
        datetime.fromtimestamp(now, UTC),
        tz,
        unchanged_for=max(0.0, now - pane.activity),
        first_seen=_first_seen(fleet, pane),
    )


def _living_pane(agent: AgentSpec, server: TmuxServer) -> Pane:
    found = server.snapshot()
    if found.state is ServerState.UNKNOWN:
        raise TmuxUnavailable(f"tmux did not answer: {found.reason}", "try again")
    pane = (found.panes or {}).get(agent.name)
    if pane is None and agent.session in found.taken:
        raise AoError(
            f"the session {agent.session} is not this fleet's", "rename it, or change session_prefix"
        )
    if pane is None or pane.dead:
        raise _not_running(agent.name)
    return pane


def _not_running(name: str) -> AoError:
    return AoError(
        f"{name} is not running", f"start it with `ao up {name}`; `ao explain {name}` says what became of it"
    )


def _first_seen(fleet: Fleet, pane: Pane) -> datetime | None:
    """When the limit on the screen was first seen, if a watchdog saw it: a bare time counts from there."""
    try:
        store = Store(fleet.store_path, read_only=True)
    except StoreBroken:
        return None
    try:
        session = store.load_memory().sessions.get(pane.name)
    finally:
        store.close()
    if session is None or session.run != pane.run or session.limit is None or not session.held:
        return None
    return datetime.fromtimestamp(session.limit.since, UTC)
