"""Which behaviour each turn gets, and the log of what was asked."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.model_server.behaviour import Behaviour, Failure, Rule, reply
from tests.support.model_server.call import Answer, Call, Request, ToolCall

Turn = tuple[str, str, tuple[str, ...]]


class Script:
    """Rules first, then the queue (one entry a turn), then the default. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: list[Behaviour] = []
        self._rules: list[Rule] = []
        self._default = reply("All done.")
        self._chosen: dict[Turn, Behaviour] = {}
        self._refused: dict[Turn, int] = {}
        self._used: dict[Rule, int] = {}
        self.log: list[Request] = []

    def replace(self, default: Behaviour, queue: Sequence[Behaviour], rules: Sequence[Rule]) -> None:
        """Sets what the turns that begin from now on get."""
        with self._lock:
            self._default, self._queue, self._rules = default, list(queue), list(rules)
            self._used.clear()

    def take(self, call: Call, path: str, body: Mapping[str, Any], now: float) -> Request:
        """Logs a request and finds its behaviour: all requests of one turn have the same."""
        with self._lock:
            first = not call.side and call.turn not in self._chosen
            if first:
                self._chosen[call.turn] = self._choose(call.prompt)
            behaviour = self._default if call.side else self._chosen[call.turn]
            request = Request(
                at=now,
                api=call.api,
                path=path,
                prompt=call.prompt,
                prompts=call.prompts,
                side=call.side,
                first=first,
                tool_results=call.tool_results,
                body=body,
                behaviour=behaviour,
            )
            self.log.append(request)
            return request

    def refusal(self, call: Call, behaviour: Behaviour, now: float) -> Failure | None:
        """The failure that this request meets; counted."""
        with self._lock:
            failed = self._refused.get(call.turn, 0)
            failure = behaviour.refuses(failed, now)
            if failure is not None:
                self._refused[call.turn] = failed + 1
            return failure

    def _choose(self, prompt: str) -> Behaviour:
        for rule in self._rules:
            used = self._used.get(rule, 0)
            if rule.fits(prompt) and (rule.times is None or used < rule.times):
                self._used[rule] = used + 1
                return rule.behaviour
        return self._queue.pop(0) if self._queue else self._default


def answer(call: Call, behaviour: Behaviour) -> Answer:
    """The next step of a turn: its next command, or, when all have run, the text."""
    done = call.tool_results
    if not call.side and done < len(behaviour.commands):
        shell = call.shell
        if shell is None:
            offered = ", ".join(tool.name for tool in call.tools)
            return Answer([f"No shell tool is known among: {offered}"])
        arguments = shell.shell_arguments(behaviour.commands[done])
        return Answer(tool_call=ToolCall(shell.name, arguments, f"call_{len(call.prompts)}_{done}"))
    words = behaviour.text.split(" ") if not call.side else ["ok"]
    return Answer([word if i == 0 else f" {word}" for i, word in enumerate(words)])
