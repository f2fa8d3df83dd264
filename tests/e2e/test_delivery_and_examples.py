"""The three ways a kickoff arrives, and the shipped examples, run for real."""

from __future__ import annotations

import shutil

import pytest

from tests.support.fleet import REPOSITORY, demo_config, fleet, until, words_of

PING = '[backend.slow]\npreset = "demo"\nprompt_delivery = "ping"\nenv = { AO_DEMO_START_DELAY = "1" }\n[[agent]]\nname = "pinged"\nbackend = "slow"\nprompt = "/say kickoff"\n'


def test_a_ping_start_waits_for_the_box_and_types_the_pointer_once() -> None:
    with fleet(demo_config(0, more=PING)) as f:
        f.ao("up")
        until(lambda: any(e["kind"] == "delivered" for e in f.events()), "the pointer was taken")
        kickoff = f.folder / "log" / "state" / "launch" / "pinged.kickoff.md"
        assert kickoff.read_text() == "/say kickoff"
        until(lambda: f.states() == {"pinged": "idle"}, "the turn is over")
        assert f.screen("pinged").count(f"❯ Read the file {kickoff}") == 1


def test_an_exec_template_gets_its_values_quoted() -> None:
    more = (
        '[backend.tool]\nbin = "cat {kickoff}; echo name={name} dir={dir} session={session}; exec sleep 1000"\nprompt_delivery = "exec"\n'
        '[[agent]]\nname = "x"\nbackend = "tool"\ndir = "with space"\nprompt = "it\'s $(me)"\n'
    )
    with fleet(demo_config(0, more=more)) as f:
        f.ao("up")
        until(lambda: "name=x" in f.screen("x"), "the template ran")
        assert "it's $(me)" in f.screen("x")
        assert f"dir={f.folder}/with space session=t-x" in f.screen("x").replace("\n", "")


def test_secrets_reach_the_program_and_nothing_else() -> None:
    more = '[[service]]\nname = "s"\ncommand = \'echo "got ${#TOKEN} letters"; exec sleep 1000\'\nenv = { TOKEN = { from = "MY_TOKEN" } }\n'
    with fleet(demo_config(0, more=more), env={"MY_TOKEN": "s3cr3t-value"}) as f:
        f.ao("up")
        until(lambda: "got 12 letters" in f.screen("s"), "the program has it")
        for file in f.folder.rglob("*"):
            if file.is_file():
                assert b"s3cr3t-value" not in file.read_bytes(), file
        assert "s3cr3t-value" not in f.tmux("show-environment", "-t", "=t-s").stdout
        assert "s3cr3t-value" not in f.tmux("show-environment", "-g").stdout
        assert not [p for p in f.processes() if "s3cr3t-value" in " ".join(words_of(p))]
        assert "s3cr3t-value" not in f.ao("config").stdout


@pytest.mark.parametrize("name", ["minimal", "fleet", "services", "supervisor"])
def test_an_example_runs_as_it_is(name: str) -> None:
    with fleet("") as f:
        shutil.copytree(
            REPOSITORY / "examples" / name, f.folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".ao")
        )
        f.config.write_text(f.config.read_text().replace("../../prompts", str(REPOSITORY / "prompts")))
        f.ao("up")
        until(lambda: f.status()["healthy"], "it is healthy")
        sessions = f.status()["sessions"]
        assert all(s["state"] in {"idle", "working", "running", "completed"} for s in sessions), sessions
        f.ao("down")
        assert f.processes() == []


def test_completion_knows_the_names() -> None:
    with fleet(demo_config(2)) as f:
        f.env |= {"_AO_COMPLETE": "complete_bash", "COMP_WORDS": "ao logs a", "COMP_CWORD": "2"}
        assert f.ao().stdout.split() == ["a0", "a1"]
