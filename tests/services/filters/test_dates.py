"""Dates and times as people type them, in their own time zone."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
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
async def test_parses_dates_and_durations(typed: str, since: str | None, until: str | None) -> None:
    """Durations, days and dates are understood, from their start or to their end."""
    found = await settled(typed)
    assert found.since == (since and at(since))
    assert found.until == (until and at(until))


@pytest.mark.parametrize(
    ("typed", "since", "until"),
    [
        # A day as people in most of Europe write it; without a year, the latest that has passed.
        ("since:01.11.2026", "2026-11-01T00:00", None),
        ("since:1.11.26", "2026-11-01T00:00", None),
        ("since:1.11.", "2026-11-01T00:00", None),
        ("since:24.11.", "2025-11-24T00:00", None),
        ("since:23.11.", "2026-11-23T00:00", None),
        ("since:29.2.", "2024-02-29T00:00", None),
        ("until:1.11.2026", None, "2026-11-02T00:00"),
        ("since:25/12/2025", "2025-12-25T00:00", None),
        ("since:12/25/2025", "2025-12-25T00:00", None),
        ("since:11/11/2026", "2026-11-11T00:00", None),
        ("since:2026/11/01", "2026-11-01T00:00", None),
        ("since:2026.11.1", "2026-11-01T00:00", None),
        ('since:"1 November"', "2026-11-01T00:00", None),
        ("since:Nov 1, 2026", "2026-11-01T00:00", None),
        ("since:1. Nov 2025", "2025-11-01T00:00", None),
        # ISO 8601 as Emporix and other tools write it.
        ("since:2026-11-22T08:15:30.123Z", "2026-11-22T08:15:30.123+00:00", None),
        ("since:2026-11-22T08:15:30,5Z", "2026-11-22T08:15:30.500+00:00", None),
        ("since:2026-11-22T08:15+02", "2026-11-22T08:15+02:00", None),
        ("since:2026-11-22t08:15:30.123456z", "2026-11-22T08:15:30.123456+00:00", None),
        # Words that belong to the time.
        ("since:2026-11-22 08:15", "2026-11-22T08:15", None),
        ("since:1.11.2026 10:30", "2026-11-01T10:30", None),
        ("since:yesterday 9:00", "2026-11-22T09:00", None),
        ("since:yesterday at 9:00", "2026-11-22T09:00", None),
        ("since:1.11.2026 at 9 am", "2026-11-01T09:00", None),
        ("since:monday 9am until:monday 11:00", "2026-11-23T09:00", "2026-11-23T11:00"),
        ("since:last week", "2026-11-16T00:00", None),
        ("since:2 hours ago", "2026-11-23T09:33:20", None),
        ("since:mon", "2026-11-23T00:00", None),
        ("since:yesterday.", "2026-11-22T00:00", None),
        ("since:２０２６-11-01", "2026-11-01T00:00", None),
        ("until:now", None, "2026-11-23T11:33:20"),
    ],
)  # fmt: skip
async def test_accepts_other_spellings_of_times(
    typed: str, since: str | None, until: str | None
) -> None:
    """Dates are accepted in the spellings of people and programs."""
    found = await settled(typed)
    assert found.since == (since and at(since))
    assert found.until == (until and at(until))
    assert found.words == ()


@pytest.mark.parametrize(
    ("typed", "since", "until"),
    [
        ("yesterday", "2026-11-22", "2026-11-23"),
        ("Yesterday!", "2026-11-22", "2026-11-23"),
        ("today", "2026-11-23", None),
        ("last week", "2026-11-16", "2026-11-23"),
        ("this week", "2026-11-23", None),
        ("last month", "2026-10-01", "2026-11-01"),
        ("monday", "2026-11-23", "2026-11-24"),
        ("on tuesday", "2026-11-17", "2026-11-18"),
        ("last monday", "2026-11-16", "2026-11-17"),
        ("3 days ago", "2026-11-20", "2026-11-21"),
        ("2026-11-01", "2026-11-01", "2026-11-02"),
        ("1.11.2026", "2026-11-01", "2026-11-02"),
        ("1.11.", "2026-11-01", "2026-11-02"),
        ("November 1", "2026-11-01", "2026-11-02"),
        ("in the last 24 hours", "2026-11-22T11:33:20", None),
        ("past 7 days", "2026-11-16T11:33:20", None),
        ("last 2 hours", "2026-11-23T09:33:20", None),
        ("24h", "2026-11-22T11:33:20", None),
        ("since 2 days", "2026-11-21T11:33:20", None),
        ("3d.", "2026-11-20T11:33:20", None),
        ("last 30m", "2026-11-23T11:03:20", None),
        ("since monday", "2026-11-23", None),
        ("since yesterday 9:00", "2026-11-22T09:00", None),
        ("since yesterday at 9:00", "2026-11-22T09:00", None),
        ("until yesterday", None, "2026-11-23"),
    ],
)
@pytest.mark.parametrize("before", ["", "failed ", "failed late refund ", "agent:a "])
async def test_the_last_words_can_be_a_date(
    before: str, typed: str, since: str | None, until: str | None
) -> None:
    """A date as the last words is a range of time, and no word to search; the reading says so."""
    found = await settled(f"{before}{typed}")
    assert (found.since, found.until) == (since and at(since), until and at(until))
    assert found.words == (("late", "refund") if "late" in before else ())
    assert typed in [reading.typed for reading in found.readings]


@pytest.mark.parametrize(
    "typed",
    [
        '"yesterday"', 'refund "last week"', "yesterday refund", "the day after yesterday it",
        "version 1.11", "1/2", "sat", "may", "week", "30.2.", "32.13.2026", "10-11",
        "delayed 2 days", "refund tomorrow", "24h late", "mon tue", "tomorrow refund",
    ],
)  # fmt: skip
async def test_other_words_stay_words(typed: str) -> None:
    """Words in quotes, numbers, and words in other places are searched."""
    found = await settled(typed)
    assert " ".join(found.words) == typed.replace('"', "")
    assert found.readings == ()


@pytest.mark.parametrize(
    ("typed", "since", "until"),
    [
        ("2026-11-01 2026-11-05", "2026-11-01", "2026-11-06"),
        ("from 2026-11-01 to 2026-11-05", "2026-11-01", "2026-11-06"),
        ("1.11. - 5.11.", "2026-11-01", "2026-11-06"),
        ("1.11.-5.11.", "2026-11-01", "2026-11-06"),
        ("2026-11-01–2026-11-05", "2026-11-01", "2026-11-06"),
        ("friday sunday", "2026-11-20", "2026-11-23"),
        ("friday, sunday", "2026-11-20", "2026-11-23"),
        ("friday-sunday", "2026-11-20", "2026-11-23"),
        ("between friday and yesterday", "2026-11-20", "2026-11-23"),
        ("since friday until yesterday", "2026-11-20", "2026-11-23"),
        ("from 1 November to 5 November 2026", "2026-11-01", "2026-11-06"),
        ("from yesterday 9:00 to yesterday 11am", "2026-11-22T09:00", "2026-11-22T11:00"),
        ("yesterday today", "2026-11-22", "2026-11-24"),
    ],
)
@pytest.mark.parametrize("before", ["", "failed ", "failed late refund "])
async def test_two_dates_are_the_first_and_the_last_day(
    before: str, typed: str, since: str, until: str
) -> None:
    """Two dates as the last words are a range that includes both, with one reading."""
    found = await settled(f"{before}{typed}")
    assert (found.since, found.until) == (at(since), at(until))
    assert found.words == (("late", "refund") if "late" in before else ())
    assert typed in [reading.typed for reading in found.readings]


@pytest.mark.parametrize(
    ("typed", "problem", "value", "lines"),
    [
        ("tomorrow", "in the future", "tomorrow", ['"tomorrow"']),
        ("failed next week", "in the future", "next week", ['failed "next week"']),
        ("late 2027-01-01", "in the future", "2027-01-01", ['late "2027-01-01"']),
        ("monday sunday", "second date is before", "monday sunday", ['"monday sunday"']),
        ("2026-11-05 2026-11-01", "second date is before", "2026-11-05 2026-11-01",
         ['"2026-11-05 2026-11-01"']),
        ("since:1.11. yesterday", "second date", "yesterday",
         ["since:1.11. until:yesterday", 'since:1.11. "yesterday"']),
        ("until:yesterday late 1.11.", "second date", "1.11.",
         ["until:yesterday late since:1.11.", 'until:yesterday late "1.11."']),
        ("since:7d until:1d last week", "second date", "last week",
         ['since:7d until:1d "last week"']),
        ("since:2d 24h", "second date", "24h", ['since:2d "24h"']),
        ("friday saturday sunday", "more than one date", "friday saturday sunday",
         ['friday "saturday sunday"']),
        ("monday 24h", "more than one date", "monday 24h", ['monday "24h"']),
        ("monday type:export yesterday", "more than one date", "monday type:export yesterday",
         ['monday type:export "yesterday"']),
    ],
)  # fmt: skip
async def test_no_date_is_ignored(typed: str, problem: str, value: str, lines: list[str]) -> None:
    """A date that can't be used is refused, with buttons that use or search for it."""
    with pytest.raises(InvalidInput, match=problem) as caught:
        await settled(typed)
    assert caught.value.value == value
    assert [proposal.line for proposal in caught.value.proposals] == lines


