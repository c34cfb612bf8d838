"""The one reader of ISO 8601 times; a time without a zone is UTC."""

from __future__ import annotations

from datetime import UTC, datetime


def read_time(text: str) -> datetime:
    """The time in `text`, with its zone. Raises ValueError where there is none."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def parse_time(text: str) -> datetime | None:
    """The same; None where there is none."""
    try:
        return read_time(text)
    except ValueError:
        return None
