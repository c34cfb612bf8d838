"""Builds queries and paths of the AI Service: filters and time ranges as Emporix's `q`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import quote

from bot.domain.filters import Filters
from bot.domain.records import read_time
from bot.errors import InvalidInput

CREATED, MODIFIED = "metadata.createdAt", "metadata.modifiedAt"
EARLIEST, LATEST = "1970-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Jobs whose `field` is a time from `since` to `until`, both included, in ISO 8601.

    `before` is an exclusive end. Any bound excludes jobs without the field; `missing` selects only
    those. Without bounds, all jobs match.
    """

    field: str = CREATED
    since: str = ""
    until: str = ""
    before: str = ""
    missing: bool = False


ALL_TIMES = TimeRange()


def intersect(one: TimeRange, other: TimeRange) -> tuple[TimeRange, ...]:
    """The intersection: one range if both have the same field, so that `q` contains it once.

    Times are parsed to compare them, as Emporix formats them in several ways.
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
    """The clause for a time range, if it has bounds; at most one for each field.

    Emporix: a time range has both ends, joined by AND within parentheses.
    """
    if time_range.missing:
        yield f"{time_range.field}:missing"
    elif time_range.since or time_range.until or time_range.before:
        since = quote_value(time_range.since or EARLIEST)
        yield f"{time_range.field}:(>={since} AND {_end(time_range)})"


def quote_value(text: str) -> str:
    """A value in quotes, in which no character has a special meaning in `q`."""
    escaped = text.replace("\\", r"\\").replace('"', r"\"")
    return f'"{escaped}"'


def _end(time_range: TimeRange) -> str:
    """The earlier of the two ends."""
    before = time_range.before or LATEST
    if time_range.until and read_time(time_range.until) < read_time(before):
        return f"<={quote_value(time_range.until)}"
    return f"<{quote_value(before)}"


SAFE_VALUE = re.compile(r"[A-Za-z0-9_.-]+")
KEYWORD = re.compile(r"(null|missing|exists|and|or|not)", re.IGNORECASE)
UNSAFE_CHARACTER = re.compile(r"[^\w -]", re.ASCII)
APOSTROPHE = re.compile(r"(?<=\w)['‘’ʼ´]|['‘’ʼ´](?=\w)")
EMOJI_STYLE = "\ufe0f"
"""Follows a character that is drawn as an emoji, such as ⚠; some texts omit it."""
OPERATOR = re.compile(r"\b(?=(?:AND|OR|NOT)\b).", re.IGNORECASE)


def to_q(filters: Filters, time_range: TimeRange = ALL_TIMES) -> str:
    """The query for the jobs that match `filters` within `time_range`; "" for all jobs.

    A `raw_q` is used unchanged, without the other filters and the time range.
    """
    parts = intersect(
        time_range, TimeRange(CREATED, since=iso(filters.since), before=iso(filters.until))
    )
    times = (clause for one in parts for clause in clauses(one))
    return filters.raw_q.strip() or " ".join([*_clauses(filters), *times])


def by_ids(ids: Iterable[str]) -> str:
    """The query for jobs by id; "" without ids. Beware: an empty query finds all jobs."""
    return "".join(_one_of("id", ids))


def by_request(request_id: str) -> str:
    """The query for the log of a request."""
    return "".join(_one_of("requestId", (request_id,)))


def iso(seconds: float | None) -> str:
    """Format a time as Emporix does, rounded up to the millisecond; "" for None."""
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
    """Lower and upper case. Emporix: responses have `anti_fraud`; it documents no stored case."""
    for value in values:
        yield from (value.lower(), value.upper())


def _value(text: str) -> str:
    """A value, quoted if it may have a special meaning in `q`."""
    if SAFE_VALUE.fullmatch(text) and not KEYWORD.fullmatch(text):
        return text
    return quote_value(_encodable(text))


def _regex(phrase: str) -> str:
    """A regular expression that matches `phrase` literally and contains no syntax of `q`.

    Emporix does not document how `q` parses a backslash before a parenthesis, a quote or a comma.
    Written as `\\x28`, such a character is invisible to `q` and matches itself in the expression.
    This also prevents an AND between two words from joining two conditions. An apostrophe in a word
    matches any character, because phones type ’ instead of '.
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
    """`text` without lone surrogates, which cannot be encoded as UTF-8."""
    return text.encode("utf-8", "replace").decode()


MAX_SEGMENT_LENGTH = 500
JOB_ID = re.compile(r"[A-Za-z0-9_.:-]{1,200}")


def job_segment(job_id: str) -> str:
    """A job id as a path segment; raises InvalidInput.

    Stricter than `segment`, because a gateway that decodes `%2F` could leave /jobs/. Emporix: ids
    have 24 hex characters in every sample.
    """
    if not JOB_ID.fullmatch(job_id) or ".." in job_id:
        raise InvalidInput("That isn't a job ID", job_id, "Copy the job ID as it is shown.")
    return segment(job_id, "job id")


def segment(text: str, meaning: str) -> str:
    """`text` as a path segment; raises InvalidInput if it cannot be one."""
    try:
        encoded = quote(text, safe="")
    except UnicodeEncodeError:
        encoded = ""
    if encoded in ("", ".", "..") or len(encoded) > MAX_SEGMENT_LENGTH:
        raise InvalidInput(f"That isn't a {meaning}", text, f"Copy the {meaning} as it is shown.")
    return encoded


def agent_path(agent_id: str) -> str:
    return f"agentic/agents/{segment(agent_id, 'agent id')}"
