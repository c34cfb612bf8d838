"""The connections with alerts or watches, and the index of when to look at each."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from bot.models import Caller
from bot.store.connection import Commands, reaching_redis
from bot.store.due_index import DueIndex, Scheduled

logger = logging.getLogger(__name__)

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


class Sources:
    """The sorted set `due` says when to look; the hash `strikes` counts recent refusals.

    Every method raises StoreUnavailable where Redis does not answer.
    """

    def __init__(self, redis: Commands, due: str, strikes: str, followed: Scheduled) -> None:
        self._redis, self._due, self._strikes = redis, due, strikes
        self.due = DueIndex(redis, due, followed, strikes)
        self._strike = redis.register_script(STRIKE)

    async def take_due(self, now: float, most: int) -> list[Source]:
        """Sources that are to be looked at; nobody else gets them for a minute.

        An entry that names no source is removed, so that it does not hold up the others.
        """
        found, unreadable = [], []
        for name in await self.due.claim(now, most):
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
        await self.due.schedule(source.name, at)

    async def look_soon(self, source: Source, at: float) -> None:
        """Look at a source then, unless it is looked at earlier anyway."""
        with reaching_redis():
            await self._redis.zadd(self._due, {source.name: at}, lt=True)

    async def strike(self, source: Source) -> int:
        """Count a refusal; gives how many there were in a row."""
        with reaching_redis():
            return int(await self._strike(keys=[self._due, self._strikes], args=[source.name]))

    async def clear_strikes(self, source: Source) -> None:
        """The connection works, or is not used now."""
        with reaching_redis():
            await self._redis.hdel(self._strikes, source.name)
