"""Clean-ups: what is to be deleted, and how far that has come.

Workers act on them with their owners' keys, so what says whose jobs go is sealed: whoever can write
to Redis cannot make up a clean-up, nor change one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.errors import LimitReached
from bot.models import Caller, Filters, Stored
from bot.store import layout
from bot.store.connection import Commands, reaching_redis
from bot.store.due_index import DueIndex, Scheduled
from bot.store.limits import CLEANUPS, CLEANUPS_SECONDS, WAIT_FOR
from bot.store.locks import Locks
from bot.store.sealing import Sealing
from bot.store.serialization import Serializer
from bot.store.vault import Vault

ASKED_SECONDS = 60 * 60
"""So long a question waits for its answer."""

KEPT_SECONDS = 30 * 24 * 60 * 60
LEASE_SECONDS = 15
"""Longer than one round of deletes takes, whatever Emporix does."""

# The hash of a clean-up says in clear what becomes of it: its `state` is asked, running or ended.
# Record, state and entry in the due index change together, so a running one is always in the index.

ASK = """
local state = redis.call('HGET', KEYS[1], 'state')
if state and state ~= 'asked' then return 0 end
redis.call('HSET', KEYS[1], 'record', ARGV[1], 'state', 'asked')
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
"""

# One clean-up of a user and tenant at a time; one that has left the index has ended, or is gone.
# Gives 1 if it has begun, 0 if another one is under way, or else the seconds to wait, negative.
BEGIN = (
    WAIT_FOR
    + """
local state = redis.call('HGET', KEYS[3], 'state')
if state == 'running' or state == 'ended' then return 1 end
local other = redis.call('GET', KEYS[1])
if other and other ~= ARGV[1] and redis.call('ZSCORE', KEYS[2], other) then return 0 end
local wait = wait_for(KEYS[4], ARGV[1], ARGV[5], ARGV[6])
if wait > 0 then return -wait end
redis.call('HSET', KEYS[3], 'record', ARGV[3], 'state', 'running')
redis.call('HDEL', KEYS[3], 'stop')
redis.call('EXPIRE', KEYS[3], ARGV[4])
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[4])
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
return 1
"""
)

# Gives whether the lease is still ours, and who wants the clean-up to stop, "" for nobody.
RENEW = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {0, ''} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {1, redis.call('HGET', KEYS[2], 'stop') or ''}
"""

# By the holder of the lease only: another worker may have written something newer.
SAVE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[2], 'record', ARGV[2])
redis.call('EXPIRE', KEYS[2], ARGV[3])
if KEYS[3] then redis.call('SET', KEYS[3], ARGV[4], 'EX', ARGV[3]) end
return 1
"""

FINISH = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[2], 'record', ARGV[2], 'state', 'ended')
redis.call('HDEL', KEYS[2], 'stop')
redis.call('EXPIRE', KEYS[2], ARGV[3])
redis.call('ZREM', KEYS[3], ARGV[4])
if redis.call('GET', KEYS[4]) == ARGV[4] then redis.call('DEL', KEYS[4]) end
return 1
"""

STOP = """
if redis.call('HGET', KEYS[1], 'state') ~= 'running' then return 0 end
redis.call('HSET', KEYS[1], 'stop', ARGV[1])
return 1
"""

AMEND = """
if redis.call('HGET', KEYS[1], 'state') ~= 'ended' then return 0 end
redis.call('HSET', KEYS[1], 'record', ARGV[1])
return 1
"""

DUE_AT = """
local function due_at() return redis.call('HGET', KEYS[2], 'state') == 'running' and ARGV[2] end
"""


class LeaseLost(Exception):
    """Another worker has taken the clean-up over."""


