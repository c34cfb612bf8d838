"""When digests are due: what the bot keeps in Redis says so."""

from __future__ import annotations

from dataclasses import dataclass

from redis.asyncio import Redis

from bot.store import keys as redis_keys
from bot.store.digests import DigestStore
from bot.store.encryption import Cipher, parse_keys


@dataclass(frozen=True, slots=True)
class Due:
    """`waiting` digests are due already; the `next` one is due then, None where none is."""

    waiting: int
    next: float | None


async def due(redis_url: str, encryption_key: str, now: float) -> Due:
    """Times are in seconds since 1970; digests that are paused are never due."""
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        store = DigestStore(redis, Cipher(parse_keys(encryption_key)))
        ids = await redis.zrange(redis_keys.digests_due(), 0, -1)
        digests = [await store.load(str(digest_id)) for digest_id in ids]
    times = [digest.next_run.at for digest in digests if digest and digest.next_run]
    coming = [at for at in times if at > now]
    return Due(len(times) - len(coming), min(coming, default=None))
