"""The clock: the only place that asks what time it is, and where."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Mapping
from pathlib import Path


def now() -> float:
    """Epoch seconds, UTC."""
    return time.time()


def mono() -> float:
    """Seconds since some fixed moment of this boot, the same for every process; never set back."""
    return time.monotonic()


def slept() -> float:
    """Seconds that the machine has slept since it booted, which `mono` leaves out; 0 where that can't be known."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return max(0.0, time.clock_gettime(clock) - time.monotonic()) if clock is not None else 0.0


def local_zone(environ: Mapping[str, str]) -> str:
    """IANA name of the machine's time zone; "UTC" when it does not say."""
    if name := environ.get("TZ", "").removeprefix(":"):
        return name
    target = os.path.realpath("/etc/localtime")
    _, found, name = target.partition("/zoneinfo/")
    return name if found else "UTC"


def boot() -> str:
    """An id of the present boot: monotonic stamps of another boot mean nothing."""
    try:
        kernel = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        # A container that starts again has the same kernel, and hands out its pids anew.
        first = Path("/proc/1/stat").read_bytes().rpartition(b")")[2].split()[19].decode()
    except (OSError, IndexError):
        # No id to be had (macOS): the moment of boot, to the minute, tells boots apart.
        return f"at-{round((time.time() - time.monotonic()) / 60)}"
    return f"{kernel}/{first}"


def fresh_id() -> str:
    """A random UUID, as text."""
    return str(uuid.uuid4())


def pause(seconds: float) -> None:
    """Wait. For verbs that follow a request; the watchdog waits in `wake.py`."""
    time.sleep(seconds)
