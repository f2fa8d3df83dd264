"""[loop] and the tables in it."""

from __future__ import annotations

from typing import Final

from orchestrator.config.shapes import Key, ListOf, MapOf, Must, PathText, Table
from orchestrator.config.values import Choice, Duration, Flag, Name, Regex, Text
from orchestrator.model.config import DoneSource

PHASE: Final = Table(
    "[[loop.phases]]",
    "One phase of a loop.",
    Key("id", Text(empty=False), "Its name, unique in the loop", required=True),
    Key("plan", Text(), "File with the plan, for the agents to read", ""),
    Key("status", Text(), "File whose done marker ends the phase; without one, only `ao phase` does", ""),
    Key("models", MapOf(Name(), Text(empty=False)), "Model for each role in this phase", {}),
    Key(
        "gate",
        Text(empty=False),
        "Command that must exit 0 before the phase ends",
        default_words="the loop's",
    ),
)

HANDOFF: Final = Table(
    "[loop.handoff]",
    "Passes work on through commits in a repository that both agents push to.",
    Key("repo", PathText(Must.NO_FILE), "The repository", default_words="project_dir"),
    Key(
        "remote",
        Text(empty=False),
        "Remote that is followed; where it does not exist, the local branch is",
        "origin",
    ),
    Key("branch", Text(empty=False), "Branch that is followed", "main"),
    Key(
        "state_subdir",
        Text(),
        "Folder of the status and inbox files; a file at the root is the fallback",
        "machine-docs",
    ),
    Key("claim_pattern", Regex(), "A new commit whose subject matches is a claim", "^claim"),
    Key("claim_pings", Text(), "Agent that a claim pings", "adversary"),
    Key("review_pattern", Regex(), "A new commit whose subject matches is a review", "^review"),
    Key("review_pings", Text(), "Agent that a review pings", "builder"),
    Key(
        "inboxes",
        ListOf(Text(empty=False), lengths=(0, 2)),
        "The adversary's inbox file, then the builder's",
        [],
    ),
    Key(
        "done_source",
        Choice(DoneSource),
        "`commit`: the status file is read from the followed branch; `worktree`: from the folder on disk",
        "commit",
    ),
)

ON_COMPLETE: Final = Table(
    "[loop.on_complete]",
    "What happens once, when the last phase is done.",
    Key("run", Name(), "Agent of kind `task` that is started"),
    Key("trigger_file", PathText(), "File that is removed"),
)

LOOP: Final = Table(
    "[loop]",
    "Work in phases, done by the agents of kind `loop`. Several loops are written as `[[loop]]`.",
    Key("name", Name(), "Its name; needed when there are several", "loop"),
    Key("phases", ListOf(PHASE), "The phases in order", []),
    Key(
        "kickoff_template",
        PathText(Must.FILE),
        "File put before the role prompt, with `{phase_id}` `{plan}` `{status}` `{role}` `{name}` `{loop}`",
    ),
    Key("roles_dir", PathText(), "Folder of the role prompts, ROLE.md", "prompts"),
    Key(
        "done_marker", Text(empty=False), "Start of the line in the status file that ends a phase", "## DONE"
    ),
    Key("auto_advance", Flag(), "Go to the next phase when one is done", True),
    Key("resume_phase", Flag(), "false: a first `ao up` starts at the first phase", True),
    Key(
        "state_file",
        Text(empty=False),
        "File in log_dir that shows the phase's index to other programs",
        "phase-idx",
    ),
    Key("gate", Text(empty=False), "Command, run on a clean checkout, that must exit 0 before a phase ends"),
    Key("gate_timeout", Duration(least=0.1), "A gate that takes longer is ended, and has failed", 1800),
    Key("require_review", Flag(), "A phase ends only after a review that follows its last claim", False),
    Key("handoff", HANDOFF, "How work is handed over"),
    Key("on_complete", ON_COMPLETE, "What follows the last phase"),
)
