"""Cached data from Slack: time zones, channel audiences, and whether charts are rejected."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.accounts import Audience, Caller
from bot.domain.records import Serializer
from bot.store import keys as redis_keys
from bot.store.connection import REDIS_NOW, Commands, translate_redis_errors
from bot.store.encryption import Cipher, EncryptedRecords

TIME_ZONE_TTL_SECONDS = 24 * 60 * 60  # a changed time zone takes effect within a day


class TimeZoneCache:
    """Users' time zones; both methods raise StoreUnavailable if Redis doesn't answer."""

    def __init__(self, redis: Commands) -> None:
        self._redis = redis

    async def load(self, caller: Caller) -> str:
        """Return the IANA name of the user's time zone; empty if it isn't cached."""
        with translate_redis_errors():
            return str(await self._redis.get(redis_keys.time_zone(caller)) or "")

    async def save(self, caller: Caller, name: str) -> None:
        with translate_redis_errors():
            await self._redis.set(redis_keys.time_zone(caller), name, ex=TIME_ZONE_TTL_SECONDS)


CHARTS_REFUSED_TTL_SECONDS = 24 * 60 * 60


class ChartSupport:
    """Whether Slack rejects charts; both methods raise StoreUnavailable if Redis doesn't answer."""

    def __init__(self, redis: Commands) -> None:
        self._redis = redis

    async def is_refused(self, team_id: str) -> bool:
        """Whether Slack has rejected a chart in this workspace within the last day."""
        with translate_redis_errors():
            return bool(await self._redis.exists(redis_keys.charts_refused(team_id)))

    async def mark_refused(self, team_id: str) -> None:
        key = redis_keys.charts_refused(team_id)
        with translate_redis_errors():
            await self._redis.set(key, "1", ex=CHARTS_REFUSED_TTL_SECONDS)


AUDIENCE_TTL_SECONDS = 600
"""Maximum age of a cached audience before a scheduled post or update."""

BURST_SHARE = 0.2
"""Share of a minute's reads allowed in a burst; the rest are spread over the minute."""

# If Slack reports a change while a channel is being read, the result is discarded.
CACHE_AUDIENCE = """
if (redis.call('HGET', KEYS[1], 'change') or '') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'audience', ARGV[2])
return redis.call('EXPIRE', KEYS[1], ARGV[3])
"""

INVALIDATE_AUDIENCE = """
redis.call('HDEL', KEYS[1], 'audience')
redis.call('HSET', KEYS[1], 'change', ARGV[1])
return redis.call('EXPIRE', KEYS[1], ARGV[2])
"""

# Callers that may not read now get successive times, so that they don't all retry at once.
RESERVE_CHANNEL_READ = (
    REDIS_NOW
    + """
local spacing, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local after = math.max(now, tonumber(redis.call('GET', KEYS[1]) or '0'))
local free = after - (burst - 1) * spacing
local name, at = KEYS[1], after
if free > now then
    if ARGV[3] == '0' then return tostring(free - now) end
    name, at = KEYS[2], math.max(free, tonumber(redis.call('GET', KEYS[2]) or '0'))
end
redis.call('SET', name, string.format('%.6f', at + spacing), 'PX', 3600000)
if name == KEYS[1] then return '0' end
return tostring(at - now)
"""
)

PAUSE_CHANNEL_READS = (
    REDIS_NOW
    + """
local at = now + ARGV[1]
if tonumber(redis.call('GET', KEYS[1]) or '0') < at then
    redis.call('SET', KEYS[1], string.format('%.6f', at), 'PX', 3600000)
end
"""
)


AUDIENCE_SERIALIZER = Serializer(Audience)


@dataclass(frozen=True, slots=True)
class CachedAudience:
    """A cache entry; if `audience` is None, read the channel and pass `change` to `save`."""

    audience: Audience | None
    change: str


class AudienceCache:
    """Channel audiences. Every method raises StoreUnavailable if Redis doesn't answer.

    `per_minute` is Slack's rate limit for conversations.info: tier 3, about 50 per workspace
    (https://docs.slack.dev/apis/web-api/rate-limits).
    """

    def __init__(self, redis: Commands, cipher: Cipher, per_minute: int) -> None:
        self._redis, self._records = (
            redis,
            EncryptedRecords(cipher, "audience", AUDIENCE_SERIALIZER),
        )
        self._burst = max(1, int(per_minute * BURST_SHARE))
        self._spacing = 60.0 / (per_minute - self._burst)
        self._save = redis.register_script(CACHE_AUDIENCE)
        self._invalidate = redis.register_script(INVALIDATE_AUDIENCE)
        self._reserve = redis.register_script(RESERVE_CHANNEL_READ)
        self._pause = redis.register_script(PAUSE_CHANNEL_READS)

    async def load(self, channel_id: str) -> CachedAudience:
        """Load an audience read in the last 10 minutes, unless Slack reported a change since."""
        key = redis_keys.audience(channel_id)
        with translate_redis_errors():
            fields = await self._redis.hgetall(key)
        audience = self._records.decrypt(fields.get("audience"), key, "audience")
        return CachedAudience(audience, fields.get("change", ""))

    async def save(self, audience: Audience, change: str) -> None:
        """Cache an audience, unless Slack has reported a change since `load` returned `change`.

        An unknown audience isn't cached.
        """
        if not audience.is_known:
            return
        key = redis_keys.audience(audience.channel_id)
        encrypted = self._records.encrypt(audience, key, "audience")
        with translate_redis_errors():
            await self._save(keys=[key], args=[change, encrypted, AUDIENCE_TTL_SECONDS])

    async def invalidate(self, channel_id: str) -> None:
        """Delete an audience after a reported change; the next post reads the channel first."""
        with translate_redis_errors():
            await self._invalidate(
                keys=[redis_keys.audience(channel_id)],
                args=[secrets.token_hex(4), AUDIENCE_TTL_SECONDS],
            )

    async def missing(self, channel_ids: Sequence[str]) -> list[str]:
        """Return the channels whose audience isn't cached."""
        with translate_redis_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                for channel_id in channel_ids:
                    pipe.hexists(redis_keys.audience(channel_id), "audience")
                found = await pipe.execute() if channel_ids else []
        return [id_ for id_, there in zip(channel_ids, found, strict=True) if not there]

    async def reserve(self, *, waits: bool = True) -> float:
        """Reserve a channel read; return 0 if allowed now, else the seconds until the next attempt.

        A caller that `waits` gets its own time, after those of the other waiting callers.
        """
        with translate_redis_errors():
            wait = await self._reserve(
                keys=_read_keys(), args=[self._spacing, self._burst, int(waits)]
            )
        return float(wait)

    async def pause(self, seconds: float) -> None:
        """Pause all reads for `seconds` after a 429 response from Slack."""
        with translate_redis_errors():
            await self._pause(
                keys=_read_keys()[:1], args=[seconds + (self._burst - 1) * self._spacing]
            )


def _read_keys() -> list[str]:
    return [redis_keys.audience_reads("next"), redis_keys.audience_reads("waiting")]
