"""Alerts of channels, and the index of when to poll each connection.

Alerts run with their owners' API keys, so they and the records of their posts are encrypted.
"""

from __future__ import annotations

import secrets

from bot.domain.accounts import PolledConnection
from bot.domain.alerts import Alert, PostedAlert
from bot.domain.records import Serializer
from bot.store import keys as redis_keys
from bot.store.connection import Commands, translate_redis_errors
from bot.store.due_index import PolledConnections, ScheduledRecords
from bot.store.encryption import Cipher, EncryptedRecords
from bot.store.versioned_records import ALERT_LIMITS, Argument, RecordIndexes, VersionedRecordStore

ALERT_SERIALIZER = Serializer(Alert)


ALERT_POSTS_SERIALIZER = Serializer(tuple[PostedAlert, ...])

# What an alert has posted and the time of the next look change with it. Whatever is saved is in the
# due index afterwards.
SAVE_ALERT = """
local why = refused()
if why then return why end
save()
redis.call('SREM', KEYS[7], ARGV[4])
redis.call('SADD', KEYS[8], ARGV[4])
if ARGV[9] ~= '' then redis.call('SET', KEYS[9], ARGV[9], 'EX', ARGV[10]) end
redis.call('ZADD', KEYS[10], ARGV[12], ARGV[13], ARGV[11])
if ARGV[14] == 'starts' then redis.call('HDEL', KEYS[11], ARGV[11]) end
return 'saved'
"""

# With the last alert of a connection its entry in the due index goes, too.
DELETE_ALERT = """
redis.call('SREM', KEYS[6], ARGV[2])
if redis.call('SCARD', KEYS[6]) == 0 then
  redis.call('ZREM', KEYS[7], ARGV[3])
  redis.call('HDEL', KEYS[8], ARGV[3])
end
return 1
"""

ALERTS_DUE_AT = """
local function due_at() return redis.call('SCARD', KEYS[2]) > 0 and ARGV[2] end
"""

ALERT_POSTS_TTL_SECONDS = 24 * 60 * 60
"""So long repeats of a failure find the message that told of it first."""


def new_alert_id() -> str:
    return secrets.token_hex(8)


ALERT_INDEXES = RecordIndexes(
    "alerts",
    ALERT_LIMITS,
    redis_keys.alert,
    redis_keys.alerts_of_channel,
    redis_keys.alerts_of_owner,
    redis_keys.alerts_of_team,
)


class AlertStore(VersionedRecordStore[Alert]):
    """Alerts in Redis; `connections` says when to look at them.

    Every method raises StoreUnavailable where Redis does not answer.
    """

    def __init__(self, redis: Commands, cipher: Cipher) -> None:
        super().__init__(
            redis,
            EncryptedRecords(cipher, "alert", ALERT_SERIALIZER),
            ALERT_INDEXES,
            SAVE_ALERT,
            DELETE_ALERT,
        )
        self._encrypted_posts = EncryptedRecords(
            cipher, "record of an alert's messages", ALERT_POSTS_SERIALIZER
        )
        records = ScheduledRecords(
            "connections with alerts",
            redis_keys.ALL_ALERT_CONNECTIONS,
            _connection_names,
            redis_keys.alerts_of_connection,
            ALERTS_DUE_AT,
        )
        self.connections = PolledConnections(
            redis, redis_keys.alerts_due(), redis_keys.alerts_failures(), records
        )

    async def load_posts(self, alert_id: str) -> tuple[PostedAlert, ...]:
        """The messages of the last day, oldest first."""
        key = redis_keys.alert_posts(alert_id)
        with translate_redis_errors():
            sealed = await self._redis.get(key)
        return self._encrypted_posts.open(sealed, key) or ()

    async def save(
        self,
        alert: Alert,
        before: Alert | None,
        posts: tuple[PostedAlert, ...] | None = None,
        *,
        poll_at: float | None = None,
        starts: bool = False,
    ) -> Alert | None:
        """Write a new alert, or one that was read as `before`, with its `posts` if given.

        It is looked at by `poll_at`, or when it was to be looked at anyway. `starts`: earlier
        refusals of its connection count no more. Gives it as it is now, or None where it was
        changed or turned off meanwhile. Raises LimitReached where its channel, its owner or its
        workspace has none to spare.
        """
        connection, posts_key = alert.connection.name, redis_keys.alert_posts(alert.id)
        keys = [
            redis_keys.alerts_of_connection((before or alert).connection.name),
            redis_keys.alerts_of_connection(connection),
            posts_key,
            redis_keys.alerts_due(),
            redis_keys.alerts_failures(),
        ]
        args: list[Argument] = [
            "" if posts is None else self._encrypted_posts.seal(posts, posts_key),
            ALERT_POSTS_TTL_SECONDS,
            connection,
            "NX" if poll_at is None else "LT",
            alert.polled_at if poll_at is None else poll_at,
            "starts" if starts else "",
        ]
        saved, done = await self._write(alert, before, keys, args)
        return saved if done == "saved" else None

    async def delete(self, alert: Alert) -> bool:
        """Remove every trace of it but its messages; False if it was changed since it was read."""
        connection = alert.connection.name
        keys = [
            redis_keys.alert_posts(alert.id),
            redis_keys.alerts_of_connection(connection),
            redis_keys.alerts_due(),
            redis_keys.alerts_failures(),
        ]
        return await self._remove(alert, keys, connection)

    async def of_connection(self, connection: PolledConnection) -> tuple[Alert, ...]:
        """The alerts that run on a connection, oldest first."""
        there = await self._loaded(
            await self._ids(redis_keys.alerts_of_connection(connection.name))
        )
        return tuple(alert for alert in there if alert.connection == connection)


async def _connection_names(keys: list[str]) -> list[str]:
    """The names of the sources whose sets of alerts these are."""
    prefix = redis_keys.alerts_of_connection("")
    return [key.removeprefix(prefix) for key in keys if key.count(":", len(prefix)) > 2]
