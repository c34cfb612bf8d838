"""Rate limits for messages to Slack, shared by all workers.

Slack allows one message per second per channel, and several hundred per minute per workspace. Each
message reserves a time slot in advance to avoid 429 responses. All times are from
Redis's clock.
"""

from __future__ import annotations

from bot.store import keys as redis_keys
from bot.store.connection import REDIS_NOW, Commands, translate_redis_errors

SECONDS_PER_CHANNEL_MESSAGE = 1.05
"""Interval between messages to a channel: Slack's limit plus a margin for network jitter."""

# A message that waits for its channel reserves the next slot of the workspace, so that a busy
# channel doesn't delay others. If the wait would be too long, no slot is reserved.
RESERVE_MESSAGE = f"""
{REDIS_NOW}
local channel = math.max(now, tonumber(redis.call('HGET', KEYS[1], 'next') or '0'))
local workspace = math.max(now, tonumber(redis.call('HGET', KEYS[2], 'next') or '0'))
local at = math.max(channel, workspace)
if at - now <= tonumber(ARGV[3]) then
    redis.call('HSET', KEYS[1], 'next', string.format('%.6f', at + ARGV[1]))
    redis.call('HSET', KEYS[2], 'next', string.format('%.6f', workspace + ARGV[2]))
    for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, 3600000) end
end
return tostring(at - now)
"""

# Callers without a slot retry one after another: if all retried at once, most would fail again.
RESERVE_RETRY = f"""
{REDIS_NOW}
local at = math.max(now + ARGV[1], tonumber(redis.call('HGET', KEYS[1], 'retry') or '0'))
redis.call('HSET', KEYS[1], 'retry', string.format('%.6f', at + ARGV[2]))
redis.call('PEXPIRE', KEYS[1], 3600000)
return tostring(at - now)
"""

# `paused_until` also stops callers that reserved a slot before Slack requested the pause.
PAUSE_MESSAGES = f"""
{REDIS_NOW}
local ends = now + ARGV[1]
for _, key in ipairs(KEYS) do
    for _, field in ipairs({{'next', 'paused_until'}}) do
        if tonumber(redis.call('HGET', key, field) or '0') < ends then
            redis.call('HSET', key, field, string.format('%.6f', ends))
        end
    end
    redis.call('PEXPIRE', key, math.max(3600000, math.ceil(ARGV[1] * 1000)))
end
"""


class MessageRateLimiter:
    """Assigns time slots to messages; methods raise StoreUnavailable if Redis doesn't answer."""

    def __init__(self, redis: Commands, per_minute: float) -> None:
        self._reserve = redis.register_script(RESERVE_MESSAGE)
        self._reserve_retry = redis.register_script(RESERVE_RETRY)
        self._pause = redis.register_script(PAUSE_MESSAGES)
        self._workspace_seconds = 60.0 / per_minute

    async def reserve(self, team_id: str, channel_id: str, max_wait_seconds: float) -> float:
        """Reserve a slot and return the seconds to wait.

        Nothing is reserved if that is more than `max_wait_seconds`.
        """
        with translate_redis_errors():
            wait = await self._reserve(
                keys=rate_limit_keys(team_id, channel_id),
                args=[SECONDS_PER_CHANNEL_MESSAGE, self._workspace_seconds, max_wait_seconds],
            )
        return float(wait)

    async def reserve_retry(self, team_id: str, min_wait_seconds: float) -> float:
        """Return the seconds to wait before calling `reserve` again, at least `min_wait_seconds`.

        The retries are spread out at the workspace's message rate.
        """
        with translate_redis_errors():
            wait = await self._reserve_retry(
                keys=[redis_keys.rate_limit(team_id)],
                args=[min_wait_seconds, self._workspace_seconds],
            )
        return float(wait)

    async def pause(self, team_id: str, channel_id: str, seconds: float) -> None:
        """Pause all messages to the workspace for `seconds`, as requested by Slack."""
        with translate_redis_errors():
            await self._pause(keys=rate_limit_keys(team_id, channel_id), args=[seconds])


def rate_limit_keys(team_id: str, channel_id: str) -> list[str]:
    """Return the rate limit keys of a channel and its workspace."""
    return [redis_keys.rate_limit(team_id, channel_id), redis_keys.rate_limit(team_id)]