@pytest.mark.parametrize("typed", ["since:11/01/2026", "failed 11/01/2026", "since:11-01-2026"])
def test_an_ambiguous_date_is_asked_about(typed: str) -> None:
    """The order of day and month differs between countries, so both readings are proposed."""
    with pytest.raises(InvalidInput, match="read in two ways") as caught:
        parse(typed)
    labels = [proposal.label for proposal in caught.value.proposals]
    assert labels[:2] == ["November 1, 2026", "January 11, 2026"]
    november, january, *_ = (proposal.line for proposal in caught.value.proposals)
    assert (november, january) == (
        re.sub(r"11.01.2026", "2026-11-01", typed),
        re.sub(r"11.01.2026", "2026-01-11", typed),
    )


@pytest.mark.parametrize(
    "typed",
    [
        "since:soon", "since:2026-13-01", "since:2026-02-30", "since:2026-11-01T25:00",
        "since:10:30", "since:today,yesterday", "until:1y", "until:0000-01-01", "since:123456h",
        "since:٣d",
    ],
)  # fmt: skip
def test_refuses_an_invalid_time(typed: str) -> None:
    """An invalid time is refused without a request for the time zone."""
    with pytest.raises(InvalidInput, match="can't read this as a date") as caught:
        parse(typed)
    assert "2026-11-01T10:30" in caught.value.advice


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("since:2027-01-01", "in the future"),
        ("since:yesterday until:2d", "no time between"),
        ("since:24h until:24h", "no time between"),
        ("since:2026-11-02T10:00 until:2026-11-01", "no time between"),
        ("since:1969-12-31", "before 1970"),
        ("until:0001-01-01", "before 1970|out of range"),
        ("since:99999w", "before 1970|out of range"),
        ("until:9999-12-31", "out of range"),
    ],
)
async def test_refuses_an_impossible_range(typed: str, problem: str) -> None:
    """A range that is empty, in the future or beyond the calendar is refused."""
    with pytest.raises(InvalidInput, match=problem) as caught:
        await settled(typed)
    assert caught.value.advice


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [(BERLIN, "2026-03-29", 23), (BERLIN, "2026-10-25", 25), (NEW_YORK, "2026-11-01", 25)],
)
async def test_a_day_is_whole_when_clocks_change(zone: str, day: str, hours: int) -> None:
    """A day on which clocks change has 23 or 25 hours."""
    found = await settled(f"since:{day} until:{day}", FakeWall("2026-11-23T11:00", zone))
    assert found.since is not None
    assert found.until is not None
    assert found.until - found.since == hours * 3600


