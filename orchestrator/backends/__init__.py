"""Built-in profiles: one TOML file per agent program, the same keys as `[backend.NAME]`.

A profile is data. A program nobody has heard of is a new file here, or a `[backend.NAME]` in
agents.toml, and no code.
"""

from __future__ import annotations

from functools import cache

# The demo agent's start runs this file, a hundred times at once: pathlib, tomllib and typing
# would double what it costs, so they are imported where they are used.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any


@cache
def profile_names() -> tuple[str, ...]:
    """Names of the built-in profiles, sorted."""
    return tuple(sorted(path.stem for path in _folder().glob("*.toml")))


def load_profile(name: str) -> dict[str, Any]:
    """The raw table of a built-in profile; the caller may change it.

    Returns:
        The keys of `[backend.NAME]`; `rules` is always there, as a list of tables: the profile's
        own, then those of the `wordings/` it includes.

    Raises:
        KeyError: there is no profile of that name.
    """
    import tomllib  # noqa: PLC0415 - see the top of the file

    if name not in profile_names():
        raise KeyError(name)
    table = tomllib.loads((_folder() / f"{name}.toml").read_text(encoding="utf-8"))
    rules = table.setdefault("rules", [])
    for wordings in table.pop("include", []):
        shared = tomllib.loads((_folder() / "wordings" / f"{wordings}.toml").read_text(encoding="utf-8"))
        rules.extend(_spelled_out(rule, shared.get("words", {})) for rule in shared["rules"])
    return table


def _spelled_out(rule: dict[str, Any], words: dict[str, str]) -> dict[str, Any]:
    """The rule with every `%name%` of its pattern replaced by what `words` says of it."""
    for name, pattern in words.items():
        rule["pattern"] = rule["pattern"].replace(f"%{name}%", f"(?:{pattern})")
    return rule


def _folder() -> Path:
    from pathlib import Path  # noqa: PLC0415 - see the top of the file

    return Path(__file__).parent
