"""Clean-ups, and the result for each of their jobs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from bot.domain.accounts import Caller
from bot.domain.audit import BEGUN
from bot.domain.cleanups import ALREADY_GONE, DELETED, Cleanup
from bot.domain.records import Serializer
from bot.errors import NOT_DONE, LimitReached
from bot.store import keys as redis_keys
from bot.store.connection import Commands, translate_redis_errors
from bot.store.due_index import DueIndex, ScheduledRecords
from bot.store.encryption import Cipher, EncryptedRecords
from bot.store.locks import Locks
from bot.store.versioned_records import CLEANUPS_PERIOD_SECONDS, MAX_CLEANUPS, WAIT_FOR

FINAL_RESULTS = frozenset(
    {DELETED, ALREADY_GONE, "emporix_refused", "forbidden", "invalid_request", "invalid_input"}
)
"""Results that aren't retried; the errors among them affect only a single job."""

NOT_SENT = {"not_connected", "missing_scope", "store_unavailable"}
"""Errors that occur before a request is sent, in addition to those in NOT_DONE."""

# Stores the result of a delete. "retried" means that a delete was started although an earlier
# attempt may have succeeded; a 404 then means that the earlier one deleted the job.
RECORD_RESULT = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return false end
local old = redis.call('HGET', KEYS[1], ARGV[2]) or ''
local kind, result = ARGV[3], ARGV[4]
if old ~= '' and old ~= 'begun' and old ~= 'retried' then return old end
if kind == 'unknown' then return old end
if kind == 'begun' then
    result = (old == '') and 'begun' or 'retried'
elseif kind == 'not_done' then
    result = (old == 'retried') and 'begun' or ''
elseif result == 'already_gone' and old == 'retried' then
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
    """Per-job results of clean-ups; methods raise StoreUnavailable if Redis doesn't answer."""

    def __init__(self, redis: Commands) -> None:
        self._redis = redis
        self._record = redis.register_script(RECORD_RESULT)

    async def count(self, cleanup_id: str) -> Counter[str]:
        """Count the jobs of a clean-up by final result."""
        with translate_redis_errors():
            results = await self._redis.hvals(redis_keys.cleanup_results(cleanup_id))
        return Counter(result for result in results if result in FINAL_RESULTS)

    async def open_journal(self, cleanup_id: str, owner: str) -> CleanupJournal:
        """Return the journal for the worker that holds the clean-up's lease."""
        with translate_redis_errors():
            known = await self._redis.hgetall(redis_keys.cleanup_results(cleanup_id))
        return CleanupJournal(self, cleanup_id, owner, known)

    async def record(self, cleanup_id: str, owner: str, job_id: str, result: str) -> str:
        """Record the start or result of a delete; return the stored result. Raises LeaseLost."""
        keys = [redis_keys.cleanup_results(cleanup_id), redis_keys.cleanup_lease(cleanup_id)]
        args = [owner, job_id, _kind(result), result, CLEANUP_TTL_SECONDS]
        with translate_redis_errors():
            counts = await self._record(keys=keys, args=args)
        if counts is None:
            raise LeaseLost(cleanup_id)
        return str(counts)


class CleanupJournal:
    """Records each delete of a clean-up, before and after the request.

    The audit log has only one entry per clean-up, because an entry per job would fill it up.
    """

    def __init__(
        self, results: CleanupResults, cleanup_id: str, owner: str, known: Mapping[str, str]
    ) -> None:
        self._results, self._clean_id, self._owner = results, cleanup_id, owner
        self._results_by_job = dict(known)

    def result(self, job_id: str) -> str:
        """Return the final result of a job; empty if there is none yet."""
        known = self._results_by_job.get(job_id, "")
        return known if known in FINAL_RESULTS else ""

    def is_started(self, job_id: str) -> bool:
        """Whether the job has a result, or a delete that was started may have succeeded."""
        return bool(self._results_by_job.get(job_id))

    @property
    def counts(self) -> Counter[str]:
        """The number of jobs by final result."""
        return Counter(
            result for result in self._results_by_job.values() if result in FINAL_RESULTS
        )

    async def record_delete(
        self, caller: Caller, tenant: str, job_id: str, result: str, replaces: str = ""
    ) -> str:
        """Like `AuditLog.record_delete`; a job without a final result will be retried."""
        counts = await self._results.record(self._clean_id, self._owner, job_id, result)
        self._results_by_job[job_id] = counts
        return job_id


def _kind(result: str) -> str:
    """Classify the result of an attempt; an `unknown` attempt may have succeeded."""
    if result == BEGUN:
        return "begun"
    if result in FINAL_RESULTS:
        return "settled"
    return "not_done" if result in NOT_DONE or result in NOT_SENT else "unknown"


CONFIRMATION_TTL_SECONDS = 60 * 60
"""How long the user has to answer the confirmation dialog."""

