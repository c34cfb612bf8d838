"""How fast files may go to Slack by the clock, for all workers together.

Slack: some hundred uploads a minute for a workspace. Each gets a time of its own before it begins;
where that would be too late, it gets none.
"""

from __future__ import annotations

from bot.store import layout
from bot.store.connection import REDIS_NOW, Commands, reaching_redis

BURST = 20
"""Uploads that may go at once after a while without any."""

LONGEST_WAIT = 5 * 60.0  # seconds

# The generic cell rate algorithm: the key holds when the rate alone would let the next one go.
RESERVE = f"""
{REDIS_NOW}
local apart = tonumber(ARGV[1])
local at = math.max(now, tonumber(redis.call('GET', KEYS[1]) or '0'))
local wait = math.max(0, at - now - apart * (tonumber(ARGV[2]) - 1))
if wait > tonumber(ARGV[3]) then return '' end
redis.call('SET', KEYS[1], string.format('%.6f', at + apart), 'PX', 3600000)
return tostring(wait)
"""


class Uploads:
    """Gives times to uploads. Every method raises StoreUnavailable where Redis does not answer."""

    def __init__(self, redis: Commands, per_minute: int) -> None:
        self._redis, self._per_minute = redis, per_minute
        self._reserve = redis.register_script(RESERVE)

    async def reserve(self, team_id: str) -> float | None:
        """In how many seconds a file may go; None if that is too long."""
        if not self._per_minute:
            return None
        apart = 60.0 / self._per_minute
        burst = min(BURST, self._per_minute)
        with reaching_redis():
            wait = await self._reserve(
                keys=[layout.uploads(team_id)], args=[apart, burst, LONGEST_WAIT]
            )
        return float(wait) if wait else None

    async def hold(self, team_id: str, seconds: float) -> None:
        """Slack asks for a pause: until it is over, none goes."""
        with reaching_redis():
            await self._redis.set(layout.uploads_held(team_id), "1", px=int(seconds * 1000))

    async def held(self, team_id: str) -> bool:
        with reaching_redis():
            return await self._redis.get(layout.uploads_held(team_id)) is not None
