"""Run times: once a day at the right local time, whatever the clocks do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.domain.conditions import Condition, Silence
from bot.domain.digests import QuietHours, Schedule, ScheduledRun
from bot.services.digests.schedule import (
    days_before,
    local_time,
    next_run,
    quiet_end,
    runs_between,
    silence_end,
)

EVERY_DAY = tuple(range(7))
# Without the machine's local zone and copies of the database for old programs.
ZONES = sorted(
    zone for zone in available_timezones() if not zone.startswith(("posix", "right", "local"))
)

zones = st.sampled_from(ZONES)
minutes = st.integers(0, 24 * 60 - 1)
days = st.dates(date(1990, 1, 1), date(2037, 12, 1))


def local(zone: str, at: float) -> str:
    return datetime.fromtimestamp(at, ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S %Z")


def at(zone: str, text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def clock_at(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def run(schedule: Schedule, begin: float, end: float) -> list[ScheduledRun]:
    """Simulate a worker that is always running; returns the runs."""
    slots = [next_run(schedule, begin)]
    while slots[-1].at < end:
        slots.append(next_run(schedule, slots[-1].at))
    return slots


@pytest.mark.parametrize(
    ("day", "minute", "shown"),
    [
        (date(2026, 3, 28), 150, "2026-03-28 02:30:00 CET"),
        (date(2026, 3, 29), 119, "2026-03-29 01:59:00 CET"),
        (date(2026, 3, 29), 120, "2026-03-29 03:00:00 CEST"),
        (date(2026, 3, 29), 150, "2026-03-29 03:00:00 CEST"),
        (date(2026, 3, 29), 180, "2026-03-29 03:00:00 CEST"),
        (date(2026, 10, 25), 150, "2026-10-25 02:30:00 CEST"),
        (date(2026, 10, 25), 180, "2026-10-25 03:00:00 CET"),
    ],
)
def test_both_changes_in_berlin(day: date, minute: int, shown: str) -> None:
    """In spring 2:30 means 3:00, in autumn it means the first 2:30."""
    found = local_time("Europe/Berlin", day, minute)
    assert found is not None
    assert local("Europe/Berlin", found) == shown


def test_a_gap_of_half_an_hour() -> None:
    """Lord Howe Island changes its clocks by thirty minutes."""
    found = local_time("Australia/Lord_Howe", date(2026, 10, 4), 2 * 60 + 10)
    assert found is not None
    assert local("Australia/Lord_Howe", found).startswith("2026-10-04 02:30:00")


def test_a_gap_at_midnight() -> None:
    """Nuuk's Saturday has no last hour: its digest is posted at midnight, as is Sunday's."""
    schedule = Schedule(23 * 60 + 30, "America/Nuuk", EVERY_DAY)
    begin = at("America/Nuuk", "2026-03-28T12:00")
    slots = run(schedule, begin, begin + 36 * 3600)
    assert [(slot.date, local("America/Nuuk", slot.at)[:16]) for slot in slots[:2]] == [
        ("2026-03-28", "2026-03-29 00:00"),
        ("2026-03-29", "2026-03-29 23:30"),
    ]


def test_a_skipped_day() -> None:
    """Samoa skipped 30 December 2011, so there is no digest of that day."""
    schedule = Schedule(9 * 60, "Pacific/Apia", EVERY_DAY)
    begin = at("Pacific/Apia", "2011-12-28T12:00")
    assert [slot.date for slot in run(schedule, begin, begin + 2 * 86400)] == [
        "2011-12-29",
        "2011-12-31",
        "2012-01-01",
    ]


def test_only_on_its_days() -> None:
    """A digest of Mondays and Fridays runs on these days of every week."""
    schedule = Schedule(9 * 60, "Europe/Berlin", (0, 4))
    begin = at("Europe/Berlin", "2026-11-25T09:00")
    slots = run(schedule, begin, begin + 7 * 86400)
    assert [slot.date for slot in slots] == ["2026-11-27", "2026-11-30", "2026-12-04"]


def test_the_current_run_is_not_found_again() -> None:
    """At the time of a run, the next run is the following one."""
    schedule = Schedule(9 * 60, "UTC", EVERY_DAY)
    now = at("UTC", "2026-11-25T09:00")
    assert next_run(schedule, now) == ScheduledRun("2026-11-26", now + 86400)


def test_a_posted_day_is_excluded() -> None:
    """A digest moved from nine to ten at half past nine is not posted again that day."""
    schedule = Schedule(10 * 60, "UTC", EVERY_DAY)
    now = at("UTC", "2026-11-25T09:30")
    assert next_run(schedule, now).date == "2026-11-25"
    assert next_run(schedule, now, not_on="2026-11-25").date == "2026-11-26"


def test_lists_missed_runs() -> None:
    """All runs missed by a stopped worker are found, up to a month of them."""
    schedule = Schedule(9 * 60, "UTC", EVERY_DAY)
    first = next_run(schedule, at("UTC", "2026-11-01T00:00"))
    missed = runs_between(schedule, first, at("UTC", "2026-11-04T09:00"))
    assert [slot.date for slot in missed] == [
        "2026-11-01",
        "2026-11-02",
        "2026-11-03",
        "2026-11-04",
    ]
    assert len(runs_between(schedule, first, at("UTC", "2027-11-01T00:00"))) == 31


@settings(max_examples=600, deadline=None)
@given(zones, minutes, days)
def test_each_day_has_one_time(zone: str, minute: int, day: date) -> None:
    """A day's run is at the local time, the next existing one, or the first of two."""
    found = local_time(zone, day, minute)
    if found is None:
        return
    there = datetime.fromtimestamp(found, ZoneInfo(zone))
    wanted = datetime.fromisoformat(f"{day} {clock_at(minute)}")
    shown = there.replace(tzinfo=None)
    if shown == wanted:
        assert there.fold == 0
    else:  # a skipped time: one second before, the clock showed less
        assert shown > wanted
        earlier = datetime.fromtimestamp(found - 1, ZoneInfo(zone)).replace(tzinfo=None)
        assert earlier < wanted


