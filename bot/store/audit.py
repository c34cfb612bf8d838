"""Who deleted which job, in a capped stream a workspace."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.models import Caller
from bot.store import layout
from bot.store.connection import Commands, reaching_redis

KEPT_ENTRIES = 10_000
KEPT_DAYS = 365

OF_USER = """
local found = {}
for _, entry in ipairs(redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', ARGV[2])) do
    local facts = entry[2]
    for i = 1, #facts, 2 do
        if facts[i] == 'user_id' and facts[i + 1] == ARGV[1] then table.insert(found, entry) end
    end
    if #found == tonumber(ARGV[3]) then break end
end
return found
"""
"""Looks through them in Redis: a Home shows five of five hundred."""

BEGUN = "begun"
"""The result of a delete that is under way, and for good where its end could not be recorded."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """`result` is BEGUN, deleted, already_gone or an error's name; `at` in seconds since 1970.

    A clean-up has one entry, with its own id as the `job_id`: how many jobs were `counted` and how
    many of them were `deleted`; its `result` is BEGUN or why it ended.
    """

    at: float
    user_id: str
    tenant: str
    job_id: str
    result: str
    counted: int = 0
    deleted: int = 0


class AuditLog:
    """The audit record; every method raises StoreUnavailable where Redis does not answer."""

    def __init__(self, redis: Commands, kept_days: int = KEPT_DAYS) -> None:
        self._redis, self._kept_days = redis, kept_days
        self._of_user = redis.register_script(OF_USER)

    async def record(
        self,
        caller: Caller,
        tenant: str,
        job_id: str,
        result: str,
        *,
        replaces: str = "",
        **counts: int,
    ) -> str:
        """Add an entry, timed by Redis, and give its id; those that are too old or many go.

        It takes the place of the entry `replaces`: that of the same delete when it had begun.
        `counts` are those of a clean-up.
        """
        facts = {"user_id": caller.user_id, "tenant": tenant, "job_id": job_id, "result": result}
        stream = layout.audit(caller)
        with reaching_redis():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.xadd(stream, {**facts, **counts}, maxlen=KEPT_ENTRIES, approximate=True)
                if replaces:
                    pipe.xdel(stream, replaces)
                pipe.xtrim(stream, minid=self._oldest())
                entry_id, *_ = await pipe.execute()
        return str(entry_id)

    async def trim(self) -> int:
        """Delete entries that are too old, of all workspaces; gives how many there were."""
        deleted = 0
        with reaching_redis():
            async for stream in self._redis.scan_iter(layout.ALL_AUDITS, count=1000):
                deleted += await self._redis.xtrim(stream, minid=self._oldest(), approximate=False)
        return deleted

    async def of_user(self, caller: Caller, most: int, within: int) -> tuple[AuditEntry, ...]:
        """The caller's own among the last `within` entries of their workspace, newest first."""
        with reaching_redis():
            found = await self._of_user(
                keys=[layout.audit(caller)], args=[caller.user_id, within, most]
            )
        return tuple(_entry(entry_id, _pairs(facts)) for entry_id, facts in found)

    async def last(self, caller: Caller, count: int) -> tuple[AuditEntry, ...]:
        """The last entries of the caller's workspace, newest first."""
        with reaching_redis():
            found = await self._redis.xrevrange(layout.audit(caller), count=count)
        return tuple(_entry(entry_id, facts) for entry_id, facts in found)

    def _oldest(self) -> int:
        """The first part of an entry's id: milliseconds since 1970, by Redis' own clock."""
        return int((time.time() - self._kept_days * 24 * 60 * 60) * 1000)


def _pairs(facts: Sequence[str]) -> dict[str, str]:
    """A script gives names and values in turn."""
    return dict(zip(facts[::2], facts[1::2], strict=True))


def _entry(entry_id: str, facts: Mapping[str, Any]) -> AuditEntry:
    counts = {name: int(facts.get(name, 0)) for name in ("counted", "deleted")}
    return AuditEntry(at=int(entry_id.partition("-")[0]) / 1000, **{**facts, **counts})
