"""Rules made ready to run: grouped by region, compiled when first needed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
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

    def may_match(self, lowered: str) -> bool:
        """Whether it is worth trying on a text, given in lower case."""
        for word in self.needs:  # a loop: any() would make a generator for each of a hundred rules
            if word in lowered:
                return True
        return not self.needs


def _ready(order: int, spec: RuleSpec) -> Rule:
    needs = tuple(spec.needs.split("|")) if spec.needs else ()
    return Rule(order, spec, re.compile(spec.pattern, _FLAGS), needs)


class Rules:
    """A backend's rules. Falsy when there are none: a plain command."""

    def __init__(self, specs: Sequence[RuleSpec]) -> None:
        self.specs = tuple(specs)

    def __bool__(self) -> bool:
        return bool(self.specs)

    @cached_property
    def regions(self) -> dict[str, list[Rule]]:
        """Region -> its rules, strongest first."""
        ready = sorted(
            (_ready(*item) for item in enumerate(self.specs)), key=lambda rule: -rule.spec.priority
        )
        return {
            region: [rule for rule in ready if rule.spec.region == region]
            for region in {x.region for x in self.specs}
        }

    def search(self, view: View) -> Iterator[Hit]:
        """The strongest match in every region that is one text."""
        for region, rules in self.regions.items():
            if region in MATCHED or (found := view.find(region)) is None:
                continue
            for rule in rules:
                match = rule.pattern.search(found.text)
                if match and also(rule.spec, view):
                    yield Hit(rule.spec, rule.order, found.text[match.start() :], _rows(found.rows, match))
                    break

    def match(self, words: OwnWords, view: View) -> Hit | None:
        """The strongest match in one of the program's own messages; of equals, the lowest row's."""
        text = words.block.text
        lowered = text.lower()
        rules = [rule for rule in self.regions.get(MATCHED[words.reply], ()) if rule.may_match(lowered)]
        starts = words.block.starts()[:1] if words.reply else words.block.starts()[::-1]
        hits = (hit for start in starts if rules and (hit := _first(rules, start, words, view)))
        return max(hits, key=lambda hit: hit.spec.priority, default=None)


def _first(rules: list[Rule], start: Start, words: OwnWords, view: View) -> Hit | None:
    text = words.block.text
    for rule in rules:
        match = _at(rule.pattern, text, start)
        if match and also(rule.spec, view):
            return Hit(rule.spec, rule.order, text[match.start() :], tuple(words.block.lines), text)
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
