"""Rules made ready to run: grouped by region, compiled when first needed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from orchestrator.model.reading import RuleSpec

if TYPE_CHECKING:  # these compile many expressions; who only makes rules need not wait for them
    from orchestrator.reading.blocks import OwnWords, Start
    from orchestrator.reading.lines import Line
    from orchestrator.reading.regions import View

MATCHED = ("notices", "replies")
"""Regions of messages: a pattern must match from the beginning of one. All others are one text, searched
as a whole."""

_FLAGS = re.IGNORECASE | re.MULTILINE
_KEPT = 256
"""Texts of a region whose matches are remembered."""


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


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule with its pattern compiled."""

    order: int
    spec: RuleSpec
    pattern: re.Pattern[str]
    needs: tuple[str, ...]


def _ready(order: int, spec: RuleSpec) -> Rule:
    needs = tuple(spec.needs.split("|")) if spec.needs else ()
    return Rule(order, spec, re.compile(spec.pattern, _FLAGS), needs)


Candidate = tuple[Rule, re.Match[str]]


class RegionRules:
    """The rules of one region, strongest first.

    What was found in a text is kept for a while: footers, titles and messages are the same on
    screen after screen.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = tuple(rules)
        self.search = lru_cache(maxsize=_KEPT)(self._search)
        self.match = lru_cache(maxsize=_KEPT)(self._match)

    def _search(self, text: str) -> tuple[Candidate, ...]:
        """The rules that are found in the text."""
        return _candidates((rule, rule.pattern.search(text)) for rule in self._rules)

    def _match(self, text: str, starts: tuple[Start, ...]) -> tuple[tuple[Candidate, ...], ...]:
        """For each start of a message in the text, the rules that match there."""
        stands = text.lower().__contains__
        rules = [rule for rule in self._rules if not rule.needs or any(map(stands, rule.needs))]
        return tuple(
            _candidates((rule, _at(rule.pattern, text, start)) for rule in rules)
            for start in (starts if rules else ())
        )


def _candidates(tried: Iterable[tuple[Rule, re.Match[str] | None]]) -> tuple[Candidate, ...]:
    """What matched, as far as the first that has no second condition: it speaks before all that follow."""
    found = []
    for rule, match in tried:
        if match:
            found.append((rule, match))
            if not rule.spec.also_region:
                break
    return tuple(found)


class Rules:
    """A backend's rules. Falsy when there are none: a plain command."""

    def __init__(self, specs: Sequence[RuleSpec]) -> None:
        self.specs = tuple(specs)

    def __bool__(self) -> bool:
        return bool(self.specs)

    @cached_property
    def regions(self) -> dict[str, RegionRules]:
        """The rules of every region that has some."""
        ready = sorted(
            (_ready(*item) for item in enumerate(self.specs)), key=lambda rule: -rule.spec.priority
        )
        return {
            region: RegionRules([rule for rule in ready if rule.spec.region == region])
            for region in {x.region for x in self.specs}
        }

    def search(self, view: View) -> Iterator[Hit]:
        """The strongest match in every region that is one text."""
        for region, rules in self.regions.items():
            if region in MATCHED or (found := view.find(region)) is None:
                continue
            if first := _first(rules.search(found.text), view):
                rule, match = first
                yield Hit(rule.spec, rule.order, found.text[match.start() :], _rows(found.rows, match))

    def match(self, words: OwnWords, view: View) -> Hit | None:
        """The strongest match in one of the program's own messages; of equals, the lowest row's."""
        rules = self.regions.get(MATCHED[words.reply])
        if rules is None:
            return None
        text, starts = words.block.text, words.block.starts()
        places = tuple(islice(starts, 1)) if words.reply else tuple(starts)[::-1]
        told = (first for place in rules.match(text, places) if (first := _first(place, view)))
        best = max(told, key=lambda first: first[0].spec.priority, default=None)
        if best is None:
            return None
        rule, match = best
        return Hit(rule.spec, rule.order, match.string[match.start() :], tuple(words.block.lines), text)


def _first(candidates: Sequence[Candidate], view: View) -> Candidate | None:
    """The strongest of those whose second condition holds."""
    return next((found for found in candidates if also(found[0].spec, view)), None)


def _at(pattern: re.Pattern[str], text: str, start: Start) -> re.Match[str] | None:
    """Where a message begins with the pattern.

    A row that is plainly the program's may have an error's name and numbers before it; any
    other must begin with it, or the words are only talked about.
    """
    said = text[start.position :]  # a pattern that looks back must not see the row above
    return pattern.search(said) if start.own else pattern.match(said)


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
