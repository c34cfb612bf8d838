"""Due indexes: sorted sets of names by time; each due name is claimed by one worker at a time."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from bot.domain.accounts import PolledConnection
from bot.store.connection import Commands, translate_redis_errors

DUE_CLAIM_SECONDS = 60.0
"""A name that was claimed is due again after this time, in case its worker has died."""

RECONCILE_BATCH_SIZE = 500
"""Keys that one step of a reconciliation visits."""

logger = logging.getLogger(__name__)

CLAIM_DUE = """
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
for _, name in ipairs(due) do redis.call('ZADD', KEYS[1], ARGV[2], name) end
return due
"""

# A name leaves the index only if Redis itself shows that its record is never due: a worker may
# lack the key that decrypts the record, and the record may have been changed meanwhile.
SCHEDULE_DUE = """
if due_at() then return redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1]) and 1 end
redis.call('ZREM', KEYS[1], ARGV[1])
if KEYS[3] then redis.call('HDEL', KEYS[3], ARGV[1]) end
return 0
"""

RESTORE_DUE = """
local at = due_at()
return at and redis.call('ZADD', KEYS[1], 'NX', at, ARGV[1]) or 0
"""


@dataclass(frozen=True, slots=True)
class ScheduledRecords:
    """The records that an index is made from.

    `description` names them in the log. `pattern` matches all of their keys, `names` gives the
    names that some of these keys stand for, and `key` the key of a name. `due_at` is a Lua function
    that gives when the record at KEYS[2] is due, for example at ARGV[2]; false or nil if never.
    """

    description: str
    pattern: str
    names: Callable[[list[str]], Awaitable[Iterable[str]]]
    key: Callable[[str], str]
    due_at: str

    @classmethod
    def by_id(cls, what: str, key: Callable[[str], str], due_at: str) -> ScheduledRecords:
        """Records whose keys end with their ids."""

        async def ids(keys: list[str]) -> Iterable[str]:
            found = (one.removeprefix(key("")) for one in keys)
            return [one for one in found if ":" not in one]

        return cls(what, key("*"), ids, key, due_at)


class DueIndex:
    """One index. Every method raises StoreUnavailable if Redis does not answer.

    The hash `failures` loses the names that leave the index.
    """

    def __init__(
        self, redis: Commands, index: str, scheduled: ScheduledRecords, failures: str = ""
    ) -> None:
        self._redis, self._index, self._scheduled = redis, index, scheduled
        self._failures = [failures] if failures else []
        self._claim = redis.register_script(CLAIM_DUE)
        self._schedule = redis.register_script(scheduled.due_at + SCHEDULE_DUE)
        self._restore = redis.register_script(scheduled.due_at + RESTORE_DUE)

    async def claim(self, now: float, most: int) -> list[str]:
        """Names that are due, the earliest first; no other worker gets them for a minute.

        In a time that grows with how many these are, not with how many there are.
        """
        with translate_redis_errors():
            found = await self._claim(keys=[self._index], args=[now, now + DUE_CLAIM_SECONDS, most])
        return list(map(str, found))

    async def schedule(self, name: str, at: float) -> bool:
        """Make it due then; False if Redis holds nothing that is ever due under that name."""
        with translate_redis_errors():
            return bool(await self._schedule(keys=self._keys(name), args=[name, at]))

    async def reconcile(self, at: float) -> int:
        """Add the names that are missing, due at the time of their record, or else `at`.

        Gives how many there were. Visits the keys of Redis in steps of bounded size.
        """
        cursor, restored = -1, 0
        while cursor != 0:
            with translate_redis_errors():
                cursor, keys = await self._redis.scan(
                    max(cursor, 0), match=self._scheduled.pattern, count=RECONCILE_BATCH_SIZE
                )
                restored += await self._restored(await self._scheduled.names(keys), at)
        if restored:
            what = self._scheduled.description
            logger.warning("%d %s were missing in the due index, and were added", restored, what)
        return restored

    async def _restored(self, names: Iterable[str], at: float) -> int:
        async with self._redis.pipeline(transaction=False) as pipe:
            for name in names:
                await self._restore(keys=self._keys(name), args=[name, at], client=pipe)
            return sum(await pipe.execute())

    def _keys(self, name: str) -> list[str]:
        return [self._index, self._scheduled.key(name), *self._failures]


# Only what is in the index is counted, so that nothing stays of a connection that was removed.
COUNT_FAILURE = """
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
return redis.call('HINCRBY', KEYS[2], ARGV[1], 1)
"""


class PolledConnections:
    """The sorted set `due` says when to look; the hash `failures` counts recent refusals.

    Every method raises StoreUnavailable where Redis does not answer.
    """

    def __init__(self, redis: Commands, due: str, failures: str, records: ScheduledRecords) -> None:
        self._redis, self._due, self._failures = redis, due, failures
        self.due = DueIndex(redis, due, records, failures)
        self._count_failure = redis.register_script(COUNT_FAILURE)

    async def claim_due(self, now: float, most: int) -> list[PolledConnection]:
        """Connections that are to be looked at; nobody else gets them for a minute.

        An entry that names no connection is removed, so that it does not hold up the others.
        """
        found, unreadable = [], []
        for name in await self.due.claim(now, most):
            try:
                found.append(PolledConnection.parse(name))
            except ValueError:
                unreadable.append(name)
        if unreadable:
            logger.warning("%d unreadable entries removed from %s", len(unreadable), self._due)
            with translate_redis_errors():
                await self._redis.zrem(self._due, *unreadable)
        return found

    async def schedule(self, connection: PolledConnection, at: float) -> None:
        """Look at a connection then; never again if Redis holds nothing that is records there."""
        await self.due.schedule(connection.name, at)

    async def poll_by(self, connection: PolledConnection, at: float) -> None:
        """Look at a connection then, unless it is looked at earlier anyway."""
        with translate_redis_errors():
            await self._redis.zadd(self._due, {connection.name: at}, lt=True)

    async def count_failure(self, connection: PolledConnection) -> int:
        """Count a refusal; gives how many there were in a row."""
        with translate_redis_errors():
            return int(
                await self._count_failure(keys=[self._due, self._failures], args=[connection.name])
            )

    async def clear_failures(self, connection: PolledConnection) -> None:
        """The connection works, or is not used now."""
        with translate_redis_errors():
            await self._redis.hdel(self._failures, connection.name)
