"""Channel alerts, and the index of connections by the time of their next poll.

Alerts run with their owners' API keys, so alerts and the records of their posts are encrypted.
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

# Saves the alert, its posts and the time of its next poll together, so a saved alert is always in
# the due index.
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

# Deleting the last alert of a connection also removes the connection from the due index.
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
"""How long repeats of a failure are posted in the thread of its first message."""


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
    """Alerts in Redis; `connections` is the schedule for polling their connections.

    Every method raises StoreUnavailable if Redis doesn't answer.
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
        """Return the messages posted in the last day, oldest first."""
        key = redis_keys.alert_posts(alert_id)
        with translate_redis_errors():
            encrypted = await self._redis.get(key)
        return self._encrypted_posts.decrypt(encrypted, key) or ()

    async def save(
        self,
        alert: Alert,
        before: Alert | None,
        posts: tuple[PostedAlert, ...] | None = None,
        *,
        poll_at: float | None = None,
        starts: bool = False,
    ) -> Alert | None:
        """Save a new alert, or update the alert read as `before`; also save `posts` if given.

        Its connection is polled at `poll_at`, or earlier if an earlier poll is already scheduled.
        `starts` resets the connection's count of failed polls. Returns the alert as saved, or None
        if it was changed or turned off in the meantime. Raises LimitReached if its channel, owner
        or workspace already has the maximum number of alerts.
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
            "" if posts is None else self._encrypted_posts.encrypt(posts, posts_key),
            ALERT_POSTS_TTL_SECONDS,
            connection,
            "NX" if poll_at is None else "LT",
            alert.polled_at if poll_at is None else poll_at,
            "starts" if starts else "",
        ]
        saved, done = await self._write(alert, before, keys, args)
        return saved if done == "saved" else None

    async def delete(self, alert: Alert) -> bool:
        """Delete an alert but not its messages; False if it has been changed since it was read."""
        connection = alert.connection.name
        keys = [
            redis_keys.alert_posts(alert.id),
            redis_keys.alerts_of_connection(connection),
            redis_keys.alerts_due(),
            redis_keys.alerts_failures(),
        ]
        return await self._remove(alert, keys, connection)

    async def of_connection(self, connection: PolledConnection) -> tuple[Alert, ...]:
        """Return the alerts that use a connection, oldest first."""
        there = await self._loaded(
            await self._ids(redis_keys.alerts_of_connection(connection.name))
        )
        return tuple(alert for alert in there if alert.connection == connection)


async def _connection_names(keys: list[str]) -> list[str]:
    """Return the connection names in these keys; each key is a connection's set of alert ids."""
    prefix = redis_keys.alerts_of_connection("")
    return [key.removeprefix(prefix) for key in keys if key.count(":", len(prefix)) > 2]
