"""A stand-in for the model APIs on 127.0.0.1, so that real agent programs run whole turns offline.

    with ModelServer() as models:
        models.script(tool("echo done > out.txt", text="It is done."))
        ...  # start an agent program whose base URL is models.url
        [turn] = models.turns(contains="please make the file")

Anthropic Messages, OpenAI Responses, OpenAI Chat Completions and Gemini are spoken, each in a
file of its own; `script.py` decides what a turn gets, and `server.py` joins the two.
"""

from tests.support.model_server.behaviour import (
    Behaviour,
    Rule,
    auth,
    hang,
    limit,
    overloaded,
    reply,
    slow,
    tool,
)
from tests.support.model_server.call import Request
from tests.support.model_server.server import ModelServer

__all__ = [
    "Behaviour",
    "ModelServer",
    "Request",
    "Rule",
    "auth",
    "hang",
    "limit",
    "overloaded",
    "reply",
    "slow",
    "tool",
]
