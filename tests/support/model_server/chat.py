"""OpenAI Chat Completions, as opencode and many others speak it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.support.model_server.behaviour import Failure
from tests.support.model_server.call import Answer, Call, Refusal, Tool, event, typed_text

USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


class ChatCompletions:
    """POST /v1/chat/completions."""

    name = "chat"

    def fits(self, path: str) -> bool:
        return path.endswith("/chat/completions")

    def read(self, path: str, body: Mapping[str, Any]) -> Call:
        del path  # all is in the body
        prompts: list[str] = []
        results = 0
        messages = body.get("messages", ())
        for message in messages:
            if message["role"] == "tool":
                results += 1
            elif message["role"] == "user" and (text := typed_text(_texts(message["content"]))):
                prompts.append(text)
                results = 0
        return Call(
            api=self.name,
            model=body.get("model", ""),
            prompts=tuple(prompts),
            tool_results=results,
            tools=tuple(
                Tool(t["function"]["name"], t["function"]["parameters"]) for t in body.get("tools", ())
            ),
            session=_digest(messages[0]) if messages else "",
            stream=bool(body.get("stream")),
        )

    def events(self, call: Call, answer: Answer) -> Iterator[str]:
        yield _chunk(call, {"role": "assistant", "content": ""})
        if answer.tool_call:
            yield _chunk(call, {"tool_calls": [{"index": 0, **_tool_call(answer)}]})
        for piece in answer.pieces:
            yield _chunk(call, {"content": piece})
        yield _chunk(call, {}, _finish_reason(answer))
        yield event({**_head(call, "chat.completion.chunk"), "choices": [], "usage": USAGE})
        yield "data: [DONE]\n\n"

    def whole(self, call: Call, answer: Answer) -> Mapping[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": answer.text or None}
        if answer.tool_call:
            message["tool_calls"] = [_tool_call(answer)]
        choice = {"index": 0, "message": message, "finish_reason": _finish_reason(answer)}
        return {**_head(call, "chat.completion"), "choices": [choice], "usage": USAGE}

    def refuse(self, failure: Failure, reset_at: float | None) -> Refusal:
        if failure is Failure.OVERLOADED:
            return Refusal(503, _error("server_error", "The server is overloaded. Please try again later."))
        if failure is Failure.AUTH:
            return Refusal(401, _error("invalid_request_error", "Incorrect API key provided."))
        error = _error("usage_limit_reached", "The usage limit has been reached")
        return Refusal(429, {"error": {**error["error"], "resets_at": int(reset_at or 0)}})


def _texts(content: Any) -> list[str]:
    return [content] if isinstance(content, str) else [part.get("text", "") for part in content]


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _head(call: Call, kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-01", "object": kind, "created": 0, "model": call.model}


def _chunk(call: Call, delta: Mapping[str, Any], finish_reason: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return event({**_head(call, "chat.completion.chunk"), "choices": [choice]})


def _tool_call(answer: Answer) -> dict[str, Any]:
    tool = answer.tool_call
    assert tool is not None
    return {"id": tool.identity, "type": "function", "function": {"name": tool.name, "arguments": tool.json}}


def _finish_reason(answer: Answer) -> str:
    return "tool_calls" if answer.tool_call else "stop"


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"error": {"type": kind, "code": kind, "message": message}}
