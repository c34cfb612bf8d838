"""Times as people type them: `24h`, `yesterday`, `monday`, `2026-11-01`, `2026-11-01T10:30`.

A time stands for a span: a day begins at its midnight and ends at the next one. `since:` means
where the span begins, `until:` where it ends, so both include a day whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Protocol

from bot.errors import InvalidInput

Span = tuple[float, float]
"""From one time up to another, in seconds since 1970."""

POSSIBLE = (
    "Possible are 30m, 24h, 7d, 2w, today, yesterday, a day of the week, 2026-11-01 and "
    "2026-11-01T10:30."
)

_UNITS = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_AGO = re.compile(r"(\d{1,5})([mhdw])", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[t ]\d\d:\d\d(:\d\d)?(?P<offset>z|[+-]\d\d:?\d\d)?", re.ASCII)


class When(Protocol):
    """A time that was typed."""

    @property
    def needs_zone(self) -> bool:
        """Whether it depends on where the asker is."""

    def span(self, now: datetime) -> Span:
        """Seen from `now`, in the asker's zone; raises OverflowError beyond the calendar."""


@dataclass(frozen=True, slots=True)
class Ago:
    """So long before now, to the second: `7d` are seven times 24 hours."""

    length: timedelta
    needs_zone: bool = False

    def span(self, now: datetime) -> Span:
        moment = now.timestamp() - self.length.total_seconds()
        return moment, moment


@dataclass(frozen=True, slots=True)
class Day:
    """`pick` finds it, seen from today's date."""

    pick: Callable[[date], date]
    needs_zone: bool = True

    def span(self, now: datetime) -> Span:
        day = self.pick(now.date())
        return _midnight(day, now.tzinfo), _midnight(day + timedelta(days=1), now.tzinfo)


@dataclass(frozen=True, slots=True)
class Moment:
    """`at` is in the asker's zone, unless it names one itself."""

    at: datetime

    @property
    def needs_zone(self) -> bool:
        return self.at.tzinfo is None

    def span(self, now: datetime) -> Span:
        """Wide where clocks change: they show an hour twice then, or never."""
        if self.at.tzinfo:
            return self.at.timestamp(), self.at.timestamp()
        both = [self.at.replace(tzinfo=now.tzinfo, fold=fold).timestamp() for fold in (0, 1)]
        return min(both), max(both)


def when(values: tuple[str, ...]) -> When:
    """The time that was meant; raises InvalidInput for what is none, or more than one."""
    text = ",".join(values)
    try:
        found = _read(text.lower())
    except ValueError:  # 30 February
        found = None
    if found is None:
        raise InvalidInput("There is no such time", text, POSSIBLE)
    return found


def _read(text: str) -> When | None:
    if ago := _AGO.fullmatch(text):
        return Ago(int(ago[1]) * _UNITS[ago[2]])
    if _DATE.fullmatch(text):
        day = date.fromisoformat(text)
        return Day(lambda _: day)
    if _MOMENT.fullmatch(text):
        return Moment(datetime.fromisoformat(text.upper()))
    if text in ("today", "yesterday"):
        back = timedelta(days=int(text == "yesterday"))
        return Day(lambda today: today - back)
    if text in _DAYS:
        return Day(lambda today: today - timedelta(days=(today.weekday() - _DAYS.index(text)) % 7))
    return None


def _midnight(day: date, zone: tzinfo | None) -> float:
    """Where a day begins; the first of two midnights, where clocks show two."""
    return datetime.combine(day, time(), zone or UTC).timestamp()
