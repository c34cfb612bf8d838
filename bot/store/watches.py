"""Watched jobs, and the index of connections by the time of their next poll.

Workers poll with the owners' API keys and also post results in channels, so records are encrypted.
"""

from __future__ import annotations

import secrets
from typing import Literal

from bot.domain.accounts import Caller, PolledConnection
from bot.domain.records import Serializer
from bot.domain.watches import Watch
from bot.store import keys as redis_keys
from bot.store.connection import Commands, translate_redis_errors
from bot.store.due_index import PolledConnections, ScheduledRecords
from bot.store.encryption import Cipher, EncryptedRecords

# Checks the limit and adds a watch in one step, so that concurrent clicks can't exceed the limit.
ADD_WATCH = """
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return 'there' end
if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[3]) then return 'full' end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[6])
redis.call('ZADD', KEYS[2], 'LT', ARGV[5], ARGV[4])
return 'added'
"""

# The tenant is the last part of a connection's name and the first part of a field's name.
WATCHES_DUE_AT = """
local function due_at()
  local prefix = string.match(ARGV[1], '[^:]*:[^:]*:[^:]*:(.*)') .. ':'
  for _, field in ipairs(redis.call('HKEYS', KEYS[2])) do
    if string.sub(field, 1, #prefix) == prefix then return ARGV[2] end
  end
end
"""

WATCH_TTL_SECONDS = 30 * 24 * 60 * 60
"""Watches end within a day; only records that can't be decrypted remain until they expire."""

AddResult = Literal["added", "there", "full"]


WATCH_SERIALIZER = Serializer(Watch, "owner", omit_defaults=True)


def new_watch_id() -> str:
    return secrets.token_hex(8)


class WatchStore:
    """Watches in Redis; `connections` is the schedule for polling their connections.

    Every method raises StoreUnavailable if Redis doesn't answer.
    """

    def __init__(self, redis: Commands, cipher: Cipher) -> None:
        self._redis, self._records = redis, EncryptedRecords(cipher, "watch", WATCH_SERIALIZER)
        self._add = redis.register_script(ADD_WATCH)
        records = ScheduledRecords(
            "connections with watches",
            redis_keys.ALL_WATCHES,
            self._connection_names,
            lambda name: redis_keys.watches(PolledConnection.parse(name).owner),
            WATCHES_DUE_AT,
        )
        self.connections = PolledConnections(
            redis, redis_keys.watches_due(), redis_keys.watches_failures(), records
        )

    async def add(self, watch: Watch, poll_at: float, most: int) -> AddResult:
        """Add a watch, unless its owner already watches the job or is watching `most` jobs."""
        done = await self._put(watch, poll_at, most)
        if done == "there" and not await self._can_open(watch):
            await self.remove(watch.owner, watch.tenant, watch.job_id)
            done = await self._put(watch, poll_at, most)
        return done

    async def _put(self, watch: Watch, poll_at: float, most: int) -> AddResult:
        connection, field = (
            PolledConnection(watch.owner, watch.tenant),
            watch_field(watch.tenant, watch.job_id),
        )
        key = redis_keys.watches(watch.owner)
        encrypted = self._records.encrypt(watch, key, field)
        with translate_redis_errors():
            done: AddResult = await self._add(
                keys=[key, redis_keys.watches_due()],
                args=[field, encrypted, most, connection.name, poll_at, WATCH_TTL_SECONDS],
            )
        return done

    async def _can_open(self, watch: Watch) -> bool:
        key, field = redis_keys.watches(watch.owner), watch_field(watch.tenant, watch.job_id)
        with translate_redis_errors():
            encrypted = await self._redis.hget(key, field)
        return bool(self._records.decrypt(encrypted, key, field, owner=watch.owner))

    async def of_owner(self, owner: Caller, tenant: str = "") -> tuple[Watch, ...]:
        """Return a user's watches, oldest first, for one tenant or (by default) all tenants."""
        key = redis_keys.watches(owner)
        with translate_redis_errors():
            fields: dict[str, str] = await self._redis.hgetall(key)
        watches = (
            self._records.decrypt(encrypted, key, field, owner=owner)
            for field, encrypted in fields.items()
        )
        found = (watch for watch in watches if watch and tenant in ("", watch.tenant))
        return tuple(sorted(found, key=lambda watch: (watch.since, watch.id)))

    async def has(self, owner: Caller, tenant: str, job_id: str) -> bool:
        """Whether a user watches a job."""
        with translate_redis_errors():
            return bool(
                await self._redis.hexists(redis_keys.watches(owner), watch_field(tenant, job_id))
            )

    async def remove(self, owner: Caller, tenant: str, job_id: str) -> bool:
        """Remove a watch; return whether there was one."""
        with translate_redis_errors():
            return bool(
                await self._redis.hdel(redis_keys.watches(owner), watch_field(tenant, job_id))
            )

    async def _connection_names(self, keys: list[str]) -> list[str]:
        """Return the names of the connections whose watches are stored at these keys."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.hkeys(key)
            fields = await pipe.execute()
        return [
            PolledConnection(owner, tenant).name
            for key, names in zip(keys, fields, strict=True)
            for owner in _owners(key)
            for tenant in {name.partition(":")[0] for name in names}
        ]


def _owners(key: str) -> list[Caller]:
    """Return the owner of the watches at a key; empty if the key doesn't match the pattern."""
    parts = key.removeprefix(f"{redis_keys.SCHEDULED}:watches:").split(":")
    return [Caller(parts[1], parts[2], parts[0])] if len(parts) == 3 else []


def watch_field(tenant: str, job_id: str) -> str:
    """Return the field for a job in the hash of a user's watches."""
    return f"{tenant}:{job_id}"
