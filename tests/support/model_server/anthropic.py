"""Anthropic Messages, as Claude Code speaks it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.support.model_server.behaviour import Failure
from tests.support.model_server.call import Answer, Call, Refusal, Tool, event, typed_text

USAGE = {
    "input_tokens": 10,
    "output_tokens": 5,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
}


class AnthropicMessages:
    """POST /v1/messages."""

    name = "anthropic"

    def fits(self, path: str) -> bool:
        return path.endswith("/v1/messages")

    def read(self, path: str, body: Mapping[str, Any]) -> Call:
        del path  # all is in the body
        prompts: list[str] = []
        results = 0
        for message in body.get("messages", ()):
            if message["role"] != "user":
                continue
            blocks = _blocks(message["content"])
            if text := typed_text([block.get("text", "") for block in blocks if block["type"] == "text"]):
                prompts.append(text)
                results = 0
                # A prompt may stand behind the last turn's results in one message.
                blocks = blocks[_last_text(blocks) :]
            results += sum(block["type"] == "tool_result" for block in blocks)
        return Call(
            api=self.name,
            model=body.get("model", ""),
            prompts=tuple(prompts),
            tool_results=results,
            tools=tuple(
                Tool(t["name"], t["input_schema"]) for t in body.get("tools", ()) if "input_schema" in t
            ),
            session=str(body.get("metadata", {}).get("user_id", "")),
            stream=bool(body.get("stream")),
        )

    def events(self, call: Call, answer: Answer) -> Iterator[str]:
        message = {**self._message(call), "content": [], "stop_reason": None, "stop_sequence": None}
        yield _event("message_start", message=message)
        if answer.tool_call:
            block = {
                "type": "tool_use",
                "id": answer.tool_call.identity,
                "name": answer.tool_call.name,
                "input": {},
            }
            yield _event("content_block_start", index=0, content_block=block)
            delta = {"type": "input_json_delta", "partial_json": answer.tool_call.json}
            yield _event("content_block_delta", index=0, delta=delta)
        else:
            yield _event("content_block_start", index=0, content_block={"type": "text", "text": ""})
            for piece in answer.pieces:
                yield _event("content_block_delta", index=0, delta={"type": "text_delta", "text": piece})
        yield _event("content_block_stop", index=0)
        end = {"stop_reason": _stop_reason(answer), "stop_sequence": None}
        yield _event("message_delta", delta=end, usage={"output_tokens": 5})
        yield _event("message_stop")

    def whole(self, call: Call, answer: Answer) -> Mapping[str, Any]:
        content: dict[str, Any] = {"type": "text", "text": answer.text}
        if tool := answer.tool_call:
            content = {"type": "tool_use", "id": tool.identity, "name": tool.name, "input": tool.arguments}
        return {
            **self._message(call),
            "content": [content],
            "stop_reason": _stop_reason(answer),
            "stop_sequence": None,
        }

    def refuse(self, failure: Failure, reset_at: float | None) -> Refusal:
        if failure is Failure.OVERLOADED:
            return Refusal(529, _error("overloaded_error", "Overloaded"))
        if failure is Failure.AUTH:
            return Refusal(401, _error("authentication_error", "invalid x-api-key"))
        headers = {
            "anthropic-ratelimit-unified-status": "rejected",
            "anthropic-ratelimit-unified-representative-claim": "five_hour",
            "anthropic-ratelimit-unified-reset": str(int(reset_at or 0)),
        }
        return Refusal(
            429, _error("rate_limit_error", "This request would exceed your account's rate limit."), headers
        )

    def _message(self, call: Call) -> dict[str, Any]:
        return {"id": "msg_01", "type": "message", "role": "assistant", "model": call.model, "usage": USAGE}


def _last_text(blocks: Sequence[dict[str, Any]]) -> int:
    return max(at for at, block in enumerate(blocks) if block["type"] == "text")


def _blocks(content: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _event(kind: str, **fields: Any) -> str:
    return event({"type": kind, **fields}, kind)


def _stop_reason(answer: Answer) -> str:
    return "tool_use" if answer.tool_call else "end_turn"


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}}
