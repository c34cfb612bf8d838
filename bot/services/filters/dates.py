"""Parses dates and times that users type, as the value of a filter or at the end of a search.

This is a custom parser, because `dateparser` and `dateutil` read "last week" and "monday" as a
single moment, guess the order of 11/01/2026 and do not support ranges.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TypeAlias

from bot.errors import InvalidInput, Proposal
from bot.services.similarity import close_matches

Span = tuple[float, float]
"""A start and an end, in seconds since 1970."""

TIME_ADVICE = (
    "Try yesterday, monday, last week, 24h, 7d, 2026-11-01, 1.11.2026 or 2026-11-01T10:30."
)


@dataclass(frozen=True, slots=True)
class Ago:
    """A duration before now; `7d` is exactly seven times 24 hours."""

    length: timedelta
    needs_zone: bool = False

    def span(self, now: datetime) -> Span:
        moment = now.timestamp() - self.length.total_seconds()
        return moment, moment


@dataclass(frozen=True, slots=True)
class Days:
    """Whole days: `pick` returns the first one and the one after the last, given today's date."""

    pick: Callable[[date], tuple[date, date]]
    needs_zone: bool = True

    def span(self, now: datetime) -> Span:
        first, after = self.pick(now.date())
        return _midnight(first, now.tzinfo), _midnight(after, now.tzinfo)


@dataclass(frozen=True, slots=True)
class DayTime:
    """A time of day on the first of `days`."""

    days: Days
    at: time
    needs_zone: bool = True

    def span(self, now: datetime) -> Span:
        return Moment(datetime.combine(self.days.pick(now.date())[0], self.at)).span(now)


@dataclass(frozen=True, slots=True)
class Moment:
    """A date and time; `at` is in the user's time zone, unless it has its own."""

    at: datetime

    @property
    def needs_zone(self) -> bool:
        return self.at.tzinfo is None

    def span(self, now: datetime) -> Span:
        """Return the earliest and latest possible time, which differ only around clock changes.

        A clock change makes some local times occur twice, and skips others.
        """
        if self.at.tzinfo:
            return self.at.timestamp(), self.at.timestamp()
        both = [self.at.replace(tzinfo=now.tzinfo, fold=fold).timestamp() for fold in (0, 1)]
        return min(both), max(both)


When: TypeAlias = Ago | Days | DayTime | Moment
"""A time that was typed.

`needs_zone` is set if it depends on the user's time zone. `span` takes `now` in that zone, and
raises OverflowError or ValueError for a time outside the calendar.
"""

Period: TypeAlias = tuple[When | None, When | None]
"""From the start of the first time to the end of the second; None means no limit."""

_UNIT_LENGTHS = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_UNIT = r"(?P<unit>m|min|mins|minutes?|h|hrs?|hours?|d|days?|w|wks?|weeks?)"
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SHORT_WEEKDAYS = {
    **{name[:3]: number for number, name in enumerate(_WEEKDAYS)},
    "tues": 1,
    "thur": 3,
    "thurs": 3,
}
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)}|{'|'.join(name[:3] for name in _MONTHS)}|sept)\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th|\.)?"
_YEAR = r"(?:,? ?(?P<year>\d{4}))?"

_AGO = re.compile(rf"(?P<count>\d{{1,5}}) ?{_UNIT}(?: ago)?", re.ASCII)
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_ISO_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d[t ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)? ?(z|[+-]\d\d(:?\d\d)?)?", re.ASCII
)
_YEAR_FIRST = re.compile(r"(\d{4})([./])(\d{1,2})\2(\d{1,2})", re.ASCII)
_YEAR_LAST = re.compile(r"(\d{1,2})([./-])(\d{1,2})(?:\2(\d{4}|\d\d)?)?", re.ASCII)
_DAY_MONTH = re.compile(rf"{_DAY} (?:of )?{_MONTH}{_YEAR}", re.ASCII)
_MONTH_DAY = re.compile(rf"{_MONTH} {_DAY}{_YEAR}", re.ASCII)
_DAY_TIME = re.compile(
    r"(?P<days>.*?[^\s,])(?: |, ?)(?:at )?"
    r"(?P<hour>\d{1,2})(?::(?P<minute>\d\d)(?::(?P<second>\d\d))?)? ?(?P<half>am|pm)?",
    re.ASCII,
)
_NAMED = (
    *("now", "today", "yesterday", *_WEEKDAYS, *(f"last {name}" for name in _WEEKDAYS)),
    *("this week", "last week", "this month", "last month"),
)
_FUTURE = ("tomorrow", "next week", "next month", *(f"next {name}" for name in _WEEKDAYS))


