from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from orchestrator.reading.resets import countdown, find_reset

NOON = "2026-06-01T12:00:00+02:00"  # a Monday, in Berlin


def reset(text: str, now: str, tz: str) -> str | None:
    found = find_reset([text], datetime.fromisoformat(now), tz)
    return found.astimezone(ZoneInfo(tz)).strftime("%Y-%m-%d %H:%M:%S") if found else None


@pytest.mark.parametrize(
    ("text", "at"),
    [
        # time only: its next occurrence, strictly after now
        ("resets 3pm", "2026-06-01 15:00:00"),
        ("resets 3 PM", "2026-06-01 15:00:00"),
        ("resets 3 p.m.", "2026-06-01 15:00:00"),
        ("resets at 9am", "2026-06-02 09:00:00"),
        ("resets 12pm", "2026-06-02 12:00:00"),
        ("resets 12:00", "2026-06-02 12:00:00"),
        ("resets 12:01pm", "2026-06-01 12:01:00"),
        ("resets 12am", "2026-06-02 00:00:00"),
        ("resets 12:30am", "2026-06-02 00:30:00"),
        ("resets 12:50pm", "2026-06-01 12:50:00"),
        ("resets 23:15", "2026-06-01 23:15:00"),
        ("resets 11:59:30pm", "2026-06-01 23:59:30"),
        ("resets at noon", "2026-06-02 12:00:00"),
        ("resets at midnight", "2026-06-02 00:00:00"),
        ("Your limit will reset at 3pm.", "2026-06-01 15:00:00"),
        ("resets 9.30pm", "2026-06-01 21:30:00"),
        ("resets at 21h30", "2026-06-01 21:30:00"),
        ("New messages will be available at 2:40 PM", "2026-06-01 14:40:00"),
        ("Next window opens at 14:00", "2026-06-01 14:00:00"),
        ("It will be restored at 08:00 tomorrow", "2026-06-02 08:00:00"),
        # zones
        ("resets 3pm (UTC)", "2026-06-01 17:00:00"),
        ("resets 3pm (America/New_York)", "2026-06-01 21:00:00"),
        ("resets 9pm (Asia/Calcutta)", "2026-06-01 17:30:00"),
        ("resets 9pm (America/Cordoba)", "2026-06-02 02:00:00"),
        ("resets 4:12 PM PDT", "2026-06-02 01:12:00"),
        ("resets 4:12 PM CEST", "2026-06-01 16:12:00"),
        ("resets 12:40 AM GMT+5:30", "2026-06-01 21:10:00"),
        ("resets 15:00 UTC-3", "2026-06-01 20:00:00"),
        ("resets 3pm Europe/London", "2026-06-01 16:00:00"),
        ("resets 3pm (Europe/London, in 4h)", "2026-06-01 16:00:00"),
        ("resets 3pm (Europe/ London)", "2026-06-01 16:00:00"),
        ("resets 6:30 AM PT", "2026-06-01 15:30:00"),
        ("resets 6:30 AM Pacific Time", "2026-06-01 15:30:00"),
        ("resets 3pm (Nowhere/Atall)", "2026-06-01 15:00:00"),
        # dates
        ("resets Jun 4 at 3am", "2026-06-04 03:00:00"),
        ("resets Jun 4, 3am (UTC)", "2026-06-04 05:00:00"),
        ("resets June 4th, 2026 3:07 AM", "2026-06-04 03:07:00"),
        ("resets on 4 June at 15:30", "2026-06-04 15:30:00"),
        ("resets Jun 4", "2026-06-04 00:00:00"),
        ("resets Thursday, Jun 4 at 3am", "2026-06-04 03:00:00"),
        ("resets 5am on Jun 4", "2026-06-04 05:00:00"),
        ("resets Jul 6 at 11am", "2026-07-06 11:00:00"),
        ("resets Jul 6 at 1pm", "2025-07-06 13:00:00"),  # more than 35 days ahead: it has passed
        ("resets May 31 at 3am", "2026-05-31 03:00:00"),
        ("resets on 6/17/2026", "2026-06-17 00:00:00"),
        ("resets on 06/17", "2026-06-17 00:00:00"),
        ("resets 2026-06-04", "2026-06-04 00:00:00"),
        ("resets 2026/06/04 03:00", "2026-06-04 03:00:00"),
        ("resets 04.06.2026 03:00", "2026-06-04 03:00:00"),
        ("resets 03:00 on 14/06/2026", "2026-06-14 03:00:00"),
        ("You will regain access on 2026-06-04 at 00:00 UTC", "2026-06-04 02:00:00"),
        # weekdays
        ("resets Thu 9am", "2026-06-04 09:00:00"),
        ("resets Thursday at 9am", "2026-06-04 09:00:00"),
        ("resets Mon 9am", "2026-06-08 09:00:00"),
        ("resets Mon 1pm", "2026-06-01 13:00:00"),
        ("resets Monday", "2026-06-08 00:00:00"),
        ("resets tomorrow at 9am", "2026-06-02 09:00:00"),
        ("resets 9am tomorrow", "2026-06-02 09:00:00"),
        # stamps
        ("will reset at 2026-06-04 20:30:24", "2026-06-04 20:30:24"),
        ("will reset at 2026-06-04T20:30:24Z", "2026-06-04 22:30:24"),
        ("will reset at 2026-06-04T20:30:24.512Z", "2026-06-04 22:30:24"),
        ("will reset at 2026-06-04T20:30:24+05:30", "2026-06-04 17:00:24"),
        ("limit reached|1780336800", "2026-06-01 20:00:00"),
        ('"resets_at":1780336800,"resets_in_seconds":99', "2026-06-01 20:00:00"),
        ('"resets_in_seconds":90', "2026-06-01 12:01:30"),
        ("limit reached (reset: 1780336800)", "2026-06-01 20:00:00"),
        ("resetsAt=1780336800000", "2026-06-01 20:00:00"),
        ('resetAt: "2026-06-04T20:30:24.512Z"', "2026-06-04 22:30:24"),
        ("retry-after: 90", "2026-06-01 12:01:30"),
        ('"retryAfter":90', "2026-06-01 12:01:30"),
        # durations
        ("resets in 14m", "2026-06-01 12:14:00"),
        ("resets in 2h5m", "2026-06-01 14:05:00"),
        ("Refreshes in 6 days and 18 hours", "2026-06-08 06:00:00"),
        ("try again in 4 days 6 hours 37 minutes", "2026-06-05 18:37:00"),
        ("Please retry in 32.5s.", "2026-06-01 12:00:32"),
        ("Please wait 2 minutes before trying again", "2026-06-01 12:02:00"),
        ("quota will reset after 4h28m20s", "2026-06-01 16:28:20"),
        ("resets in 1 week", "2026-06-08 12:00:00"),
        ("resets in 2h05", "2026-06-01 14:05:00"),
        ("resets in 02:15:00", "2026-06-01 14:15:00"),
        ("quota resets in PT2H5M", "2026-06-01 14:05:00"),
        ("quota resets in P1DT2H", "2026-06-02 14:00:00"),
        ("resets in about an hour", "2026-06-01 13:00:00"),
        ("try again in half an hour", "2026-06-01 12:30:00"),
        ("resets in two hours", "2026-06-01 14:00:00"),
        ("2h 3m until reset", "2026-06-01 14:03:00"),
        ("try again in 0 minutes", "2026-06-01 12:00:00"),
        ("retry in 500ms", "2026-06-01 12:00:00"),
        # a reset goes before a retry
        ("Your limit will reset at 3pm [retrying in 2m 22s #8]", "2026-06-01 15:00:00"),
        ("Try again in 2m. Your limit resets at 3pm", "2026-06-01 15:00:00"),
        # no time is told
        ("try again later", None),
        ("resets in less than a minute", None),
        ("resets next month", None),
        ("the limit now resets more than 24 hours out", None),
        ("resets soon. Used 3 of 5 today", None),
        ("resets Feb 30 at 3am", None),
        ("resets tonight", None),
        ("your limits reset every 5 hours", None),
        ("resets once a day", None),
        ("resets 25:99", None),
        ("nothing of the kind", None),
    ],
)
def test_forms(text: str, at: str | None) -> None:
    assert reset(text, NOON, "Europe/Berlin") == at


