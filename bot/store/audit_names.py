"""Replaces a user in the entries of an audit log: entries of a Redis stream cannot be changed."""

from __future__ import annotations

import re
from typing import Any

from bot.store.connection import Commands

STEP = 500
MOST_TRIES = 20
COPY_SECONDS = 60 * 60
"""A copy that was left behind goes by itself."""

# Unless an entry was added or taken out since all were copied.
SWAP = """
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
if #last == 0 or last[1][1] ~= ARGV[1] then return 0 end
if redis.call('XLEN', KEYS[1]) ~= tonumber(ARGV[2]) then return 0 end
redis.call('PERSIST', KEYS[2])
redis.call('RENAME', KEYS[2], KEYS[1])
return 1
"""


class AuditBusy(Exception):
    """The log was written to each time before its copy could take its place."""


async def rewrite(
    redis: Commands, stream: str, copy: str, pattern: re.Pattern[str], name: str
) -> None:
    """Replace what matches by `name` in all values; ids and order of entries stay.

    The key `copy` is written in steps of bounded size, and takes the place of the log at once if
    nothing has been added meanwhile. Raises AuditBusy.
    """
    swap = redis.register_script(SWAP)
    for _ in range(MOST_TRIES):
        await redis.delete(copy)
        last, count = await _copy(redis, stream, copy, pattern, name)
        if not count or await swap(keys=[stream, copy], args=[last, count]):
            return
    await redis.delete(copy)
    raise AuditBusy(stream)


async def _copy(
    redis: Commands, stream: str, copy: str, pattern: re.Pattern[str], name: str
) -> tuple[str, int]:
    """The id of the last entry, and how many there are."""
    last, count = "", 0
    while True:
        entries: list[tuple[str, dict[str, Any]]] = await redis.xrange(
            stream, min=f"({last}" if last else "-", count=STEP
        )
        if not entries:
            return last, count
        async with redis.pipeline(transaction=False) as pipe:
            for entry_id, facts in entries:
                named = {field: pattern.sub(name, value) for field, value in facts.items()}
                pipe.xadd(copy, named, id=entry_id)
            pipe.expire(copy, COPY_SECONDS)
            await pipe.execute()
        last, count = entries[-1][0], count + len(entries)
