"""The alerts of channels, and the index of which connections are to be looked at when.

They run with their owners' keys, so they are sealed, and so is what they have posted.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace

from bot.models import Caller
from bot.store import layout
from bot.store.alert_records import ALERT, POSTS, Alert, Posted
from bot.store.connection import Commands, reaching_redis
from bot.store.sealing import Sealing
from bot.store.sources import Followed, Source, Sources
from bot.store.vault import Vault

# An alert, its places, what it has posted and the time of the next look change together, and only
# if nobody has changed it since it was read. Whatever is saved is in the due index afterwards.
SAVE = """
if (redis.call('HGET', KEYS[1], 'version') or '0') ~= ARGV[1] then return 0 end
if ARGV[10] ~= '' and redis.call('SCARD', KEYS[5]) >= tonumber(ARGV[10]) then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'record', ARGV[3])
redis.call('SREM', KEYS[3], ARGV[4])
redis.call('SADD', KEYS[4], ARGV[4])
redis.call('SADD', KEYS[5], ARGV[4])
if ARGV[5] ~= '' then redis.call('SET', KEYS[2], ARGV[5], 'EX', ARGV[6]) end
redis.call('ZADD', KEYS[6], ARGV[8], ARGV[9], ARGV[7])
if ARGV[11] == 'starts' then redis.call('HDEL', KEYS[7], ARGV[7]) end
return 1
"""

# With the last alert of a connection its entry in the due index goes, too.
DELETE = """
if redis.call('HGET', KEYS[1], 'version') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('SREM', KEYS[3], ARGV[2])
redis.call('SREM', KEYS[4], ARGV[2])
if redis.call('SCARD', KEYS[3]) == 0 then
  redis.call('ZREM', KEYS[5], ARGV[3])
  redis.call('HDEL', KEYS[6], ARGV[3])
