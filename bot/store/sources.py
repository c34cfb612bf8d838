"""The connections with alerts or watches, and the index of when to look at each."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from bot.models import Caller
from bot.store.connection import Commands, reaching_redis

TAKEN_SECONDS = 60.0

SCANNED = 500
"""Keys that one step of a reconciliation visits."""

logger = logging.getLogger(__name__)

# Whoever takes what is due looks after it for a while; after that it is due again.
TAKE_DUE = """
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
for _, name in ipairs(due) do redis.call('ZADD', KEYS[1], ARGV[2], name) end
return due
"""

# An entry leaves the index only if Redis itself shows that nothing is followed there: a reader may
# lack the key that opens the records, and something may have been added meanwhile.
LOOK_AGAIN = """
if is_followed() then
  redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
else
  redis.call('ZREM', KEYS[1], ARGV[1])
  redis.call('HDEL', KEYS[2], ARGV[1])
end
"""

RESTORE = """
if redis.call('ZSCORE', KEYS[1], ARGV[1]) or not is_followed() then return 0 end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
return 1
"""

# Only what is in the index is counted, so that nothing stays of a connection that was removed.
STRIKE = """
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
return redis.call('HINCRBY', KEYS[2], ARGV[1], 1)
"""


@dataclass(frozen=True, slots=True)
class Source:
    """One user's connection to one tenant: what is followed there is asked for together."""

    owner: Caller
    tenant: str

    @property
    def name(self) -> str:
        """No part but the last, the tenant's name, can hold a colon."""
        owner = self.owner
        return f"{owner.enterprise_id}:{owner.team_id}:{owner.user_id}:{self.tenant}"

    @classmethod
    def named(cls, name: str) -> Source:
        """Raises ValueError for anything that is not a name of a source."""
        enterprise_id, team_id, user_id, tenant = name.split(":", 3)
        return cls(Caller(team_id, user_id, enterprise_id), tenant)


@dataclass(frozen=True, slots=True)
class Followed:
    """Where the records are that make a source worth looking at.

    `key` gives the key that holds those of a source, `pattern` fits all such keys, and `sources`
    gives the sources of some of them. `is_followed` is a Lua function that says whether KEYS[3],
    the key of a source, holds anything of the tenant ARGV[3].
    """

    what: str
    pattern: str
    key: Callable[[Source], str]
    sources: Callable[[list[str]], Awaitable[Iterable[Source]]]
    is_followed: str


class Sources:
    """The sorted set `due` says when to look; the hash `strikes` counts recent refusals.

    Every method raises StoreUnavailable where Redis does not answer.
    """

    def __init__(self, redis: Commands, due: str, strikes: str, followed: Followed) -> None:
        self._redis, self._due, self._strikes = redis, due, strikes
        self._followed = followed
        self._take_due = redis.register_script(TAKE_DUE)
        self._look_again = redis.register_script(followed.is_followed + LOOK_AGAIN)
        self._restore = redis.register_script(followed.is_followed + RESTORE)
        self._strike = redis.register_script(STRIKE)

    async def take_due(self, now: float, most: int) -> list[Source]:
        """Sources that are to be looked at; nobody else gets them for a minute.

        In a time that grows with how many these are, not with how many there are. An entry that
        names no source is removed, so that it does not hold up the others.
        """
        with reaching_redis():
            names = await self._take_due(keys=[self._due], args=[now, now + TAKEN_SECONDS, most])
        found, unreadable = [], []
        for name in names:
            try:
                found.append(Source.named(name))
            except ValueError:
                unreadable.append(name)
        if unreadable:
            logger.warning("%d unreadable entries removed from %s", len(unreadable), self._due)
            with reaching_redis():
                await self._redis.zrem(self._due, *unreadable)
        return found

    async def look_again(self, source: Source, at: float) -> None:
        """Look at a source then; never again if Redis holds nothing that is followed there."""
        with reaching_redis():
            await self._look_again(keys=self._keys(source), args=[source.name, at, source.tenant])

    async def look_soon(self, source: Source, at: float) -> None:
        """Look at a source then, unless it is looked at earlier anyway."""
        with reaching_redis():
            await self._redis.zadd(self._due, {source.name: at}, lt=True)

    async def reconcile(self, at: float) -> int:
        """Add the sources that are followed but not in the index, to be looked at then.

        Gives how many there were. Visits the keys of Redis in steps of bounded size.
        """
        cursor, restored = -1, 0
        while cursor != 0:
            with reaching_redis():
                cursor, keys = await self._redis.scan(
                    max(cursor, 0), match=self._followed.pattern, count=SCANNED
                )
                restored += await self._restored(await self._followed.sources(keys), at)
        if restored:
            logger.warning(
                "%d connections with %s were missing in the due index, and were added",
                restored,
                self._followed.what,
            )
        return restored

    async def _restored(self, sources: Iterable[Source], at: float) -> int:
        async with self._redis.pipeline(transaction=False) as pipe:
            for source in sources:
                args = [source.name, at, source.tenant]
                await self._restore(keys=self._keys(source), args=args, client=pipe)
            return sum(await pipe.execute())

    async def strike(self, source: Source) -> int:
        """Count a refusal; gives how many there were in a row."""
        with reaching_redis():
            return int(await self._strike(keys=[self._due, self._strikes], args=[source.name]))

    async def clear_strikes(self, source: Source) -> None:
        """The connection works, or is not used now."""
        with reaching_redis():
            await self._redis.hdel(self._strikes, source.name)

    def _keys(self, source: Source) -> list[str]:
        return [self._due, self._strikes, self._followed.key(source)]
