"""The type of clocks, and a parser for ISO 8601 times (in UTC if they have no time zone)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

Clock: TypeAlias = Callable[[], float]
"""Returns seconds since 1970."""

DAY_SECONDS = 24 * 60 * 60.0


def read_time(text: str) -> datetime:
    """Parse an ISO 8601 time; the result has a time zone. Raises ValueError if it is invalid."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def parse_time(text: str) -> datetime | None:
    """Parse an ISO 8601 time; None if it is invalid."""
    try:
        return read_time(text)
    except ValueError:
        return None
