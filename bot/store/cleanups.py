"""Clean-ups and the result of each of their jobs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from bot.domain.accounts import Caller
from bot.domain.audit import BEGUN
from bot.domain.cleanups import ALREADY_GONE, DELETED, Cleanup
from bot.errors import NOT_DONE, LimitReached
from bot.store import keys as redis_keys
from bot.store.connection import Commands, translate_redis_errors
from bot.store.due_index import DueIndex, Scheduled
from bot.store.encryption import Cipher, EncryptedRecords
from bot.store.locks import Locks
from bot.store.serialization import Serializer
from bot.store.versioned_records import CLEANUPS, CLEANUPS_SECONDS, WAIT_FOR

AGAIN = "again"
"""Begun although an attempt before may have worked."""

SETTLED = frozenset({DELETED, ALREADY_GONE, "forbidden", "invalid_request", "invalid_input"})
"""Results that stay: the errors among them are about the one job."""

OTHERS_NOT_DONE = {"not_connected", "missing_scope", "store_unavailable"}
"""Ends of an attempt before anything was sent, beside those in NOT_DONE."""

# A 404 after an attempt of ours whose end is unknown means that this attempt deleted the job.
NOTE = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return false end
local old = redis.call('HGET', KEYS[1], ARGV[2]) or ''
local kind, result = ARGV[3], ARGV[4]
if old ~= '' and old ~= 'begun' and old ~= 'again' then return old end
if kind == 'unknown' then return old end
if kind == 'begun' then
    result = (old == '') and 'begun' or 'again'
elseif kind == 'not_done' then
    result = (old == 'again') and 'begun' or ''
elseif result == 'already_gone' and old == 'again' then
    result = 'deleted'
end
if result == '' then
    redis.call('HDEL', KEYS[1], ARGV[2])
else
    redis.call('HSET', KEYS[1], ARGV[2], result)
end
redis.call('EXPIRE', KEYS[1], ARGV[5])
return result
"""


class CleanupResults:
    """The results of the clean-ups of this process. Methods raise StoreUnavailable."""

    def __init__(self, redis: Commands) -> None:
        self._redis = redis
        self._note = redis.register_script(NOTE)

    async def tally(self, clean_id: str) -> Counter[str]:
        """How many jobs have come to each result that stays."""
        with translate_redis_errors():
            results = await self._redis.hvals(redis_keys.clean_results(clean_id))
        return Counter(result for result in results if result in SETTLED)

    async def open(self, clean_id: str, owner: str) -> CleanupRecord:
        """The record that the holder of the lease writes."""
        with translate_redis_errors():
            known = await self._redis.hgetall(redis_keys.clean_results(clean_id))
        return CleanupRecord(self, clean_id, owner, known)

    async def note(self, clean_id: str, owner: str, job_id: str, result: str) -> str:
        """Write what was begun or how it ended; gives what counts now. Raises LeaseLost."""
        keys = [redis_keys.clean_results(clean_id), redis_keys.clean_lease(clean_id)]
        args = [owner, job_id, _kind(result), result, KEPT_SECONDS]
        with translate_redis_errors():
            counts = await self._note(keys=keys, args=args)
        if counts is None:
            raise LeaseLost(clean_id)
        return str(counts)


class CleanupRecord:
    """In the place of the audit record, which has one entry for a whole clean-up: it would hold
    little else after some of them. Here each delete is recorded, before it happens and after it.
    """

    def __init__(
        self, results: CleanupResults, clean_id: str, owner: str, known: Mapping[str, str]
    ) -> None:
        self._results, self._clean_id, self._owner = results, clean_id, owner
        self._known = dict(known)

    def result(self, job_id: str) -> str:
        """The result that stays; empty where there is none yet."""
        known = self._known.get(job_id, "")
        return known if known in SETTLED else ""

    def is_touched(self, job_id: str) -> bool:
        """Whether it has a result, or a delete of it was begun and may have worked."""
        return bool(self._known.get(job_id))

    @property
    def tally(self) -> Counter[str]:
        """How many jobs have come to each result that stays."""
        return Counter(result for result in self._known.values() if result in SETTLED)

    async def record_delete(
        self, caller: Caller, tenant: str, job_id: str, result: str, replaces: str = ""
    ) -> str:
        """As `AuditLog.record_delete`; what does not stay leaves the job to be tried again."""
        counts = await self._results.note(self._clean_id, self._owner, job_id, result)
        self._known[job_id] = counts
        return job_id


def _kind(result: str) -> str:
    """What a result says of one attempt; one that nobody knows may have worked."""
    if result == BEGUN:
        return "begun"
    if result in SETTLED:
        return "settled"
    return "not_done" if result in NOT_DONE or result in OTHERS_NOT_DONE else "unknown"


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


CLEANUP_SERIALIZER = Serializer(Cleanup)
JOB_IDS_SERIALIZER = Serializer(list[str])


