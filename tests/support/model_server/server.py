"""The HTTP side: one thread a request, so that one that hangs holds up no other."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from tests.support.model_server.anthropic import AnthropicMessages
from tests.support.model_server.behaviour import Behaviour, Rule, reply
from tests.support.model_server.call import Answer, Api, Call, Refusal, Request
from tests.support.model_server.chat import ChatCompletions
from tests.support.model_server.gemini import Gemini
from tests.support.model_server.responses import Responses
from tests.support.model_server.script import Script, answer

APIS: tuple[Api, ...] = (AnthropicMessages(), Responses(), ChatCompletions(), Gemini())


class ModelServer:
    """Context manager: serves until it is left. Unknown paths get an empty JSON object with status 404."""

    def __init__(self) -> None:
        self._script = Script()
        self._closing = threading.Event()
        self._http = _HttpServer(self._script, self._closing)
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Base of every API, e.g. "http://127.0.0.1:40123"."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def requests(self) -> list[Request]:
        """Every request for an answer so far, in the order of arrival."""
        return list(self._script.log)

    def script(self, *queue: Behaviour, default: Behaviour | None = None, rules: Sequence[Rule] = ()) -> None:
        """Replaces what is to happen.

        Args:
            queue: behaviours of the next turns, one each.
            default: what follows when the queue is empty; by default its last entry, for ever.
            rules: looked at before the queue.
        """
        fallback = default or (queue[-1] if queue else reply("All done."))
        self._script.replace(fallback, queue, rules)

    def turns(self, contains: str = "") -> list[Request]:
        """The first request of each turn whose prompt contains the text."""
        return [request for request in self.requests if request.first and contains in request.prompt]


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, script: Script, closing: threading.Event) -> None:
        self.script = script
        self.closing = closing
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A program that hangs up in the middle of an answer is nothing to report; all else is."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _HttpServer

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """The log is `ModelServer.requests`; nothing goes to stderr."""

    def do_GET(self) -> None:
        self._send_json(404, {})

    def do_HEAD(self) -> None:
        self._send_json(404, {})

    def do_CONNECT(self) -> None:
        """Programs that want to leave the machine through their proxy, which is this server, may not."""
        self._send_json(403, {})
        self.close_connection = True

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = urlsplit(self.path).path
        api = next((api for api in APIS if api.fits(path)), None)
        if api is None:
            self._send_json(*_small_talk(path))
        else:
            self._answer(api, path, json.loads(raw))

    def _answer(self, api: Api, path: str, body: dict[str, Any]) -> None:
        call = api.read(self.path, body)
        script, now = self.server.script, time.time()
        request = script.take(call, path, body, now)
        behaviour = request.behaviour
        if not call.side:
            self.server.closing.wait(behaviour.first_byte_delay)
        failure = script.refusal(call, behaviour, now)
        if failure is not None:
            refusal = api.refuse(failure, behaviour.reset_at)
            request.status = refusal.status
            self._send_refusal(refusal)
            return
        request.status = 200
        step = answer(call, behaviour)
        if call.stream:
            self._stream(api, call, step, 0.0 if call.side else behaviour.word_delay)
        else:
            self._send_json(200, api.whole(call, step))

    def _stream(self, api: Api, call: Call, step: Answer, word_delay: float) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for event in api.events(call, step):
            self.wfile.write(event.encode())
            self.wfile.flush()
            if word_delay and "delta" in event and self.server.closing.wait(word_delay):
                return

    def _send_refusal(self, refusal: Refusal) -> None:
        self._send_json(refusal.status, refusal.body, refusal.headers)

    def _send_json(self, status: int, body: Any, headers: Any = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**(headers or {}), "content-type": "application/json"}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def _small_talk(path: str) -> tuple[int, dict[str, Any]]:
    """What programs ask beside answers: the size of a prompt."""
    if path.endswith("/count_tokens"):
        return 200, {"input_tokens": 100}
    if path.endswith(":countTokens"):
        return 200, {"totalTokens": 100}
    return 404, {}
