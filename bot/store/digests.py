"""The digests, which are the truth, and the index of what is due, which is made from them.

They run with their owners' keys, so they are sealed: whoever can write to Redis cannot make one up,
nor have one shown elsewhere.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from bot.errors import LimitReached
from bot.models import Caller, Digest
from bot.store import layout
from bot.store.connection import Commands, reaching_redis
from bot.store.due_index import DueIndex, Scheduled
from bot.store.limits import (
    DIGESTS,
    IS_FULL,
    POSTS_NOW,
    POSTS_NOW_SECONDS,
    WAIT_FOR,
    write_within,
)
from bot.store.sealing import Sealing
from bot.store.serialization import Serializer
from bot.store.vault import Vault

# A digest and its places in the indexes change together, and only if nobody has changed it since.
# The limits and the names of a channel are checked here, so that two people cannot exceed them.
SAVE = (
    IS_FULL
    + WAIT_FOR
    + """
if (redis.call('HGET', KEYS[1], 'version') or '0') ~= ARGV[1] then return 'changed' end
local names = redis.call('HGETALL', KEYS[5])
for i = 1, #names, 2 do
    if names[i] ~= ARGV[5] and names[i + 1] == ARGV[7] then return 'name' end
end
if ARGV[8] ~= '' and #names / 2 >= tonumber(ARGV[8]) then return 'channel' end
if is_full(KEYS[6], ARGV[5], ARGV[9]) then return 'person' end
if is_full(KEYS[7], ARGV[5], ARGV[10]) then return 'workspace' end
if ARGV[11] ~= '' then
    local wait = wait_for(KEYS[8], ARGV[2], ARGV[11], ARGV[12])
    if wait > 0 then return 'wait ' .. wait end
end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'record', ARGV[3], 'due', ARGV[4], 'run', ARGV[6])
if ARGV[4] == '' then redis.call('ZREM', KEYS[2], ARGV[5])
else redis.call('ZADD', KEYS[2], ARGV[4], ARGV[5]) end
redis.call('HDEL', KEYS[3], ARGV[5])
redis.call('SREM', KEYS[4], ARGV[5])
redis.call('HSET', KEYS[5], ARGV[5], ARGV[7])
redis.call('SADD', KEYS[6], ARGV[5])
redis.call('SADD', KEYS[7], ARGV[5])
return 'saved'
"""
)

# The indexes are those of the record that is deleted: it must not have moved since it was read.
DELETE = """
local version = redis.call('HGET', KEYS[1], 'version')
if version and version ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1], KEYS[6])
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('HDEL', KEYS[3], ARGV[2])
redis.call('SREM', KEYS[4], ARGV[2])
redis.call('SREM', KEYS[5], ARGV[2])
return 1
"""

DUE_AT = """
local function due_at()
  local due = redis.call('HGET', KEYS[2], 'due')
  return due ~= '' and due
