"""The time zones that people have set in Slack, so that Slack is asked once a day."""

from __future__ import annotations

from bot.models import Caller
from bot.store import layout
from bot.store.connection import Commands, reaching_redis

KEPT_SECONDS = 24 * 60 * 60  # who travels has their new zone a day later at the latest


class ZoneStore:
    """Names of zones in Redis; both methods raise StoreUnavailable where Redis does not answer."""

    def __init__(self, redis: Commands) -> None:
        self._redis = redis

    async def load(self, caller: Caller) -> str:
        """The name, as in the IANA database; empty where it is not known."""
        with reaching_redis():
            return str(await self._redis.get(layout.zone(caller)) or "")

    async def save(self, caller: Caller, name: str) -> None:
        with reaching_redis():
            await self._redis.set(layout.zone(caller), name, ex=KEPT_SECONDS)
