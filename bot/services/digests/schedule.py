"""Run times of digests, and quiet or silent hours, in a local time zone.

If the clocks skip the local time on a day, the run is at the next time that exists; if it exists
twice, the run is at the first. A day that a time zone skipped has no run. Therefore, each day has
at most one run.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from bot.domain.conditions import UNUSUAL_SILENCE_SECONDS, Condition, Period, Silence
from bot.domain.digests import QuietHours, Schedule, ScheduledRun

MAX_SEARCH_DAYS = 16
"""A week, and another one in case the zone skipped the only day."""

MONTH_SECONDS = 31 * 24 * 60 * 60.0

MAX_MISSING_DAYS = 2
"""Maximum number of days that a zone skips within a month; all known cases are single days."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class LocalDay:
    """A local day: its date in ISO 8601, and its start and end in seconds since 1970."""

    date: str
    since: float
    until: float


def next_run(schedule: Schedule, after: float, *, not_on: str = "") -> ScheduledRun:
    """The first run later than `after`, in seconds since 1970, and not on the date `not_on`."""
    slots = (slot for slot in _runs(schedule, after) if slot.at > after and slot.date != not_on)
    return next(slots)


def runs_between(schedule: Schedule, first: ScheduledRun, until: float) -> list[ScheduledRun]:
    """The runs from `first` to `until`, both included, within at most a month."""
    begin = max(first.at, until - MONTH_SECONDS)
    slots = _runs(schedule, begin, days=MAX_SEARCH_DAYS * 3)
    return [slot for slot in slots if begin <= slot.at <= until]


def days_before(zone: str, at: float, count: int) -> tuple[LocalDay, ...]:
    """The last `count` days that had ended in a zone by the time `at`, oldest first."""
    today = datetime.fromtimestamp(at, ZoneInfo(zone)).date()
    dates = (today - _DAY * back for back in range(count + 1 + MAX_MISSING_DAYS))
    begun = [(day, since) for day in dates if (since := local_time(zone, day, 0)) is not None]
    ended = zip(begun[1:], begun, strict=False)
    days = [LocalDay(day.isoformat(), since, until) for (day, since), (_, until) in ended]
    return tuple(reversed(days[:count]))


def quiet_end(quiet: QuietHours | None, at: float) -> float:
    """The first time from `at` on that is not within the quiet hours; `at` if there are none."""
    if quiet is None:
        return at
    today = datetime.fromtimestamp(at, ZoneInfo(quiet.zone)).date()
    for day in (today + _DAY * ahead for ahead in range(-1 - MAX_MISSING_DAYS, 2)):
        hours = _hours(quiet, day)
        if hours is not None and hours[0] <= at < hours[1]:
            at = hours[1]
    return at


def _hours(daily: QuietHours | Condition, day: date) -> Period | None:
    """The hours that begin on a day, on the next one if they include midnight; None without them.

    They end on a later day if the zone skipped that day.
    """
    begin = local_time(daily.zone, day, daily.begin)
    last = day if daily.begin < daily.end else day + _DAY
    days = (last + _DAY * ahead for ahead in range(MAX_MISSING_DAYS + 1))
    ends = (local_time(daily.zone, day, daily.end) for day in days)
    end = next((found for found in ends if found is not None), None)
    return None if begin is None or end is None else (begin, end)


def silence_end(condition: Condition, silence: Silence, now: float) -> float:
    """When the next silence to compare would end: within the hours of its condition.

    Hours that are too short because the clocks go forward contain none; infinite if none is found.
    """
    # A later time is from before the clock was set back.
    compared = silence.compared_until if silence.compared_until <= now else 0.0
    least = max(
        silence.latest_at + condition.silent,
        compared + UNUSUAL_SILENCE_SECONDS if compared else 0.0,
    )
    if condition.begin == condition.end:
        return least
    today = datetime.fromtimestamp(least, ZoneInfo(condition.zone)).date()
    for day in (today + _DAY * ahead for ahead in range(-1 - MAX_MISSING_DAYS, 4)):
        if hours := _hours(condition, day):
            until = max(least, hours[0] + condition.silent)
            if until <= hours[1]:
                return until
    return math.inf


@lru_cache(maxsize=10_000)
def local_time(zone: str, day: date, minute: int) -> float | None:
    """Convert a local date and minute to seconds since 1970; None if the zone skipped the day.

    Raises KeyError (as ZoneInfoNotFoundError) for an unknown zone.
    """
    begins = _resolved(ZoneInfo(zone), day, 0)
    if begins.date() != day:
        return None
    return _resolved(ZoneInfo(zone), day, minute).timestamp()


def _runs(schedule: Schedule, after: float, days: int = MAX_SEARCH_DAYS) -> Iterator[ScheduledRun]:
    """The runs in order, starting on the day before `after`."""
    day = datetime.fromtimestamp(after, ZoneInfo(schedule.zone)).date() - _DAY
    for _ in range(days):
        if day.weekday() in schedule.days:
            at = local_time(schedule.zone, day, schedule.minute)
            if at is not None:
                yield ScheduledRun(day.isoformat(), at)
        day += _DAY


def _resolved(zone: ZoneInfo, day: date, minute: int) -> datetime:
    """The first time with this local date and minute, or the next local time if it is skipped."""
    local = datetime.combine(day, time(minute // 60, minute % 60), zone)
    there = local.astimezone(UTC).astimezone(zone)
    if there.replace(tzinfo=None) == local.replace(tzinfo=None):
        return there
    return _end_of_gap(local, zone)


def _end_of_gap(local: datetime, zone: ZoneInfo) -> datetime:
    """The first second after the clocks went forward over `local`."""
    # The same local time, read with the new offset and with the old one.
    first, last = (int(local.replace(fold=fold).timestamp()) for fold in (1, 0))
    old = _offset(zone, first)
    gone = bisect_left(range(first, last), True, key=lambda at: _offset(zone, at) != old)
    return datetime.fromtimestamp(first + gone, zone)


def _offset(zone: ZoneInfo, at: int) -> timedelta | None:
    return datetime.fromtimestamp(at, zone).utcoffset()
