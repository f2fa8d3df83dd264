"""Checks of [backend.NAME] and of the names that point there."""

from __future__ import annotations

from orchestrator.backends import profile_names
from orchestrator.config.declared import Declared
from orchestrator.config.findings import Findings
from orchestrator.config.profiles import laid_over, profile, profile_of
from orchestrator.config.shapes import Given
from orchestrator.config.tables.backend import COMMAND_LINE
from orchestrator.config.values import WrongValue
from orchestrator.config.words import did_you_mean, quoted
from orchestrator.model.config import PromptDelivery


def check_backend_name(table: Given, declared: Declared, findings: Findings) -> None:
    """The backend that an agent or [defaults] names must exist, and be complete."""
    name = table.get("backend")
    if name is None or name in declared.backends:
        return
    known = sorted({*declared.backends, *profile_names()})
    at = (*table.at, "backend")
    if name not in known:
        guess = did_you_mean(name, known)
        findings.add(at, f"there is no backend {quoted(name)}{guess} (known: {', '.join(known)})")
    elif not profile(name).get("bin"):
        findings.add(at, f"the profile {quoted(name)} names no program; add [backend.{name}] with bin")


def check_backend(name: str, given: Given, declared: Declared, findings: Findings) -> None:
    """A declared backend must have a program, and name profiles and services that exist."""
    preset = given.get("preset")
    if preset is not None and preset not in profile_names():
        known = profile_names()
        text = (
            f"there is no profile {quoted(preset)}{did_you_mean(preset, known)} (known: {', '.join(known)})"
        )
        findings.add((*given.at, "preset"), text)
    elif "bin" not in given.bad:
        _check_bin(name, given, findings)
    services = [service["name"] for service in declared.services if "name" in service]
    for number, service in enumerate(given.get("needs", ())):
        if service not in services:
            text = f"there is no [[service]] {quoted(service)}{did_you_mean(service, services)}"
            findings.add((*given.at, "needs", number), text)


def _check_bin(name: str, given: Given, findings: Findings) -> None:
    merged, start = laid_over(name, given), profile_of(name, given)
    is_template = merged.get("prompt_delivery") is PromptDelivery.EXEC
    if not merged.get("bin"):
        why = (
            f"the profile {quoted(start)} names no program"
            if start
            else f"{quoted(name)} is no built-in profile"
        )
        mend = "" if start else ", or give a preset"
        findings.add((*given.at, "bin"), f"missing; {why}, so say which one to run{mend}")
    elif is_template and "prompt_delivery" in given and "bin" not in given:
        text = "exec runs bin as a whole command line; give bin here, with {kickoff} in it"
        findings.add((*given.at, "prompt_delivery"), text)
    elif is_template:
        try:
            COMMAND_LINE.convert(merged["bin"])
        except WrongValue as wrong:
            findings.add((*given.at, "bin"), str(wrong))
