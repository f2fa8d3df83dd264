"""Stores of a test's own, and things to put into them."""

from __future__ import annotations

from pathlib import Path

from orchestrator.adapters.store import Store
from orchestrator.model.action import Plan
from orchestrator.model.event import Event, EventKind
from orchestrator.model.memory import (
    Delivery,
    DeliveryState,
    Desire,
    Exit,
    Memory,
    PhaseMemory,
    ReadingMemory,
    SessionMemory,
    Stage,
)
from orchestrator.model.reading import State
from orchestrator.model.view import Condition, View

FULL_MEMORY = Memory(
    boot="boot-1", up=True, starts=(1.5, 2.25), server_pid=7, config_error="bad ✳",
    sessions={
        "a": SessionMemory(
            name="a", desire=Desire.UP, stage=Stage.RUNNING, run="r", deaths=(3.0,), due=9.75,
            exit=Exit(1.0, 2.0, status=3, words=("last", "wörds")), reading=ReadingMemory(state=State.LIMITED, reset_at=5.0, idle_mono=None),
            deliveries=(Delivery("k", 'text\nwith "lines" ✳', "wake", DeliveryState.TYPED, presses=2),), survivors=("1 sh",),
        ),
        "b/c d": SessionMemory(name="b/c d"),
    },
    phases={"loop": PhaseMemory(index=2, phase_id="p2", ids=("p1", "p2"))},
)  # fmt: skip


_opened: list[Store] = []


def open_store(path: Path, *, read_only: bool = False) -> Store:
    _opened.append(Store(path, read_only=read_only))
    return _opened[-1]


def close_stores() -> None:
    while _opened:
        _opened.pop().close()


def event(message: str, subject: str = "a") -> Event:
    return Event(EventKind.STARTED, subject, message, {"pid": 7, "words": ["x", "ü"]})


def view(name: str, reason: str = "") -> View:
    return View(name, "loop", name, "claude", "m", "heal", Condition.IDLE, 1.0, reason=reason)


def fill(path: Path) -> None:
    """A store with enough in it to have several pages."""
    store = open_store(path)
    store.load_memory()
    store.save(Plan(FULL_MEMORY, events=tuple(event("x" * 300) for _ in range(200)), views=(view("a"),)), 1.0)
    store.close()
