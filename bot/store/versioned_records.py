"""Digests and alerts: encrypted records with versions, indexes and limits."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Generic, Literal, TypeVar

from bot.domain.accounts import Caller
from bot.domain.alerts import Alert
from bot.domain.digests import Digest
from bot.errors import LimitReached
from bot.store.connection import Commands, translate_redis_errors
from bot.store.encryption import EncryptedRecords

logger = logging.getLogger(__name__)

DIGEST_LIMITS: Mapping[str, int] = {"channel": 20, "person": 50, "workspace": 1_000}
ALERT_LIMITS: Mapping[str, int] = {"channel": 10, "person": 50, "workspace": 1_000}

MAX_POSTS_NOW, POSTS_NOW_PERIOD_SECONDS = 10, 60 * 60
"""Number of times that "Post now" may be used per digest in an hour."""

MAX_CLEANUPS, CLEANUPS_PERIOD_SECONDS = 5, 24 * 60 * 60
"""Number of clean-ups that a user may start in 24 hours."""

# Counts `member` and returns 0; if the limit is reached, only returns the seconds to wait.
WAIT_FOR = """
local function wait_for(key, member, most, seconds)
  local time = redis.call('TIME')
  local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - seconds)
  if redis.call('ZCARD', key) >= tonumber(most) then
    local oldest = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]
    return math.ceil(tonumber(oldest) + seconds - now)
  end
  redis.call('ZADD', key, now, member)
  redis.call('EXPIRE', key, seconds)
  return 0
end
"""


async def write_within_limits(
    what: Literal["digests", "alerts"],
    team_id: str,
    most: Mapping[str, int],
    write: Callable[[Mapping[str, int]], Awaitable[str]],
    unreadable: Callable[[str], Awaitable[int]],
) -> str:
    """Write a record and return the result; raises LimitReached if `write` returns a scope.

    Records that can't be decrypted don't count towards the limits, because users can't delete them.
    `unreadable` returns their number in a scope; it is called only if a limit is reached.
    """
    allowed = dict(most)
    while (result := await write(allowed)) in most:
        more = most[result] + await unreadable(result)
        if more <= allowed[result]:
            if result == "workspace":
                logger.warning("workspace %s has %d %s, the limit", team_id, most[result], what)
            raise LimitReached(what, result, most[result])
        allowed[result] = more
    return result


RecordT = TypeVar("RecordT", Digest, Alert)

Argument = str | int | float

# KEYS: the record; the channel's hash (names by id) before and now; the owner's set before and now;
# the workspace's set. ARGV: the version before and now, the record, its id and name, and the limits
# for the channel, person and workspace, each "" if the change can't exceed it.
SAVE_RECORD = """
local function is_full(is_there, size, most)
  return most ~= '' and is_there == 0 and size >= tonumber(most)
end
local function refused()
  if (redis.call('HGET', KEYS[1], 'version') or '0') ~= ARGV[1] then return 'changed' end
  local there, size = redis.call('HEXISTS', KEYS[3], ARGV[4]), redis.call('HLEN', KEYS[3])
  if is_full(there, size, ARGV[6]) then return 'channel' end
  there, size = redis.call('SISMEMBER', KEYS[5], ARGV[4]), redis.call('SCARD', KEYS[5])
  if is_full(there, size, ARGV[7]) then return 'person' end
  there, size = redis.call('SISMEMBER', KEYS[6], ARGV[4]), redis.call('SCARD', KEYS[6])
  if is_full(there, size, ARGV[8]) then return 'workspace' end
end
local function save()
  redis.call('HSET', KEYS[1], 'version', ARGV[2], 'record', ARGV[3])
  redis.call('HDEL', KEYS[2], ARGV[4])
  redis.call('SREM', KEYS[4], ARGV[4])
  redis.call('HSET', KEYS[3], ARGV[4], ARGV[5])
  redis.call('SADD', KEYS[5], ARGV[4])
  redis.call('SADD', KEYS[6], ARGV[4])
end
"""

# KEYS: the record; the indexes of its channel, owner and workspace; a key to delete with it.
# ARGV: its version and id. The indexes are those of the record as it was read.
DELETE_RECORD = """
if redis.call('HGET', KEYS[1], 'version') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1], KEYS[5])
redis.call('HDEL', KEYS[2], ARGV[2])
redis.call('SREM', KEYS[3], ARGV[2])
redis.call('SREM', KEYS[4], ARGV[2])
"""


@dataclass(frozen=True, slots=True)
class RecordIndexes:
    """The Redis keys for records of one kind, and the maximum number of records per index."""

    kind: Literal["digests", "alerts"]
    limits: Mapping[str, int]
    record: Callable[[str], str]
    channel: Callable[[str, str], str]
    owner: Callable[[Caller], str]
    team: Callable[[str], str]

    def of(self, record: Digest | Alert) -> tuple[str, str, str]:
        """Return the indexes of a record's channel, owner and workspace."""
        owner = record.owner
        channel = self.channel(owner.team_id, record.channel_id)
        return channel, self.owner(owner), self.team(owner.team_id)


