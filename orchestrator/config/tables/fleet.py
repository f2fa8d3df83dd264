"""[defaults] and [watchdog]."""

from __future__ import annotations

from typing import Final

from orchestrator.config.shapes import Key, Must, PathText, Table
from orchestrator.config.tables.common import ENVIRONMENT
from orchestrator.config.values import Choice, Duration, Flag, Integer, Name, Size, Text
from orchestrator.model.config import Watch, WhenExhausted

_INTERVAL = Duration(least=0.1)
_SLACK = Duration()
_BACKOFF = Duration(least=0.01)

DEFAULTS: Final = Table(
    "[defaults]",
    "The fleet as a whole, and what an `[[agent]]` has when it does not say otherwise.",
    Key("session_prefix", Name(empty=True), "Put before the name of every tmux session", required=True),
    Key(
        "log_dir",
        PathText(Must.NO_FILE),
        "Folder of the session logs, and of `state/` below it; made with mode 0700",
        required=True,
    ),
    Key(
        "project_dir",
        PathText(Must.NO_FILE, in_config_folder=True),
        "Folder that relative paths start from; itself relative to the folder of this file",
        default_words="the folder of this file",
    ),
    Key("backend", Name(), "Backend of the agents that name none"),
    Key("model", Text(empty=False), "Model of the agents that name none"),
    Key("watch", Choice(Watch), "How the watchdog looks after an agent that does not say", "none"),
    Key(
        "dir",
        PathText(Must.NO_FILE),
        "Working directory of the agents that name none",
        default_words="project_dir",
    ),
    Key("enabled", Flag(), "Whether agents that do not say are started", True),
    Key("resume", Flag(), "Whether agents that do not say resume their conversation on a restart", False),
    Key(
        "tmux_socket",
        Name(),
        "Name of a tmux server of the fleet's own (`tmux -L`), which no other fleet and no tmux.conf touches",
        default_words="the user's default server",
    ),
    Key(
        "inherit_env",
        Flag(),
        "Agents see the environment of whoever started the fleet, less what nests or leaks; "
        "false: only HOME, PATH, TERM, LANG, USER, SHELL and what `env` gives",
        True,
    ),
    Key(
        "env",
        ENVIRONMENT,
        'Environment of every agent; `{ from = "VAR" }` is looked up at each start, and never logged or stored',
        {},
    ),
)

WATCHDOG: Final = Table(
    "[watchdog]",
    "How the fleet is looked after.",
    Key(
        "signal_interval",
        _INTERVAL,
        "Longest time between two looks at limits, stalls, wakes and handoffs",
        30,
    ),
    Key("heavy_interval", _INTERVAL, "Longest time between two looks at everything", 300),
    Key(
        "limit_probe_fallback",
        _INTERVAL,
        "Time between probes of a limit whose banner gives no reset time",
        300,
    ),
    Key("limit_reset_slack", _SLACK, "Wait this long past an announced reset", 45),
    Key("stall_grace", _SLACK, "Wait this long past the time of a `WAITING-UNTIL` stamp", 180),
    Key(
        "max_restarts",
        Integer(0, 10_000),
        "Restart intensity: with more restarts than this within `restart_window` an agent is `failed`",
        5,
    ),
    Key("restart_window", Duration(least=1.0), "Window in which restarts are counted", 600),
    Key(
        "when_exhausted",
        Choice(WhenExhausted),
        "`slow`: a failed agent is tried again every `backoff_max`; `hold`: not before a person acts",
        "slow",
    ),
    Key(
        "backoff_initial", _BACKOFF, "Delay before the second restart; it doubles from there, with jitter", 1
    ),
    Key("backoff_max", _BACKOFF, "Longest delay before a restart", 300),
    Key("max_starts_per_minute", Integer(1, 100_000), "Most starts in a minute, of the whole fleet", 60),
    Key("waiting_max", _SLACK, "Longest `WAITING-UNTIL` that is believed", 21600),
    Key(
        "human_hold",
        _SLACK,
        "Nothing is typed, and nothing living is healed, for this long after an attached person used the pane",
        20,
    ),
    Key("max_parallel_starts", Integer(1, 1000), "Most sessions that may be starting at once", 8),
    Key("log_max_bytes", Size(4096, 2**40), "A session log is rotated at this size", "50MiB"),
    Key("log_keep", Integer(0, 1000), "How many rotated logs are kept for each session", 3),
)
