"""Cached job statistics for each user's Home tab, encrypted and stored for an hour."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.accounts import Caller
from bot.domain.jobs import TenantStats
from bot.domain.records import Serializer
from bot.store import keys as redis_keys
from bot.store.connection import Commands, translate_redis_errors
from bot.store.encryption import CONNECTION_FIELD, Cipher, EncryptedRecords

TENANT_STATS_TTL_SECONDS = 60 * 60
HOME_OPENED_TTL_SECONDS = 30 * 24 * 60 * 60
"""How long a Home tab is kept up to date after the user last opened it."""

STATS_KEY, OPENED_KEY = "stats", "opened"
"""Suffixes of a user's keys: statistics by tenant, and whether the Home tab was opened."""

# Skips tenants that were disconnected while their statistics were being requested.
SAVE_STATS = """
for i = 2, #ARGV, 3 do
  if redis.call('HEXISTS', KEYS[1], ARGV[i]) == 1 then
    redis.call('HSET', KEYS[2], ARGV[i + 1], ARGV[i + 2])
  end
end
redis.call('EXPIRE', KEYS[2], ARGV[1])
"""


TENANT_STATS_SERIALIZER = Serializer(TenantStats)


class HomeStore:
    """Statistics per user. Every method raises StoreUnavailable if Redis doesn't answer."""

    def __init__(self, redis: Commands, cipher: Cipher) -> None:
        self._redis = redis
        self._records = EncryptedRecords(
            cipher, "tenant's counts for a Home tab", TENANT_STATS_SERIALIZER
        )
        self._save_stats = redis.register_script(SAVE_STATS)

    async def load_stats(self, caller: Caller) -> dict[str, TenantStats]:
        """Load statistics by tenant, omitting any that have expired or can't be decrypted."""
        key = redis_keys.home(caller, STATS_KEY)
        with translate_redis_errors():
            fields: dict[str, str] = await self._redis.hgetall(key)
        found = (self._records.decrypt(text, key, name) for name, text in fields.items())
        return {stats.tenant: stats for stats in found if stats}

    async def save_stats(self, caller: Caller, stats: Iterable[TenantStats]) -> None:
        """Store statistics, but only for tenants that the user is still connected to."""
        key = redis_keys.home(caller, STATS_KEY)
        args: list[str | int] = [TENANT_STATS_TTL_SECONDS]
        for one in stats:
            name = one.tenant
            encrypted = self._records.encrypt(one, key, name)
            args += [CONNECTION_FIELD + one.tenant, name, encrypted]
        with translate_redis_errors():
            await self._save_stats(keys=[redis_keys.account(caller), key], args=args)

    async def clear_stats(self, caller: Caller, tenants: Iterable[str]) -> None:
        """Delete the cached statistics of these tenants; the next view requests them again."""
        if names := list(tenants):
            with translate_redis_errors():
                await self._redis.hdel(redis_keys.home(caller, STATS_KEY), *names)

    async def mark_opened(self, caller: Caller) -> None:
        """Record that the user opened the Home tab, which is then kept up to date."""
        with translate_redis_errors():
            await self._redis.set(
                redis_keys.home(caller, OPENED_KEY), "1", ex=HOME_OPENED_TTL_SECONDS
            )

    async def is_open(self, caller: Caller) -> bool:
        """Whether the Home tab was opened within the last 30 days."""
        with translate_redis_errors():
            return bool(await self._redis.get(redis_keys.home(caller, OPENED_KEY)))
