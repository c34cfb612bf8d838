"""Which workers are at work: each says so every few seconds."""

from __future__ import annotations

from dataclasses import dataclass

from bot.store import layout
from bot.store.connection import Commands, reaching_redis

GONE_SECONDS = 30.0
"""A worker that has been silent for so long is not at work."""

KEPT_SECONDS = 30 * 24 * 60 * 60.0


@dataclass(frozen=True, slots=True)
class Seen:
    """How many workers are at work, and when one was last, None where none ever was."""

    at_work: int
    last: float | None


class Alive:
    """Workers by their ids; both methods raise StoreUnavailable where Redis does not answer."""

    def __init__(self, redis: Commands) -> None:
        self._redis = redis

    async def say(self, worker_id: str, now: float) -> None:
        """This worker is at work; those that were long ago are forgotten."""
        key = layout.workers()
        with reaching_redis():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.zadd(key, {worker_id: now})
                pipe.zremrangebyscore(key, "-inf", now - KEPT_SECONDS)
                await pipe.execute()

    async def seen(self, now: float) -> Seen:
        key = layout.workers()
        with reaching_redis():
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.zcount(key, now - GONE_SECONDS, "+inf")
                pipe.zrevrange(key, 0, 0, withscores=True)
                at_work, newest = await pipe.execute()
        return Seen(int(at_work), float(newest[0][1]) if newest else None)

    async def take_turn(self, task: str, seconds: float) -> bool:
        """Whether this worker runs a periodic task now; no other does for so many seconds."""
        with reaching_redis():
            lock = self._redis.set(layout.periodic(task), "1", nx=True, px=int(seconds * 1000))
            return bool(await lock)