async def test_an_hour_that_clocks_show_twice_is_included() -> None:
    """An hour that occurs twice is included whole, as in Berlin on 25 October 2026."""
    twice = "2026-10-25T02:30"
    found = await settled(f"since:{twice}")
    assert found.since == at("2026-10-25T00:30+00:00")
    found = await settled(f"until:{twice}")
    assert found.until == at("2026-10-25T01:30+00:00")


async def test_a_time_that_clocks_skip_makes_the_stretch_wider() -> None:
    """A time that does not occur becomes the hour around it, as in Berlin on 29 March 2026."""
    found = await settled("since:2026-03-29T02:30 until:2026-03-29T02:30")
    assert (found.since, found.until) == (at("2026-03-29T00:30Z"), at("2026-03-29T01:30Z"))


async def test_a_midnight_that_clocks_skip() -> None:
    """A day without midnight begins where the day before ends, as in Santiago."""
    wall = FakeWall("2026-11-23T11:00", "America/Santiago")
    first = await settled("until:2026-09-05", wall)
    second = await settled("since:2026-09-06", wall)
    assert first.until == second.since == at("2026-09-06T04:00Z")


async def test_asks_for_the_zone_only_where_it_matters() -> None:
    """The time zone is requested only for times that depend on it."""
    wall = FakeWall()
    for typed in ("refund", "since:24h", "since:24h until:2026-11-23T09:00Z"):
        await settled(typed, wall)
    assert wall.asked == 0
    await settled("since:24h until:today", wall)
    assert wall.asked == 1


