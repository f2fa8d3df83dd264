from __future__ import annotations

import pytest

from orchestrator.model.reading import Screen
from orchestrator.reading.waiting import waiting_until

RULES = "────────────"
AT = 1_800_000_000.0  # 2027-01-15 08:00 UTC


def claude(answer: str, after: str = "✻ Baked for 3s · done 9:24 AM") -> Screen:
    return Screen(f"❯ do it\n\n● {answer}\n\n{after}\n\n{RULES}\n❯ \n{RULES}\n  ⏵⏵ auto mode on")


@pytest.mark.parametrize(
    "stamp",
    [
        "2027-01-15T08:00:00Z",
        "2027-01-15 08:00Z",
        "2027-01-15T08:00:00+00:00",
        "2027-01-15T10:00:00+0200",
        "2027-01-15T08:00:00.123Z",
        "2027-01-15T09:00",
        "`2027-01-15T08:00:00Z`",
    ],
)
def test_the_last_words_of_an_answer_are_believed(stamp: str) -> None:
    assert waiting_until(claude(f"I wait for the review.\n  WAITING-UNTIL: {stamp}"), "Europe/Berlin") == AT
    assert (
        waiting_until(
            Screen(f"› do it\n\n• Waiting.\n  WAITING-UNTIL: {stamp}\n\n› \n\n  gpt-5 · ~/x"), "Europe/Berlin"
        )
        == AT
    )


@pytest.mark.parametrize(
    "screen",
    [
        claude("WAITING-UNTIL: 2027-01-15T08:00:00Z\n  and now I do something else"),
        claude("I would print WAITING-UNTIL: and a time"),
        claude("WAITING-UNTIL: soon"),
        claude("WAITING-UNTIL: 2027-13-45T08:00:00Z"),
        claude("All done."),
        Screen(f"● All done.\n\n❯ WAITING-UNTIL: 2027-01-15T08:00:00Z\n\n{RULES}\n❯ \n{RULES}"),
        Screen(f"● All done.\n\n{RULES}\n❯ WAITING-UNTIL: 2027-01-15T08:00:00Z\n{RULES}"),
        Screen(""),
    ],
)
def test_other_words_are_none(screen: Screen) -> None:
    assert waiting_until(screen, "UTC") is None
