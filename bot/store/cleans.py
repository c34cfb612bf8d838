"""Clean-ups: what is to be deleted, and how far that has come.

Workers act on them with their owners' keys, so what says whose jobs go is sealed: whoever can write
to Redis cannot make up a clean-up, nor change one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.models import Caller, Filters, Stored
from bot.store import layout
from bot.store.connection import Commands, reaching_redis
from bot.store.sealing import Sealing
from bot.store.serialization import Serializer
from bot.store.vault import Vault

ASKED_SECONDS = 60 * 60
"""So long a question waits for its answer."""

KEPT_SECONDS = 30 * 24 * 60 * 60
LEASE_SECONDS = 15
"""Longer than one round of deletes takes, whatever Emporix does."""

LOOKED_AFTER_SECONDS = 60.0
"""Only for what was dropped: a task that is queued already is not queued twice."""

# One clean-up of a user and tenant at a time; one that nobody looks after any more has ended.
BEGIN = """
if redis.call('ZSCORE', KEYS[2], ARGV[1]) then return 1 end
local other = redis.call('GET', KEYS[1])
if other and redis.call('ZSCORE', KEYS[2], other) then return 0 end
redis.call('HSET', KEYS[3], 'record', ARGV[3])
redis.call('HDEL', KEYS[3], 'stop')
redis.call('EXPIRE', KEYS[3], ARGV[4])
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[4])
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
return 1
"""

CLAIM_DUE = """
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
for _, id in ipairs(due) do redis.call('ZADD', KEYS[1], ARGV[2], id) end
return due
"""

# Gives whether the lease is still ours, and whether somebody wants the clean-up to stop.
RENEW = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {0, 0} end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return {1, redis.call('HEXISTS', KEYS[2], 'stop')}
"""

RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""


class LeaseLost(Exception):
    """Another worker has taken the clean-up over."""


@dataclass(frozen=True, slots=True)
class Clean(Stored):
    """Jobs to be deleted, from their count to the report.

    They are the `counted` jobs that fit `filters` and were modified last at `until` (ISO 8601, as
    Emporix wrote it) or before; `found` is how many of them were there when their ids were read,
    at `read_at`, None before that. All times but `until` are in seconds since 1970, 0 while they
    are to come; `why` says how it ended. `idle` counts the attempts in which nothing came about,
    and until `rest_until` there is none. `shown_at` is where its owner sees it, and `entry` its
    place in the audit record.
    """

    id: str
    caller: Caller
    tenant: str
    filters: Filters
    counted: int
    until: str
    found: int | None = None
    read_at: float = 0
    begun_at: float = 0
    ended_at: float = 0
    why: str = ""
    idle: int = 0
    rest_until: float = 0
    shown_at: str = ""
    entry: str = ""


CLEAN = Serializer(Clean)
JOB_IDS = Serializer(list[str])


class CleanStore:
    """Clean-ups in Redis. Every method raises StoreUnavailable where Redis does not answer."""

    def __init__(self, redis: Commands, vault: Vault) -> None:
        self._redis = redis
        self._sealing = Sealing(vault, "clean-up", CLEAN)
        self._job_ids = Sealing(vault, "list of a clean-up's jobs", JOB_IDS)
        self._begin = redis.register_script(BEGIN)
        self._claim_due = redis.register_script(CLAIM_DUE)
        self._renew = redis.register_script(RENEW)
        self._release = redis.register_script(RELEASE)

    async def load(self, clean_id: str) -> Clean | None:
        """The clean-up of that id; None where it is forgotten, or cannot be opened."""
        key = layout.clean(clean_id)
        with reaching_redis():
            sealed = await self._redis.hget(key, "record")
        return self._sealing.open(sealed, key, "record")

    async def save(self, clean: Clean) -> None:
        """Keep it for an hour while it is a question, then for a month."""
        key = layout.clean(clean.id)
        with reaching_redis():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hset(key, "record", self._seal(clean))
                pipe.expire(key, KEPT_SECONDS if clean.begun_at else ASKED_SECONDS)
                await pipe.execute()

    async def begin(self, clean: Clean, now: float) -> bool:
        """Let a worker look after it; False where its user has another one in the tenant."""
        keys = [
            layout.cleaning(clean.caller, clean.tenant),
            layout.cleans_due(),
            layout.clean(clean.id),
        ]
        with reaching_redis():
            args = [clean.id, now, self._seal(clean), KEPT_SECONDS]
            return bool(await self._begin(keys=keys, args=args))

    async def claim_due(self, now: float) -> list[str]:
        """Ids of those that somebody has to look after; the next who asks is not given them."""
        with reaching_redis():
            found = await self._claim_due(
                keys=[layout.cleans_due()], args=[now, now + LOOKED_AFTER_SECONDS]
            )
        return list(map(str, found))

    async def claim(self, clean_id: str, owner: str) -> bool:
        """Take the lease; False where another worker has it."""
        with reaching_redis():
            return bool(
                await self._redis.set(
                    layout.clean_lease(clean_id), owner, nx=True, ex=LEASE_SECONDS
                )
            )

    async def renew(self, clean_id: str, owner: str) -> bool:
        """Keep the lease, and say whether somebody wants it to stop; raises LeaseLost."""
        keys = [layout.clean_lease(clean_id), layout.clean(clean_id)]
        with reaching_redis():
            ours, stop = await self._renew(keys=keys, args=[owner, LEASE_SECONDS])
        if not ours:
            raise LeaseLost(clean_id)
        return bool(stop)

    async def release(self, clean_id: str, owner: str) -> None:
        with reaching_redis():
            await self._release(keys=[layout.clean_lease(clean_id)], args=[owner])

    async def ask_to_stop(self, clean_id: str) -> None:
        with reaching_redis():
            await self._redis.hset(layout.clean(clean_id), "stop", "1")

    async def fix(self, clean: Clean, job_ids: Sequence[str]) -> None:
        """Keep the ids of its jobs, together with the clean-up that knows of them."""
        key = layout.clean_jobs(clean.id)
        sealed = self._job_ids.seal(list(job_ids), key)
        with reaching_redis():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.set(key, sealed, ex=KEPT_SECONDS)
                pipe.hset(layout.clean(clean.id), "record", self._seal(clean))
                await pipe.execute()

    async def jobs(self, clean_id: str) -> list[str]:
        """The ids that `fix` has kept, in that order; none where they cannot be opened."""
        key = layout.clean_jobs(clean_id)
        with reaching_redis():
            return self._job_ids.open(await self._redis.get(key), key) or []

    async def finish(self, clean_id: str, clean: Clean | None) -> None:
        """Nobody has to look after it any more, and its user may begin another one."""
        with reaching_redis():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.zrem(layout.cleans_due(), clean_id)
                if clean:
                    pipe.delete(layout.cleaning(clean.caller, clean.tenant))
                await pipe.execute()

    def _seal(self, clean: Clean) -> str:
        return self._sealing.seal(clean, layout.clean(clean.id), "record")
