"""Connections on which something is followed, and the index of which are to be looked at when."""

from __future__ import annotations

from dataclasses import dataclass

from bot.models import Caller
from bot.store.connection import Commands, reaching_redis

TAKEN_SECONDS = 60.0

# Whoever takes what is due looks after it for a while; after that it is due again.
TAKE_DUE = """
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
for _, name in ipairs(due) do redis.call('ZADD', KEYS[1], ARGV[2], name) end
return due
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
        enterprise_id, team_id, user_id, tenant = name.split(":", 3)
        return cls(Caller(team_id, user_id, enterprise_id), tenant)


class Sources:
    """What is due, in the sorted set `due`; and in the hash `strikes`, what did not work lately.

    Every method raises StoreUnavailable where Redis does not answer.
    """

    def __init__(self, redis: Commands, due: str, strikes: str) -> None:
        self._redis, self._due, self._strikes = redis, due, strikes
        self._take_due = redis.register_script(TAKE_DUE)

    async def take_due(self, now: float, most: int) -> list[Source]:
        """Sources that are to be looked at; nobody else gets them for a minute.

        In a time that grows with how many these are, not with how many there are.
        """
        with reaching_redis():
            names = await self._take_due(keys=[self._due], args=[now, now + TAKEN_SECONDS, most])
        return [Source.named(name) for name in names]

    async def look_again(self, source: Source, at: float | None) -> None:
        """When to look at a source next; never where nothing is followed there any more."""
        with reaching_redis():
            if at is None:
                await self._redis.zrem(self._due, source.name)
                await self._redis.hdel(self._strikes, source.name)
            else:
                await self._redis.zadd(self._due, {source.name: at})

    async def look_soon(self, source: Source, at: float) -> None:
        """Look at a source then, unless it is looked at earlier anyway."""
        with reaching_redis():
            await self._redis.zadd(self._due, {source.name: at}, lt=True)

    async def strike(self, source: Source) -> int:
        """It did not work; gives how many times this was so in a row."""
        with reaching_redis():
            return int(await self._redis.hincrby(self._strikes, source.name, 1))

    async def clear_strikes(self, source: Source) -> None:
        """It works, or nobody needs it."""
        with reaching_redis():
            await self._redis.hdel(self._strikes, source.name)
