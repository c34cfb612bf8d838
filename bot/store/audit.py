"""The audit log: one capped stream for each workspace."""

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
"""Looks through them in Redis: a Home shows five of five hundred."""


class AuditLog:
    """The audit log; all methods but `try_record` raise StoreUnavailable if Redis does not answer.

    `write` gets each entry as a line of JSON, also if Redis cannot take it.
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
        """Add an entry, timed by Redis, and return its id; entries too old or too many are deleted.

        It replaces the entry `replaces`, which says that the same had begun. `facts` are further
        fields of AuditEntry.
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
        """As `record`, of the delete of one job."""
        facts = {"tenant": tenant, "subject": job_id}
        return await self.record(AuditEvent.JOB_DELETED, caller, result, replaces, **facts)

    async def try_record(
        self, event: AuditEvent, caller: Caller, result: str = DONE, /, **facts: str | int
    ) -> None:
        """As `record`, for what is done already: if Redis fails, only the log says so."""
        try:
            await self.record(event, caller, result, **facts)
        except StoreUnavailable:
            logger.error("an audit entry is not stored: %s: %s", event, result)

    async def try_record_for_app(
        self, event: AuditEvent, owner: Caller, reason: str, /, **facts: str | int
    ) -> None:
        """As `try_record`, of what the app did by itself to something of `owner`, and why."""
        app = replace(owner, user_id="")
        await self.try_record(event, app, DONE, owner_id=owner.user_id, detail=reason, **facts)

    async def delete_old_entries(self) -> int:
        """Delete entries that are too old, of all workspaces; returns how many there were."""
        deleted = 0
        with translate_redis_errors():
            async for stream in self._redis.scan_iter(redis_keys.ALL_AUDITS, count=1000):
                deleted += await self._redis.xtrim(stream, minid=self._oldest(), approximate=False)
        return deleted

    async def deletes_of_user(
        self, caller: Caller, most: int, within: int
    ) -> tuple[AuditEntry, ...]:
        """The caller's deletes and clean-ups among the last `within` entries, newest first."""
        kinds = [str(event) for event in AuditEvent if event.is_of_jobs]
        with translate_redis_errors():
            found = await self._deletes_of_user(
                keys=[redis_keys.audit(caller)], args=[caller.user_id, within, most, *kinds]
            )
        return tuple(_entry(entry_id, _pairs(facts)) for entry_id, facts in found)

    async def latest(self, caller: Caller, count: int) -> tuple[AuditEntry, ...]:
        """The last entries of the caller's workspace, newest first."""
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
        """The first part of an entry's id: milliseconds since 1970, by Redis' own clock."""
        return int((time.time() - self._kept_days * 24 * 60 * 60) * 1000)


def _pairs(facts: Sequence[str]) -> dict[str, str]:
    """A script gives names and values in turn."""
    return dict(zip(facts[::2], facts[1::2], strict=True))


def _entry(entry_id: str, facts: Mapping[str, Any]) -> AuditEntry:
    counts = {name: int(facts.get(name, 0)) for name in ("count", "deleted")}
    return AuditEntry(at=int(entry_id.partition("-")[0]) / 1000, **{**facts, **counts})


COPY_BATCH_SIZE = 500
MAX_REWRITE_ATTEMPTS = 20
COPY_TTL_SECONDS = 60 * 60
"""A copy that was left behind goes by itself."""

# Unless an entry was added or taken out since all were copied.
SWAP_AUDIT_LOG = """
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
    """The id of the last entry, and how many there are."""
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