@pytest.mark.parametrize(
    ("typed", "in_utc"), [("refund", False), ("since:24h", False), ("since:today", True)]
)
async def test_says_that_days_are_in_utc(typed: str, in_utc: bool) -> None:
    """If Slack does not give the user's time zone, and it matters, the user gets a note."""
    found = await settled(typed, FakeWall(zone=""))
    assert found.in_utc == in_utc
    assert found.since is None or found.since <= at("2026-11-23T00:00Z")


ZONES = st.sampled_from([BERLIN, NEW_YORK, LISBON, "Asia/Kolkata", "Pacific/Kiritimati", "UTC"])
DAYS = st.dates(date(1971, 1, 1), date(2100, 1, 1))


@given(zone=ZONES, day=DAYS, form=st.sampled_from(["{0:%F}", "{0.day}.{0.month}.{0:%Y}"]))
async def test_a_day_at_the_end_is_the_same_day(zone: str, day: date, form: str) -> None:
    """A date as the last words is the range from its start to its end, in any time zone."""
    wall, typed = FakeWall("2101-01-01T00:00", zone), form.format(day)
    assert await settled(f"refund {typed}", wall) == await settled(
        f"refund since:{typed} until:{typed}", wall
    )


@given(today=DAYS, weekday=st.integers(0, 6))
async def test_a_weekday_is_the_latest(today: date, weekday: int) -> None:
    """A weekday is within the last seven days, today included; last week is the one before."""
    wall = FakeWall(f"{today}T12:00", BERLIN)
    name = date(2026, 11, 23 + weekday).strftime("%A")
    found, week = await settled(name, wall), await settled("last week", wall)
    assert found.since is not None
    assert week.since is not None
    assert week.until is not None
    day = datetime.fromtimestamp(found.since, ZoneInfo(BERLIN)).date()
    monday, sunday = (
        datetime.fromtimestamp(moment, ZoneInfo(BERLIN)).date()
        for moment in (week.since, week.until - 1)
    )
    assert timedelta() <= today - day <= timedelta(days=6)
    assert (day.weekday(), monday.weekday(), sunday.weekday()) == (weekday, 0, 6)
    assert timedelta(days=1) <= today - sunday <= timedelta(days=7)


@given(zone=ZONES, day=DAYS)
async def test_days_follow_each_other(zone: str, day: date) -> None:
    """Each day begins where the day before ends, and has its own date."""
    noon = datetime.combine(day, time(12), ZoneInfo(zone))
    assume(noon.astimezone(UTC).astimezone(ZoneInfo(zone)).date() == day)  # islands skipped a day
    wall = FakeWall("2101-01-01T00:00", zone)
    found = await settled(f"since:{day} until:{day}", wall)
    following = await settled(f"since:{day + timedelta(days=1)}", wall)
    assert found.until == following.since
    assert found.since is not None
    assert datetime.fromtimestamp(found.since, ZoneInfo(zone)).date() == day