end
"""


@dataclass(frozen=True, slots=True)
class Due:
    """A digest that is due; `run` tells what for: it is empty where nobody knows."""

    digest_id: str
    run: str


class NameTaken(Exception):
    """The channel has another digest of that name."""


DIGEST = Serializer(Digest, "id")


def new_digest_id() -> str:
    """Short enough for a button, and nothing that anybody guesses."""
    return secrets.token_hex(8)


class DigestStore:
    """Digests in Redis; `due` says when which are due.

    Every method raises StoreUnavailable where Redis does not answer.
    """

    def __init__(self, redis: Commands, vault: Vault) -> None:
        self._redis, self._sealing = redis, Sealing(vault, "digest", DIGEST)
        self._save = redis.register_script(SAVE)
        self._delete = redis.register_script(DELETE)
        scheduled = Scheduled.by_id("digests", layout.digest, DUE_AT)
        self.due = DueIndex(redis, layout.digests_due(), scheduled)

    async def load(self, digest_id: str) -> Digest | None:
        """The digest of that id; None where it was deleted, or cannot be opened."""
        with reaching_redis():
            sealed = await self._redis.hget(layout.digest(digest_id), "record")
        return self._open(digest_id, sealed)

    async def save(
        self, digest: Digest, before: Digest | None = None, *, posts_now: bool = False
    ) -> Digest | None:
        """Write a new digest, or one that was read as `before`.

        Gives it as it is now, or None where it was changed or deleted meanwhile. `posts_now`: it is
        to be posted at once. Raises NameTaken, and LimitReached where its channel, its owner or its
        workspace has none to spare, or where it was posted at once too often.
        """
        saved = replace(digest, version=before.version + 1 if before else 1)
        keys = _keys_to_save(saved, before or saved)
        sealed = self._sealing.seal(saved, keys[0], "record")

        async def write(most: Mapping[str, int]) -> str:
            args = _args_to_save(saved, before, sealed, most)
            args += [POSTS_NOW if posts_now else "", POSTS_NOW_SECONDS]
            with reaching_redis():
                return str(await self._save(keys=keys, args=args))

        unreadable = partial(self._unreadable, saved)
        done = await write_within("digests", saved.owner.team_id, DIGESTS, write, unreadable)
        if done == "name":
            raise NameTaken
        if done.startswith("wait"):
            raise LimitReached("posts", "digest", POSTS_NOW, int(done.split()[1]))
        return None if done == "changed" else saved

    async def _unreadable(self, digest: Digest, scope: str) -> int:
        """How many ids an index has without a record that can be decrypted."""
        ids = await self._ids(digest, scope)
        lost = ids - {one.id for one in await self._all(ids)}
        # A digest that was deleted between the two reads is not lost.
        return len(lost & await self._ids(digest, scope)) if lost else 0

    async def _ids(self, digest: Digest, scope: str) -> set[str]:
        with reaching_redis():
            if scope == "channel":
                return set(await self._redis.hkeys(_of_channel(digest)))
            team, owner = digest.owner.team_id, digest.owner
            is_own = scope == "person"
            key = layout.digests_of_owner(owner) if is_own else layout.digests_of_team(team)
            return set(await self._redis.smembers(key))

    async def delete(self, digest: Digest) -> bool:
        """Every trace of it; what it has posted stays. False where it was changed meanwhile."""
        with reaching_redis():
            done = await self._delete(
                keys=[
                    layout.digest(digest.id),
                    layout.digests_due(),
                    _of_channel(digest),
                    layout.digests_of_owner(digest.owner),
                    layout.digests_of_team(digest.owner.team_id),
                    layout.digest_posts_now(digest.id),
                ],
                args=[digest.version, digest.id],
            )
        return bool(done)

    async def of_channel(self, team_id: str, channel_id: str) -> tuple[Digest, ...]:
        """The digests of a channel, oldest first."""
        with reaching_redis():
            ids = await self._redis.hgetall(layout.digests_of_channel(team_id, channel_id))
        place = team_id, channel_id
        return tuple(d for d in await self._all(ids) if (d.owner.team_id, d.channel_id) == place)

    async def of_owner(self, caller: Caller) -> tuple[Digest, ...]:
        """The digests that run on a user's connections, oldest first."""
        with reaching_redis():
            ids = await self._redis.smembers(layout.digests_of_owner(caller))
        return tuple(digest for digest in await self._all(ids) if digest.owner == caller)

    async def claim_due(self, now: float, most: int) -> list[Due]:
        """Digests that are due; no other worker gets them for a minute."""
        ids = await self.due.claim(now, most)
        return [
            Due(id_, run or "")
            for id_, run in zip(ids, await self._fields(ids, "run"), strict=True)
        ]

    async def due_between(self, since: float, until: float, most: int) -> tuple[Digest, ...]:
        """Digests that are due in that time, the earliest first; nothing is claimed."""
        with reaching_redis():
            ids = await self._redis.zrangebyscore(
                layout.digests_due(), since, until, start=0, num=most
            )
        return await self._all(ids)

    async def _fields(self, ids: Sequence[str], field: str) -> list[str | None]:
        """One field of each of these digests."""
        if not ids:
            return []
        with reaching_redis():
            async with self._redis.pipeline(transaction=False) as pipe:
                for digest_id in ids:
                    pipe.hget(layout.digest(digest_id), field)
                found: list[str | None] = await pipe.execute()
        return found

    async def _all(self, ids: Iterable[str]) -> tuple[Digest, ...]:
        ids = list(ids)
        records = await self._fields(ids, "record")
        found = (self._open(id_, record) for id_, record in zip(ids, records, strict=True))
        return tuple(sorted(filter(None, found), key=lambda digest: (digest.created_at, digest.id)))

    def _open(self, digest_id: str, sealed: str | None) -> Digest | None:
        return self._sealing.open(sealed, layout.digest(digest_id), "record", id=digest_id)


def _keys_to_save(digest: Digest, before: Digest) -> list[str]:
    return [
        layout.digest(digest.id),
        layout.digests_due(),
        _of_channel(before),
        layout.digests_of_owner(before.owner),
        _of_channel(digest),
        layout.digests_of_owner(digest.owner),
        layout.digests_of_team(digest.owner.team_id),
        layout.digest_posts_now(digest.id),
    ]


def _args_to_save(
    digest: Digest, before: Digest | None, sealed: str, most: Mapping[str, int]
) -> list[str | int | float]:
    """With the limits that the change could exceed: "" for the others."""
    moves = not before or before.channel_id != digest.channel_id
    changes_hands = not before or before.owner != digest.owner
    return [
        str(before.version if before else 0),
        digest.version,
        sealed,
        "" if digest.due_at is None else digest.due_at,
        digest.id,
        digest.run,
        _hashed(digest.name),
        most["channel"] if moves else "",
        most["person"] if changes_hands else "",
        most["workspace"] if not before else "",
    ]


def _of_channel(digest: Digest) -> str:
    return layout.digests_of_channel(digest.owner.team_id, digest.channel_id)


def folded(name: str) -> str:
    """What two names must differ in: neither case nor quotes nor spaces."""
    return " ".join(name.casefold().split()).strip("“”\"'")


def _hashed(name: str) -> str:
    return hashlib.sha256(folded(name).encode()).hexdigest()[:16]
