"""Queries of the AI Service: filters and time ranges as Emporix's `q`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bot.domain.filters import Filters
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


SAFE_VALUE = re.compile(r"[A-Za-z0-9_.-]+")
KEYWORD = re.compile(r"(null|missing|exists|and|or|not)", re.IGNORECASE)
UNSAFE_CHARACTER = re.compile(r"[^\w -]", re.ASCII)
APOSTROPHE = re.compile(r"(?<=\w)['‘’ʼ´]|['‘’ʼ´](?=\w)")
EMOJI_STYLE = "\ufe0f"
"""Follows a character that is drawn as an emoji, such as ⚠; some leave it out."""
OPERATOR = re.compile(r"\b(?=(?:AND|OR|NOT)\b).", re.IGNORECASE)


def to_q(filters: Filters, time_range: TimeRange = ALL_TIMES) -> str:
    """The query that finds what `filters` ask for, as far as it lies in `part`; "" finds all.

    A `raw_q` is passed on as it is; the rest of the filters and the time range are left out.
    """
    parts = intersect(
        time_range, TimeRange(CREATED, since=iso(filters.since), before=iso(filters.until))
    )
    times = (clause for one in parts for clause in clauses(one))
    return filters.raw_q.strip() or " ".join([*_clauses(filters), *times])


def by_ids(ids: Iterable[str]) -> str:
    """The query that finds the jobs of these ids; "" for none, which would find all."""
    return "".join(_one_of("id", ids))


def iso(seconds: float | None) -> str:
    """As Emporix writes times, to the millisecond; a part of one counts as a whole one."""
    if seconds is None:
        return ""
    rounded = math.ceil(seconds * 1000) / 1000
    return datetime.fromtimestamp(rounded, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _clauses(filters: Filters) -> Iterator[str]:
    yield from _one_of("status", (status.upper() for status in filters.statuses))
    yield from _one_of("type", (type_.upper() for type_ in filters.types))
    yield from _one_of("agentId", filters.agents)
    yield from _one_of("agentType", _in_both_cases(filters.agent_types))
    yield from _one_of("commerceEvent", filters.events)
    yield from _one_of("sessionId", filters.sessions)
    for phrase in filter(None, map(str.strip, filters.words)):
        yield f"message:~{_regex(phrase)}"


def _one_of(field: str, alternatives: Iterable[str]) -> Iterator[str]:
    values = [_value(text) for text in dict.fromkeys(alternatives) if text]
    if values:
        yield f"{field}:{values[0]}" if len(values) == 1 else f"{field}:({','.join(values)})"


def _in_both_cases(values: Iterable[str]) -> Iterator[str]:
    """Emporix: answers carry `anti_fraud`; how it is stored is not documented."""
    for value in values:
        yield from (value.lower(), value.upper())


def _value(text: str) -> str:
    """A value as it is, or quoted where something in it could mean something in `q`."""
    if SAFE_VALUE.fullmatch(text) and not KEYWORD.fullmatch(text):
        return text
    return quote_value(_encodable(text))


def _regex(phrase: str) -> str:
    """A regular expression that matches `phrase` and in which nothing means anything else.

    Emporix does not say how `q` reads a backslash before a parenthesis, a quote or a comma. Written
    as `\\x28`, such a character is not there for `q`, and is itself again for the expression; the
    same keeps an AND between two words from joining two conditions. An apostrophe of a word matches
    any character: phones type ’ where others type '.
    """
    parts = APOSTROPHE.split(_encodable(phrase))
    hidden = ".".join(UNSAFE_CHARACTER.sub(_as_hex_escape, part) for part in parts)
    hidden = hidden.replace(EMOJI_STYLE, f"{EMOJI_STYLE}?")
    if " " not in hidden and not any(map(str.isspace, hidden)):
        return hidden
    return f"({OPERATOR.sub(_as_hex_escape, hidden)})"


def _as_hex_escape(found: re.Match[str]) -> str:
    letter = found.group()
    return f"\\x{ord(letter):02x}" if letter.isascii() else letter


def _encodable(text: str) -> str:
    """`text` without halves of surrogate pairs, which cannot travel as UTF-8."""
    return text.encode("utf-8", "replace").decode()
