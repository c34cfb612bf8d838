"""The audit log: one capped Redis stream per workspace."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bot.domain.accounts import Caller
from bot.domain.audit import DONE, AuditEntry, AuditEvent
from bot.errors import StoreUnavailable
from bot.logs import current_reference
from bot.store import keys as redis_keys
from bot.store.connection import Commands, translate_redis_errors

logger = logging.getLogger(__name__)

MAX_AUDIT_ENTRIES = 10_000
DEFAULT_AUDIT_DAYS = 365

DELETES_OF_USER = """
local found = {}
for _, entry in ipairs(redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', ARGV[2])) do
    local facts, is_theirs, is_delete = entry[2], false, false
    for i = 1, #facts, 2 do
        if facts[i] == 'user_id' and facts[i + 1] == ARGV[1] then is_theirs = true end
        for j = 4, #ARGV do
            if facts[i] == 'event' and facts[i + 1] == ARGV[j] then is_delete = true end
        end
    end
    if is_theirs and is_delete then table.insert(found, entry) end
    if #found == tonumber(ARGV[3]) then break end
end
return found
"""
"""Filters in Redis, so that showing five entries in the Home tab doesn't transfer five hundred."""


class AuditLog:
    """The audit log; every method but `try_record` raises StoreUnavailable if Redis doesn't answer.

    `write` receives each entry as a line of JSON, even if Redis can't store it.
    """

    def __init__(
        self,
        redis: Commands,
        kept_days: int = DEFAULT_AUDIT_DAYS,
        write: Callable[[str], None] | None = None,
    ) -> None:
        self._redis, self._kept_days, self._write = redis, kept_days, write
        self._deletes_of_user = redis.register_script(DELETES_OF_USER)

    async def record(
        self,
        event: AuditEvent,
        caller: Caller,
        result: str,
        replaces: str = "",
        /,
        **facts: str | int,
    ) -> str:
        """Add an entry and return its id; delete entries that are too old or exceed the limit.

        The id contains the time, set by Redis. `replaces` is the id of the entry that recorded the
        start of the same action; that entry is deleted. `facts` are other fields of AuditEntry.
        """
        named = {"event": str(event), "user_id": caller.user_id, "result": result}
        fields = named | {name: value for name, value in facts.items() if value}
        try:
            entry_id = await self._add(redis_keys.audit(caller), fields, replaces)
        except StoreUnavailable:
            self._log(caller, _entry(f"{int(time.time() * 1000)}-0", fields), is_stored=False)
            raise
        self._log(caller, _entry(entry_id, fields), is_stored=True)
        return entry_id

    async def record_delete(
        self, caller: Caller, tenant: str, job_id: str, result: str, replaces: str = ""
    ) -> str:
        """Like `record`, for the deletion of one job."""
        facts = {"tenant": tenant, "subject": job_id}
        return await self.record(AuditEvent.JOB_DELETED, caller, result, replaces, **facts)

    async def try_record(
        self, event: AuditEvent, caller: Caller, result: str = DONE, /, **facts: str | int
    ) -> None:
        """Like `record`, for an action that is already done: if Redis fails, just log an error."""
        try:
            await self.record(event, caller, result, **facts)
        except StoreUnavailable:
            logger.error("could not store an audit entry: %s: %s", event, result)

    async def try_record_for_app(
        self, event: AuditEvent, owner: Caller, reason: str, /, **facts: str | int
    ) -> None:
        """Like `try_record`, for an action by the app itself on something that `owner` owns."""
        app = replace(owner, user_id="")
        await self.try_record(event, app, DONE, owner_id=owner.user_id, detail=reason, **facts)

    async def delete_old_entries(self) -> int:
        """Delete entries that are too old, in all workspaces; return how many were deleted."""
        deleted = 0
        with translate_redis_errors():
            async for stream in self._redis.scan_iter(redis_keys.ALL_AUDITS, count=1000):
                deleted += await self._redis.xtrim(stream, minid=self._oldest(), approximate=False)
        return deleted

    async def deletes_of_user(
        self, caller: Caller, most: int, within: int
    ) -> tuple[AuditEntry, ...]:
        """Return up to `most` of the caller's deletions and clean-ups, newest first.

        Only the last `within` entries of the workspace are searched.
        """
        kinds = [str(event) for event in AuditEvent if event.is_of_jobs]
        with translate_redis_errors():
            found = await self._deletes_of_user(
                keys=[redis_keys.audit(caller)], args=[caller.user_id, within, most, *kinds]
            )
        return tuple(_entry(entry_id, _pairs(facts)) for entry_id, facts in found)

    async def latest(self, caller: Caller, count: int) -> tuple[AuditEntry, ...]:
        """Return the latest `count` entries of the caller's workspace, newest first."""
        with translate_redis_errors():
            found = await self._redis.xrevrange(redis_keys.audit(caller), count=count)
        return tuple(_entry(entry_id, facts) for entry_id, facts in found)

    async def _add(self, stream: str, fields: Mapping[str, Any], replaces: str) -> str:
        with translate_redis_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.xadd(stream, dict(fields), maxlen=MAX_AUDIT_ENTRIES, approximate=True)
                if replaces:
                    pipe.xdel(stream, replaces)
                pipe.xtrim(stream, minid=self._oldest())
                entry_id, *_ = await pipe.execute()
        return str(entry_id)

    def _log(self, caller: Caller, entry: AuditEntry, *, is_stored: bool) -> None:
        if self._write is None:
            return
        facts = {
            "at": datetime.fromtimestamp(entry.at, UTC).isoformat(timespec="milliseconds"),
            "event": entry.event,
            "team": caller.team_id,
            "user": entry.user_id,
            "owner": entry.owner_id,
            "tenant": entry.tenant,
            "channel": entry.channel_id,
            "subject": entry.subject,
            "detail": entry.detail,
            "result": entry.result,
            "count": entry.count,
            "deleted": entry.deleted,
            "reference": current_reference(),
            "stored": is_stored,
        }
        self._write(json.dumps(facts))

    def _oldest(self) -> int:
        """Return the oldest entry id to keep; entry ids begin with milliseconds since 1970."""
        return int((time.time() - self._kept_days * 24 * 60 * 60) * 1000)


def _pairs(facts: Sequence[str]) -> dict[str, str]:
    """Convert alternating names and values, as returned by a Lua script, into a dictionary."""
    return dict(zip(facts[::2], facts[1::2], strict=True))


def _entry(entry_id: str, facts: Mapping[str, Any]) -> AuditEntry:
    counts = {name: int(facts.get(name, 0)) for name in ("count", "deleted")}
    return AuditEntry(at=int(entry_id.partition("-")[0]) / 1000, **{**facts, **counts})


COPY_BATCH_SIZE = 500
MAX_REWRITE_ATTEMPTS = 20
COPY_TTL_SECONDS = 60 * 60
"""After this time, an abandoned copy expires."""

# Fails if an entry has been added or removed since the copy was made.
SWAP_AUDIT_LOG = """
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
if #last == 0 or last[1][1] ~= ARGV[1] then return 0 end
if redis.call('XLEN', KEYS[1]) ~= tonumber(ARGV[2]) then return 0 end
redis.call('PERSIST', KEYS[2])
redis.call('RENAME', KEYS[2], KEYS[1])
return 1
"""


class AuditBusy(Exception):
    """The log changed during each attempt to copy it."""


async def rewrite(
    redis: Commands, stream: str, copy: str, pattern: re.Pattern[str], name: str
) -> None:
    """Replace matches of `pattern` with `name` in all values, keeping entry ids and order.

    Writes the key `copy` in batches, then replaces the log in one step if no entry was added in the
    meantime. Raises AuditBusy if every attempt failed.
    """
    swap = redis.register_script(SWAP_AUDIT_LOG)
    for _ in range(MAX_REWRITE_ATTEMPTS):
        await redis.delete(copy)
        last, count = await _copy(redis, stream, copy, pattern, name)
        if not count or await swap(keys=[stream, copy], args=[last, count]):
            return
    await redis.delete(copy)
    raise AuditBusy(stream)


async def _copy(
    redis: Commands, stream: str, copy: str, pattern: re.Pattern[str], name: str
) -> tuple[str, int]:
    """Copy the stream; return the id of its last entry and the number of entries."""
    last, count = "", 0
    while True:
        entries: list[tuple[str, dict[str, Any]]] = await redis.xrange(
            stream, min=f"({last}" if last else "-", count=COPY_BATCH_SIZE
        )
        if not entries:
            return last, count
        async with redis.pipeline(transaction=False) as pipe:
            for entry_id, facts in entries:
                named = {field: pattern.sub(name, value) for field, value in facts.items()}
                pipe.xadd(copy, named, id=entry_id)
            pipe.expire(copy, COPY_TTL_SECONDS)
            await pipe.execute()
        last, count = entries[-1][0], count + len(entries)
