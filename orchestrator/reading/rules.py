"""Rules made ready to run: grouped by region, compiled when first needed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from orchestrator.model.reading import RuleSpec
from orchestrator.reading.blocks import OwnWords, Start
from orchestrator.reading.lines import Line
from orchestrator.reading.regions import MATCHED, View

_FLAGS = re.IGNORECASE | re.MULTILINE


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that matched.

    order: its place in the list.
    text: what was said, from the match on; around: with what stands before it, "" for the same.
    rows: the evidence.
    """

    spec: RuleSpec
    order: int
    text: str
    rows: tuple[Line, ...] = ()
    around: str = ""

    @property
    def rank(self) -> tuple[int, int]:
        """Highest first wins: priority, then the earlier rule."""
        return (self.spec.priority, -self.order)


class Group:
    """The rules of one region, strongest first."""

    def __init__(self, specs: Sequence[tuple[int, RuleSpec]]) -> None:
        self.specs = sorted(specs, key=lambda item: -item[1].priority)

    @cached_property
    def patterns(self) -> list[re.Pattern[str]]:
        """One pattern for each rule, in the order of `specs`."""
        return [re.compile(spec.pattern, _FLAGS) for _, spec in self.specs]

    @cached_property
    def any(self) -> re.Pattern[str] | None:
        """All patterns as one, to pass quickly over text that none matches.

        None when they can't be joined: a user's pattern may hold flags or back references.
        """
        try:
            return re.compile("|".join(f"(?:{spec.pattern})" for _, spec in self.specs), _FLAGS)
        except re.error:
            return None


class Rules:
    """A backend's rules. Falsy when there are none: a plain command."""

    def __init__(self, specs: Sequence[RuleSpec]) -> None:
        self.specs = tuple(specs)

    def __bool__(self) -> bool:
        return bool(self.specs)

    @cached_property
    def groups(self) -> dict[str, Group]:
        """Region -> its rules."""
        regions = dict.fromkeys(spec.region for spec in self.specs)
        numbered = list(enumerate(self.specs))
        return {region: Group([x for x in numbered if x[1].region == region]) for region in regions}

    def search(self, view: View) -> Iterator[Hit]:
        """The strongest match in every region that is one text."""
        for region, group in self.groups.items():
            if region in MATCHED or (found := view.find(region)) is None:
                continue
            for (order, spec), pattern in zip(group.specs, group.patterns, strict=True):
                match = pattern.search(found.text)
                if match and also(spec, view):
                    yield Hit(spec, order, found.text[match.start() :], _rows(found.rows, match))
                    break

    def match(self, words: OwnWords, view: View) -> Hit | None:
        """The strongest match in one of the program's own messages; of equals, the lowest row's."""
        group = self.groups.get(MATCHED[words.reply])
        if group is None:
            return None
        text, best = words.block.text, None
        for start in reversed(words.block.starts()[:1] if words.reply else words.block.starts()):
            if group.any is not None and not _at(group.any, text, start):
                continue
            hit = self._first(group, text, start, words, view)
            if hit and (best is None or hit.spec.priority > best.spec.priority):
                best = hit
        return best

    def _first(self, group: Group, text: str, start: Start, words: OwnWords, view: View) -> Hit | None:
        for (order, spec), pattern in zip(group.specs, group.patterns, strict=True):
            match = _at(pattern, text, start)
            if match and also(spec, view):
                return Hit(spec, order, text[match.start() :], tuple(words.block.lines), text)
        return None


def _at(pattern: re.Pattern[str], text: str, start: Start) -> re.Match[str] | None:
    """Where a message begins with the pattern.

    A row that is plainly the program's may have an error's name and numbers before it; any
    other must begin with it, or the words are only talked about.
    """
    return pattern.search(text, start.position) if start.own else pattern.match(text, start.position)


def also(spec: RuleSpec, view: View) -> bool:
    """Whether the second condition of a rule, if it has one, holds."""
    if not spec.also_region:
        return True
    found = view.find(spec.also_region)
    return found is not None and re.search(spec.also_pattern, found.text, _FLAGS) is not None


def _rows(rows: tuple[Line, ...], match: re.Match[str]) -> tuple[Line, ...]:
    """The rows that a match in their joined text covers."""
    first = match.string.count("\n", 0, match.start())
    last = first + match.group().count("\n")
    return rows[first : last + 1]


@lru_cache(maxsize=64)
def _compiled(specs: tuple[RuleSpec, ...]) -> Rules:
    return Rules(specs)


def compile_rules(specs: Sequence[RuleSpec]) -> Rules:
    """The rules, ready to run; the same list gives the same object. Nothing is compiled yet."""
    return _compiled(tuple(specs))