@settings(max_examples=300, deadline=None)
@given(zones, minutes, days, st.sets(st.integers(0, 6), min_size=1))
def test_runs_follow_each_other_once_a_day(zone: str, minute: int, day: date, on: set[int]) -> None:
    """Ten runs are on ten increasing dates, each on one of its days."""
    schedule = Schedule(minute, zone, tuple(sorted(on)))
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    slots = run(schedule, begin, begin + 10 * 86400)
    times, dates = [slot.at for slot in slots], [slot.date for slot in slots]
    assert times == sorted(set(times))
    assert dates == sorted(set(dates))
    assert {date.fromisoformat(text).weekday() for text in dates} <= on
    if on == set(EVERY_DAY):
        gaps = {
            date.fromisoformat(later) - date.fromisoformat(sooner)
            for sooner, later in pairwise(dates)
        }
        assert gaps <= {timedelta(days=1), timedelta(days=2)}


@pytest.mark.parametrize("year", [2026, 2027])
def test_every_change_of_every_zone(year: int) -> None:
    """The rule holds for all zones and clock changes in the database."""
    for zone in ZONES:
        for day in _changes(zone, year):
            for minute in range(0, 24 * 60, 15):
                found = local_time(zone, day, minute)
                assert found is not None
                there = datetime.fromtimestamp(found, ZoneInfo(zone))
                wanted = datetime.fromisoformat(f"{day} {clock_at(minute)}")
                assert timedelta(0) <= there.replace(tzinfo=None) - wanted <= timedelta(hours=2)


def _changes(zone: str, year: int) -> list[date]:
    """The days on which the offset differs from that of the evening before."""
    there = ZoneInfo(zone)
    evenings = [datetime(year, 1, 1, 23, 59, tzinfo=there) + timedelta(days=n) for n in range(366)]
    offsets = [evening.utcoffset() for evening in evenings]
    return [
        evening.date()
        for evening, offset, before in zip(evenings[1:], offsets[1:], offsets, strict=False)
        if offset != before
    ]


@settings(max_examples=300)
@given(zone=zones, day=days, minute=minutes)
def test_days_before_follow_one_another(zone: str, day: date, minute: int) -> None:
    """Fourteen complete local days have no gap and end at the last midnight, in every zone."""
    now = local_time(zone, day, minute)
    if now is None:
        return
    found = days_before(zone, now, 14)
    assert len(found) == 14
    assert all(one.until == other.since for one, other in pairwise(found))
    assert all(one.date < other.date for one, other in pairwise(found))
    assert found[-1].until <= now < found[-1].until + 25 * 3600
    for one in found:
        within = (one.since, one.until - 1)
        assert {datetime.fromtimestamp(at, ZoneInfo(zone)).date().isoformat() for at in within} == {
            one.date
        }


def test_days_have_their_local_length() -> None:
    """Berlin has a day of 23 hours and one of 25; Samoa went from Thursday to Saturday."""
    spring = days_before("Europe/Berlin", at("Europe/Berlin", "2026-03-30T09:00"), 2)
    autumn = days_before("Europe/Berlin", at("Europe/Berlin", "2026-10-26T09:00"), 2)
    assert [(one.until - one.since) / 3600 for one in (*spring, *autumn)] == [24, 23, 24, 25]
    apia = days_before("Pacific/Apia", at("Pacific/Apia", "2012-01-02T09:00"), 4)
    assert [one.date for one in apia] == ["2011-12-28", "2011-12-29", "2011-12-31", "2012-01-01"]


