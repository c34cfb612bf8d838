"""The digests, which are the truth, and the index of what is due, which is made from them.

They run with their owners' keys, so they are sealed: whoever can write to Redis cannot make one up,
nor have one shown elsewhere.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from bot.errors import LimitReached
from bot.models import Digest
from bot.store import layout
from bot.store.connection import Commands, reaching_redis
from bot.store.due_index import DueIndex, Scheduled
from bot.store.limits import (
    DIGESTS,
    POSTS_NOW,
    POSTS_NOW_SECONDS,
    WAIT_FOR,
)
from bot.store.sealing import Sealing
from bot.store.serialization import Serializer
from bot.store.vault import Vault
from bot.store.versioned import Argument, Indexes, VersionedStore

# When a digest is due changes with it. Its name is checked here, so that two people cannot give
# the same one.
SAVE = (
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
redis.call('HSET', KEYS[1], 'due', ARGV[9], 'run', ARGV[10])
if ARGV[9] == '' then redis.call('ZREM', KEYS[7], ARGV[4])
else redis.call('ZADD', KEYS[7], ARGV[9], ARGV[4]) end
return 'saved'
"""
)

DELETE = """
redis.call('ZREM', KEYS[6], ARGV[2])
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


INDEXES = Indexes(
    "digests",
    DIGESTS,
    layout.digest,
    layout.digests_of_channel,
    layout.digests_of_owner,
    layout.digests_of_team,
)


class DigestStore(VersionedStore[Digest]):
    """Digests in Redis; `due` says when which are due.

    Every method raises StoreUnavailable where Redis does not answer.
    """

    def __init__(self, redis: Commands, vault: Vault) -> None:
        super().__init__(redis, Sealing(vault, "digest", DIGEST), INDEXES, SAVE, DELETE)
        scheduled = Scheduled.by_id("digests", layout.digest, DUE_AT)
        self.due = DueIndex(redis, layout.digests_due(), scheduled)

    async def save(
        self, digest: Digest, before: Digest | None = None, *, posts_now: bool = False
    ) -> Digest | None:
        """Write a new digest, or one that was read as `before`.

        Gives it as it is now, or None where it was changed or deleted meanwhile. `posts_now`: it is
        to be posted at once. Raises NameTaken, and LimitReached where its channel, its owner or its
        workspace has none to spare, or where it was posted at once too often.
        """
        args: list[Argument] = [
            "" if digest.due_at is None else digest.due_at,
            digest.run,
            POSTS_NOW if posts_now else "",
            POSTS_NOW_SECONDS,
        ]
        keys = [layout.digests_due(), layout.digest_posts_now(digest.id)]
        saved, done = await self._write(digest, before, keys, args, _hashed(digest.name))
        if done == "name":
            raise NameTaken
        if done.startswith("wait"):
            raise LimitReached("posts", "digest", POSTS_NOW, int(done.split()[1]))
        return None if done == "changed" else saved

    async def delete(self, digest: Digest) -> bool:
        """Every trace of it; what it has posted stays. False where it was changed meanwhile."""
        keys = [layout.digest_posts_now(digest.id), layout.digests_due()]
        return await self._remove(digest, keys)

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
        return await self._loaded(ids)


def folded(name: str) -> str:
    """What two names must differ in: neither case nor quotes nor spaces."""
    return " ".join(name.casefold().split()).strip("“”\"'")


def _hashed(name: str) -> str:
    return hashlib.sha256(folded(name).encode()).hexdigest()[:16]
