"""Parses times such as "+1 h" or "tomorrow 09:00" that the clock can be moved to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.services.digests.schedule import local_time

ZONE = "Europe/Berlin"
DAY = timedelta(days=1)
LONGEST_SEARCH = 400
"""Days. A zone that changes its clocks does so within a year."""

MOST_YEARS = 10

JUST_BEFORE = 60.0
"""Seconds before the clock change."""

UNITS = {"m": 60.0, "h": 3600.0, "d": 86400.0}
HELP = (
    'To move it, say "+1 h", "+30 m", "+1 d", "09:00", "tomorrow 09:00 Europe/Berlin", '
    '"2027-03-28 01:59 Europe/Berlin", "clock change Europe/Berlin" or "next digest".'
)

NEXT_DIGEST = "next digest"
_STEP = re.compile(r"\+\s*(\d{1,3})\s*([mhd])")
_TIME = re.compile(r"(?:(tomorrow|\d{4}-\d\d-\d\d)\s+)?(\d\d?):(\d\d)(?:\s+(\S+))?")
_CHANGE = re.compile(r"clock change(?:\s+(\S+))?")


class InvalidTime(ValueError):
    """The text is not a valid time. The message says why."""


def parse_time(words: str, now: float) -> float:
    """Parse `words` into seconds since 1970. The default time zone is Europe/Berlin.

    Raises `InvalidTime`.
    """
    asked = words.strip()
    if step := _STEP.fullmatch(asked.lower()):
        return now + int(step[1]) * UNITS[step[2]]
    if change := _CHANGE.fullmatch(asked):
        return before_change(now, change[1] or ZONE)
    if at := _TIME.fullmatch(asked):
        return _time(at, now)
    raise InvalidTime(HELP)


def before_change(now: float, zone: str) -> float:
    """Return the time one minute before the zone's next clock change.

    Raises `InvalidTime` if the zone never changes its clocks.
    """
    there = _zone(zone)
    begin = int(now + JUST_BEFORE) + 1
    for day in range(LONGEST_SEARCH):
        low, high = begin + day * 86400, begin + (day + 1) * 86400
        if _offset(low, there) != _offset(high, there):
            return _first_of_new(low, high, there) - JUST_BEFORE
    raise InvalidTime(f"The clocks of {zone} do not change.")


def _first_of_new(low: int, high: int, zone: ZoneInfo) -> int:
    """Find, by bisection, the first second with the UTC offset of `high`."""
    old = _offset(low, zone)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(middle, zone) == old else (low, middle)
    return high


def _offset(seconds: int, zone: ZoneInfo) -> timedelta | None:
    return datetime.fromtimestamp(seconds, UTC).astimezone(zone).utcoffset()


def _time(at: re.Match[str], now: float) -> float:
    zone, minute = at[4] or ZONE, int(at[2]) * 60 + int(at[3])
    today = datetime.fromtimestamp(now, _zone(zone)).date()
    if int(at[2]) > 23 or int(at[3]) > 59:
        raise InvalidTime(f"{at[2]}:{at[3]} isn't a time of day.")
    if at[1] is None:
        return next(one for one in _days(zone, today, minute) if one > now)
    return next(_days(zone, _day(at[1], today), minute))


def _day(word: str, today: date) -> date:
    if word == "tomorrow":
        return today + DAY
    try:
        day = date.fromisoformat(word)
    except ValueError as error:
        raise InvalidTime(f"{word} is no day.") from error
    if day.year > today.year + MOST_YEARS:
        raise InvalidTime("The clock can move at most ten years ahead.")
    return day


def _days(zone: str, first: date, minute: int) -> Iterator[float]:
    for number in range(3):  # a zone may skip a day
        if (found := local_time(zone, first + number * DAY, minute)) is not None:
            yield found


def _zone(zone: str) -> ZoneInfo:
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidTime(f"{zone} isn't a time zone. Use a name like {ZONE}.") from error
