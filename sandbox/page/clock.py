"""The time of day as Slack writes it."""

from __future__ import annotations

from datetime import datetime


def clock(then: datetime, behind_hour: str = "%M") -> str:
    """10:30 AM"""
    return f"{then.hour % 12 or 12}:{then:{behind_hour}} {'AM' if then.hour < 12 else 'PM'}"
