"""How far a process's clock is from that of Redis, which all processes share."""

from __future__ import annotations

from collections.abc import Callable

from bot.store.connection import Commands, reaching_redis

DOUBTFUL_SECONDS, WRONG_SECONDS = 2.0, 5.0
"""Off by more is worth a warning; off by more keeps a worker from working.

A worker takes a task from another one that has been silent for 6 s, by its own clock.
"""


async def ahead_of_redis(redis: Commands, clock: Callable[[], float]) -> float:
    """Seconds, negative where it is behind; exact to half a round trip. Raises StoreUnavailable."""
    with reaching_redis():
        before = clock()
        seconds, microseconds = await redis.time()
        return (before + clock()) / 2 - float(seconds + microseconds / 1e6)
