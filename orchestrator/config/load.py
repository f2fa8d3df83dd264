"""agents.toml → `model.Config`, or every problem in it at once. Start reading here.

text → tomllib → `tables` (each key by itself) → `check` (between tables) → `build`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from orchestrator.config.build import build
from orchestrator.config.check import check
from orchestrator.config.declared import Declared
from orchestrator.config.find import decode, find_config, locate_state, read_text, toml
from orchestrator.config.findings import Findings
from orchestrator.config.locate import Lines
from orchestrator.config.override import override
from orchestrator.config.show import effective, schema
from orchestrator.config.tables import ROOT
from orchestrator.errors import ConfigError
from orchestrator.model.config import Config

__all__ = ["decode", "effective", "find_config", "load", "locate_state", "override", "parse", "schema"]


def load(path: Path) -> Config:
    """The config in a file.

    Raises:
        ConfigError: it can't be read or used; `problems` has every finding as `file:line  …`.
    """
    return parse(read_text(path), path)


def parse(text: str, path: Path) -> Config:
    """The config in a text that was read from `path`.

    Raises:
        ConfigError: as `load`.
    """
    path = path.absolute()
    doc = toml(text, path)
    findings = Findings(doc, Lines(text.removeprefix("\ufeff")), path)
    declared = Declared.of(ROOT.read(doc, (), findings))
    check(declared, findings)
    if problems := findings.problems():
        count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise ConfigError(f"{path} has {count}", "`ao config --schema` lists every key", problems)
    return build(declared, findings, path, digest=_digest(text))


def _digest(text: str) -> str:
    # surrogatepass: text that never was UTF-8 has a digest too.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
