"""Our words → Emporix's `q`, in which clauses stand side by side and all of them must hold.

Emporix: `field:value` is exact, `field:(a,b)` one of several, `field:~regex` a regular expression,
in parentheses where it holds spaces. Statuses and types match in upper case only, although answers
carry statuses in lower case.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from bot.domain.filters import Filters
from bot.emporix.time_range import ALL_TIMES, CREATED, TimeRange, clauses, intersect, quote_value

SAFE_VALUE = re.compile(r"[A-Za-z0-9_.-]+")
KEYWORD = re.compile(r"(null|missing|exists|and|or|not)", re.IGNORECASE)
UNSAFE_CHARACTER = re.compile(r"[^\w -]", re.ASCII)
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
    same keeps an AND between two words from joining two conditions.
    """
    hidden = UNSAFE_CHARACTER.sub(_as_hex_escape, _encodable(phrase))
    if " " not in hidden and not any(map(str.isspace, hidden)):
        return hidden
    return f"({OPERATOR.sub(_as_hex_escape, hidden)})"


def _as_hex_escape(found: re.Match[str]) -> str:
    letter = found.group()
    return f"\\x{ord(letter):02x}" if letter.isascii() else letter


def _encodable(text: str) -> str:
    """`text` without halves of surrogate pairs, which cannot travel as UTF-8."""
    return text.encode("utf-8", "replace").decode()