class CleanupStore:
    """Clean-ups in Redis; `due` are those that are under way.

    Every method raises StoreUnavailable where Redis does not answer.
    """

    def __init__(self, redis: Commands, vault: Cipher) -> None:
        self._redis = redis
        self._sealing = EncryptedRecords(vault, "clean-up", CLEANUP_SERIALIZER)
        self._job_ids = EncryptedRecords(vault, "list of a clean-up's jobs", JOB_IDS_SERIALIZER)
        self._locks = Locks(redis)
        scheduled = Scheduled.by_id("clean-ups", redis_keys.clean, DUE_AT)
        self.due = DueIndex(redis, redis_keys.cleans_due(), scheduled)
        scripts = (ASK, BEGIN, RENEW, SAVE, FINISH, STOP, AMEND)
        self._scripts = {script: redis.register_script(script) for script in scripts}

    async def load(self, clean_id: str) -> Cleanup | None:
        """The clean-up of that id; None where it is gone, or cannot be opened."""
        key = redis_keys.clean(clean_id)
        with translate_redis_errors():
            sealed = await self._redis.hget(key, "record")
        return self._sealing.open(sealed, key, "record")

    async def ask(self, clean: Cleanup) -> bool:
        """Keep a question for an hour; False where that clean-up has begun already."""
        args = [self._seal(clean), ASKED_SECONDS]
        return bool(await self._run(ASK, [redis_keys.clean(clean.id)], args))

    async def begin(self, clean: Cleanup, now: float) -> bool:
        """Let a worker look after it; False where its user has another one in the tenant.

        True and nothing else where it has begun already. Raises LimitReached where its user has
        begun too many in the last 24 hours.
        """
        keys = [
            redis_keys.cleaning(clean.caller, clean.tenant),
            redis_keys.cleans_due(),
            redis_keys.clean(clean.id),
            redis_keys.cleanups_begun(clean.caller),
        ]
        record = self._seal(clean)
        args = [clean.id, now, record, KEPT_SECONDS, CLEANUPS, CLEANUPS_SECONDS]
        if (done := int(await self._run(BEGIN, keys, args))) < 0:
            raise LimitReached("clean-ups", "person", CLEANUPS, -done)
        return bool(done)

    async def running(self, most: int) -> list[Cleanup]:
        """Those that are under way and can be opened, at most so many."""
        with translate_redis_errors():
            found = await self._redis.zrange(redis_keys.cleans_due(), 0, most - 1)
        cleans = [await self.load(str(clean_id)) for clean_id in found]
        return [clean for clean in cleans if clean]

    async def claim(self, clean_id: str, owner: str) -> bool:
        """Take the lease; False where another worker has it."""
        return not await self._locks.take(redis_keys.clean_lease(clean_id), owner, LEASE_SECONDS)

    async def renew(self, clean_id: str, owner: str) -> str:
        """Keep the lease; gives the user who wants it to stop, "" for nobody; raises LeaseLost."""
        keys = [redis_keys.clean_lease(clean_id), redis_keys.clean(clean_id)]
        ours, stop = await self._run(RENEW, keys, [owner, LEASE_SECONDS * 1000])
        if not ours:
            raise LeaseLost(clean_id)
        return str(stop)

    async def release(self, clean_id: str, owner: str) -> None:
        await self._locks.release(redis_keys.clean_lease(clean_id), owner)

    async def save(self, clean: Cleanup, owner: str) -> None:
        """Keep it, as the holder of the lease; raises LeaseLost."""
        keys = [redis_keys.clean_lease(clean.id), redis_keys.clean(clean.id)]
        if not await self._run(SAVE, keys, [owner, self._seal(clean), KEPT_SECONDS]):
            raise LeaseLost(clean.id)

    async def freeze_job_ids(self, clean: Cleanup, job_ids: Sequence[str], owner: str) -> None:
        """As `save`, together with the ids of its jobs."""
        key = redis_keys.clean_jobs(clean.id)
        sealed = self._job_ids.seal(list(job_ids), key)
        keys = [redis_keys.clean_lease(clean.id), redis_keys.clean(clean.id), key]
        if not await self._run(SAVE, keys, [owner, self._seal(clean), KEPT_SECONDS, sealed]):
            raise LeaseLost(clean.id)

    async def jobs(self, clean_id: str) -> list[str]:
        """The ids that `freeze_job_ids` stored, in that order; none if they cannot be decrypted."""
        key = redis_keys.clean_jobs(clean_id)
        with translate_redis_errors():
            return self._job_ids.open(await self._redis.get(key), key) or []

    async def finish(self, clean: Cleanup, owner: str) -> None:
        """It has ended, and its user may begin another one; raises LeaseLost.

        The marker of another clean-up of theirs stays.
        """
        keys = [
            redis_keys.clean_lease(clean.id),
            redis_keys.clean(clean.id),
            redis_keys.cleans_due(),
            redis_keys.cleaning(clean.caller, clean.tenant),
        ]
        args = [owner, self._seal(clean), KEPT_SECONDS, clean.id]
        if not await self._run(FINISH, keys, args):
            raise LeaseLost(clean.id)

    async def ask_to_stop(self, clean_id: str, user_id: str) -> bool:
        """Let the worker stop it; False where it is not under way.

        `user_id` is who wants that, or OWNER_GONE where its owner has left.
        """
        return bool(await self._run(STOP, [redis_keys.clean(clean_id)], [user_id]))

    async def amend(self, clean: Cleanup) -> bool:
        """Change the record of one that has ended; False where it has not."""
        return bool(await self._run(AMEND, [redis_keys.clean(clean.id)], [self._seal(clean)]))

    async def _run(self, script: str, keys: list[str], args: list[Any]) -> Any:
        with translate_redis_errors():
            return await self._scripts[script](keys=keys, args=args)

    def _seal(self, clean: Cleanup) -> str:
        return self._sealing.seal(clean, redis_keys.clean(clean.id), "record")
