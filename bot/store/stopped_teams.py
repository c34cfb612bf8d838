"""Workspaces that uninstalled the app or revoked its token; their scheduled tasks are stopped."""

from __future__ import annotations

import math

from bot.store import keys as redis_keys
from bot.store.connection import Commands, translate_redis_errors

UNINSTALL_GRACE_SECONDS = 24 * 60 * 60.0
"""How long data is kept after the app is uninstalled, in case it is reinstalled right away."""


class StoppedTeams:
    """Stopped workspaces. Every method raises StoreUnavailable if Redis doesn't answer.

    A request from a person in a workspace resumes that workspace; see `bot.store.idempotency`.
    """

    def __init__(self, redis: Commands) -> None:
        self._redis = redis

    async def mark_uninstalled(self, team_id: str, now: float) -> None:
        """Stop a workspace's scheduled tasks, and schedule its data for deletion after 24 hours."""
        with translate_redis_errors():
            at = now + UNINSTALL_GRACE_SECONDS
            await self._redis.zadd(redis_keys.stopped_teams(), {team_id: at}, lt=True)

    async def mark_revoked(self, team_id: str) -> None:
        """Stop a workspace's scheduled tasks without deleting data; keep any scheduled deletion."""
        with translate_redis_errors():
            await self._redis.zadd(redis_keys.stopped_teams(), {team_id: math.inf}, nx=True)

    async def resume(self, team_id: str) -> None:
        """Resume a workspace's scheduled tasks, because the app works there again."""
        with translate_redis_errors():
            await self._redis.zrem(redis_keys.stopped_teams(), team_id)

    async def load_all(self) -> dict[str, float]:
        """Return the deletion time of each workspace's data (seconds since 1970; inf for never)."""
        with translate_redis_errors():
            found = await self._redis.zrange(redis_keys.stopped_teams(), 0, -1, withscores=True)
        return dict(found)