@pytest.mark.parametrize(
    ("text", "now", "tz", "utc"),
    [
        # the hour that does not exist is read with the offset from before
        ("resets 2:30am", "2026-03-29T01:00:00+01:00", "Europe/Berlin", "2026-03-29T01:30:00"),
        (
            "resets Mar 8, 2:30am (America/New_York)",
            "2026-03-07T12:00:00+00:00",
            "UTC",
            "2026-03-08T07:30:00",
        ),
        # the hour that comes twice: first the earlier, and the later when that is over
        ("resets 2:30am", "2026-10-25T01:00:00+02:00", "Europe/Berlin", "2026-10-25T00:30:00"),
        ("resets 2:30am", "2026-10-25T02:40:00+02:00", "Europe/Berlin", "2026-10-25T01:30:00"),
        ("resets 2:30am", "2026-10-25T02:40:00+01:00", "Europe/Berlin", "2026-10-26T01:30:00"),
        # a half-hour change
        (
            "resets Oct 4 at 3am (Australia/Lord_Howe)",
            "2026-09-29T12:00:00+10:30",
            "Australia/Lord_Howe",
            "2026-10-03T16:00:00",
        ),
        # a duration is elapsed time
        ("try again in 3 hours", "2026-11-01T00:30:00-04:00", "America/New_York", "2026-11-01T07:30:00"),
        # over the end of a month and a year
        ("resets 3am", "2026-01-31T23:00:00+00:00", "UTC", "2026-02-01T03:00:00"),
        ("resets Jan 3 at 3am", "2026-12-30T23:00:00+00:00", "UTC", "2027-01-03T03:00:00"),
        ("resets Feb 29 at 3am", "2028-02-20T00:00:00+00:00", "UTC", "2028-02-29T03:00:00"),
        # an abbreviation that several zones share means the machine's own
        ("resets 3pm IST", "2026-06-01T00:00:00+00:00", "Asia/Kolkata", "2026-06-01T09:30:00"),
        ("resets 3pm CST", "2026-06-01T00:00:00+00:00", "Asia/Shanghai", "2026-06-01T07:00:00"),
        ("resets 3pm CST", "2026-06-01T00:00:00+00:00", "UTC", "2026-06-01T21:00:00"),
        # an unknown machine zone counts as UTC
        ("resets 3pm", "2026-06-01T00:00:00+00:00", "Mars/Olympus", "2026-06-01T15:00:00"),
    ],
)
def test_clock_changes_and_zones(text: str, now: str, tz: str, utc: str) -> None:
    assert find_reset([text], datetime.fromisoformat(now), tz) == datetime.fromisoformat(utc).replace(
        tzinfo=UTC
    )


def test_the_first_message_that_tells_counts() -> None:
    now = datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert find_reset(["no time", "resets 3pm", "resets 5pm"], now, "UTC") == datetime(
        2026, 6, 1, 15, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("retrying in 9s · attempt 5/10", 9),
        ("[retrying in 2h5m attempt #4]", 7500),
        ("retrying 4/5 in 1.471s", None),
        ("retrying, waiting up to 6m · attempt 2/10", None),
        ("retrying,\nwaiting up to 6m", None),
        ("done in 5m", None),
    ],
)
def test_countdown(text: str, seconds: float | None) -> None:
    assert countdown(text) == (None if seconds is None else timedelta(seconds=seconds))