def parse_when(values: tuple[str, ...]) -> When:
    """Parse the value of a time filter; raises InvalidInput, with a proposal if one is likely."""
    text = ",".join(values)
    plain = _plain(text)
    found = _match_value(plain)
    if found is None:
        near = close_matches(plain, _NAMED, n=1, cutoff=0.75)
        proposals = tuple(Proposal(f'"{name}"' if " " in name else name) for name in near)
        raise InvalidInput("I can't read this as a date", text, TIME_ADVICE, proposals=proposals)
    return found


def is_time(text: str) -> bool:
    """Whether a text can be the value of a time filter."""
    try:
        return _match_value(_plain(text)) is not None
    except InvalidInput:  # ambiguous
        return False


def _plain(text: str) -> str:
    """Normalize a text: lower case, half width, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).lower().split())


def _match_value(text: str) -> When | None:
    try:
        return match_when(text) or match_when(text.rstrip(".,;:!?"))
    except ValueError:  # 30 February
        return None


def match_when(text: str) -> When | None:
    """The time in `text`, which is lower case with single spaces; None if it is not a time.

    Raises ValueError for an impossible date, and InvalidInput for an ambiguous one.
    """
    if ago := _AGO.fullmatch(text):
        return Ago(int(ago["count"]) * _UNIT_LENGTHS[ago["unit"][0]])
    if _ISO_MOMENT.fullmatch(text):
        return Moment(datetime.fromisoformat(_iso(text)))
    return match_days(text) or _match_day_time(text)


def match_days(text: str) -> Days | None:
    """The day, week or month in `text`, by name or as a date; raises the errors of `match_when`."""
    if text in _NAMED or text in _FUTURE:
        return None if text == "now" else Days(lambda today: _named_days(text, today))
    if text in _SHORT_WEEKDAYS:
        return Days(lambda today: _one_day(_latest_weekday(today, _SHORT_WEEKDAYS[text])))
    if _ISO_DATE.fullmatch(text):
        return _fixed_day(date.fromisoformat(text))
    if year_first := _YEAR_FIRST.fullmatch(text):
        return _fixed_day(date(int(year_first[1]), int(year_first[3]), int(year_first[4])))
    if year_last := _YEAR_LAST.fullmatch(text):
        return _numeric_day(text, *year_last.groups())
    if found := _DAY_MONTH.fullmatch(text) or _MONTH_DAY.fullmatch(text):
        month = [name[:3] for name in _MONTHS].index(found["month"][:3]) + 1
        return _day_of_year(int(found["day"]), month, found["year"])
    return None


_SINCE = re.compile(r"since ")
_UNTIL = re.compile(r"(?:until|till) ")
_PREPOSITION = re.compile(r"(?:(?:from|on|during|in|within)(?: the)?|the) ")
_LAST = re.compile(rf"(?:last|past) (?P<count>\d{{1,5}}) ?{_UNIT}", re.ASCII)
_LAST_ONE = {
    "last hour": "1h", "past hour": "1h", "last day": "1d", "past day": "1d", "past week": "7d",
}  # fmt: skip
_COMPACT = re.compile(r"\d{1,5}[mhdw]", re.ASCII)
_DAYS_AGO = re.compile(r"(?P<count>\d{1,4}) days? ago", re.ASCII)
_OPEN = {"today", "this week", "this month"}
_LIKE_A_NUMBER = re.compile(r"\d{1,2}[./-]\d{1,2}|\d{1,2}[/-]\d{1,2}[/-]\d\d?", re.ASCII)
_BEFORE_A_RANGE = {"from", "between", "since"}
_IN_A_RANGE = {"to", "until", "till", "through", "and", "-"}
_DASH = re.compile(rf"[–—]|(?<=\d\.)-(?=\d)|(?<=\d)\.\.\.?(?=\d)|-(?={'|'.join(_WEEKDAYS)})")
_ENDS_IN_DAY = re.compile(r"(?:^|[ –—-])\d{1,2}\.\d{1,2}\.$", re.ASCII)
MAX_DATE_WORDS = 9


def match_period(text: str, *, is_alone: bool = False, has_status: bool = False) -> Period | None:
    """The period that the last words of a search mean, as in "failed last week".

    Stricter than `parse_when`, because 1.11, 1/2, `2 days` or `sat` may be words to search for.
    `is_alone`: there are no search words, so durations and future days are read as times.
    `has_status`: the list also has a status filter, so `sat` is a day.
    Raises InvalidInput for an ambiguous date.
    """
    text = " ".join(text.lower().split())
    text = text if _ENDS_IN_DAY.search(text) else text.rstrip(".,;:!?")
    try:
        return _match_period(text, is_alone, has_status) or _match_range(text)
    except ValueError:  # 30 February
        return None


def _match_period(text: str, is_alone: bool, has_status: bool) -> Period | None:
    is_duration = is_alone and _AGO.fullmatch(text) and not text.endswith("ago")
    if is_duration or _COMPACT.fullmatch(text):
        return match_when(text), None
    if found := _SINCE.match(text):
        rest = text[found.end() :]
        since = match_when(rest) if _AGO.fullmatch(rest) else _match_in_words(rest, with_time=True)
        return (since, None) if since else None
    if found := _UNTIL.match(text):
        until = _match_in_words(text[found.end() :], with_time=True)
        return (None, until) if until else None
    text = _PREPOSITION.sub("", text, count=1) if _PREPOSITION.match(text) else text
    if has_status and text in _SHORT_WEEKDAYS:
        return (weekday := match_days(text)), weekday
    when = None if text in _FUTURE and not is_alone else _match_in_words(text)
    is_open = text in _OPEN or isinstance(when, Ago)
    return (when, None if is_open else when) if when else None


def _match_range(text: str) -> Period | None:
    """The period from one date to another: "2026-11-01 2026-11-05", "from monday to friday"."""
    words = _DASH.sub(" - ", text).replace(",", " ").split()
    words = words[1:] if words[:1] and words[0] in _BEFORE_A_RANGE else words
    for count in range(1, len(words)):
        rest = words[count:]
        rest = rest[1:] if rest[0] in _IN_A_RANGE else rest
        halves = " ".join(words[:count]), " ".join(rest)
        if all(map(_is_date_in_words, halves)):
            first, second = (_match_in_words(half, with_time=True) for half in halves)
            return first, second
    return None


def _is_date_in_words(text: str) -> bool:
    try:
        when = _match_in_words(text, with_time=True)
    except InvalidInput:  # ambiguous
        return True
    return when is not None and (text == "now" or not isinstance(when, Ago))


def _match_in_words(text: str, *, with_time: bool = False) -> When | None:
    if text in _LAST_ONE or (last := _LAST.fullmatch(text)):
        length = _LAST_ONE.get(text) or f"{last['count']}{last['unit'][0]}"  # type: ignore[index]
        return match_when(length)
    if days_ago := _DAYS_AGO.fullmatch(text):
        back = timedelta(days=int(days_ago["count"]))
        return Days(lambda today: _one_day(today - back))
    if text.endswith(" ago"):
        return match_when(text)
    if _LIKE_A_NUMBER.fullmatch(text) or text in _SHORT_WEEKDAYS:
        return None
    days = match_days(text)
    return match_when(text) if with_time and days is None and not _AGO.fullmatch(text) else days


def _named_days(name: str, today: date) -> tuple[date, date]:
    which, _, unit = name.rpartition(" ")
    if unit in ("week", "month"):
        steps = ("last", "this", "next").index(which) - 1
        return _week(today, steps) if unit == "week" else _month(today, steps)
    if unit in _DISTANCES:
        return _one_day(today + timedelta(days=_DISTANCES[unit]))
    latest = today + timedelta(days={"": 0, "last": -1, "next": 7}[which])
    return _one_day(_latest_weekday(latest, _WEEKDAYS.index(unit)))


_DISTANCES = {"yesterday": -1, "today": 0, "tomorrow": 1}


def _week(today: date, steps: int) -> tuple[date, date]:
    monday = today + timedelta(days=7 * steps - today.weekday())
    return monday, monday + timedelta(days=7)


def _month(today: date, steps: int) -> tuple[date, date]:
    first = today.year * 12 + today.month - 1 + steps
    (year, month), (next_year, next_month) = divmod(first, 12), divmod(first + 1, 12)
    return date(year, month + 1, 1), date(next_year, next_month + 1, 1)


def _latest_weekday(latest: date, weekday: int) -> date:
    return latest - timedelta(days=(latest.weekday() - weekday) % 7)


def _numeric_day(text: str, one: str, mark: str, two: str, year: str | None) -> Days | None:
    """Parse day.month.year, as in most of Europe; 11/01/2026 is ambiguous between countries."""
    first, second = int(one), int(two)
    if mark == "-" and not year:
        return None
    if mark == "." or first > 12 or first == second:
        return _day_of_year(first, second, year)
    if second > 12:
        return _day_of_year(second, first, year)
    proposals = (_proposed_day(second, first, year), _proposed_day(first, second, year))
    advice = " or ".join(f"{proposal.line} for {proposal.label}" for proposal in proposals)
    raise InvalidInput(
        "This date can be read in two ways", text, f"Type {advice}.", proposals=proposals
    )


def _proposed_day(day: int, month: int, year: str | None) -> Proposal:
    name = f"{_MONTHS[month - 1].capitalize()} {day}"
    if year is None:
        return Proposal(f"{day}.{month}.", name)
    found = date(_full_year(year), month, day)
    return Proposal(found.isoformat(), f"{name}, {found.year}")


def _day_of_year(day: int, month: int, year: str | None) -> Days:
    """The day in that year; without a year, the latest such day that is not in the future."""
    if year:
        return _fixed_day(date(_full_year(year), month, day))
    date(2000, month, day)  # raises ValueError for an impossible date; 2000 was a leap year
    return Days(lambda today: _one_day(_latest_day(today, day, month)))


def _latest_day(today: date, day: int, month: int) -> date:
    for year in range(today.year, today.year - 9, -1):
        if (month, day) == (2, 29) and (year % 4 or (year % 100 == 0 and year % 400)):
            continue
        if (found := date(year, month, day)) <= today:
            return found
    raise ValueError


def _full_year(year: str) -> int:
    return int(year) + (2000 if len(year) == 2 else 0)


def _fixed_day(day: date) -> Days:
    return Days(lambda _: _one_day(day))


def _one_day(day: date) -> tuple[date, date]:
    return day, day + timedelta(days=1)


def _match_day_time(text: str) -> When | None:
    if text == "now":
        return Ago(timedelta())
    found = _DAY_TIME.fullmatch(text)
    if not found or not (found["minute"] or found["half"]):
        return None
    days, hour = match_days(found["days"]), int(found["hour"])
    if half := found["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "pm" else 0)
    at = time(hour, int(found["minute"] or 0), int(found["second"] or 0))
    return days and DayTime(days, at)


def _iso(text: str) -> str:
    """Return `text` in upper case, without spaces except any between the date and the time."""
    return text[:11].upper() + text[11:].replace(" ", "").upper()


def _midnight(day: date, zone: tzinfo | None) -> float:
    """The start of a day; the first midnight if the clock shows midnight twice."""
    return datetime.combine(day, time(), zone or UTC).timestamp()
