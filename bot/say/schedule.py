"""Times of the day, days of the week and of the year, and bars, as plain words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from bot.say import text

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_FIXED = re.compile(r"Etc/GMT([+-])([1-9]\d?)")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LONGEST_DATE = 20  # characters, also of what is none
BAR = 12
FULL, EMPTY = "\u2588", "\u2591"


def wall_clock(minute: int) -> str:
    """ "09:00" for the 540th minute of a day."""
    if minute not in range(24 * 60):
        return "00:00"
    return f"{minute // 60:02}:{minute % 60:02}"


def zone(name: str) -> str:
    """ "UTC+5" for IANA's Etc/GMT-5, which counts the other way round; other names as they are."""
    found = _FIXED.fullmatch(name)
    return f"UTC{'-' if found[1] == '+' else '+'}{found[2]}" if found else name


def weekdays(days: Sequence[int]) -> str:
    """ "every day", "Monday to Friday", "Monday, Wednesday and Friday"; Monday is 0."""
    known = sorted({day for day in days if day in range(len(DAYS))})
    if len(known) == len(DAYS):
        return "every day"
    names = [DAYS[day] for day in known]
    if len(known) > 2 and known[-1] - known[0] == len(known) - 1:
        return f"{names[0]} to {names[-1]}"
    *others, last = names or ["on no day"]
    return f"{', '.join(others)} and {last}" if others else last


def day(on: str) -> str:
    """ "9 November" for 2026-11-09; what is no date in ISO 8601 is shown as it came."""
    found = _date(on)
    return (
        f"{found.day} {MONTHS[found.month - 1]}"
        if found
        else text.one_line(text.clean_start(on, LONGEST_DATE))
    )


def days_from(first: str, last: str) -> str:
    """ "10 to 23 November", "27 November to 10 December"."""
    begun, ended = _date(first), _date(last)
    same_month = begun and ended and begun.month == ended.month
    return f"{begun.day if begun and same_month else day(first)} to {day(last)}"


def _date(on: str) -> date | None:
    try:
        return date.fromisoformat(on)
    except ValueError:
        return None


def bar(count: int | None, most: int) -> str:
    """`count` drawn against `most`, as wide as any other bar; one that is not 0 can be seen."""
    filled = sum((count or 0) * BAR > most * step for step in range(BAR))
    return FULL * filled + EMPTY * (BAR - filled)
