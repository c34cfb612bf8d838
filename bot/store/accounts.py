"""Accounts: each user's connections and access tokens, encrypted; and stopped workspaces."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

from bot.domain.accounts import Account, Caller, Connection, PolledConnection, Token
from bot.store import keys as redis_keys
from bot.store.connection import Commands, translate_redis_errors
from bot.store.encryption import CONNECTION_FIELD, DEFAULT_FIELD, TOKEN_FIELD, AccountEncryption
from bot.store.home import STATS_KEY
from bot.store.locks import Locks


class AccountStore:
    """Accounts in Redis. Every method raises StoreUnavailable if Redis doesn't answer."""

    def __init__(self, redis: Commands, records: AccountEncryption) -> None:
        self._redis, self._records = redis, records

    async def load(self, caller: Caller) -> Account:
        """Return a user's account, which is empty if the user isn't connected to any tenant."""
        with translate_redis_errors():
            return self.read(caller, await self._redis.hgetall(redis_keys.account(caller)))

    def read(self, caller: Caller, fields: Mapping[str, str]) -> Account:
        """Decode an account from the fields of its hash, fetched by the caller."""
        tenants = [
            name.removeprefix(CONNECTION_FIELD)
            for name in fields
            if name.startswith(CONNECTION_FIELD)
        ]
        connections = {}
        for tenant in sorted(tenants):
            if connection := self._records.decrypt_connection(caller, tenant, fields):
                connections[tenant] = connection
        default = fields.get(DEFAULT_FIELD, "")
        return Account(caller, connections, default if default in connections else "")

    async def allowing(self, team_id: str, tenant: str, scope: str) -> list[Caller]:
        """Return the users of a workspace who allowed agent actions that need `scope` in a tenant.

        Scans the keys in Redis.
        """
        with translate_redis_errors():
            keys = {key async for key in self._redis.scan_iter(redis_keys.ALL_ACCOUNTS, count=1000)}
        users = map(_owner, sorted(keys))
        accounts = [await self.load(user) for user in users if user.team_id == team_id]
        return [account.caller for account in accounts if account.may(scope, tenant)]

    async def save(self, connection: Connection, *, default: bool) -> None:
        """Store a connection and its token; if `default`, make its tenant the default."""
        fields = {
            CONNECTION_FIELD + connection.tenant: self._records.encrypt_connection(connection)
        }
        if connection.token:
            encrypted = self._records.encrypt_token(connection, connection.token)
            fields[TOKEN_FIELD + connection.tenant] = encrypted
        if default:
            fields[DEFAULT_FIELD] = connection.tenant
        with translate_redis_errors():
            await self._redis.hset(redis_keys.account(connection.caller), mapping=fields)

    async def set_default(self, caller: Caller, tenant: str) -> None:
        with translate_redis_errors():
            await self._redis.hset(redis_keys.account(caller), DEFAULT_FIELD, tenant)

    async def tenants(self, caller: Caller) -> tuple[str, ...]:
        """Return a user's tenants, including those whose connection can't be decrypted."""
        with translate_redis_errors():
            fields = await self._redis.hkeys(redis_keys.account(caller))
        names = (
            name.removeprefix(CONNECTION_FIELD)
            for name in fields
            if name.startswith(CONNECTION_FIELD)
        )
        return tuple(sorted(names))

    async def delete(self, caller: Caller, tenant: str, next_default: str) -> None:
        """Delete a connection with its API key, token, cursors, statistics and daily counts.

        The audit log is kept. `next_default` becomes the default tenant; pass "" if no tenant is
        left, which also deletes the user's form drafts and time zone.
        """
        account, cursors = redis_keys.account(caller), redis_keys.cursors(caller, tenant)
        with translate_redis_errors():
            await self._delete_all(
                redis_keys.daily_counts(PolledConnection(caller, tenant).name, "*")
            )
            if not next_default:
                await self._delete_all(redis_keys.form(caller, "*"))
                await self._redis.delete(redis_keys.time_zone(caller))
            cursor_ids = await self._redis.zrange(cursors, 0, -1)
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hdel(account, CONNECTION_FIELD + tenant, TOKEN_FIELD + tenant)
                pipe.hdel(redis_keys.home(caller, STATS_KEY), tenant)
                if next_default:
                    pipe.hset(account, DEFAULT_FIELD, next_default)
                else:
                    pipe.hdel(account, DEFAULT_FIELD)
                pipe.delete(cursors, *(redis_keys.cursor(caller, id_) for id_ in cursor_ids))
                await pipe.execute()

    async def _delete_all(self, pattern: str) -> None:
        """Delete the keys that match a pattern; its only special character may be a final `*`."""
        async for key in self._redis.scan_iter(pattern, count=1000):
            await self._redis.delete(key)


