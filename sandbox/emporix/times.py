"""Timestamps in Emporix's format."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], float]
"""Returns seconds since 1970."""


def iso(seconds: float) -> str:
    """Format seconds since 1970 as `2025-07-25T10:30:27.167Z`.

    Strings in this format sort by time.
    """
    written = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return written.removesuffix("+00:00") + "Z"


def canonical(text: str) -> str:
    """Convert any ISO 8601 date or time to the format of `iso`; the default zone is UTC.

    Raises `ValueError`.
    """
    moment = datetime.fromisoformat(text)
    return iso((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
