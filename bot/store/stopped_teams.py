"""Workspaces that have uninstalled the app or revoked its token: nothing is done for them."""

from __future__ import annotations

import math

from bot.store import keys as redis_keys
from bot.store.connection import Commands, translate_redis_errors

UNINSTALL_GRACE_SECONDS = 24 * 60 * 60.0
"""How long data stays after the app was uninstalled: it is often installed again at once."""


class StoppedTeams:
    """Marks of workspaces. Every method raises StoreUnavailable where Redis does not answer.

    A request from a person of the workspace removes its mark: `bot.store.idempotency`.
    """

    def __init__(self, redis: Commands) -> None:
        self._redis = redis

    async def mark_uninstalled(self, team_id: str, now: float) -> None:
        """Stop scheduled work, and delete the data of the workspace in a day."""
        with translate_redis_errors():
            at = now + UNINSTALL_GRACE_SECONDS
            await self._redis.zadd(redis_keys.stopped_teams(), {team_id: at}, lt=True)

    async def mark_revoked(self, team_id: str) -> None:
        """Stop scheduled work, and delete nothing; an uninstall that was reported stays one."""
        with translate_redis_errors():
            await self._redis.zadd(redis_keys.stopped_teams(), {team_id: math.inf}, nx=True)

    async def resume(self, team_id: str) -> None:
        """The app works there again."""
        with translate_redis_errors():
            await self._redis.zrem(redis_keys.stopped_teams(), team_id)

    async def load_all(self) -> dict[str, float]:
        """When the data of each is deleted, in seconds since 1970; infinite for never."""
        with translate_redis_errors():
            found = await self._redis.zrange(redis_keys.stopped_teams(), 0, -1, withscores=True)
        return dict(found)
