"""Workspaces that uninstalled the app or revoked its token; scheduled work stops for them."""

from __future__ import annotations

import math

from bot.store import keys as redis_keys
from bot.store.connection import Commands, translate_redis_errors

UNINSTALL_GRACE_SECONDS = 24 * 60 * 60.0
"""How long data is kept after the app was uninstalled: it may be reinstalled right away."""


class StoppedTeams:
    """Stopped workspaces. Every method raises StoreUnavailable if Redis doesn't answer.

    A request from a person in the workspace removes it from here: `bot.store.idempotency`.
    """

    def __init__(self, redis: Commands) -> None:
        self._redis = redis

    async def mark_uninstalled(self, team_id: str, now: float) -> None:
        """Stop scheduled work, and schedule the deletion of the workspace's data in a day."""
        with translate_redis_errors():
            at = now + UNINSTALL_GRACE_SECONDS
            await self._redis.zadd(redis_keys.stopped_teams(), {team_id: at}, lt=True)

    async def mark_revoked(self, team_id: str) -> None:
        """Stop scheduled work without deleting data; keeps a deletion that is already scheduled."""
        with translate_redis_errors():
            await self._redis.zadd(redis_keys.stopped_teams(), {team_id: math.inf}, nx=True)

    async def resume(self, team_id: str) -> None:
        """Resume scheduled work, because the app works there again."""
        with translate_redis_errors():
            await self._redis.zrem(redis_keys.stopped_teams(), team_id)

    async def load_all(self) -> dict[str, float]:
        """Return when each workspace's data is deleted (seconds since 1970, infinity for never)."""
        with translate_redis_errors():
            found = await self._redis.zrange(redis_keys.stopped_teams(), 0, -1, withscores=True)
        return dict(found)
