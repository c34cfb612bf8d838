"""Values of filters: statuses, tenants, sizes, dates and times."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from difflib import get_close_matches
from typing import TypeAlias

from bot.domain.filters import NEWEST_FIRST
from bot.emporix.models import LIST_FIELDS
from bot.errors import InvalidInput

# Emporix: `^[a-z][a-z0-9]{2,15}$` in most services; the AI Service says only "lower case".
_TENANT_NAME = re.compile(r"[a-z][a-z0-9_-]{1,39}")


def parse_tenant_name(text: str) -> str:
    """The tenant that was meant; raises InvalidInput for what cannot be one."""
    name = text.strip().lower()
    if not _TENANT_NAME.fullmatch(name):
        raise InvalidInput(
            "That is not a tenant name",
            advice="A tenant name has letters and digits only, like acme.",
        )
    return name


Span = tuple[float, float]
"""From one time up to another, in seconds since 1970."""

TIME_ADVICE = (
    "Try 30m, 24h, 7d, 2w, today, yesterday, a day of the week, 2026-11-01 or 2026-11-01T10:30."
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


@dataclass(frozen=True, slots=True)
class Ago:
    """So long before now, to the second: `7d` are seven times 24 hours."""

    length: timedelta
    needs_zone: bool = False

    def span(self, now: datetime) -> Span:
        moment = now.timestamp() - self.length.total_seconds()
        return moment, moment


@dataclass(frozen=True, slots=True)
class CalendarDay:
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


When: TypeAlias = Ago | CalendarDay | Moment
"""A time that was typed.

`needs_zone` if it depends on where the user is; `span` is seen from `now`, in the user's zone, and
raises OverflowError beyond the calendar.
"""


def parse_when(values: tuple[str, ...]) -> When:
    """The time that was meant; raises InvalidInput for what is none, or more than one."""
    text = ",".join(values)
    try:
        found = _match_when(text.lower())
    except ValueError:  # 30 February
        found = None
    if found is None:
        raise InvalidInput("I can't read this as a date", text, TIME_ADVICE)
    return found


def _match_when(text: str) -> When | None:
    if ago := _AGO.fullmatch(text):
        return Ago(int(ago[1]) * _UNITS[ago[2]])
    if _DATE.fullmatch(text):
        day = date.fromisoformat(text)
        return CalendarDay(lambda _: day)
    if _MOMENT.fullmatch(text):
        return Moment(datetime.fromisoformat(text.upper()))
    if text in ("today", "yesterday"):
        back = timedelta(days=int(text == "yesterday"))
        return CalendarDay(lambda today: today - back)
    if text in _DAYS:
        return CalendarDay(
            lambda today: today - timedelta(days=(today.weekday() - _DAYS.index(text)) % 7)
        )
    return None


def _midnight(day: date, zone: tzinfo | None) -> float:
    """Where a day begins; the first of two midnights, where clocks show two."""
    return datetime.combine(day, time(), zone or UTC).timestamp()


Values = tuple[str, ...]
"""What was typed between the commas, at least one."""

ReadValue = Callable[[Values], object]
"""The value of a field of `Filters`; raises InvalidInput."""

STATUS_NAMES = {
    "success": "success",
    "succeeded": "success",
    "ok": "success",
    "failure": "failure",
    "failed": "failure",
    "error": "failure",
    "in_progress": "in_progress",
    "running": "in_progress",
    "skipped": "skipped",
}
TYPE_NAMES = {
    "agent_chat": "AGENT_CHAT",
    "chat": "AGENT_CHAT",
    "import": "IMPORT",
    "export": "EXPORT",
}
AGENT_TYPE_NAMES = {
    "generic": "generic",
    "complaint": "complaint",
    "anti_fraud": "anti_fraud",
    "fraud": "anti_fraud",
}
SORTS = {
    "newest": NEWEST_FIRST,
    "oldest": "metadata.createdAt:ASC",
    "modified": "metadata.modifiedAt:DESC",
}
_SORT = re.compile(r"([A-Za-z][A-Za-z.]*):(asc|desc)", re.IGNORECASE)


def join_words(names: Iterable[str]) -> str:
    """ "a, b and c"; at least two of them."""
    *most, last = names
    return f"{', '.join(most)} and {last}"


def one_of(what: str, known: Mapping[str, str], path: str) -> ReadValue:
    """Any of `known`; what Emporix has added since is found by a query of its own on `path`."""
    newer = f"What is new at Emporix can be found with q:{path}:NEW."

    def read(values: Values) -> tuple[str, ...]:
        return tuple(dict.fromkeys(choose(value) for value in values))

    def choose(value: str) -> str:
        word = re.sub(r"[ -]", "_", value.lower())
        if word in known:
            return known[word]
        near = get_close_matches(word, known, n=1)
        guess = f"Did you mean {near[0]}? " if near else ""
        possible = join_words(dict.fromkeys(name.lower() for name in known.values()))
        raise InvalidInput(f"Unknown {what}", value, f"{guess}Use one of {possible}. {newer}")

    return read


def as_typed(values: Values) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def fields(values: Values) -> tuple[str, ...]:
    known = {name.lower(): name for name in LIST_FIELDS}
    for value in values:
        if value.lower() not in known:
            raise InvalidInput("Unknown field", value, f"Use one of {join_words(LIST_FIELDS)}.")
    return tuple(dict.fromkeys(known[value.lower()] for value in values))


def sort(values: Values) -> str:
    return ",".join(map(_one_sort, values))


def _one_sort(value: str) -> str:
    if known := SORTS.get(value.lower()):
        return known
    if found := _SORT.fullmatch(value):
        return f"{found[1]}:{found[2].upper()}"
    raise InvalidInput(
        "That order is not possible", value, f"Use one of {join_words(SORTS)}, or agentId:ASC."
    )


def number(name: str, highest: int) -> ReadValue:
    def read(values: Values) -> int:
        text = values[0]
        count = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
        if len(values) > 1 or not 1 <= count <= highest:
            raise InvalidInput(
                f"That {name} is not possible", ",".join(values), f"Possible is 1 to {highest:,}."
            )
        return count

    return read


def tenant(values: Values) -> str:
    return parse_tenant_name(" ".join(values))
