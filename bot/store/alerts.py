"""The alerts of channels, and the index of which connections are to be looked at when.

They run with their owners' keys, so they are sealed, and so is what they have posted.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial

from bot.models import Caller
from bot.store import layout
from bot.store.alert_records import ALERT, POSTS, Alert, Posted
from bot.store.connection import Commands, reaching_redis
from bot.store.due_index import Scheduled
from bot.store.limits import ALERTS, IS_FULL, write_within
from bot.store.sealing import Sealing
from bot.store.sources import Source, Sources
from bot.store.vault import Vault

# An alert, its places, what it has posted and the time of the next look change together, and only
# if nobody has changed it since it was read. Whatever is saved is in the due index afterwards.
SAVE = (
    IS_FULL
    + """
if (redis.call('HGET', KEYS[1], 'version') or '0') ~= ARGV[1] then return 'changed' end
if is_full(KEYS[5], ARGV[4], ARGV[11]) then return 'channel' end
if is_full(KEYS[9], ARGV[4], ARGV[12]) then return 'person' end
if is_full(KEYS[10], ARGV[4], ARGV[13]) then return 'workspace' end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'record', ARGV[3])
redis.call('SREM', KEYS[3], ARGV[4])
redis.call('SADD', KEYS[4], ARGV[4])
redis.call('SADD', KEYS[5], ARGV[4])
redis.call('SREM', KEYS[8], ARGV[4])
redis.call('SADD', KEYS[9], ARGV[4])
redis.call('SADD', KEYS[10], ARGV[4])
if ARGV[5] ~= '' then redis.call('SET', KEYS[2], ARGV[5], 'EX', ARGV[6]) end
redis.call('ZADD', KEYS[6], ARGV[8], ARGV[9], ARGV[7])
if ARGV[10] == 'starts' then redis.call('HDEL', KEYS[7], ARGV[7]) end
return 'saved'
"""
)

# With the last alert of a connection its entry in the due index goes, too.
DELETE = """
if redis.call('HGET', KEYS[1], 'version') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('SREM', KEYS[3], ARGV[2])
redis.call('SREM', KEYS[4], ARGV[2])
redis.call('SREM', KEYS[7], ARGV[2])
redis.call('SREM', KEYS[8], ARGV[2])
if redis.call('SCARD', KEYS[3]) == 0 then
  redis.call('ZREM', KEYS[5], ARGV[3])
  redis.call('HDEL', KEYS[6], ARGV[3])
end
return 1
"""

DUE_AT = """
local function due_at() return redis.call('SCARD', KEYS[2]) > 0 and ARGV[2] end
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
        followed = Scheduled(
            "connections with alerts",
            layout.ALL_SOURCES_OF_ALERTS,
            _sources,
            layout.alerts_of_source,
            DUE_AT,
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

    async def save(
        self,
        alert: Alert,
        before: Alert | None,
        posts: tuple[Posted, ...] | None = None,
        *,
        look_at: float | None = None,
        starts: bool = False,
    ) -> Alert | None:
        """Write a new alert, or one that was read as `before`, with its `posts` if these are given.

        It is looked at by `look_at`, or when it was to be looked at anyway. `starts`: earlier
        refusals of its connection count no more. Gives it as it is now, or None where it was
        changed or turned off meanwhile. Raises LimitReached where its channel, its owner or its
        workspace has none to spare.
        """
        saved = replace(alert, version=before.version + 1 if before else 1)
        keys = _keys_to_save(saved, before)
        args = [
            str(before.version if before else 0),
            saved.version,
            self._sealing.seal(saved, layout.alert(saved.id), "record"),
            saved.id,
            "" if posts is None else self._sealed_posts(saved.id, posts),
            POSTS_KEPT_SECONDS,
            saved.source.name,
            "NX" if look_at is None else "LT",
            saved.looked_at if look_at is None else look_at,
            "starts" if starts else "",
        ]

        async def write(most: Mapping[str, int]) -> str:
            with reaching_redis():
                limits = _limits(saved, before, most)
                return str(await self._save(keys=keys, args=[*args, *limits]))

        unreadable = partial(self._unreadable, saved)
        done = await write_within("alerts", saved.owner.team_id, ALERTS, write, unreadable)
        return saved if done == "saved" else None

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
                        layout.alerts_of_owner(alert.owner),
                        layout.alerts_of_team(alert.owner.team_id),
                    ],
                    args=[str(alert.version), alert.id, alert.source.name],
                )
            )

    async def of_channel(self, team_id: str, channel_id: str) -> tuple[Alert, ...]:
        """The alerts of a channel, oldest first."""
        there = await self._all(layout.alerts_of_channel(team_id, channel_id))
        place = team_id, channel_id
        return tuple(one for one in there if (one.owner.team_id, one.channel_id) == place)

    async def of_owner(self, caller: Caller) -> tuple[Alert, ...]:
        """The alerts that run on a user's connections, oldest first."""
        there = await self._all(layout.alerts_of_owner(caller))
        return tuple(alert for alert in there if alert.owner == caller)

    async def of_source(self, source: Source) -> tuple[Alert, ...]:
        """The alerts that run on a connection, oldest first."""
        there = await self._all(layout.alerts_of_source(source.name))
        return tuple(alert for alert in there if alert.source == source)

    async def _all(self, index: str) -> tuple[Alert, ...]:
        """The alerts of an index that can be decrypted, oldest first."""
        return await self._loaded(await self._ids(index))

    async def _unreadable(self, alert: Alert, scope: str) -> int:
        """How many ids an index has without a record that can be decrypted."""
        index = {
            "channel": _of_channel(alert),
            "person": layout.alerts_of_owner(alert.owner),
            "workspace": layout.alerts_of_team(alert.owner.team_id),
        }[scope]
        ids = await self._ids(index)
        lost = ids - {alert.id for alert in await self._loaded(ids)}
        # An alert that was turned off between the two reads is not lost.
        return len(lost & await self._ids(index)) if lost else 0

    async def _ids(self, index: str) -> set[str]:
        with reaching_redis():
            return set(await self._redis.smembers(index))

    async def _loaded(self, ids: Collection[str]) -> tuple[Alert, ...]:
        with reaching_redis():
            async with self._redis.pipeline(transaction=False) as pipe:
                for alert_id in ids:
                    pipe.hget(layout.alert(alert_id), "record")
                records = await pipe.execute() if ids else []
        opened = [self._open(id_, record) for id_, record in zip(ids, records, strict=True)]
        found = sorted(filter(None, opened), key=lambda alert: (alert.created_at, alert.id))
        return tuple(found)

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
        layout.alerts_of_owner((before or alert).owner),
        layout.alerts_of_owner(alert.owner),
        layout.alerts_of_team(alert.owner.team_id),
    ]


def _limits(alert: Alert, before: Alert | None, most: Mapping[str, int]) -> list[int | str]:
    """Those that a change could exceed: "" for the others."""
    changes_hands = not before or before.owner != alert.owner
    return [
        most["channel"] if not before else "",
        most["person"] if changes_hands else "",
        most["workspace"] if not before else "",
    ]


def _of_channel(alert: Alert) -> str:
    return layout.alerts_of_channel(alert.owner.team_id, alert.channel_id)


async def _sources(keys: list[str]) -> list[str]:
    """The names of the sources whose sets of alerts these are."""
    prefix = layout.alerts_of_source("")
    return [key.removeprefix(prefix) for key in keys if key.count(":", len(prefix)) > 2]
