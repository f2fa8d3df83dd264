from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.config.load import load
from orchestrator.model.config import Config

LoadConfig = Callable[..., Config]


@pytest.fixture
def config_of(tmp_path: Path) -> LoadConfig:
    """Writes an agents.toml with these tables after [defaults], and loads it."""

    def make(tables: str, defaults: str = "") -> Config:
        path = tmp_path / "agents.toml"
        path.write_text(
            f'[defaults]\nsession_prefix = "t-"\nlog_dir = "log"\ntmux_socket = "t"\nbackend = "demo"\n{defaults}\n{tables}'
        )
        return load(path)

    return make