def _owner(account_key: str) -> Caller:
    """The user whose account is at a key of Redis."""
    tag = account_key.partition("{")[2].partition("}")[0]
    enterprise_id, team_id, user_id = tag.split(":")
    return Caller(team_id, user_id, enterprise_id)


TOKEN_LOCK_SECONDS = 3.0
TOKEN_LOCK_WAIT_SECONDS = 5.0
"""Short enough to still request a token without the lock within the 8 s limit of a call."""

# A token may arrive after its connection was deleted; don't recreate the connection's data.
SAVE_IF_CONNECTED = """
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then
    return redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
end
return -1
"""


class TokenStore:
    """Tokens in Redis. Every method raises StoreUnavailable if Redis doesn't answer."""

    def __init__(
        self,
        redis: Commands,
        records: AccountEncryption,
        *,
        wait_seconds: float = TOKEN_LOCK_WAIT_SECONDS,
    ) -> None:
        self._redis, self._records, self._wait_seconds = redis, records, wait_seconds
        self._locks = Locks(redis)
        self._save_if_connected = redis.register_script(SAVE_IF_CONNECTED)

    async def load(self, connection: Connection) -> Token | None:
        """Return the token stored now; another process may have replaced the connection's token."""
        account, name = redis_keys.account(connection.caller), TOKEN_FIELD + connection.tenant
        with translate_redis_errors():
            encrypted = await self._redis.hget(account, name)
        return self._records.decrypt_token(connection.caller, connection.tenant, encrypted)

    async def save(self, connection: Connection, token: Token) -> None:
        """Store a token, unless its connection has been deleted in the meantime."""
        tenant, encrypted = connection.tenant, self._records.encrypt_token(connection, token)
        with translate_redis_errors():
            await self._save_if_connected(
                keys=[redis_keys.account(connection.caller)],
                args=[CONNECTION_FIELD + tenant, TOKEN_FIELD + tenant, encrypted],
            )

    def lock(self, connection: Connection) -> AbstractAsyncContextManager[bool]:
        """Lock a connection while requesting a new token; other processes wait for a limited time.

        The context manager yields False if the lock wasn't acquired in time. The caller may then
        request its own token; a second token does no harm.
        """
        key = redis_keys.token_lock(connection.caller, connection.tenant)
        return self._locks.lock(key, TOKEN_LOCK_SECONDS, self._wait_seconds)


UNINSTALL_GRACE_SECONDS = 24 * 60 * 60.0
"""How long data is kept after the app is uninstalled, in case it is reinstalled right away."""


class StoppedTeams:
    """Stopped workspaces. Every method raises StoreUnavailable if Redis doesn't answer.

    A request from a person in a workspace resumes that workspace; see `bot.store.idempotency`.
    """

    def __init__(self, redis: Commands) -> None:
        self._redis = redis

    async def mark_uninstalled(self, team_id: str, now: float) -> None:
        """Stop a workspace's scheduled tasks, and schedule its data for deletion after 24 hours."""
        with translate_redis_errors():
            at = now + UNINSTALL_GRACE_SECONDS
            await self._redis.zadd(redis_keys.stopped_teams(), {team_id: at}, lt=True)

    async def mark_revoked(self, team_id: str) -> None:
        """Stop a workspace's scheduled tasks without deleting data; keep any scheduled deletion."""
        with translate_redis_errors():
            await self._redis.zadd(redis_keys.stopped_teams(), {team_id: math.inf}, nx=True)

    async def resume(self, team_id: str) -> None:
        """Resume a workspace's scheduled tasks, because the app works there again."""
        with translate_redis_errors():
            await self._redis.zrem(redis_keys.stopped_teams(), team_id)

    async def load_all(self) -> dict[str, float]:
        """Return the deletion time of each workspace's data (seconds since 1970; inf for never)."""
        with translate_redis_errors():
            found = await self._redis.zrange(redis_keys.stopped_teams(), 0, -1, withscores=True)
        return dict(found)
