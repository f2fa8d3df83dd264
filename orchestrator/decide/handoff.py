"""Following a loop's repository: who is told of which commit. Pure.

The cursor moves in the same transaction in which the texts enter the outbox, so each commit is told once, however often the
watchdog dies. What is said are fixed words and commit ids: never text from a commit or a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from orchestrator.model.config import Config, DoneSource, HandoffSpec, Kind, LoopSpec, PhaseSpec
from orchestrator.model.event import Event, EventKind
from orchestrator.model.handoff import Commit, Query, Sight
from orchestrator.model.memory import Delivery, DeliveryState, LoopMemory, SessionMemory
from orchestrator.model.observation import Observation
from orchestrator.model.text import printable

SENDER = "handoff"
LISTED = 10
"""Commit ids that one text names."""
SHORT = 12
"""Digits of a commit id as it is said."""
SUBJECT = 300
"""Characters of a subject that are looked at."""
SHOWN = 72
"""Characters of a subject that the journal shows."""


def place(handoff: HandoffSpec) -> str:
    """Names what is followed."""
    return f"{handoff.repo}\n{handoff.remote}\n{handoff.branch}"


def handoff_of(loop: LoopSpec, config: Config) -> HandoffSpec:
    """How a loop hands over; without a table of its own it follows the project's folder, and pings nobody."""
    if loop.handoff is not None:
        return loop.handoff
    return HandoffSpec(repo=config.defaults.project_dir, claim_pings="", review_pings="")


def query(loop: LoopSpec, phase: PhaseSpec, config: Config, memory: LoopMemory) -> Query:
    """What must be known of a loop's repository now."""
    handoff = handoff_of(loop, config)
    known = memory if memory.place == place(handoff) else LoopMemory()

    def either(path: str) -> tuple[str, ...]:
        return (f"{handoff.state_subdir.strip('/')}/{path}", path) if handoff.state_subdir else (path,)

    return Query(
        repo=handoff.repo,
        remote=handoff.remote,
        branch=handoff.branch,
        cursor=known.cursor,
        base=known.base,
        status=either(phase.status) if phase.status else (),
        inboxes=tuple(either(inbox) for inbox in handoff.inboxes),
        on_disk=handoff.done_source is DoneSource.WORKTREE,
        interval=config.watchdog.signal_interval,
    )


