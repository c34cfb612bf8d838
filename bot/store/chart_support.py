"""Remembers for a day that Slack refuses charts in a workspace, for each kind of message."""

from __future__ import annotations

from typing import Literal

from bot.store import layout
from bot.store.connection import Commands, reaching_redis

REFUSED_SECONDS = 24 * 60 * 60

Surface = Literal["channel", "ephemeral"]
"""Slack may take a chart in a message to a channel, and refuse it in one for a single user."""


class ChartSupport:
    """Both methods raise StoreUnavailable if Redis does not answer."""

    def __init__(self, redis: Commands) -> None:
        self._redis = redis

    async def is_refused(self, team_id: str, surface: Surface) -> bool:
        """Whether Slack refused such a chart within the last day."""
        with reaching_redis():
            return bool(await self._redis.exists(layout.charts_refused(team_id, surface)))

    async def remember_refusal(self, team_id: str, surface: Surface) -> None:
        with reaching_redis():
            await self._redis.set(layout.charts_refused(team_id, surface), "1", ex=REFUSED_SECONDS)
