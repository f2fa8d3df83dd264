"""Gemini's generateContent, as Gemini CLI speaks it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.support.model_server.behaviour import Failure
from tests.support.model_server.call import Answer, Call, Refusal, Tool, event, typed_text

USAGE = {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15}


class Gemini:
    """POST /v1beta/models/MODEL:generateContent and :streamGenerateContent."""

    name = "gemini"

    def fits(self, path: str) -> bool:
        return path.endswith((":generateContent", ":streamGenerateContent"))

    def read(self, path: str, body: Mapping[str, Any]) -> Call:
        prompts: list[str] = []
        results = 0
        contents = body.get("contents", ())
        for content in contents:
            if content.get("role") != "user":
                continue
            parts = content["parts"]
            results += sum("functionResponse" in part for part in parts)
            if text := typed_text([part.get("text", "") for part in parts]):
                prompts.append(text)
                results = 0
        return Call(
            api=self.name,
            model=path.rpartition("/")[2].partition(":")[0],
            prompts=tuple(prompts),
            tool_results=results,
            tools=tuple(_tools(body)),
            session=hashlib.sha256(json.dumps(contents[:1]).encode()).hexdigest(),
            stream=":streamGenerateContent" in path,
        )

    def events(self, call: Call, answer: Answer) -> Iterator[str]:
        if answer.tool_call:
            yield event(self.whole(call, answer))
            return
        for piece in answer.pieces[:-1]:
            yield event({"candidates": [_candidate([{"text": piece}])], "modelVersion": call.model})
        yield event(self.whole(call, Answer(answer.pieces[-1:])))

    def whole(self, call: Call, answer: Answer) -> Mapping[str, Any]:
        part: dict[str, Any] = {"text": answer.text}
        if tool := answer.tool_call:
            part = {"functionCall": {"name": tool.name, "args": tool.arguments, "id": tool.identity}}
        candidate = {**_candidate([part]), "finishReason": "STOP"}
        return {"candidates": [candidate], "usageMetadata": USAGE, "modelVersion": call.model}

    def refuse(self, failure: Failure, reset_at: float | None) -> Refusal:
        del reset_at  # this API names no time
        if failure is Failure.OVERLOADED:
            return Refusal(
                503, _error(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")
            )
        if failure is Failure.AUTH:
            return Refusal(
                401, _error(401, "UNAUTHENTICATED", "API key not valid. Please pass a valid API key.")
            )
        quota = {
            "@type": "type.googleapis.com/google.rpc.QuotaFailure",
            "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}],
        }
        return Refusal(429, _error(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", quota))


def _tools(body: Mapping[str, Any]) -> Iterator[Tool]:
    for group in body.get("tools", ()):
        for tool in group.get("functionDeclarations", ()):
            yield Tool(tool["name"], tool.get("parametersJsonSchema") or tool.get("parameters") or {})


def _candidate(parts: list[dict[str, Any]]) -> dict[str, Any]:
    return {"content": {"role": "model", "parts": parts}, "index": 0}


def _error(code: int, status: str, message: str, *details: Mapping[str, Any]) -> dict[str, Any]:
    return {"error": {"code": code, "status": status, "message": message, "details": list(details)}}
