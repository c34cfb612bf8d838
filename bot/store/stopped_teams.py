"""Workspaces that have uninstalled the app or revoked its token: nothing is done for them."""

from __future__ import annotations

import math

from bot.store import layout
from bot.store.connection import Commands, reaching_redis

KEPT_SECONDS = 24 * 60 * 60.0
"""How long data stays after the app was uninstalled: it is often installed again at once."""


class StoppedTeams:
    """Marks of workspaces. Every method raises StoreUnavailable where Redis does not answer.

    A request from a person of the workspace removes its mark: `bot.store.arrivals`.
    """

    def __init__(self, redis: Commands) -> None:
        self._redis = redis

    async def uninstalled(self, team_id: str, now: float) -> None:
        """Stop scheduled work, and delete the data of the workspace in a day."""
        with reaching_redis():
            at = now + KEPT_SECONDS
            await self._redis.zadd(layout.teams_stopped(), {team_id: at}, lt=True)

    async def revoked(self, team_id: str) -> None:
        """Stop scheduled work, and delete nothing; an uninstall that was reported stays one."""
        with reaching_redis():
            await self._redis.zadd(layout.teams_stopped(), {team_id: math.inf}, nx=True)

    async def resume(self, team_id: str) -> None:
        """The app works there again."""
        with reaching_redis():
            await self._redis.zrem(layout.teams_stopped(), team_id)

    async def all(self) -> dict[str, float]:
        """When the data of each is deleted, in seconds since 1970; infinite for never."""
        with reaching_redis():
            found = await self._redis.zrange(layout.teams_stopped(), 0, -1, withscores=True)
        return dict(found)