@given(zones, minutes, minutes, st.integers(0, 4_102_444_800))
def test_quiet_hours_end_once(zone: str, begin: int, end: int, at: int) -> None:
    """In every zone, a delayed mention is outside the quiet hours, at their end, within days."""
    assume(begin != end)
    quiet = QuietHours(begin, end, zone)
    until = quiet_end(quiet, at)
    assert at <= until <= at + 3 * 86_400
    assert quiet_end(quiet, until) == until
    if until > at:
        local = datetime.fromtimestamp(until, ZoneInfo(zone))
        assert until == local_time(zone, local.date(), end)


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("2026-03-29T00:30+01:00", "2026-03-29T07:00+02:00"),  # an hour is skipped
        ("2026-03-28T23:30+01:00", "2026-03-29T07:00+02:00"),
        ("2026-10-25T02:30+02:00", "2026-10-25T07:00+01:00"),  # an hour occurs twice
        ("2026-10-25T02:30+01:00", "2026-10-25T07:00+01:00"),
        ("2026-10-25T06:59+01:00", "2026-10-25T07:00+01:00"),
        ("2026-10-25T07:00+01:00", "2026-10-25T07:00+01:00"),
        ("2026-10-25T21:59+01:00", "2026-10-25T21:59+01:00"),
        ("2026-10-25T22:00+01:00", "2026-10-26T07:00+01:00"),
    ],
)
def test_quiet_hours_follow_the_clocks_of_their_zone(at: str, until: str) -> None:
    """Quiet hours from 22:00 to 7:00 end at 7:00 local time, also when the clocks change."""
    quiet = QuietHours(22 * 60, 7 * 60, "Europe/Berlin")
    assert quiet_end(quiet, datetime.fromisoformat(at).timestamp()) == (
        datetime.fromisoformat(until).timestamp()
    )


def test_quiet_hours_within_a_day() -> None:
    """Quiet hours may begin and end on the same day; without them, nothing is delayed."""
    noon = datetime.fromisoformat("2026-11-27T12:00+00:00").timestamp()
    assert quiet_end(QuietHours(11 * 60, 13 * 60, "UTC"), noon) == noon + 3600
    assert quiet_end(QuietHours(13 * 60, 14 * 60, "UTC"), noon) == noon
    assert quiet_end(None, noon) == noon


def is_within(condition: Condition, at: float) -> bool:
    """Whether the local clock is within the hours, read from the clock alone."""
    there = datetime.fromtimestamp(at, ZoneInfo(condition.zone))
    minute = there.hour * 60 + there.minute
    if condition.begin < condition.end:
        return condition.begin <= minute < condition.end
    return not condition.end <= minute < condition.begin


def compared(condition: Condition, begin: float, end: float) -> list[float]:
    """The ends of all silences that are compared if no job runs and none is usual."""
    silence, found = Silence(latest_at=begin), list[float]()
    while (until := silence_end(condition, silence, end)) < end:
        found.append(until)
        silence = replace(silence, compared_until=until)
    return found


@pytest.mark.parametrize("length", [45, 3 * 60, 23 * 60])
def test_hours_of_silence_are_compared_each_day_whatever_the_clocks_skip(length: int) -> None:
    """If hours begin while the clocks go forward, in any zone, each day is compared within them."""
    changes = {
        (local_time(zone, day, 12 * 60) or 0.0, begin): zone  # the same for many zones
        for zone in ZONES
        for day in _changes(zone, 2026)
        for begin in _skipped(zone, day)
    }
    for (noon, begin), zone in changes.items():
        end = (begin + length) % (24 * 60)
        condition = Condition(silent=15 * 60.0, begin=begin, end=end, zone=zone)
        first, last = noon - 3 * 86_400, noon + 3 * 86_400
        ends = compared(condition, first, last)
        assert all(is_within(condition, at - 900) for at in ends)
        assert all(is_within(condition, at - 1) for at in ends)
        grid = [first + 900 * step for step in range(int((last - first) / 900) - 3)]
        for one in grid:  # each half hour within the hours belongs to a silence
            if all(is_within(condition, one + 300 * more) for more in range(10)):
                assert any(one < at <= one + 2_700 for at in ends), (zone, begin, one)


def _skipped(zone: str, day: date) -> list[int]:
    """The minutes of a day that the clocks skip, every half hour."""
    found = []
    for minute in range(0, 24 * 60, 30):
        at = local_time(zone, day, minute)
        there = datetime.fromtimestamp(at or 0.0, ZoneInfo(zone))
        if there.hour * 60 + there.minute != minute:
            found.append(minute)
    return found


@given(zones, minutes, minutes, st.integers(0, 4_102_444_800), st.integers(15, 24 * 60))
def test_a_silence_is_compared_within_days(
    zone: str, begin: int, end: int, at: int, length: int
) -> None:
    """In every zone, and across skipped days, the next silence to compare ends within days."""
    whole = begin == end
    assume(whole or (end - begin) % (24 * 60) >= length + 180)
    condition = Condition(silent=length * 60.0, begin=begin, end=end, zone=zone)
    until = silence_end(condition, Silence(latest_at=at), at)
    assert at + length * 60 <= until <= at + length * 60 + 3 * 86_400
