"""The part of a list that one page is read from: jobs between two times, or jobs without any."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from bot.domain.times import read_time

CREATED, MODIFIED = "metadata.createdAt", "metadata.modifiedAt"
EARLIEST, LATEST = "1970-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Jobs whose `field` is a time from `since` to `until`, both included, in ISO 8601.

    `before` is an end that is not included. Bounds leave out the jobs that lack the field;
    `missing` finds these, and only these. Without any of them it is the whole list.
    """

    field: str = CREATED
    since: str = ""
    until: str = ""
    before: str = ""
    missing: bool = False


ALL_TIMES = TimeRange()


def intersect(one: TimeRange, other: TimeRange) -> tuple[TimeRange, ...]:
    """What lies in both: one range if they are of the same field, so that `q` asks it once.

    Emporix may write one time in more ways than one, so the texts cannot be compared.
    """
    if one.field != other.field or one.missing or other.missing:
        return one, other
    merged = replace(
        one,
        since=max(filter(None, (one.since, other.since)), key=read_time, default=""),
        until=min(filter(None, (one.until, other.until)), key=read_time, default=""),
        before=min(filter(None, (one.before, other.before)), key=read_time, default=""),
    )
    return (merged,)


def clauses(time_range: TimeRange) -> Iterator[str]:
    """One clause at most, so that nothing else is asked of the same field beside it.

    Emporix: a range of times has both ends, joined by AND within parentheses.
    """
    if time_range.missing:
        yield f"{time_range.field}:missing"
    elif time_range.since or time_range.until or time_range.before:
        since = quote_value(time_range.since or EARLIEST)
        yield f"{time_range.field}:(>={since} AND {_end(time_range)})"


def quote_value(text: str) -> str:
    """A value between quotes, in which nothing means anything in `q`: the one way into it."""
    escaped = text.replace("\\", r"\\").replace('"', r"\"")
    return f'"{escaped}"'


def _end(time_range: TimeRange) -> str:
    """The nearer one of both ends."""
    before = time_range.before or LATEST
    if time_range.until and read_time(time_range.until) < read_time(before):
        return f"<={quote_value(time_range.until)}"
    return f"<{quote_value(before)}"
