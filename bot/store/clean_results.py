"""What has become of each job of a clean-up: once told it stays, so that the report adds up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from bot.errors import NOT_DONE
from bot.models import Caller
from bot.store import layout
from bot.store.audit import BEGUN
from bot.store.cleans import KEPT_SECONDS, LeaseLost
from bot.store.connection import Commands, reaching_redis

AGAIN = "again"
"""Begun although an attempt before may have worked."""

DELETED, ALREADY_GONE = "deleted", "already_gone"
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


class CleanResults:
    """The results of the clean-ups of this process. Methods raise StoreUnavailable."""

    def __init__(self, redis: Commands) -> None:
        self._redis = redis
        self._note = redis.register_script(NOTE)

    async def tally(self, clean_id: str) -> Counter[str]:
        """How many jobs have come to each result that stays."""
        with reaching_redis():
            results = await self._redis.hvals(layout.clean_results(clean_id))
        return Counter(result for result in results if result in SETTLED)

    async def open(self, clean_id: str, owner: str) -> CleanRecord:
        """The record that the holder of the lease writes."""
        with reaching_redis():
            known = await self._redis.hgetall(layout.clean_results(clean_id))
        return CleanRecord(self, clean_id, owner, known)

    async def note(self, clean_id: str, owner: str, job_id: str, result: str) -> str:
        """Write what was begun or how it ended; gives what counts now. Raises LeaseLost."""
        keys = [layout.clean_results(clean_id), layout.clean_lease(clean_id)]
        args = [owner, job_id, _kind(result), result, KEPT_SECONDS]
        with reaching_redis():
            counts = await self._note(keys=keys, args=args)
        if counts is None:
            raise LeaseLost(clean_id)
        return str(counts)


class CleanRecord:
    """In the place of the audit record, which has one entry for a whole clean-up: it would hold
    little else after some of them. Here each delete is recorded, before it happens and after it.
    """

    def __init__(
        self, results: CleanResults, clean_id: str, owner: str, known: Mapping[str, str]
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
