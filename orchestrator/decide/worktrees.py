"""Worktrees that no agent wants any more: taken away, or kept and named. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.model.action import Action, RemoveWorktree
from orchestrator.model.event import Event, EventKind
from orchestrator.model.memory import KeptWorktree, Memory, Stage
from orchestrator.model.observation import Observation
from orchestrator.model.wanted import Wanted

AGAIN = 600.0
"""Seconds until it is tried again to take one away."""


def tend_worktrees(
    observation: Observation, memory: Memory, wanted: Sequence[Wanted]
) -> tuple[dict[str, KeptWorktree], list[Action], list[Event]]:
    """What is remembered of each that is not wanted, what to do, and what to tell."""
    held = {each.name for each in wanted if each.launch.worktree_of is not None}
    kept: dict[str, KeptWorktree] = {}
    actions: list[Action] = []
    events: list[Event] = []
    for name in sorted(observation.worktrees - held):
        session = memory.sessions.get(name)
        if name in observation.panes or (session is not None and session.stage is not Stage.NONE):
            continue
        known = memory.worktrees.get(name)
        edited = observation.config.digest != memory.config_digest
        if known is None or edited or observation.mono - known.tried >= AGAIN:
            actions.append(RemoveWorktree(name))
            kept[name] = KeptWorktree(observation.mono, known.told if known else "")
            continue
        words = observation.worktree_refusals.get(name, known.told)
        if words != known.told:
            events.append(Event(EventKind.WORKTREE_KEPT, name, f"its worktree is kept: {words}"))
        kept[name] = KeptWorktree(known.tried, words)
    gone = memory.worktrees.keys() - observation.worktrees
    events += [
        Event(EventKind.WORKTREE_REMOVED, name, "its worktree was removed; nothing was lost with it")
        for name in sorted(gone)
    ]
    return kept, actions, events
