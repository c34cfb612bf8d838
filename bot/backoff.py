"""Retry delays: exponential backoff, and limits for delays requested by servers."""

from __future__ import annotations

import math
import re
from email.utils import parsedate_to_datetime

MIN_PAUSE_SECONDS = 1.0
MAX_EMPORIX_PAUSE_SECONDS = 15 * 60.0
MAX_SLACK_PAUSE_SECONDS = 5 * 60.0
"""These limits keep one odd response from causing a busy loop or stopping work for a year."""

SECONDS_PATTERN = re.compile(r"[0-9]+(\.[0-9]*)?")


def bounded(seconds: float, *, most: float, least: float = MIN_PAUSE_SECONDS) -> float:
    """Round up to whole seconds, at least `least` and at most `most`."""
    if not seconds < most:  # also for NaN and infinity
        return most
    return min(max(least, float(math.ceil(max(seconds, 0.0)))), most)


def parse_retry_after(header: str, now: float, *, most: float) -> float | None:
    """Parse a `Retry-After` header into a bounded number of seconds; None if it is invalid.

    The header has a number of seconds or a date (RFC 9110, 10.2.3); some servers send fractions.
    `now` is in seconds since 1970.
    """
    header = header.strip()
    if SECONDS_PATTERN.fullmatch(header):
        return bounded(float(header), most=most)
    try:
        return bounded(parsedate_to_datetime(header).timestamp() - now, most=most)
    except (ValueError, OverflowError):
        return None


def exponential(attempt: int, first: float, *, most: float) -> float:
    """Return the seconds to wait after a failed attempt (from 1): twice as long each time."""
    return min(first * 2.0 ** (attempt - 1), most)
