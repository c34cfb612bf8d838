"""Channel alerts, the index of connections by the time of their next poll, and responses.

Alerts run with their owners' API keys, so alerts and the records of their posts are encrypted.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

from bot.domain.accounts import PolledConnection
from bot.domain.alerts import Alert, PostedAlert
from bot.domain.records import Serializer
from bot.domain.responses import RESPONSE_TTL_SECONDS, AlertResponses
from bot.store import keys as redis_keys
from bot.store.connection import Commands, translate_redis_errors
from bot.store.due_index import DueRecordStore, PolledConnections, ScheduledRecords
from bot.store.encryption import Cipher, EncryptedRecords
from bot.store.versioned_records import ALERT_LIMITS, Argument, RecordIndexes, VersionedRecordStore

# These fields take a fifth of the memory of most alerts, which have no condition.
ALERT_SERIALIZER = Serializer(
    Alert, omit_default_of=("mentions", "pending", "condition", "progress")
)

ALERT_POSTS_SERIALIZER = Serializer(tuple[PostedAlert, ...])

ALERT_RESPONSES_SERIALIZER = Serializer(AlertResponses)

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
redis.call('DEL', KEYS[9])
redis.call('ZREM', KEYS[10], ARGV[2])
return 1
"""

ALERTS_DUE_AT = """
local function due_at() return redis.call('SCARD', KEYS[2]) > 0 and ARGV[2] end
"""

# Counts a query if fewer than ARGV[2] were counted in the last ARGV[3] seconds; otherwise, returns
# the time of the oldest of them. Times are from the worker's clock: later ones are from before it
# was set back.
COUNT_QUERY = """
local now, seconds = tonumber(ARGV[1]), tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - seconds)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '+inf')
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then
  return redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
end
redis.call('ZADD', KEYS[1], now, ARGV[4])
redis.call('EXPIRE', KEYS[1], seconds)
return ''
"""

MAX_QUERIES, QUERIES_PERIOD_SECONDS = 2, 60
"""How many queries all alerts on a connection may make together in a minute."""

ALERT_POSTS_TTL_SECONDS = round(RESPONSE_TTL_SECONDS)


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
        self.responses = ResponseStore(redis, cipher)
        self._count_query = redis.register_script(COUNT_QUERY)

    async def next_query_at(self, connection: PolledConnection, now: float) -> float:
        """Count a query of a connection's alerts, and return `now`.

        If there were too many in the last minute, return when the next one is allowed.
        """
        key = redis_keys.alerts_queries(connection.name)
        args = [now, MAX_QUERIES, QUERIES_PERIOD_SECONDS, secrets.token_hex(8)]
        with translate_redis_errors():
            oldest = await self._count_query(keys=[key], args=args)
        return float(oldest) + QUERIES_PERIOD_SECONDS if oldest else now

    async def load_posts(self, alert_id: str) -> tuple[PostedAlert, ...]:
        """Return the messages that are still in use, oldest first."""
        key = redis_keys.alert_posts(alert_id)
        with translate_redis_errors():
            encrypted = await self._redis.get(key)
        return self._encrypted_posts.decrypt(encrypted, key) or ()

    async def posts_of(self, alerts: Sequence[Alert]) -> list[tuple[PostedAlert, ...]]:
        """Return the messages of each of these alerts, as in `load_posts`."""
        keys = [redis_keys.alert_posts(alert.id) for alert in alerts]
        with translate_redis_errors():
            found = await self._redis.mget(keys) if keys else []
        opened = (
            self._encrypted_posts.decrypt(one, key) for one, key in zip(found, keys, strict=True)
        )
        return [posts or () for posts in opened]

    async def save(
        self,
        alert: Alert,
        before: Alert | None,
        posts: tuple[PostedAlert, ...] | None = None,
        *,
        poll_at: float | None = None,
        starts: bool = False,
        posts_ttl: int = ALERT_POSTS_TTL_SECONDS,
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
            posts_ttl,
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
            redis_keys.alert_responses(alert.id),
            redis_keys.alert_responses_due(),
        ]
        return await self._remove(alert, keys, connection)

    async def of_team(self, team_id: str) -> tuple[Alert, ...]:
        """Return the alerts of a workspace, oldest first."""
        return await self._loaded(await self._ids(redis_keys.alerts_of_team(team_id)))

    async def of_connection(self, connection: PolledConnection) -> tuple[Alert, ...]:
        """Return the alerts that use a connection, oldest first."""
        there = await self._loaded(
            await self._ids(redis_keys.alerts_of_connection(connection.name))
        )
        return tuple(alert for alert in there if alert.connection == connection)


DELETE_ORPHANED_RESPONSES = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('DEL', KEYS[2])
return redis.call('ZREM', KEYS[3], ARGV[1])
"""


class ResponseStore:
    """The team's responses to the messages of alerts; `due` is the index of those to show.

    Responses that can't be decrypted count as none, so that alerts are still posted. Every method
    raises StoreUnavailable if Redis doesn't answer.
    """

    def __init__(self, redis: Commands, cipher: Cipher) -> None:
        self._delete = redis.register_script(DELETE_ORPHANED_RESPONSES)
        self._store = DueRecordStore(
            redis,
            EncryptedRecords(cipher, "response to an alert", ALERT_RESPONSES_SERIALIZER),
            "alerts with responses",
            redis_keys.alert_responses,
            redis_keys.alert_responses_due(),
            expires_with=redis_keys.alert_posts,
            replaces_unreadable=True,
        )
        self.due, self.settle = self._store.due, self._store.settle

    async def load(self, *alert_ids: str) -> list[AlertResponses]:
        """Return the responses to the messages of each of these alerts."""
        return [found or AlertResponses() for found in await self._store.load_all(alert_ids)]

    async def update(
        self, alert_id: str, now: float, how: Callable[[AlertResponses], AlertResponses]
    ) -> tuple[AlertResponses, AlertResponses]:
        """Change an alert's responses; return them before and after the change.

        Raises Busy if another change came first in every attempt.
        """

        def changed(found: AlertResponses | None) -> AlertResponses | None:
            before = found or AlertResponses()
            after = how(before)
            return found if after == before else after

        before, after = await self._store.change(alert_id, now, changed)
        return before or AlertResponses(), after or AlertResponses()

    async def delete_orphaned(self, alert_id: str) -> None:
        """Delete the responses to the messages of an alert that is off.

        They stay if the alert is only unreadable: a worker may lack its key.
        """
        responses, due = redis_keys.alert_responses(alert_id), redis_keys.alert_responses_due()
        with translate_redis_errors():
            await self._delete(keys=[redis_keys.alert(alert_id), responses, due], args=[alert_id])


async def _connection_names(keys: list[str]) -> list[str]:
    """Return the connection names in these keys; each key is a connection's set of alert ids."""
    prefix = redis_keys.alerts_of_connection("")
    return [key.removeprefix(prefix) for key in keys if key.count(":", len(prefix)) > 2]
