"""Slow questions, asked in the background; a later observation brings the answer."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

from orchestrator.model.config import ServiceSpec

CONNECT_TIMEOUT = 2.0
RETRY = 0.2
"""Seconds between two tries to reach a service that does not answer yet."""


class TcpProbes:
    """Whether services accept connections; each is asked by a thread of its own until it does, once per run.

    Args:
        poke: called when a service has answered.
    """

    def __init__(self, poke: Callable[[], None]) -> None:
        self._poke = poke
        self._ready: set[tuple[str, str]] = set()
        self._asked: dict[str, tuple[str, threading.Event]] = {}

    def ready(self, service: ServiceSpec, run: str) -> bool:
        """Whether this run of a service is known to answer; starts asking when nobody does yet."""
        if service.ready_tcp is None or (service.name, run) in self._ready:
            return True
        known = self._asked.get(service.name)
        if known is None or known[0] != run:
            if known is not None:
                known[1].set()
            stop = threading.Event()
            self._asked[service.name] = (run, stop)
            job = threading.Thread(
                target=self._ask,
                args=(service.name, run, service.ready_tcp, stop),
                daemon=True,
                name="tcp-probe",
            )
            job.start()
        return False

    def _ask(self, name: str, run: str, address: str, stop: threading.Event) -> None:
        host, _, port = address.rpartition(":")
        while not stop.is_set():
            if not _answers(host.strip("[]"), int(port)):
                stop.wait(RETRY)
                continue
            self._ready.add((name, run))
            self._poke()
            return


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), CONNECT_TIMEOUT) as connection:
            return not is_own_echo(connection)
    except OSError:
        return False


def is_own_echo(connection: socket.socket) -> bool:
    """Whether a connection is one to itself: asked often enough, a free local port is drawn as its own source."""
    return bool(connection.getsockname() == connection.getpeername())
