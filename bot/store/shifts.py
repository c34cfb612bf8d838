"""Periodic work that one worker does for all of them."""

from __future__ import annotations

from bot.store import layout
from bot.store.connection import Commands, reaching_redis


class Shifts:
    """Raises StoreUnavailable where Redis does not answer."""

    def __init__(self, redis: Commands) -> None:
        self._redis = redis

    async def take(self, name: str, seconds: float) -> bool:
        """Whether this worker does the work of that name; no other does within `seconds`."""
        with reaching_redis():
            taken = await self._redis.set(
                layout.shift(name), "1", nx=True, px=round(seconds * 1000)
            )
        return bool(taken)

    async def keep(self, name: str, seconds: float) -> None:
        """The work of that name is done, and is not due again within `seconds`.

        Who takes it for a short time and keeps it afterwards leaves it to others where it fails.
        """
        with reaching_redis():
            await self._redis.set(layout.shift(name), "1", px=round(seconds * 1000))