class VersionedRecordStore(Generic[RecordT]):
    """Records of one kind. Every method raises StoreUnavailable if Redis doesn't answer.

    The Lua snippets `save` and `delete` of each kind may use additional keys and arguments.
    """

    def __init__(
        self,
        redis: Commands,
        records: EncryptedRecords[RecordT],
        indexes: RecordIndexes,
        save: str,
        delete: str,
    ) -> None:
        self._redis, self._indexes = redis, indexes
        self._records: EncryptedRecords[RecordT] = records
        self._save_script = redis.register_script(SAVE_RECORD + save)
        self._delete_script = redis.register_script(DELETE_RECORD + delete)

    async def load(self, record_id: str) -> RecordT | None:
        """Load a record by its id; None if it was deleted or can't be decrypted."""
        with translate_redis_errors():
            encrypted = await self._redis.hget(self._indexes.record(record_id), "record")
        return self._open(record_id, encrypted)

    async def of_channel(self, team_id: str, channel_id: str) -> tuple[RecordT, ...]:
        """Return the records of a channel, oldest first."""
        index = self._indexes.channel(team_id, channel_id)
        found = await self._loaded(await self._ids(index, "channel"))
        place = team_id, channel_id
        return tuple(one for one in found if (one.owner.team_id, one.channel_id) == place)

    async def of_owner(self, caller: Caller) -> tuple[RecordT, ...]:
        """Return the records that use a user's connections, oldest first."""
        found = await self._loaded(await self._ids(self._indexes.owner(caller)))
        return tuple(one for one in found if one.owner == caller)

    async def of_team(self, team_id: str) -> tuple[RecordT, ...]:
        """Return the records of a workspace, oldest first."""
        found = await self._loaded(await self._ids(self._indexes.team(team_id)))
        return tuple(one for one in found if one.owner.team_id == team_id)

    async def _write(
        self,
        record: RecordT,
        before: RecordT | None,
        keys: list[str],
        args: list[Argument],
        name: str = "",
    ) -> tuple[RecordT, str]:
        """Save a new record, or update the record read as `before`; increments the version.

        Returns the record, and "saved", "changed" or another result of the kind's script. Raises
        LimitReached.
        """
        saved = replace(record, version=before.version + 1 if before else 1)
        key = self._indexes.record(saved.id)
        then: tuple[str, str, str] = self._indexes.of(before or saved)
        now: tuple[str, str, str] = self._indexes.of(saved)
        version, encrypted = (
            before.version if before else 0,
            self._records.encrypt(saved, key, "record"),
        )
        facts: list[Argument] = [str(version), saved.version, encrypted, saved.id, name]

        async def write(most: Mapping[str, int]) -> str:
            allowed: list[Argument] = [
                most["channel"] if not before or then[0] != now[0] else "",
                most["person"] if not before or then[1] != now[1] else "",
                most["workspace"] if not before else "",
            ]
            with translate_redis_errors():
                return str(
                    await self._save_script(
                        keys=[key, then[0], now[0], then[1], *now[1:], *keys],
                        args=[*facts, *allowed, *args],
                    )
                )

        what, most, team_id = self._indexes.kind, self._indexes.limits, saved.owner.team_id
        unreadable = partial(self._unreadable, dict(zip(most, now, strict=True)))
        return saved, await write_within_limits(what, team_id, most, write, unreadable)

    async def _remove(self, record: RecordT, keys: list[str], *args: str) -> bool:
        """Delete a record and its index entries; False if it has since been changed or deleted."""
        with translate_redis_errors():
            done = await self._delete_script(
                keys=[self._indexes.record(record.id), *self._indexes.of(record), *keys],
                args=[str(record.version), record.id, *args],
            )
        return bool(done)

    async def _unreadable(self, indexes: Mapping[str, str], scope: str) -> int:
        """Return the number of ids in an index whose records can't be decrypted."""
        ids = await self._ids(indexes[scope], scope)
        lost = ids - {record.id for record in await self._loaded(ids)}
        # Don't count records that were deleted between the two reads.
        return len(lost & await self._ids(indexes[scope], scope)) if lost else 0

    async def _ids(self, index: str, scope: str = "") -> set[str]:
        """Return the ids in an index: a channel's index is a hash, the others are sets."""
        with translate_redis_errors():
            if scope == "channel":
                return set(await self._redis.hkeys(index))
            return set(await self._redis.smembers(index))

    async def _loaded(self, ids: Collection[str]) -> tuple[RecordT, ...]:
        """Load the records that can be decrypted, oldest first."""
        encrypted = await self._fields(ids, "record")
        opened = [self._open(id_, one) for id_, one in zip(ids, encrypted, strict=True)]
        return tuple(sorted(filter(None, opened), key=lambda one: (one.created_at, one.id)))

    async def _fields(self, ids: Collection[str], field: str) -> list[str | None]:
        """Load one field of each of these records."""
        if not ids:
            return []
        with translate_redis_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                for record_id in ids:
                    pipe.hget(self._indexes.record(record_id), field)
                found: list[str | None] = await pipe.execute()
        return found

    def _open(self, record_id: str, encrypted: str | None) -> RecordT | None:
        return self._records.decrypt(
            encrypted, self._indexes.record(record_id), "record", id=record_id
        )
