"""One request of an agent program, in the words that all APIs share, and what is sent back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.support.model_server.behaviour import Behaviour, Failure

SHELL_TOOLS = ("Bash", "bash", "exec_command", "shell_command", "shell", "run_shell_command")
CONTEXT_STARTS = (
    "<system-reminder>",
    "<environment_context>",
    "<session_context>",
    "<user_instructions>",
    "<permissions instructions>",
    "<skills_instructions>",
    "<plugins_instructions>",
    "<collaboration_mode>",
    "# AGENTS.md instructions",
)
"""How the blocks begin that a program adds to what the user typed."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that the program offers: its name and the JSON schema of its arguments."""

    name: str
    schema: Mapping[str, Any]

    def shell_arguments(self, command: str) -> dict[str, Any]:
        """Arguments that run the command, whatever this program calls them."""
        properties = self.schema.get("properties", {})
        arguments: dict[str, Any] = {
            name: "run a command"
            for name in self.schema.get("required", ())
            if properties.get(name, {}).get("type") in {"string", "STRING"}
        }
        if "cmd" in properties:
            return {**arguments, "cmd": command}
        as_list = properties.get("command", {}).get("type") == "array"
        return {**arguments, "command": ["sh", "-c", command] if as_list else command}


@dataclass(frozen=True, slots=True)
class Call:
    """What a request asks.

    prompts: what the user typed, oldest first, without the program's own context blocks.
    tool_results: how many tools have answered since the last prompt.
    session: what tells two conversations with the same prompts apart.
    stream: whether the answer is to come as server-sent events.
    """

    api: str
    model: str
    prompts: tuple[str, ...]
    tool_results: int
    tools: tuple[Tool, ...]
    session: str
    stream: bool

    @property
    def prompt(self) -> str:
        """What the user typed last, or ""."""
        return self.prompts[-1] if self.prompts else ""

    @property
    def side(self) -> bool:
        """Whether the program asks for its own ends (a title, a summary, a check) and not for the user."""
        return not self.tools

    @property
    def turn(self) -> tuple[str, str, tuple[str, ...]]:
        """What all requests of one turn share."""
        return self.api, self.session, self.prompts

    @property
    def shell(self) -> Tool | None:
        """The tool that runs a shell command, if one is offered."""
        return next((tool for tool in self.tools if tool.name in SHELL_TOOLS), None)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """An answer that asks the program to use a tool."""

    name: str
    arguments: Mapping[str, Any]
    identity: str

    @property
    def json(self) -> str:
        """The arguments as JSON text."""
        return json.dumps(self.arguments)


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer: pieces of text, or a tool call."""

    pieces: Sequence[str] = ()
    tool_call: ToolCall | None = None

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.pieces)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer with an error status."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Request:
    """One line of the server's log.

    at: epoch seconds when it came.
    prompt: what the user typed, context blocks stripped.
    first: whether no earlier request belonged to its turn.
    status: what was answered, 0 until then.
    """

    at: float
    api: str
    path: str
    prompt: str
    prompts: tuple[str, ...]
    side: bool
    first: bool
    tool_results: int
    body: Mapping[str, Any]
    behaviour: Behaviour
    status: int = 0


class Api(Protocol):
    """One model API: reads its requests, writes its answers."""

    name: str

    def fits(self, path: str) -> bool:
        """Whether the path (without query) asks this API for an answer."""

    def read(self, path: str, body: Mapping[str, Any]) -> Call:
        """The request in common words."""

    def events(self, call: Call, answer: Answer) -> Iterator[str]:
        """The answer as server-sent events, each piece of text in one of its own."""

    def whole(self, call: Call, answer: Answer) -> Mapping[str, Any]:
        """The answer as one JSON object."""

    def refuse(self, failure: Failure, reset_at: float | None) -> Refusal:
        """The error in this API's words."""


def typed_text(blocks: Sequence[str]) -> str:
    """What the user typed, from the text blocks of a message."""
    return "\n".join(block for block in blocks if block and not block.lstrip().startswith(CONTEXT_STARTS))


def event(data: Mapping[str, Any], name: str = "") -> str:
    """One server-sent event."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data)}\n\n"
