"""Cache of who reads which channel, shared by all workers, with the rate limit for reading it.

Keyed by the channel alone: the app serves one workspace, and an event about a shared channel may
name another workspace than ours.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from bot.models import Audience
from bot.store import layout
from bot.store.connection import Commands, reaching_redis
from bot.store.sealing import Sealing
from bot.store.serialization import Serializer
from bot.store.vault import Vault

KEPT_SECONDS = 600
"""How old an answer may be before a scheduled post or update."""

BURST_SHARE = 0.2
"""How many of the reads of a minute may come at once; the others are spread over the minute."""

# A change that is reported while a channel is being read makes that answer worthless.
KEEP = """
if (redis.call('HGET', KEYS[1], 'change') or '') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'audience', ARGV[2])
return redis.call('EXPIRE', KEYS[1], ARGV[3])
"""

FORGET = """
redis.call('HDEL', KEYS[1], 'audience')
redis.call('HSET', KEYS[1], 'change', ARGV[1])
return redis.call('EXPIRE', KEYS[1], ARGV[2])
"""

# Callers that may not read now get times one after another, so that they do not all return at once.
RESERVE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
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

HOLD = """
local time = redis.call('TIME')
local at = time[1] + time[2] / 1000000 + ARGV[1]
if tonumber(redis.call('GET', KEYS[1]) or '0') < at then
    redis.call('SET', KEYS[1], string.format('%.6f', at), 'PX', 3600000)
end
"""


AUDIENCE = Serializer(Audience)


@dataclass(frozen=True, slots=True)
class Cached:
    """`audience` is None if the channel has to be read; `change` is then passed to `keep`."""

    audience: Audience | None
    change: str


class Audiences:
    """Who reads channels. Every method raises StoreUnavailable where Redis does not answer.

    `per_minute` is Slack's rate limit for conversations.info: tier 3, about 50 for a workspace
    (https://docs.slack.dev/apis/web-api/rate-limits).
    """

    def __init__(self, redis: Commands, vault: Vault, per_minute: int) -> None:
        self._redis, self._sealing = redis, Sealing(vault, "audience", AUDIENCE)
        self._burst = max(1, int(per_minute * BURST_SHARE))
        self._spacing = 60.0 / (per_minute - self._burst)
        self._keep = redis.register_script(KEEP)
        self._forget = redis.register_script(FORGET)
        self._reserve = redis.register_script(RESERVE)
        self._hold = redis.register_script(HOLD)

    async def read(self, channel_id: str) -> Cached:
        """What was read in the last 10 minutes, unless a change was reported since."""
        key = layout.audience(channel_id)
        with reaching_redis():
            fields = await self._redis.hgetall(key)
        audience = self._sealing.open(fields.get("audience"), key, "audience")
        return Cached(audience, fields.get("change", ""))

    async def keep(self, audience: Audience, change: str) -> None:
        """Cache an answer of Slack's unless a change was reported since `read` gave `change`.

        An audience that could not be read is not cached.
        """
        if not audience.known:
            return
        key = layout.audience(audience.channel_id)
        sealed = self._sealing.seal(audience, key, "audience")
        with reaching_redis():
            await self._keep(keys=[key], args=[change, sealed, KEPT_SECONDS])

    async def forget(self, channel_id: str) -> None:
        """Slack reported a change: the channel is read again before the next post to it."""
        with reaching_redis():
            await self._forget(
                keys=[layout.audience(channel_id)],
                args=[secrets.token_hex(4), KEPT_SECONDS],
            )

    async def missing(self, channel_ids: Sequence[str]) -> list[str]:
        """Which of these channels have to be read."""
        with reaching_redis():
            async with self._redis.pipeline(transaction=False) as pipe:
                for channel_id in channel_ids:
                    pipe.hexists(layout.audience(channel_id), "audience")
                found = await pipe.execute() if channel_ids else []
        return [id_ for id_, there in zip(channel_ids, found, strict=True) if not there]

    async def reserve(self, *, waits: bool = True) -> float:
        """0 if a channel may be read now; else seconds after which to try again.

        A caller that `waits` gets a time of its own, after those of others that wait.
        """
        with reaching_redis():
            wait = await self._reserve(keys=_reads(), args=[self._spacing, self._burst, int(waits)])
        return float(wait)

    async def hold(self, seconds: float) -> None:
        """Slack answered 429: no worker reads a channel for so long."""
        with reaching_redis():
            await self._hold(keys=_reads()[:1], args=[seconds + (self._burst - 1) * self._spacing])


def _reads() -> list[str]:
    return [layout.audience_reads("next"), layout.audience_reads("waiting")]
