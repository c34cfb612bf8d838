"""The alerts of channels, and the index of which connections are to be looked at when.

They run with their owners' keys, so they are sealed, and so is what they have posted.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace

from bot.store import layout
from bot.store.alert_records import ALERT, POSTS, Alert, Posted
from bot.store.connection import Commands, reaching_redis
from bot.store.sealing import Sealing
from bot.store.sources import Source, Sources
from bot.store.vault import Vault

# An alert, its places and what it has posted change together, and only if nobody has changed it
# since it was read.
SAVE = """
if (redis.call('HGET', KEYS[1], 'version') or '0') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'record', ARGV[3])
redis.call('SREM', KEYS[3], ARGV[4])
redis.call('SADD', KEYS[4], ARGV[4])
redis.call('SADD', KEYS[5], ARGV[4])
if ARGV[5] ~= '' then redis.call('SET', KEYS[2], ARGV[5], 'EX', ARGV[6]) end
return 1
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
        self.sources = Sources(redis, layout.alerts_due(), layout.alerts_strikes())

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

    async def save(
        self, alert: Alert, before: Alert | None, posts: tuple[Posted, ...] | None = None
    ) -> Alert | None:
        """Write a new alert, or one that was read as `before`, with its `posts` if these are given.

        Gives it as it is now, or None where it was changed or turned off meanwhile.
        """
        version = before.version if before else 0
        saved = replace(alert, version=version + 1)
        with reaching_redis():
            done = await self._save(
                keys=[
                    layout.alert(alert.id),
                    layout.alert_posts(alert.id),
                    layout.alerts_of_source((before or alert).source.name),
                    layout.alerts_of_source(saved.source.name),
                    _of_channel(saved),
                ],
                args=[
                    str(version),
                    saved.version,
                    self._sealing.seal(saved, layout.alert(saved.id), "record"),
                    saved.id,
                    "" if posts is None else self._sealed_posts(saved.id, posts),
                    POSTS_KEPT_SECONDS,
                ],
            )
        return saved if done else None

    async def delete(self, alert: Alert) -> None:
        """Every trace of it; what it has posted stays."""
        with reaching_redis():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.delete(layout.alert(alert.id), layout.alert_posts(alert.id))
                pipe.srem(layout.alerts_of_source(alert.source.name), alert.id)
                pipe.srem(_of_channel(alert), alert.id)
                await pipe.execute()

    async def of_channel(self, team_id: str, channel_id: str) -> tuple[Alert, ...]:
        """The alerts of a channel, oldest first."""
        there = await self._all(layout.alerts_of_channel(team_id, channel_id))
        place = team_id, channel_id
        return tuple(one for one in there if (one.owner.team_id, one.channel_id) == place)

    async def of_source(self, source: Source) -> tuple[Alert, ...]:
        """The alerts that run on a connection, oldest first."""
        there = await self._all(layout.alerts_of_source(source.name))
        return tuple(alert for alert in there if alert.source == source)

    async def _all(self, index: str) -> tuple[Alert, ...]:
        with reaching_redis():
            ids: Sequence[str] = list(await self._redis.smembers(index))
            async with self._redis.pipeline(transaction=False) as pipe:
                for alert_id in ids:
                    pipe.hget(layout.alert(alert_id), "record")
                records = await pipe.execute()
        found = (self._open(id_, record) for id_, record in zip(ids, records, strict=True))
        return tuple(sorted(filter(None, found), key=lambda alert: (alert.created_at, alert.id)))

    def _open(self, alert_id: str, sealed: str | None) -> Alert | None:
        return self._sealing.open(sealed, layout.alert(alert_id), "record")

    def _sealed_posts(self, alert_id: str, posts: tuple[Posted, ...]) -> str:
        return self._posts_sealing.seal(posts, layout.alert_posts(alert_id))


def _of_channel(alert: Alert) -> str:
    return layout.alerts_of_channel(alert.owner.team_id, alert.channel_id)