CLEANUP_TTL_SECONDS = 30 * 24 * 60 * 60
CLEANUP_LEASE_SECONDS = 15
"""Longer than a batch of deletes can take."""

# A clean-up's hash contains its `state` in plain text: unconfirmed, running or ended.
# Record, state and due index change together, so a running clean-up is always in the index.

SAVE_UNCONFIRMED = """
local state = redis.call('HGET', KEYS[1], 'state')
if state and state ~= 'unconfirmed' then return 0 end
redis.call('HSET', KEYS[1], 'record', ARGV[1], 'state', 'unconfirmed')
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
"""

# Allows one clean-up per user and tenant at a time; one not in the index has ended or expired.
# Returns 1 if it has started, 0 if another one is running, or the negated seconds to wait.
START_CLEANUP = (
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

# Returns whether this worker still holds the lease, and the user who requested a stop, or "".
RENEW_LEASE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {0, ''} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {1, redis.call('HGET', KEYS[2], 'stop') or ''}
"""

# Only the holder of the lease may save: another worker may have written a newer record.
SAVE_CLEANUP = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[2], 'record', ARGV[2])
redis.call('EXPIRE', KEYS[2], ARGV[3])
if KEYS[3] then redis.call('SET', KEYS[3], ARGV[4], 'EX', ARGV[3]) end
return 1
"""

FINISH_CLEANUP = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[2], 'record', ARGV[2], 'state', 'ended')
redis.call('HDEL', KEYS[2], 'stop')
redis.call('EXPIRE', KEYS[2], ARGV[3])
redis.call('ZREM', KEYS[3], ARGV[4])
if redis.call('GET', KEYS[4]) == ARGV[4] then redis.call('DEL', KEYS[4]) end
return 1
"""

REQUEST_STOP = """
if redis.call('HGET', KEYS[1], 'state') ~= 'running' then return 0 end
redis.call('HSET', KEYS[1], 'stop', ARGV[1])
return 1
"""

AMEND_CLEANUP = """
if redis.call('HGET', KEYS[1], 'state') ~= 'ended' then return 0 end
redis.call('HSET', KEYS[1], 'record', ARGV[1])
return 1
"""

CLEANUPS_DUE_AT = """
local function due_at() return redis.call('HGET', KEYS[2], 'state') == 'running' and ARGV[2] end
"""


class LeaseLost(Exception):
    """Another worker has taken over the clean-up."""


CLEANUP_SERIALIZER = Serializer(Cleanup)
JOB_IDS_SERIALIZER = Serializer(list[str])


class CleanupStore:
    """Clean-ups in Redis; `due` is the index of running clean-ups.

    Every method raises StoreUnavailable if Redis doesn't answer.
    """

    def __init__(self, redis: Commands, cipher: Cipher) -> None:
        self._redis = redis
        self._records = EncryptedRecords(cipher, "clean-up", CLEANUP_SERIALIZER)
        self._job_id_lists = EncryptedRecords(
            cipher, "list of a clean-up's jobs", JOB_IDS_SERIALIZER
        )
        self._locks = Locks(redis)
        scheduled = ScheduledRecords.by_id("clean-ups", redis_keys.cleanup, CLEANUPS_DUE_AT)
        self.due = DueIndex(redis, redis_keys.cleanups_due(), scheduled)
        scripts = (
            SAVE_UNCONFIRMED,
            START_CLEANUP,
            RENEW_LEASE,
            SAVE_CLEANUP,
            FINISH_CLEANUP,
            REQUEST_STOP,
            AMEND_CLEANUP,
        )
        self._scripts = {script: redis.register_script(script) for script in scripts}

    async def load(self, cleanup_id: str) -> Cleanup | None:
        """Load a clean-up by its id; None if it doesn't exist or can't be decrypted."""
        key = redis_keys.cleanup(cleanup_id)
        with translate_redis_errors():
            encrypted = await self._redis.hget(key, "record")
        return self._records.decrypt(encrypted, key, "record")

    async def save_unconfirmed(self, cleanup: Cleanup) -> bool:
        """Store a clean-up for an hour to await confirmation; False if it has already started."""
        args = [self._encrypt(cleanup), CONFIRMATION_TTL_SECONDS]
        return bool(await self._run(SAVE_UNCONFIRMED, [redis_keys.cleanup(cleanup.id)], args))

    async def start(self, cleanup: Cleanup, now: float) -> bool:
        """Start a clean-up; False if its user already has another one running in the tenant.

        A worker then runs it. If it has already started, does nothing and returns True. Raises
        LimitReached if its user has started too many clean-ups in the last 24 hours.
        """
        keys = [
            redis_keys.active_cleanup(cleanup.caller, cleanup.tenant),
            redis_keys.cleanups_due(),
            redis_keys.cleanup(cleanup.id),
            redis_keys.cleanups_started(cleanup.caller),
        ]
        record = self._encrypt(cleanup)
        args = [cleanup.id, now, record, CLEANUP_TTL_SECONDS, MAX_CLEANUPS, CLEANUPS_PERIOD_SECONDS]
        if (done := int(await self._run(START_CLEANUP, keys, args))) < 0:
            raise LimitReached("clean-ups", "person", MAX_CLEANUPS, -done)
        return bool(done)

    async def running(self, most: int) -> list[Cleanup]:
        """Return up to `most` running clean-ups, omitting any that can't be decrypted."""
        with translate_redis_errors():
            found = await self._redis.zrange(redis_keys.cleanups_due(), 0, most - 1)
        cleanups = [await self.load(str(cleanup_id)) for cleanup_id in found]
        return [cleanup for cleanup in cleanups if cleanup]

    async def acquire_lease(self, cleanup_id: str, owner: str) -> bool:
        """Acquire the lease of a clean-up; False if another worker holds it."""
        return not await self._locks.acquire(
            redis_keys.cleanup_lease(cleanup_id), owner, CLEANUP_LEASE_SECONDS
        )

    async def renew_lease(self, cleanup_id: str, owner: str) -> str:
        """Extend the lease; return the user who requested a stop, or "". Raises LeaseLost."""
        keys = [redis_keys.cleanup_lease(cleanup_id), redis_keys.cleanup(cleanup_id)]
        ours, stop = await self._run(RENEW_LEASE, keys, [owner, CLEANUP_LEASE_SECONDS * 1000])
        if not ours:
            raise LeaseLost(cleanup_id)
        return str(stop)

    async def release_lease(self, cleanup_id: str, owner: str) -> None:
        await self._locks.release(redis_keys.cleanup_lease(cleanup_id), owner)

    async def save(self, cleanup: Cleanup, owner: str) -> None:
        """Save a clean-up whose lease `owner` holds; raises LeaseLost."""
        keys = [redis_keys.cleanup_lease(cleanup.id), redis_keys.cleanup(cleanup.id)]
        if not await self._run(
            SAVE_CLEANUP, keys, [owner, self._encrypt(cleanup), CLEANUP_TTL_SECONDS]
        ):
            raise LeaseLost(cleanup.id)

    async def freeze_job_ids(self, cleanup: Cleanup, job_ids: Sequence[str], owner: str) -> None:
        """Like `save`, but also store the ids of the clean-up's jobs in the same step."""
        key = redis_keys.cleanup_jobs(cleanup.id)
        encrypted = self._job_id_lists.encrypt(list(job_ids), key)
        keys = [redis_keys.cleanup_lease(cleanup.id), redis_keys.cleanup(cleanup.id), key]
        if not await self._run(
            SAVE_CLEANUP, keys, [owner, self._encrypt(cleanup), CLEANUP_TTL_SECONDS, encrypted]
        ):
            raise LeaseLost(cleanup.id)

    async def load_job_ids(self, cleanup_id: str) -> list[str]:
        """Return the ids stored by `freeze_job_ids`, in order; empty if they can't be decrypted."""
        key = redis_keys.cleanup_jobs(cleanup_id)
        with translate_redis_errors():
            return self._job_id_lists.decrypt(await self._redis.get(key), key) or []

    async def finish(self, cleanup: Cleanup, owner: str) -> None:
        """Mark a clean-up as ended, so that its user can start another one; raises LeaseLost.

        If another clean-up of the same user and tenant is active, it stays active.
        """
        keys = [
            redis_keys.cleanup_lease(cleanup.id),
            redis_keys.cleanup(cleanup.id),
            redis_keys.cleanups_due(),
            redis_keys.active_cleanup(cleanup.caller, cleanup.tenant),
        ]
        args = [owner, self._encrypt(cleanup), CLEANUP_TTL_SECONDS, cleanup.id]
        if not await self._run(FINISH_CLEANUP, keys, args):
            raise LeaseLost(cleanup.id)

    async def request_stop(self, cleanup_id: str, user_id: str) -> bool:
        """Ask the worker to stop a clean-up; False if it isn't running.

        `user_id` is the user who requested the stop, or OWNER_GONE if the owner has left.
        """
        return bool(await self._run(REQUEST_STOP, [redis_keys.cleanup(cleanup_id)], [user_id]))

    async def amend(self, cleanup: Cleanup) -> bool:
        """Update the record of a clean-up that has ended; False if it hasn't ended."""
        return bool(
            await self._run(
                AMEND_CLEANUP, [redis_keys.cleanup(cleanup.id)], [self._encrypt(cleanup)]
            )
        )

    async def _run(self, script: str, keys: list[str], args: list[Any]) -> Any:
        with translate_redis_errors():
            return await self._scripts[script](keys=keys, args=args)

    def _encrypt(self, cleanup: Cleanup) -> str:
        return self._records.encrypt(cleanup, redis_keys.cleanup(cleanup.id), "record")
