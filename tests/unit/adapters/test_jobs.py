"""Services are asked on real sockets."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from orchestrator.adapters.jobs import TcpProbes, is_own_echo
from orchestrator.model.config import ServiceSpec
from tests.support.fleet import until


def service(address: str | None, name: str = "db") -> ServiceSpec:
    return ServiceSpec(name, name, "serve", Path("/"), ready_tcp=address)


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "[::1]")])
def test_ready_once_somebody_listens(family: socket.AddressFamily, host: str) -> None:
    woken = threading.Event()
    probes = TcpProbes(woken.set)
    with socket.socket(family) as listener:
        listener.bind((host.strip("[]"), 0))
        asked = service(f"{host}:{listener.getsockname()[1]}")
        assert not any(probes.ready(asked, "r1") for _ in range(3))
        assert not woken.wait(0.3)
        listener.listen()
        assert woken.wait(20)
        assert probes.ready(asked, "r1")
        assert not probes.ready(asked, "r2")
        until(lambda: probes.ready(asked, "r2"), "a new run is asked anew")


def test_a_service_without_an_address_is_ready() -> None:
    assert TcpProbes(lambda: None).ready(service(None), "r1")


def test_each_run_is_asked_by_one_thread() -> None:
    probes = TcpProbes(lambda: None)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        asked = service(f"127.0.0.1:{closed.getsockname()[1]}")
        for run in ("r1", "r2", "r3"):
            for _ in range(5):
                assert not probes.ready(asked, run)
        until(lambda: _probing() == 1, "the threads of earlier runs have ended")
        probes._asked["db"][1].set()
        until(lambda: _probing() == 0, "and this one")


def test_a_connection_to_itself_is_no_answer() -> None:
    with socket.socket() as lonely:
        lonely.bind(("127.0.0.1", 0))
        lonely.connect(lonely.getsockname())
        assert is_own_echo(lonely)
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as real,
    ):
        assert not is_own_echo(real)


def _probing() -> int:
    return sum(thread.name == "tcp-probe" for thread in threading.enumerate())
