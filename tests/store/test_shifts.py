"""One worker does periodic work for all of them."""

from __future__ import annotations

from typing import Any

from bot.store import layout
from bot.store.shifts import Shifts


async def test_the_first_that_comes_does_it(redis: Any) -> None:
    """The others do not, until the period is over; another kind of work is not concerned."""
    shifts = Shifts(redis)
    assert [await shifts.take("reconcile", 60.0) for _ in range(2)] == [True, False]
    assert await shifts.take("read_channels", 60.0)
    assert 50_000 < await redis.pttl(layout.shift("reconcile")) <= 60_000
