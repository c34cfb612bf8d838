"""Times as people type them, on the clock of their own wall."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import InvalidInput
from bot.services.filters.parser import parse
from tests.services.filters.fake_clock import BERLIN, FakeWall, settled

NEW_YORK, LISBON = "America/New_York", "Europe/Lisbon"


def at(text: str, zone: str = BERLIN) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).timestamp()


@pytest.mark.parametrize(
    ("typed", "since", "until"),
    [
        ("since:30m", "2026-11-23T11:03:20", None),
        ("since:24h", "2026-11-22T11:33:20", None),
        ("since:7D", "2026-11-16T11:33:20", None),
        ("since:2w", "2026-11-09T11:33:20", None),
        ("since:today", "2026-11-23T00:00", None),
        ("since:yesterday", "2026-11-22T00:00", None),
        ("since:Monday", "2026-11-23T00:00", None),  # today is one
        ("since:tuesday", "2026-11-17T00:00", None),
        ("since:sunday", "2026-11-22T00:00", None),
        ("since:2026-11-01", "2026-11-01T00:00", None),
        ("since: 2026-11-01T10:30", "2026-11-01T10:30", None),
        ('since:"2026-11-01 10:30"', "2026-11-01T10:30", None),
        ("since:2026-11-01T10:30:15", "2026-11-01T10:30:15", None),
        ("since:2026-11-01T10:30Z", "2026-11-01T10:30+00:00", None),
        ("since:2026-11-01T10:30-05:00", "2026-11-01T10:30-05:00", None),
        ("until:2026-11-01", None, "2026-11-02T00:00"),
        ("until:2026-11-01T10:30", None, "2026-11-01T10:30"),
        ("until:24h", None, "2026-11-22T11:33:20"),
        ("until:today", None, "2026-11-24T00:00"),
        ("since:yesterday until:yesterday", "2026-11-22T00:00", "2026-11-23T00:00"),
        ("since:monday until:2030-01-01", "2026-11-23T00:00", "2030-01-02T00:00"),
    ],
)
async def test_understands(typed: str, since: str | None, until: str | None) -> None:
    """Lengths of time, days and dates, each from its beginning or to its end."""
    found = await settled(typed)
    assert found.since == (since and at(since))
    assert found.until == (until and at(until))


@pytest.mark.parametrize(
    "typed",
    [
        "since:soon", "since:2026-13-01", "since:2026-02-30", "since:2026-11-01T25:00",
        "since:10:30", "since:today,yesterday", "until:1y", "until:0000-01-01", "since:123456h",
        "since:٣d",
    ],
)  # fmt: skip
def test_says_what_is_possible(typed: str) -> None:
    """What is no time is named before anybody is asked for a zone."""
    with pytest.raises(InvalidInput, match="can't read this as a date") as caught:
        parse(typed)
    assert "2026-11-01T10:30" in caught.value.advice


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("since:2027-01-01", "still to come"),
        ("since:yesterday until:2d", "Nothing lies between"),
        ("since:24h until:24h", "Nothing lies between"),
        ("since:2026-11-02T10:00 until:2026-11-01", "Nothing lies between"),
        ("since:1969-12-31", "before 1970"),
        ("until:0001-01-01", "before 1970|not in the calendar"),
        ("since:99999w", "before 1970|not in the calendar"),
        ("until:9999-12-31", "not in the calendar"),
    ],
)
async def test_refuses_what_cannot_be(typed: str, problem: str) -> None:
    """A reversed stretch of time, and one beyond the calendar, find nothing and say so."""
    with pytest.raises(InvalidInput, match=problem) as caught:
        await settled(typed)
    assert caught.value.advice


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [(BERLIN, "2026-03-29", 23), (BERLIN, "2026-10-25", 25), (NEW_YORK, "2026-11-01", 25)],
)
async def test_a_day_is_whole_when_clocks_change(zone: str, day: str, hours: int) -> None:
    """Such a day has 23 or 25 hours."""
    found = await settled(f"since:{day} until:{day}", FakeWall("2026-11-23T11:00", zone))
    assert found.since is not None
    assert found.until is not None
    assert found.until - found.since == hours * 3600


async def test_an_hour_that_clocks_show_twice_is_included() -> None:
    """Berlin, 25 October 2026: 02:30 came twice."""
    twice = "2026-10-25T02:30"
    found = await settled(f"since:{twice}")
    assert found.since == at("2026-10-25T00:30+00:00")
    found = await settled(f"until:{twice}")
    assert found.until == at("2026-10-25T01:30+00:00")


async def test_a_time_that_clocks_skip_makes_the_stretch_wider() -> None:
    """Berlin, 29 March 2026: 02:30 never came."""
    found = await settled("since:2026-03-29T02:30 until:2026-03-29T02:30")
    assert (found.since, found.until) == (at("2026-03-29T00:30Z"), at("2026-03-29T01:30Z"))


async def test_a_midnight_that_clocks_skip() -> None:
    """In Santiago a day can begin at one o'clock: it begins where the one before ended."""
    wall = FakeWall("2026-11-23T11:00", "America/Santiago")
    first = await settled("until:2026-09-05", wall)
    second = await settled("since:2026-09-06", wall)
    assert first.until == second.since == at("2026-09-06T04:00Z")


async def test_asks_for_the_zone_only_where_it_matters() -> None:
    """A length of time and a time with its own zone are the same everywhere."""
    wall = FakeWall()
    for typed in ("refund", "since:24h", "since:24h until:2026-11-23T09:00Z"):
        await settled(typed, wall)
    assert wall.asked == 0
    await settled("since:24h until:today", wall)
    assert wall.asked == 1


@pytest.mark.parametrize(
    ("typed", "in_utc"), [("refund", False), ("since:24h", False), ("since:today", True)]
)
async def test_says_that_a_day_is_one_of_utc(typed: str, in_utc: bool) -> None:
    """If Slack does not give the user's time zone, and it matters, the user gets a note."""
    found = await settled(typed, FakeWall(zone=""))
    assert found.in_utc == in_utc
    assert found.since is None or found.since <= at("2026-11-23T00:00Z")


ZONES = st.sampled_from([BERLIN, NEW_YORK, LISBON, "Asia/Kolkata", "Pacific/Kiritimati", "UTC"])
DAYS = st.dates(date(1971, 1, 1), date(2100, 1, 1))


@given(zone=ZONES, day=DAYS)
async def test_days_follow_each_other(zone: str, day: date) -> None:
    """Where one day ends the next one begins, and each is shown with its own date."""
    wall = FakeWall("2101-01-01T00:00", zone)
    found = await settled(f"since:{day} until:{day}", wall)
    following = await settled(f"since:{day + timedelta(days=1)}", wall)
    assert found.until == following.since
    assert found.since is not None
    assert datetime.fromtimestamp(found.since, ZoneInfo(zone)).date() == day
