"""What is due when: sorted sets of names by time, each name claimed by one worker at a time."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from bot.store.connection import Commands, reaching_redis

CLAIM_SECONDS = 60.0
"""A name that was claimed is due again after this time, in case its worker has died."""

SCANNED = 500
"""Keys that one step of a reconciliation visits."""

logger = logging.getLogger(__name__)

CLAIM = """
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
for _, name in ipairs(due) do redis.call('ZADD', KEYS[1], ARGV[2], name) end
return due
"""

# A name leaves the index only if Redis itself shows that its record is never due: a worker may
# lack the key that decrypts the record, and the record may have been changed meanwhile.
SCHEDULE = """
if due_at() then return redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1]) and 1 end
redis.call('ZREM', KEYS[1], ARGV[1])
if KEYS[3] then redis.call('HDEL', KEYS[3], ARGV[1]) end
return 0
"""

RESTORE = """
local at = due_at()
return at and redis.call('ZADD', KEYS[1], 'NX', at, ARGV[1]) or 0
"""


@dataclass(frozen=True, slots=True)
class Scheduled:
    """The records that an index is made from.

    `what` names them in the log. `pattern` matches all of their keys, `names` gives the names
    that some of these keys stand for, and `key` the key of a name. `due_at` is a Lua function that
    gives when the record at KEYS[2] is due, for example at ARGV[2]; false or nil if never.
    """

    what: str
    pattern: str
    names: Callable[[list[str]], Awaitable[Iterable[str]]]
    key: Callable[[str], str]
    due_at: str

    @classmethod
    def by_id(cls, what: str, key: Callable[[str], str], due_at: str) -> Scheduled:
        """Records whose keys end with their ids."""

        async def ids(keys: list[str]) -> Iterable[str]:
            found = (one.removeprefix(key("")) for one in keys)
            return [one for one in found if ":" not in one]

        return cls(what, key("*"), ids, key, due_at)


class DueIndex:
    """One index. Every method raises StoreUnavailable if Redis does not answer.

    The hash `strikes` loses the names that leave the index.
    """

    def __init__(
        self, redis: Commands, index: str, scheduled: Scheduled, strikes: str = ""
    ) -> None:
        self._redis, self._index, self._scheduled = redis, index, scheduled
        self._strikes = [strikes] if strikes else []
        self._claim = redis.register_script(CLAIM)
        self._schedule = redis.register_script(scheduled.due_at + SCHEDULE)
        self._restore = redis.register_script(scheduled.due_at + RESTORE)

    async def claim(self, now: float, most: int) -> list[str]:
        """Names that are due, the earliest first; no other worker gets them for a minute.

        In a time that grows with how many these are, not with how many there are.
        """
        with reaching_redis():
            found = await self._claim(keys=[self._index], args=[now, now + CLAIM_SECONDS, most])
        return list(map(str, found))

    async def schedule(self, name: str, at: float) -> bool:
        """Make it due then; False if Redis holds nothing that is ever due under that name."""
        with reaching_redis():
            return bool(await self._schedule(keys=self._keys(name), args=[name, at]))

    async def reconcile(self, at: float) -> int:
        """Add the names that are missing, due at the time of their record, or else `at`.

        Gives how many there were. Visits the keys of Redis in steps of bounded size.
        """
        cursor, restored = -1, 0
        while cursor != 0:
            with reaching_redis():
                cursor, keys = await self._redis.scan(
                    max(cursor, 0), match=self._scheduled.pattern, count=SCANNED
                )
                restored += await self._restored(await self._scheduled.names(keys), at)
        if restored:
            what = self._scheduled.what
            logger.warning("%d %s were missing in the due index, and were added", restored, what)
        return restored

    async def _restored(self, names: Iterable[str], at: float) -> int:
        async with self._redis.pipeline(transaction=False) as pipe:
            for name in names:
                await self._restore(keys=self._keys(name), args=[name, at], client=pipe)
            return sum(await pipe.execute())

    def _keys(self, name: str) -> list[str]:
        return [self._index, self._scheduled.key(name), *self._strikes]