@dataclass(slots=True)
class Following:
    """One loop's turn: its memory, and the sessions whose outboxes it may add to."""

    loop: LoopSpec
    config: Config
    observation: Observation
    memory: LoopMemory
    sessions: dict[str, SessionMemory]
    events: list[Event] = field(default_factory=list)

    def tell(self, kind: EventKind, message: str, **data: object) -> None:
        """Add an event about the loop."""
        self.events.append(Event(kind, self.loop.name, message, {"loop": self.loop.name, **data}))

    def change(self, **changes: Any) -> None:
        """Replace fields of the loop's memory."""
        self.memory = replace(self.memory, **changes)

    def absorb(self, sight: Sight) -> None:
        """Take in what the repository shows."""
        handoff = handoff_of(self.loop, self.config)
        if self.memory.place != place(handoff):
            self.memory = LoopMemory(place=place(handoff), cleared=self.memory.cleared)
        if sight.trouble:
            if sight.trouble != self.memory.trouble:
                self.tell(
                    EventKind.HANDOFF_TROUBLE,
                    f"can't follow {handoff.branch} in {handoff.repo}: {sight.trouble}",
                )
                self.change(trouble=sight.trouble)
            if sight.missing and self.memory.cursor is None:
                self.change(cursor="", base="", inboxes={}, status_before="")
            return
        if self.memory.trouble:
            self.tell(EventKind.HANDOFF_TROUBLE, f"follows {handoff.branch} in {handoff.repo} again")
            self.change(trouble="")
        if self.memory.cursor is None:
            # What was there before is no news.
            self.change(cursor=sight.tip, base=sight.tip if self.memory.base is None else self.memory.base,
                        inboxes=dict(sight.inboxes), status_before=sight.status_id)  # fmt: skip
            return
        if sight.rewritten:
            self.tell(
                EventKind.HANDOFF_TROUBLE,
                f"{handoff.branch} was rewritten: {_short(self.memory.cursor)} is no longer part of it; goes on from {_short(sight.tip)}",
            )
        told = self._announce(sight.commits, handoff)
        self._compare_inboxes(sight, handoff, told)
        self.change(cursor=sight.tip, inboxes=dict(sight.inboxes))
        if self.memory.base is None:
            self.change(base=sight.tip)
        if self.memory.status_before is None and (sight.query.on_disk or not sight.tip):
            self.change(status_before=sight.status_id)
        elif sight.base_id and self.memory.status_before != sight.base_id:
            self.change(status_before=sight.base_id)

    def _announce(self, commits: Iterable[Commit], handoff: HandoffSpec) -> set[str]:
        """Tell of claims and reviews; the agents that are told."""
        told: dict[str, list[str]] = {"claim": [], "review": []}
        for commit in commits:
            subject = commit.subject[:SUBJECT]
            if re.search(handoff.claim_pattern, subject):
                told["claim"].append(commit.id)
                self.change(claim=commit.id, review="")
                self._tell_commit("claim", commit, handoff.claim_pings)
            elif re.search(handoff.review_pattern, subject):
                told["review"].append(commit.id)
                self.change(review=commit.id)
                self._tell_commit("review", commit, handoff.review_pings)
        self.ping(handoff.claim_pings, "claim", told["claim"])
        self.ping(handoff.review_pings, "review", told["review"])
        whom = {"claim": handoff.claim_pings, "review": handoff.review_pings}
        return {self.agent(whom[kind]) for kind, commits in told.items() if commits}

    def _tell_commit(self, kind: str, commit: Commit, to: str) -> None:
        agent = self.agent(to)
        whom = (
            f"; {agent} is told"
            if agent
            else "; nobody is to be told"
            if not to
            else f"; there is no agent {to} to be told"
        )
        subject = printable(commit.subject)[:SHOWN]
        self.tell(
            EventKind.HANDOFF,
            f"{kind} {_short(commit.id)} ({subject}){whom}",
            what=kind,
            commit=commit.id,
            to=agent,
        )

    def _compare_inboxes(self, sight: Sight, handoff: HandoffSpec, told: set[str]) -> None:
        before = self.memory.inboxes
        if before is None:
            return
        for inbox, owner in zip(handoff.inboxes, (handoff.claim_pings, handoff.review_pings), strict=False):
            path = query_path(sight, inbox)
            content = sight.inboxes.get(path)
            if content and content != before.get(path):
                agent = self.agent(owner)
                self.tell(
                    EventKind.HANDOFF,
                    f"the inbox {inbox} changed{f'; {agent} is told' if agent else ''}",
                    what="inbox", commit=sight.tip, to=agent,
                )  # fmt: skip
                if agent not in told:  # it is one job: who reads a review finds the inbox beside it
                    self.ping(owner, f"inbox {inbox}", [sight.tip or content])

    def agent(self, name: str) -> str:
        """The agent that a name means: an agent's own, else that of the one with such a role in the loop; "" for none."""
        if not name:
            return ""
        if self.config.agent(name) is not None:
            return name
        members = (
            agent for agent in self.config.agents if agent.kind is Kind.LOOP and agent.loop == self.loop.name
        )
        return next((agent.name for agent in members if agent.role == name), "")

    def ping(self, to: str, kind: str, commits: list[str], text: str = "") -> None:
        """Put one text about commits into an agent's outbox; one about the same that was not typed yet is made to tell of all."""
        name = self.agent(to)
        if not name or not commits:
            return
        session = self.sessions.get(name) or SessionMemory(name=name)
        prefix = f"{SENDER}/{self.loop.name}/{kind}/"
        mono = self.observation.mono
        waiting = [
            d for d in session.deliveries if d.state is DeliveryState.QUEUED and d.key.startswith(prefix)
        ]
        if waiting and not text:
            commits = [*waiting[0].commits, *commits]
        branch = handoff_of(self.loop, self.config).branch
        delivery = Delivery(
            key=f"{prefix}{_short(commits[-1])}", text=text or said(kind, branch, commits), sender=SENDER, since=mono, queued=mono,
            commits=tuple(commits),
        )  # fmt: skip
        kept = tuple(d for d in session.deliveries if not waiting or d is not waiting[0] or text)
        self.sessions[name] = replace(session, deliveries=(*kept, delivery))


def query_path(sight: Sight, inbox: str) -> str:
    """The path by which a sight names an inbox."""
    return next((paths[0] for paths in sight.query.inboxes if inbox in paths), inbox)


def said(kind: str, branch: str, commits: list[str]) -> str:
    """The words for commits of a kind, the newest last."""
    names = ", ".join(map(_short, commits[-LISTED:]))
    if len(commits) > LISTED:
        names += f" (and {len(commits) - LISTED} before them)"
    many = "s" if len(commits) > 1 else ""
    if kind == "claim":
        return f"New claim{many} on {branch}: {names}. Fetch, and review what was claimed."
    if kind == "review":
        return f"New review{many} on {branch}: {names}. Fetch, and read what was found."
    return f"Your {kind} changed on {branch} ({names}). Fetch, and read it."


def without_pings(
    sessions: Mapping[str, SessionMemory], names: Iterable[str], loop: str
) -> dict[str, SessionMemory]:
    """Sessions without a loop's texts that were not typed yet: a new phase begins with a clean outbox."""
    after = dict(sessions)
    for name in names:
        if (session := after.get(name)) is not None:
            kept = tuple(
                d for d in session.deliveries
                if d.state is not DeliveryState.QUEUED or not d.key.startswith(f"{SENDER}/{loop}/")
            )  # fmt: skip
            after[name] = replace(session, deliveries=kept)
    return after


def _short(commit: str) -> str:
    return commit[:SHORT] or "the beginning"
