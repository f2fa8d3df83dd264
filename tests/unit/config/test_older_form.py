from __future__ import annotations

from pathlib import Path

from orchestrator.config.load import load
from orchestrator.config.profiles import USER_PRIORITY
from orchestrator.model.config import DoneSource, Kind, PromptDelivery, Watch, WhenExhausted
from orchestrator.model.reading import State

FOLDER = Path(__file__).parents[2] / "data" / "config" / "older_form"
CONFIG = load(FOLDER / "agents.toml")


def test_agents_of_every_kind_keep_their_meaning() -> None:
    assert {agent.name: agent.kind for agent in CONFIG.agents} == {
        "boss": Kind.ORCHESTRATOR,
        "builder": Kind.LOOP,
        "adversary": Kind.LOOP,
        "night": Kind.TASK,
        "notes": Kind.PERSISTENT,
    }
    boss, builder, adversary, night, notes = CONFIG.agents
    assert (boss.watch, builder.watch, night.watch) == (Watch.HEAL_STALL, Watch.HEAL, Watch.NONE)
    assert boss.wake is not None
    assert (boss.wake.interval, boss.wake.prompt_file) == (900.0, FOLDER / "prompts/wake.md")
    assert (builder.loop, builder.resume, builder.model) == ("loop", True, "opus")
    assert (adversary.session, boss.session) == ("acme-the-adversary", "acme-boss")
    assert (night.enabled, night.prompt) == (False, "Summarise the day.")
    assert (notes.dir, boss.dir) == (Path.home(), FOLDER / "work")


def test_backends_of_every_delivery_keep_their_meaning() -> None:
    claude, openclient, batch = (CONFIG.backends[name] for name in ("claude", "openclient", "batch"))
    assert [rule.state for rule in claude.rules[:3]] == [State.WORKING, State.LIMITED, State.FATAL]
    assert {rule.priority for rule in claude.rules[:3]} == {USER_PRIORITY}
    assert (openclient.prompt_delivery, openclient.submit_key) == (PromptDelivery.PING, "C-m")
    assert openclient.model_env == {"OPENCLIENT_MODEL": "{model}"}
    assert (batch.prompt_delivery, batch.process_name) == (PromptDelivery.EXEC, "")


def test_the_loop_keeps_its_meaning() -> None:
    (loop,) = CONFIG.loops
    assert [(phase.id, phase.status, dict(phase.models)) for phase in loop.phases] == [
        ("p0", "STATUS-p0.md", {"builder": "sonnet"}),
        ("p1", "STATUS-p1.md", {}),
    ]
    assert loop.handoff is not None
    assert (loop.handoff.repo, loop.handoff.remote, loop.handoff.done_source) == (
        FOLDER,
        "origin",
        DoneSource.COMMIT,
    )
    assert loop.on_complete is not None
    assert (loop.on_complete.run, loop.on_complete.trigger_file) == ("night", FOLDER / "RUN-AGAIN")


def test_what_it_does_not_say_has_its_default() -> None:
    assert CONFIG.defaults.tmux_socket is None
    assert CONFIG.watchdog.when_exhausted is WhenExhausted.SLOW
    (service,) = CONFIG.services
    assert (service.restart, service.session, service.dir) == (True, "acme-model-server", FOLDER)
