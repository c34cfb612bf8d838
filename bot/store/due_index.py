"""Due indexes: sorted sets of names by due time; one worker at a time claims each due name.

Also encrypted records that are stored with their due time, such as pauses of agents.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from bot.domain.accounts import PolledConnection
from bot.domain.agents import AgentPause
from bot.domain.records import Serializer
from bot.domain.runs import Run
from bot.errors import Busy, RecordUnreadable
from bot.store import keys as redis_keys
from bot.store.connection import Commands, translate_redis_errors
from bot.store.encryption import Cipher, EncryptedRecords

DUE_CLAIM_SECONDS = 60.0
"""A claimed name becomes due again after this time, in case its worker has died."""

RECONCILE_BATCH_SIZE = 500
"""Number of keys scanned in one step of a reconciliation."""

logger = logging.getLogger(__name__)

CLAIM_DUE = """
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
for _, name in ipairs(due) do redis.call('ZADD', KEYS[1], ARGV[2], name) end
return due
"""

# Removes a name only if the record in Redis says that it is never due: a worker may lack the key
# to decrypt the record, and the record may have been changed in the meantime.
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

# Saves a record with its due time, unless it was changed since it was read; the value at KEYS[3],
# if it is given, expires at the same time.
SAVE_DUE_RECORD = """
if (redis.call('HGET', KEYS[1], 'record') or '') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'record', ARGV[2], 'due', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
if KEYS[3] then redis.call('EXPIRE', KEYS[3], ARGV[4]) end
if ARGV[3] == '' then redis.call('ZREM', KEYS[2], ARGV[5])
else redis.call('ZADD', KEYS[2], ARGV[3], ARGV[5]) end
return 1
"""

RECORD_DUE_AT = """
local function due_at()
  local due = redis.call('HGET', KEYS[2], 'due')
  return due and due ~= '' and due
end
"""


@dataclass(frozen=True, slots=True)
class ScheduledRecords:
    """The records that a due index is built from.

    `description` is used in the log. `pattern` matches all of their keys, `names` returns the names
    for some of these keys, and `key` returns the key for a name. `due_at` is the source of a Lua
    function that returns the due time of the record at KEYS[2] (which may be ARGV[2]), or false or
    nil if the record is never due.
    """

    description: str
    pattern: str
    names: Callable[[list[str]], Awaitable[Iterable[str]]]
    key: Callable[[str], str]
    due_at: str

    @classmethod
    def by_id(cls, what: str, key: Callable[[str], str], due_at: str) -> ScheduledRecords:
        """Describe records whose keys end with their ids; the ids are the names."""

        async def ids(keys: list[str]) -> Iterable[str]:
            found = (one.removeprefix(key("")) for one in keys)
            return [one for one in found if ":" not in one]

        return cls(what, key("*"), ids, key, due_at)


class DueIndex:
    """One due index. Every method raises StoreUnavailable if Redis doesn't answer.

    Names that leave the index are removed from the hash `failures`.
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
        """Claim due names, earliest first; no other worker can claim them for a minute.

        The time this takes depends on the number of names claimed, not on the size of the index.
        """
        with translate_redis_errors():
            found = await self._claim(keys=[self._index], args=[now, now + DUE_CLAIM_SECONDS, most])
        return list(map(str, found))

    async def schedule(self, name: str, at: float) -> bool:
        """Set a name's due time; if its record is missing or never due, remove it (False)."""
        with translate_redis_errors():
            return bool(await self._schedule(keys=self._keys(name), args=[name, at]))

    async def reconcile(self, at: float) -> int:
        """Add missing names, due at the time in their record or else at `at`; return how many.

        Scans the keys in Redis in steps of limited size.
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


# Counts only names in the index, so that no count is left behind for a removed connection.
COUNT_FAILURE = """
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
return redis.call('HINCRBY', KEYS[2], ARGV[1], 1)
"""


class PolledConnections:
    """The next poll of each connection (sorted set `due`) and its failures (hash `failures`).

    Every method raises StoreUnavailable if Redis doesn't answer.
    """

    def __init__(self, redis: Commands, due: str, failures: str, records: ScheduledRecords) -> None:
        self._redis, self._due, self._failures = redis, due, failures
        self.due = DueIndex(redis, due, records, failures)
        self._count_failure = redis.register_script(COUNT_FAILURE)

    async def claim_due(self, now: float, most: int) -> list[PolledConnection]:
        """Claim connections that are due; no other worker can claim them for a minute.

        Names that can't be parsed are removed, so that they don't delay the others.
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
        """Set the next poll of a connection, or remove it from the index if it has no records."""
        await self.due.schedule(connection.name, at)

    async def poll_by(self, connection: PolledConnection, at: float) -> None:
        """Schedule a poll of a connection at `at`, unless an earlier one is already scheduled."""
        with translate_redis_errors():
            await self._redis.zadd(self._due, {connection.name: at}, lt=True)

    async def count_failure(self, connection: PolledConnection) -> int:
        """Count a failed poll of a connection; return the number of consecutive failures."""
        with translate_redis_errors():
            return int(
                await self._count_failure(keys=[self._due, self._failures], args=[connection.name])
            )

    async def clear_failures(self, connection: PolledConnection) -> None:
        """Reset the failure count of a connection that works or is no longer in use."""
        with translate_redis_errors():
            await self._redis.hdel(self._failures, connection.name)


