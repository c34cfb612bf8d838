"""Message timestamps, unique and increasing."""

from __future__ import annotations

from collections.abc import Callable

Clock = Callable[[], float]
"""Seconds since 1970."""


class MessageTimestamps:
    """Generates unique, increasing message timestamps such as "1700000000.000100"."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def new(self) -> str:
        self._last = max(int(self._clock() * 1_000_000), self._last + 100)
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"
