"""Timestamps in Emporix's format."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], float]
"""Gives seconds since 1970."""


def iso(seconds: float) -> str:
    """`seconds` since 1970 as `2025-07-25T10:30:27.167Z`: texts in this form sort by time."""
    written = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return written.removesuffix("+00:00") + "Z"


def canonical(text: str) -> str:
    """Any ISO 8601 date or time in the form of `iso`, UTC where it names no zone; or ValueError."""
    moment = datetime.fromisoformat(text)
    return iso((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
