"""The model server by plain HTTP: what it answers, and what it remembers."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.model_server import (
    Behaviour,
    ModelServer,
    Rule,
    auth,
    hang,
    limit,
    overloaded,
    reply,
    tool,
)

Body = dict[str, Any]
SCHEMA = {"type": "object", "properties": {"command": {"type": "string"}, "description": {"type": "string"}}}


@pytest.fixture
def models() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


def post(models: ModelServer, path: str, body: Body) -> tuple[int, str]:
    request = urllib.request.Request(
        models.url + path, json.dumps(body).encode(), {"content-type": "application/json"}
    )
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            request, timeout=30
        ) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def claude(
    prompt: str, *results: str, earlier: tuple[str, ...] = (), stream: bool = True, session: str = "s"
) -> Body:
    """A Messages request as Claude Code sends it: reminders beside what was typed."""
    messages: list[Body] = []
    for text in (*earlier, prompt):
        blocks = [
            {"type": "text", "text": "<system-reminder>today</system-reminder>"},
            {"type": "text", "text": text},
        ]
        messages.append({"role": "user", "content": blocks})
    for number, result in enumerate(results):
        use = {"type": "tool_use", "id": f"t{number}", "name": "Bash", "input": {}}
        messages.append({"role": "assistant", "content": [use]})
        done = {"type": "tool_result", "tool_use_id": f"t{number}", "content": result}
        messages.append({"role": "user", "content": [done]})
    tools = [{"name": "Bash", "input_schema": SCHEMA}]
    return {
        "model": "m",
        "messages": messages,
        "tools": tools,
        "stream": stream,
        "metadata": {"user_id": session},
    }


def codex(prompt: str, stream: bool) -> tuple[str, Body]:
    items = [
        {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "<environment_context>x"}],
        },
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": prompt}]},
    ]
    schema = {"type": "object", "properties": {"cmd": {"type": "string"}}, "required": ["cmd"]}
    tools = [{"type": "function", "name": "exec_command", "parameters": schema}]
    return "/v1/responses", {"model": "m", "input": items, "tools": tools, "stream": stream}


def opencode(prompt: str, stream: bool) -> tuple[str, Body]:
    messages = [{"role": "system", "content": "be good"}, {"role": "user", "content": prompt}]
    tools = [{"type": "function", "function": {"name": "bash", "parameters": SCHEMA}}]
    return "/v1/chat/completions", {"model": "m", "messages": messages, "tools": tools, "stream": stream}


def gemini(prompt: str, stream: bool) -> tuple[str, Body]:
    contents = [{"role": "user", "parts": [{"text": "<session_context>x"}, {"text": prompt}]}]
    tools = [{"functionDeclarations": [{"name": "run_shell_command", "parametersJsonSchema": SCHEMA}]}]
    verb = "streamGenerateContent" if stream else "generateContent"
    return f"/v1beta/models/m:{verb}?alt=sse", {"contents": contents, "tools": tools}


def messages(prompt: str, stream: bool) -> tuple[str, Body]:
    return "/v1/messages?beta=true", claude(prompt, stream=stream)


FORMS = pytest.mark.parametrize("form", [messages, codex, opencode, gemini])
Form = Callable[[str, bool], tuple[str, Body]]


def say(models: ModelServer, *args: Any, **kwargs: Any) -> tuple[int, str]:
    return post(models, "/v1/messages", claude(*args, **kwargs))


@FORMS
@pytest.mark.parametrize("stream", [True, False])
def test_each_api_answers_and_logs_what_was_typed(models: ModelServer, form: Form, stream: bool) -> None:
    models.script(reply("WORD"))
    status, text = post(models, *form("do <it>\n now", stream))
    assert (status, "WORD" in text, text.startswith("{")) == (200, True, not stream)
    [request] = models.turns(contains="<it>")
    assert (request.prompt, request.side, request.status) == ("do <it>\n now", False, 200)


@FORMS
@pytest.mark.parametrize("stream", [True, False])
def test_each_api_calls_the_shell_tool(models: ModelServer, form: Form, stream: bool) -> None:
    models.script(tool("echo it"))
    assert "echo it" in post(models, *form("go", stream))[1]


@FORMS
@pytest.mark.parametrize(
    ("behaviour", "statuses"),
    [(limit(9_999_999_999), {429}), (overloaded(), {503, 529}), (auth(), {401})],
    ids=["limit", "overloaded", "auth"],
)
def test_each_api_refuses_in_its_way(
    models: ModelServer, form: Form, behaviour: Behaviour, statuses: set[int]
) -> None:
    models.script(behaviour)
    assert post(models, *form("go", True))[0] in statuses


def test_commands_run_one_after_another_and_then_comes_the_text(models: ModelServer) -> None:
    models.script(tool("one", "two", text="END"))
    answers = [say(models, "go", *["ok"] * done)[1] for done in range(3)]
    assert ["one" in answers[0], "two" in answers[1], "END" in answers[2]] == [True] * 3
    assert len(models.turns()) == 1


def test_the_queue_serves_a_turn_each_and_its_last_entry_stays(models: ModelServer) -> None:
    models.script(reply("FIRST"), reply("LAST"))
    for number, word in enumerate(["FIRST", "LAST", "LAST"]):
        assert word in say(models, f"prompt {number}")[1]
    assert "LAST" in say(models, "prompt 1")[1], "the same turn asked again gets the same"


def test_rules_come_before_the_queue_and_are_used_up(models: ModelServer) -> None:
    models.script(default=reply("ELSE"), rules=[Rule("^BUILD", reply("RULED"), times=1)])
    assert "RULED" in say(models, "please\nBUILD it")[1]
    assert "ELSE" in say(models, "BUILD again")[1]
    assert "ELSE" in say(models, "do not BUILD")[1]


def test_equal_prompts_of_two_sessions_or_of_one_are_turns_of_their_own(models: ModelServer) -> None:
    say(models, "same", session="a")
    say(models, "same", session="b")
    say(models, "same", session="b", earlier=("same",))
    assert len(models.turns(contains="same")) == 3


def test_overload_is_over_after_so_many_requests_of_the_turn(models: ModelServer) -> None:
    models.script(overloaded(2, text="THROUGH"))
    assert [say(models, "go")[0] for _ in range(3)] == [529, 529, 200]


def test_a_limit_lifts_at_its_reset(models: ModelServer) -> None:
    models.script(limit(time.time() - 1, text="LIFTED"))
    assert "LIFTED" in say(models, "go")[1]


def test_requests_without_tools_use_up_nothing(models: ModelServer) -> None:
    models.script(reply("FIRST"), reply("SECOND"))
    title = claude("make a title")
    del title["tools"]
    assert "FIRST" not in post(models, "/v1/messages", title)[1]
    assert "FIRST" in say(models, "go")[1]
    assert [request.side for request in models.requests] == [True, False]


def test_a_hang_ends_with_the_server() -> None:
    with ModelServer() as models:
        models.script(hang(600))
        asking = threading.Thread(target=say, args=(models, "go"))
        asking.start()
        while not models.requests:
            asking.join(0.01)
    asking.join(20)
    assert not asking.is_alive()
    assert models.requests[0].prompt == "go"


def test_other_paths(models: ModelServer) -> None:
    assert json.loads(post(models, "/v1/messages/count_tokens", {})[1])["input_tokens"] > 0
    assert post(models, "/v1/whatever", {})[0] == 404