@dataclass(frozen=True, slots=True)
class Clean(Stored):
    """Jobs to be deleted, from their count to the report.

    They are the `counted` jobs that fit `filters` and were modified last at `until` (ISO 8601, as
    Emporix wrote it) or before; `found` is how many of them were there when their ids were read,
    at `read_at`, None before that. All times but `until` and `exported_to` are in seconds since
    1970, 0 while they are to come: `touched_at` is when something was last achieved, `checked_at`
    when its owner was last known to be in Slack. `why` says how it ended, `detail` is Slack's word
    for that, and `stopped_by` the user who stopped it, where they are not its owner. `idle` counts
    the attempts in which nothing came about, and until `rest_until` there is none. `shown_at` is
    where its owner sees it, and `entry` its place in the audit record. Before the first delete its
    owner is sent the jobs: `files` so far, with the jobs modified up to `exported_to`; `exported`
    says that they have them all.
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
    touched_at: float = 0
    checked_at: float = 0
    ended_at: float = 0
    why: str = ""
    detail: str = ""
    stopped_by: str = ""
    idle: int = 0
    rest_until: float = 0
    shown_at: str = ""
    entry: str = ""
    files: int = 0
    exported_to: str = ""
    exported: bool = False


CLEAN = Serializer(Clean)
JOB_IDS = Serializer(list[str])


class CleanStore:
    """Clean-ups in Redis; `due` are those that are under way.

    Every method raises StoreUnavailable where Redis does not answer.
    """

    def __init__(self, redis: Commands, vault: Vault) -> None:
        self._redis = redis
        self._sealing = Sealing(vault, "clean-up", CLEAN)
        self._job_ids = Sealing(vault, "list of a clean-up's jobs", JOB_IDS)
        self._locks = Locks(redis)
        scheduled = Scheduled.by_id("clean-ups", layout.clean, DUE_AT)
        self.due = DueIndex(redis, layout.cleans_due(), scheduled)
        scripts = (ASK, BEGIN, RENEW, SAVE, FINISH, STOP, AMEND)
        self._scripts = {script: redis.register_script(script) for script in scripts}

    async def load(self, clean_id: str) -> Clean | None:
        """The clean-up of that id; None where it is gone, or cannot be opened."""
        key = layout.clean(clean_id)
        with reaching_redis():
            sealed = await self._redis.hget(key, "record")
        return self._sealing.open(sealed, key, "record")

    async def ask(self, clean: Clean) -> bool:
        """Keep a question for an hour; False where that clean-up has begun already."""
        args = [self._seal(clean), ASKED_SECONDS]
        return bool(await self._run(ASK, [layout.clean(clean.id)], args))

    async def begin(self, clean: Clean, now: float) -> bool:
        """Let a worker look after it; False where its user has another one in the tenant.

        True and nothing else where it has begun already. Raises LimitReached where its user has
        begun too many in the last 24 hours.
        """
        keys = [
            layout.cleaning(clean.caller, clean.tenant),
            layout.cleans_due(),
            layout.clean(clean.id),
            layout.cleanups_begun(clean.caller),
        ]
        record = self._seal(clean)
        args = [clean.id, now, record, KEPT_SECONDS, CLEANUPS, CLEANUPS_SECONDS]
        if (done := int(await self._run(BEGIN, keys, args))) < 0:
            raise LimitReached("clean-ups", "person", CLEANUPS, -done)
        return bool(done)

    async def running(self, most: int) -> list[Clean]:
        """Those that are under way and can be opened, at most so many."""
        with reaching_redis():
            found = await self._redis.zrange(layout.cleans_due(), 0, most - 1)
        cleans = [await self.load(str(clean_id)) for clean_id in found]
        return [clean for clean in cleans if clean]

    async def claim(self, clean_id: str, owner: str) -> bool:
        """Take the lease; False where another worker has it."""
        return not await self._locks.take(layout.clean_lease(clean_id), owner, LEASE_SECONDS)

    async def renew(self, clean_id: str, owner: str) -> str:
        """Keep the lease; gives the user who wants it to stop, "" for nobody; raises LeaseLost."""
        keys = [layout.clean_lease(clean_id), layout.clean(clean_id)]
        ours, stop = await self._run(RENEW, keys, [owner, LEASE_SECONDS * 1000])
        if not ours:
            raise LeaseLost(clean_id)
        return str(stop)

    async def release(self, clean_id: str, owner: str) -> None:
        await self._locks.release(layout.clean_lease(clean_id), owner)

    async def save(self, clean: Clean, owner: str) -> None:
        """Keep it, as the holder of the lease; raises LeaseLost."""
        keys = [layout.clean_lease(clean.id), layout.clean(clean.id)]
        if not await self._run(SAVE, keys, [owner, self._seal(clean), KEPT_SECONDS]):
            raise LeaseLost(clean.id)

    async def fix(self, clean: Clean, job_ids: Sequence[str], owner: str) -> None:
        """As `save`, together with the ids of its jobs."""
        key = layout.clean_jobs(clean.id)
        sealed = self._job_ids.seal(list(job_ids), key)
        keys = [layout.clean_lease(clean.id), layout.clean(clean.id), key]
        if not await self._run(SAVE, keys, [owner, self._seal(clean), KEPT_SECONDS, sealed]):
            raise LeaseLost(clean.id)

    async def jobs(self, clean_id: str) -> list[str]:
        """The ids that `fix` has kept, in that order; none where they cannot be opened."""
        key = layout.clean_jobs(clean_id)
        with reaching_redis():
            return self._job_ids.open(await self._redis.get(key), key) or []

    async def finish(self, clean: Clean, owner: str) -> None:
        """It has ended, and its user may begin another one; raises LeaseLost.

        The marker of another clean-up of theirs stays.
        """
        keys = [
            layout.clean_lease(clean.id),
            layout.clean(clean.id),
            layout.cleans_due(),
            layout.cleaning(clean.caller, clean.tenant),
        ]
        args = [owner, self._seal(clean), KEPT_SECONDS, clean.id]
        if not await self._run(FINISH, keys, args):
            raise LeaseLost(clean.id)

    async def ask_to_stop(self, clean_id: str, user_id: str) -> bool:
        """Let the worker stop it; False where it is not under way.

        `user_id` is who wants that, or OWNER_GONE where its owner has left.
        """
        return bool(await self._run(STOP, [layout.clean(clean_id)], [user_id]))

    async def amend(self, clean: Clean) -> bool:
        """Change the record of one that has ended; False where it has not."""
        return bool(await self._run(AMEND, [layout.clean(clean.id)], [self._seal(clean)]))

    async def _run(self, script: str, keys: list[str], args: list[Any]) -> Any:
        with reaching_redis():
            return await self._scripts[script](keys=keys, args=args)

    def _seal(self, clean: Clean) -> str:
        return self._sealing.seal(clean, layout.clean(clean.id), "record")
