"""OpenAI Responses, as Codex speaks it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.support.model_server.behaviour import Failure
from tests.support.model_server.call import Answer, Call, Refusal, Tool, event, typed_text

USAGE = {
    "input_tokens": 10,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 5,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 15,
}


class Responses:
    """POST /v1/responses."""

    name = "responses"

    def fits(self, path: str) -> bool:
        return path.endswith("/responses")

    def read(self, path: str, body: Mapping[str, Any]) -> Call:
        del path  # all is in the body
        prompts: list[str] = []
        results = 0
        for item in body.get("input", ()):
            if item.get("type") == "function_call_output":
                results += 1
            elif item.get("role") == "user":
                text = typed_text([block.get("text", "") for block in item["content"]])
                if text:
                    prompts.append(text)
                    results = 0
        return Call(
            api=self.name,
            model=body.get("model", ""),
            prompts=tuple(prompts),
            tool_results=results,
            tools=tuple(
                Tool(t["name"], t["parameters"]) for t in body.get("tools", ()) if t["type"] == "function"
            ),
            session=str(body.get("prompt_cache_key", "")),
            stream=bool(body.get("stream")),
        )

    def events(self, call: Call, answer: Answer) -> Iterator[str]:
        yield _event("response.created", response={"id": "resp_01"})
        item = _item(answer)
        started = item if answer.tool_call else {**item, "content": []}
        yield _event("response.output_item.added", output_index=0, item={**started, "status": "in_progress"})
        for piece in answer.pieces:
            yield _event(
                "response.output_text.delta", item_id=item["id"], output_index=0, content_index=0, delta=piece
            )
        yield _event("response.output_item.done", output_index=0, item=item)
        yield _event("response.completed", response=self.whole(call, answer))

    def whole(self, call: Call, answer: Answer) -> Mapping[str, Any]:
        return {
            "id": "resp_01",
            "object": "response",
            "status": "completed",
            "model": call.model,
            "output": [_item(answer)],
            "usage": USAGE,
        }

    def refuse(self, failure: Failure, reset_at: float | None) -> Refusal:
        if failure is Failure.OVERLOADED:
            return Refusal(503, _error("server_error", "The server is overloaded. Please try again later."))
        if failure is Failure.AUTH:
            return Refusal(401, _error("invalid_request_error", "Incorrect API key provided."))
        limits = {"plan_type": "plus", "resets_at": int(reset_at or 0)}
        error = _error("usage_limit_reached", "The usage limit has been reached")
        return Refusal(429, {"error": {**error["error"], **limits}})


def _item(answer: Answer) -> dict[str, Any]:
    if tool := answer.tool_call:
        call = {"call_id": tool.identity, "name": tool.name, "arguments": tool.json}
        return {"id": "fc_01", "type": "function_call", "status": "completed", **call}
    content = [{"type": "output_text", "text": answer.text, "annotations": []}]
    return {"id": "msg_01", "type": "message", "role": "assistant", "status": "completed", "content": content}


def _event(kind: str, **fields: Any) -> str:
    return event({"type": kind, **fields}, kind)


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"error": {"type": kind, "message": message}}
