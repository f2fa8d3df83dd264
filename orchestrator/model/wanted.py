"""The sessions that the config declares, each with what it would be started from."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.model.config import Kind, WakeSpec, Watch
from orchestrator.model.launch import LaunchSpec


@dataclass(frozen=True, slots=True)
class Wanted:
    """One declared session.

    spec: hash of what its process would notice; a running session with another hash has drifted.
    heal: the watchdog restarts it. needs: services that must be ready before it starts.
    over: its loop is complete, so that it has nothing left to do.
    resume: take up its conversation again at a restart.
    """

    name: str
    session: str
    kind: Kind
    launch: LaunchSpec
    spec: str
    watch: Watch
    heal: bool
    enabled: bool
    resume: bool
    needs: tuple[str, ...]
    stop_grace: float
    place: int
    """Position in the file, services first: the order of starts and of `status`."""
    wake: WakeSpec | None = None
    over: bool = False

    @property
    def backend_name(self) -> str:
        """Name of its backend, "" for a service."""
        return self.launch.backend.name if self.launch.backend else ""
