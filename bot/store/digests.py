"""Digest records, the index of due runs, and the daily counts for charts."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping

from bot.domain.digests import DayTotals, Digest, DueRun
from bot.domain.records import Serializer
from bot.errors import LimitReached
from bot.store import keys as redis_keys
from bot.store.connection import Commands, translate_redis_errors
from bot.store.due_index import DueIndex, ScheduledRecords
from bot.store.encryption import Cipher, EncryptedRecords
from bot.store.versioned_records import (
    DIGEST_LIMITS,
    MAX_POSTS_NOW,
    POSTS_NOW_PERIOD_SECONDS,
    WAIT_FOR,
    Argument,
    RecordIndexes,
    VersionedRecordStore,
)

# Saves a digest together with its due time. Names are checked here so that two people can't save
# the same name at once.
SAVE_DIGEST = (
    WAIT_FOR
    + """
local why = refused()
if why == 'changed' then return why end
local names = redis.call('HGETALL', KEYS[3])
for i = 1, #names, 2 do
  if names[i] ~= ARGV[4] and names[i + 1] == ARGV[5] then return 'name' end
end
if why then return why end
if ARGV[11] ~= '' then
  local wait = wait_for(KEYS[8], ARGV[2], ARGV[11], ARGV[12])
  if wait > 0 then return 'wait ' .. wait end
end
save()
redis.call('HSET', KEYS[1], 'due', ARGV[9], 'due_key', ARGV[10])
if ARGV[9] == '' then redis.call('ZREM', KEYS[7], ARGV[4])
else redis.call('ZADD', KEYS[7], ARGV[9], ARGV[4]) end
return 'saved'
"""
)

DELETE_DIGEST = """
redis.call('ZREM', KEYS[6], ARGV[2])
return 1
"""

DIGESTS_DUE_AT = """
local function due_at()
  local due = redis.call('HGET', KEYS[2], 'due')
  return due ~= '' and due
end
"""


class NameTaken(Exception):
    """The channel has another digest with that name."""


DIGEST_SERIALIZER = Serializer(Digest, "id")


def new_digest_id() -> str:
    """Return a new id: short enough for a button, and impossible to guess."""
    return secrets.token_hex(8)


DIGEST_INDEXES = RecordIndexes(
    "digests",
    DIGEST_LIMITS,
    redis_keys.digest,
    redis_keys.digests_of_channel,
    redis_keys.digests_of_owner,
    redis_keys.digests_of_team,
)


class DigestStore(VersionedRecordStore[Digest]):
    """Digests in Redis; `due` is the index of their next runs.

    Every method raises StoreUnavailable if Redis doesn't answer.
    """

    def __init__(self, redis: Commands, cipher: Cipher) -> None:
        super().__init__(
            redis,
            EncryptedRecords(cipher, "digest", DIGEST_SERIALIZER),
            DIGEST_INDEXES,
            SAVE_DIGEST,
            DELETE_DIGEST,
        )
        scheduled = ScheduledRecords.by_id("digests", redis_keys.digest, DIGESTS_DUE_AT)
        self.due = DueIndex(redis, redis_keys.digests_due(), scheduled)

    async def save(
        self, digest: Digest, before: Digest | None = None, *, posts_now: bool = False
    ) -> Digest | None:
        """Save a new digest, or update the digest read as `before`.

        `posts_now` counts this save towards the limit for "Post now". Returns the digest as saved,
        or None if it was changed or deleted in the meantime. Raises NameTaken, or LimitReached if
        its channel, owner or workspace already has the maximum number of digests, or if "Post now"
        was used too often.
        """
        args: list[Argument] = [
            "" if digest.due_at is None else digest.due_at,
            digest.due_key,
            MAX_POSTS_NOW if posts_now else "",
            POSTS_NOW_PERIOD_SECONDS,
        ]
        keys = [redis_keys.digests_due(), redis_keys.digest_posts_now(digest.id)]
        saved, done = await self._write(digest, before, keys, args, _name_hash(digest.name))
        if done == "name":
            raise NameTaken
        if done.startswith("wait"):
            raise LimitReached("posts", "digest", MAX_POSTS_NOW, int(done.split()[1]))
        return None if done == "changed" else saved

    async def delete(self, digest: Digest) -> bool:
        """Delete a digest but not its messages; False if it has been changed since it was read."""
        keys = [redis_keys.digest_posts_now(digest.id), redis_keys.digests_due()]
        return await self._remove(digest, keys)

    async def claim_due(self, now: float, most: int) -> list[DueRun]:
        """Claim digests that are due; no other worker can claim them for a minute."""
        ids = await self.due.claim(now, most)
        return [
            DueRun(id_, run or "")
            for id_, run in zip(ids, await self._fields(ids, "due_key"), strict=True)
        ]

    async def due_between(self, since: float, until: float, most: int) -> tuple[Digest, ...]:
        """Return up to `most` digests due in a period, earliest first, without claiming them."""
        with translate_redis_errors():
            ids = await self._redis.zrangebyscore(
                redis_keys.digests_due(), since, until, start=0, num=most
            )
        return await self._loaded(ids)


def normalize_name(name: str) -> str:
    """Normalize case, quotes and spaces: names that differ only in these count as the same."""
    return " ".join(name.casefold().split()).strip("“”\"'")


def _name_hash(name: str) -> str:
    return hashlib.sha256(normalize_name(name).encode()).hexdigest()[:16]


DAILY_COUNTS_TTL_SECONDS = 21 * 24 * 60 * 60
"""Counted from the last update; longer than the period shown in a chart."""


DAILY_COUNTS_SERIALIZER = Serializer(dict[str, DayTotals])


class DailyCounts:
    """Job counts by connection, series (a name for the selection of jobs) and date.

    `connection_name` is the name of a PolledConnection. Both methods raise StoreUnavailable if
    Redis doesn't answer.
    """

    def __init__(self, redis: Commands, cipher: Cipher) -> None:
        self._redis, self._records = (
            redis,
            EncryptedRecords(cipher, "series of day counts", DAILY_COUNTS_SERIALIZER),
        )

    async def load(self, connection_name: str, series: str) -> dict[str, DayTotals]:
        """Return the stored days; empty if there are none or they can't be decrypted."""
        key = redis_keys.daily_counts(connection_name, series)
        with translate_redis_errors():
            encrypted = await self._redis.get(key)
        return self._records.decrypt(encrypted, key) or {}

    async def save(self, connection_name: str, series: str, days: Mapping[str, DayTotals]) -> None:
        """Replace the stored days of a series."""
        key = redis_keys.daily_counts(connection_name, series)
        with translate_redis_errors():
            await self._redis.set(
                key, self._records.encrypt(dict(days), key), ex=DAILY_COUNTS_TTL_SECONDS
            )
