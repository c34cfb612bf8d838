"""A clock that stands still until a test moves it."""

from __future__ import annotations

NOW = 1_795_430_000.0  # 2026-11-23 10:33:20 UTC, a Monday


class FakeClock:
    """Returns seconds since 1970, like `time.time`."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Advance the clock instead of waiting."""
        self.now += seconds

    def forward(self, seconds: float) -> None:
        self.now += seconds
