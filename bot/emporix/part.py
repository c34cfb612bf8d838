"""The part of a list that one page is read from: jobs between two times, or jobs without any."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

CREATED, MODIFIED = "metadata.createdAt", "metadata.modifiedAt"
EARLIEST = "1970-01-01T00:00:00.000Z"


@dataclass(frozen=True, slots=True)
class Part:
    """Jobs whose `field` is a time from `since` to `until`, both included, in ISO 8601.

    Bounds leave out the jobs that lack the field; `missing` finds these, and only these. Without
    either it is the whole list.
    """

    field: str = CREATED
    since: str = ""
    until: str = ""
    missing: bool = False


WHOLE = Part()


def clauses(part: Part) -> Iterator[str]:
    """One clause at most, so that nothing else is asked of the same field beside it.

    Emporix: a range of times has both ends, joined by AND within parentheses.
    """
    if part.missing:
        yield f"{part.field}:missing"
    elif part.since or part.until:
        ends = [f'>="{part.since or EARLIEST}"', *([f'<="{part.until}"'] if part.until else [])]
        yield f"{part.field}:({' AND '.join(ends)})"