# Sets the time in the index to that in the record, after a worker has claimed it.
SETTLE_DUE_RECORD = """
local at = due_at()
if at then return redis.call('ZADD', KEYS[1], at, ARGV[1]) end
return redis.call('ZREM', KEYS[1], ARGV[1])
"""

# Deletes a record, unless it was changed since it was read.
DELETE_DUE_RECORD = """
if (redis.call('HGET', KEYS[1], 'record') or '') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[2])
return 1
"""

MAX_DUE_RECORD_ATTEMPTS = 10
"""Attempts to save a record that several people or workers change at the same time."""


class DueRecord(Protocol):
    """A record that says when a worker must continue with it, and how long it is kept."""

    def due_at(self, now: float) -> float | None:
        """Return None for never."""

    def ttl_seconds(self, now: float) -> int: ...


DueRecordT = TypeVar("DueRecordT", bound=DueRecord)


class DueRecordStore(Generic[DueRecordT]):
    """Encrypted records by id; `due` is the index of those that a worker must continue with.

    `expires_with` is the key of a value that is kept as long as the record. A record that can't be
    decrypted is kept, unless the store `replaces_unreadable` ones. Every method raises
    StoreUnavailable if Redis doesn't answer.
    """

    def __init__(
        self,
        redis: Commands,
        records: EncryptedRecords[DueRecordT],
        what: str,
        key: Callable[[str], str],
        index: str,
        *,
        expires_with: Callable[[str], str] | None = None,
        replaces_unreadable: bool = False,
    ) -> None:
        self._redis, self._records, self._key, self._index = redis, records, key, index
        self._expires_with, self._replaces_unreadable = expires_with, replaces_unreadable
        self._save = redis.register_script(SAVE_DUE_RECORD)
        self._delete = redis.register_script(DELETE_DUE_RECORD)
        self._settle = redis.register_script(RECORD_DUE_AT + SETTLE_DUE_RECORD)
        self.due = DueIndex(redis, index, ScheduledRecords.by_id(what, key, RECORD_DUE_AT))

    async def load(self, id_: str) -> DueRecordT | None:
        (found,) = await self.load_all([id_])
        return found

    async def load_all(self, ids: Sequence[str]) -> list[DueRecordT | None]:
        """Return the record with each of these ids; None if there is none."""
        texts = await self._texts(ids)
        return [self._open(id_, text) for id_, text in zip(ids, texts, strict=True)]

    async def update(
        self, id_: str, now: float, how: Callable[[DueRecordT | None], DueRecordT | None]
    ) -> DueRecordT | None:
        """Change a record, or add one; return it after the change.

        `how` returns its argument or None to change nothing. Raises Busy if another change came
        first in every attempt, and RecordUnreadable.
        """
        return (await self.change(id_, now, how))[1]

    async def change(
        self, id_: str, now: float, how: Callable[[DueRecordT | None], DueRecordT | None]
    ) -> tuple[DueRecordT | None, DueRecordT | None]:
        """Like `update`, but return the record before and after the change."""
        tried: tuple[DueRecordT | None, DueRecordT] | None = None
        for _ in range(MAX_DUE_RECORD_ATTEMPTS):
            (text,) = await self._texts([id_])
            before = self._open(id_, text)
            if text and before is None and not self._replaces_unreadable:
                raise RecordUnreadable("a record can't be decrypted")
            if tried and before == tried[1]:  # the reply to the last attempt was lost
                return tried
            after = how(before)
            if after is None or after == before:
                return before, before
            tried = before, after
            if await self._try_save(id_, text, after, now):
                return tried
        raise Busy

    async def _try_save(self, id_: str, before: str | None, after: DueRecordT, now: float) -> bool:
        """Save a record; returns False if it is no longer as it was `before`."""
        key, due = self._key(id_), after.due_at(now)
        keys = [key, self._index, *([self._expires_with(id_)] if self._expires_with else [])]
        new = self._records.encrypt(after, key, "record")
        at = "" if due is None else due
        with translate_redis_errors():
            saved = await self._save(
                keys=keys, args=[before or "", new, at, after.ttl_seconds(now), id_]
            )
        return bool(saved)

    async def delete_if(
        self, id_: str, is_unwanted: Callable[[DueRecordT], bool]
    ) -> DueRecordT | None:
        """Delete a record if `is_unwanted`; return the record that is kept, None if there is none.

        Raises Busy if another change came first in every attempt.
        """
        key = self._key(id_)
        for _ in range(MAX_DUE_RECORD_ATTEMPTS):
            (text,) = await self._texts([id_])
            record = self._open(id_, text)
            if record is None or not is_unwanted(record):
                return record
            with translate_redis_errors():
                if await self._delete(keys=[key, self._index], args=[text, id_]):
                    return None
        raise Busy

    async def with_prefix(self, prefix: str) -> list[DueRecordT]:
        """Return all records whose ids begin with `prefix`; scans the keys in Redis."""
        with translate_redis_errors():
            pattern = self._key(f"{prefix}*")
            keys = {key async for key in self._redis.scan_iter(pattern, count=1000)}
        ids = sorted(key.removeprefix(self._key("")) for key in keys)
        return [record for record in await self.load_all(ids) if record]

    async def settle(self, id_: str) -> None:
        """End a worker's claim: what is left is due when the record says so."""
        with translate_redis_errors():
            await self._settle(keys=[self._index, self._key(id_)], args=[id_])

    async def _texts(self, ids: Sequence[str]) -> list[str | None]:
        if not ids:
            return []
        with translate_redis_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                for id_ in ids:
                    pipe.hget(self._key(id_), "record")
                found: list[str | None] = await pipe.execute()
        return found

    def _open(self, id_: str, text: str | None) -> DueRecordT | None:
        return self._records.decrypt(text, self._key(id_), "record")


AGENT_PAUSE_SERIALIZER = Serializer(AgentPause)

AgentPauseStore = DueRecordStore[AgentPause]
"""The last pause of each agent, by `bot.domain.agents.pause_id`."""


def agent_pause_store(redis: Commands, cipher: Cipher) -> AgentPauseStore:
    records = EncryptedRecords(cipher, "pause of an agent", AGENT_PAUSE_SERIALIZER)
    what, index = "pauses of agents", redis_keys.agent_pauses_due()
    return DueRecordStore(redis, records, what, redis_keys.agent_pause, index)


RUN_SERIALIZER = Serializer(Run)

RunStore = DueRecordStore[Run]
"""The last attempt to run each job again, by `bot.domain.runs.run_id`."""


def run_store(redis: Commands, cipher: Cipher) -> RunStore:
    records = EncryptedRecords(cipher, "run", RUN_SERIALIZER)
    return DueRecordStore(redis, records, "runs", redis_keys.run, redis_keys.runs_due())