end
return 1
"""

IS_FOLLOWED = """
local function is_followed() return redis.call('SCARD', KEYS[3]) > 0 end
"""

POSTS_KEPT_SECONDS = 24 * 60 * 60
"""So long repeats of a failure find the message that told of it first."""


def new_alert_id() -> str:
    return secrets.token_hex(8)


class AlertStore:
    """Alerts in Redis; `sources` says when to look at them.

    Every method raises StoreUnavailable where Redis does not answer.
    """

    def __init__(self, redis: Commands, vault: Vault) -> None:
        self._redis = redis
        self._sealing = Sealing(vault, "alert", ALERT)
        self._posts_sealing = Sealing(vault, "record of an alert's messages", POSTS)
        self._save = redis.register_script(SAVE)
        self._delete = redis.register_script(DELETE)
        followed = Followed(
            "alerts",
            layout.ALL_SOURCES_OF_ALERTS,
            lambda source: layout.alerts_of_source(source.name),
            _sources,
            IS_FOLLOWED,
        )
        self.sources = Sources(redis, layout.alerts_due(), layout.alerts_strikes(), followed)

    async def load(self, alert_id: str) -> Alert | None:
        """The alert of that id; None where it was turned off, or cannot be opened."""
        with reaching_redis():
            sealed = await self._redis.hget(layout.alert(alert_id), "record")
        return self._open(alert_id, sealed)

    async def posts(self, alert_id: str) -> tuple[Posted, ...]:
        """The messages of the last day, oldest first."""
        key = layout.alert_posts(alert_id)
        with reaching_redis():
            sealed = await self._redis.get(key)
        return self._posts_sealing.open(sealed, key) or ()

    async def add(self, alert: Alert, look_at: float, most: int) -> Alert | None:
        """Write a new alert and look at it then; None if its channel has `most` alerts already.

        Alerts that cannot be opened do not count: nobody sees them, so nobody can turn them off.
        """
        _, unreadable = await self._all(_of_channel(alert))
        return await self.save(alert, None, look_at=look_at, starts=True, most=most + unreadable)

    async def save(
        self,
        alert: Alert,
        before: Alert | None,
        posts: tuple[Posted, ...] | None = None,
        *,
        look_at: float | None = None,
        starts: bool = False,
        most: int | None = None,
    ) -> Alert | None:
        """Write a new alert, or one that was read as `before`, with its `posts` if these are given.

        It is looked at by `look_at`, or when it was to be looked at anyway. `starts`: earlier
        refusals of its connection count no more. Gives it as it is now, or None where it was
        changed or turned off meanwhile, or where its channel has `most` alerts.
        """
        version = before.version if before else 0
        saved = replace(alert, version=version + 1)
        args = [
            str(version),
            saved.version,
            self._sealing.seal(saved, layout.alert(saved.id), "record"),
            saved.id,
            "" if posts is None else self._sealed_posts(saved.id, posts),
            POSTS_KEPT_SECONDS,
            saved.source.name,
            "NX" if look_at is None else "LT",
            saved.looked_at if look_at is None else look_at,
            "" if most is None else most,
            "starts" if starts else "",
        ]
        with reaching_redis():
            done = await self._save(keys=_keys_to_save(saved, before), args=args)
        return saved if done else None

    async def delete(self, alert: Alert) -> bool:
        """Remove every trace of it but its messages; False if it was changed since it was read."""
        with reaching_redis():
            return bool(
                await self._delete(
                    keys=[
                        layout.alert(alert.id),
                        layout.alert_posts(alert.id),
                        layout.alerts_of_source(alert.source.name),
                        _of_channel(alert),
                        layout.alerts_due(),
                        layout.alerts_strikes(),
                    ],
                    args=[str(alert.version), alert.id, alert.source.name],
                )
            )

    async def of_channel(self, team_id: str, channel_id: str) -> tuple[Alert, ...]:
        """The alerts of a channel, oldest first."""
        there, _ = await self._all(layout.alerts_of_channel(team_id, channel_id))
        place = team_id, channel_id
        return tuple(one for one in there if (one.owner.team_id, one.channel_id) == place)

    async def of_source(self, source: Source) -> tuple[Alert, ...]:
        """The alerts that run on a connection, oldest first."""
        there, _ = await self._all(layout.alerts_of_source(source.name))
        return tuple(alert for alert in there if alert.source == source)

    async def tenants_of(self, owner: Caller) -> tuple[str, ...]:
        """Of which tenants somebody has alerts. It visits all keys of Redis: for rare events."""
        pattern = layout.alerts_of_source(Source(owner, "*").name)
        with reaching_redis():
            keys = [key async for key in self._redis.scan_iter(pattern, count=1000)]
        return tuple(sorted(source.tenant for source in await _sources(keys)))

    async def _all(self, index: str) -> tuple[tuple[Alert, ...], int]:
        """The alerts of an index, and how many of its records cannot be opened."""
        with reaching_redis():
            ids: Sequence[str] = list(await self._redis.smembers(index))
            async with self._redis.pipeline(transaction=False) as pipe:
                for alert_id in ids:
                    pipe.hget(layout.alert(alert_id), "record")
                records = await pipe.execute()
        opened = [self._open(id_, record) for id_, record in zip(ids, records, strict=True)]
        found = sorted(filter(None, opened), key=lambda alert: (alert.created_at, alert.id))
        return tuple(found), len(ids) - len(found)

    def _open(self, alert_id: str, sealed: str | None) -> Alert | None:
        return self._sealing.open(sealed, layout.alert(alert_id), "record")

    def _sealed_posts(self, alert_id: str, posts: tuple[Posted, ...]) -> str:
        return self._posts_sealing.seal(posts, layout.alert_posts(alert_id))


def _keys_to_save(alert: Alert, before: Alert | None) -> list[str]:
    return [
        layout.alert(alert.id),
        layout.alert_posts(alert.id),
        layout.alerts_of_source((before or alert).source.name),
        layout.alerts_of_source(alert.source.name),
        _of_channel(alert),
        layout.alerts_due(),
        layout.alerts_strikes(),
    ]


def _of_channel(alert: Alert) -> str:
    return layout.alerts_of_channel(alert.owner.team_id, alert.channel_id)


async def _sources(keys: list[str]) -> list[Source]:
    """The sources whose sets of alerts these are."""
    prefix = layout.alerts_of_source("")
    return [
        Source.named(key.removeprefix(prefix)) for key in keys if key.count(":", len(prefix)) > 2
    ]
