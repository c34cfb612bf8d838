"""The digests, which are the truth, and the index of what is due, which is made from them.

They run with their owners' keys, so they are sealed: whoever can write to Redis cannot make one up,
nor have one shown elsewhere.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import replace

from bot.models import Caller, Digest
from bot.store import layout
from bot.store.connection import Commands, reaching_redis
from bot.store.sealing import Sealing
from bot.store.serialization import Serializer
from bot.store.vault import Vault

# A digest and its places in the indexes change together, and only if nobody has changed it since.
SAVE = """
if (redis.call('HGET', KEYS[1], 'version') or '0') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'record', ARGV[3])
if ARGV[4] == '' then redis.call('ZREM', KEYS[2], ARGV[5])
else redis.call('ZADD', KEYS[2], ARGV[4], ARGV[5]) end
redis.call('SREM', KEYS[3], ARGV[5])
redis.call('SREM', KEYS[4], ARGV[5])
redis.call('SADD', KEYS[5], ARGV[5])
redis.call('SADD', KEYS[6], ARGV[5])
return 1
"""

# Whoever claims something looks after it for a while; after that it is due again.
CLAIM_DUE = """
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
for _, id in ipairs(due) do redis.call('ZADD', KEYS[1], ARGV[2], id) end
return due
"""

CLAIM_SECONDS = 60.0
"""Only for what somebody has dropped: a task that is queued already is not queued twice."""


DIGEST = Serializer(Digest, "id")


def new_digest_id() -> str:
    """Short enough for a button, and nothing that anybody guesses."""
    return secrets.token_hex(8)


class DigestStore:
    """Digests in Redis. Every method raises StoreUnavailable where Redis does not answer."""

    def __init__(self, redis: Commands, vault: Vault) -> None:
        self._redis, self._sealing = redis, Sealing(vault, "digest", DIGEST)
        self._save = redis.register_script(SAVE)
        self._claim_due = redis.register_script(CLAIM_DUE)

    async def load(self, digest_id: str) -> Digest | None:
        """The digest of that id; None where it was deleted, or cannot be opened."""
        with reaching_redis():
            sealed = await self._redis.hget(layout.digest(digest_id), "record")
        return self._open(digest_id, sealed)

    async def save(self, digest: Digest, before: Digest | None = None) -> Digest | None:
        """Write a new digest, or one that was read as `before`.

        Gives it as it is now, or None where it was changed or deleted meanwhile.
        """
        old = before or digest
        saved = replace(digest, version=before.version + 1 if before else 1)
        due = saved.next.at if saved.next else ""
        with reaching_redis():
            done = await self._save(
                keys=[
                    layout.digest(digest.id),
                    layout.digests_due(),
                    _of_channel(old),
                    layout.digests_of_owner(old.owner),
                    _of_channel(saved),
                    layout.digests_of_owner(saved.owner),
                ],
                args=[
                    str(before.version if before else 0),
                    saved.version,
                    self._sealing.seal(saved, layout.digest(saved.id), "record"),
                    due,
                    saved.id,
                ],
            )
        return saved if done else None

    async def delete(self, digest: Digest) -> None:
        """Every trace of it; what it has posted stays."""
        with reaching_redis():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.delete(layout.digest(digest.id))
                pipe.zrem(layout.digests_due(), digest.id)
                pipe.srem(_of_channel(digest), digest.id)
                pipe.srem(layout.digests_of_owner(digest.owner), digest.id)
                await pipe.execute()

    async def of_channel(self, team_id: str, channel_id: str) -> tuple[Digest, ...]:
        """The digests of a channel, oldest first."""
        with reaching_redis():
            ids = await self._redis.smembers(layout.digests_of_channel(team_id, channel_id))
        place = team_id, channel_id
        return tuple(d for d in await self._all(ids) if (d.owner.team_id, d.channel_id) == place)

    async def of_owner(self, caller: Caller) -> tuple[Digest, ...]:
        """The digests that run on a user's connections, oldest first."""
        with reaching_redis():
            ids = await self._redis.smembers(layout.digests_of_owner(caller))
        return tuple(digest for digest in await self._all(ids) if digest.owner == caller)

    async def claim_due(self, now: float, most: int) -> list[str]:
        """Ids of digests that are due; nobody else gets them for a minute.

        In a time that grows with how many these are, not with how many there are.
        """
        with reaching_redis():
            found: list[str] = await self._claim_due(
                keys=[layout.digests_due()], args=[now, now + CLAIM_SECONDS, most]
            )
        return found

    async def _all(self, ids: Iterable[str]) -> tuple[Digest, ...]:
        ids = list(ids)
        with reaching_redis():
            async with self._redis.pipeline(transaction=False) as pipe:
                for digest_id in ids:
                    pipe.hget(layout.digest(digest_id), "record")
                records = await pipe.execute()
        found = (self._open(id_, record) for id_, record in zip(ids, records, strict=True))
        return tuple(sorted(filter(None, found), key=lambda digest: (digest.created_at, digest.id)))

    def _open(self, digest_id: str, sealed: str | None) -> Digest | None:
        return self._sealing.open(sealed, layout.digest(digest_id), "record", id=digest_id)


def _of_channel(digest: Digest) -> str:
    return layout.digests_of_channel(digest.owner.team_id, digest.channel_id)
