"""Each user's connections to tenants: one hash a user, secrets sealed."""

from __future__ import annotations

from collections.abc import Mapping

from bot.models import Account, Caller, Connection
from bot.store import layout
from bot.store.connection import Commands, reaching_redis
from bot.store.homes import FIGURES
from bot.store.records import CONNECTION, DEFAULT, TOKEN, Records
from bot.store.sources import Source


class AccountStore:
    """Accounts in Redis. Every method raises StoreUnavailable where Redis does not answer."""

    def __init__(self, redis: Commands, records: Records) -> None:
        self._redis, self._records = redis, records

    async def load(self, caller: Caller) -> Account:
        """The account of a user; empty where nothing is connected."""
        with reaching_redis():
            return self.read(caller, await self._redis.hgetall(layout.account(caller)))

    def read(self, caller: Caller, fields: Mapping[str, str]) -> Account:
        """The account in a hash that was fetched together with something else."""
        tenants = [name.removeprefix(CONNECTION) for name in fields if name.startswith(CONNECTION)]
        connections = {}
        for tenant in sorted(tenants):
            if connection := self._records.connection(caller, tenant, fields):
                connections[tenant] = connection
        default = fields.get(DEFAULT, "")
        return Account(caller, connections, default if default in connections else "")

    async def save(self, connection: Connection, *, default: bool) -> None:
        """Keep a connection, and its token; `default` makes its tenant the default one."""
        fields = {CONNECTION + connection.tenant: self._records.seal_connection(connection)}
        if connection.token:
            sealed = self._records.seal_token(connection, connection.token)
            fields[TOKEN + connection.tenant] = sealed
        if default:
            fields[DEFAULT] = connection.tenant
        with reaching_redis():
            await self._redis.hset(layout.account(connection.caller), mapping=fields)

    async def set_default(self, caller: Caller, tenant: str) -> None:
        with reaching_redis():
            await self._redis.hset(layout.account(caller), DEFAULT, tenant)

    async def tenants(self, caller: Caller) -> tuple[str, ...]:
        """Where a user is connected, also by connections that cannot be opened."""
        with reaching_redis():
            fields = await self._redis.hkeys(layout.account(caller))
        names = (name.removeprefix(CONNECTION) for name in fields if name.startswith(CONNECTION))
        return tuple(sorted(names))

    async def delete(self, caller: Caller, tenant: str, next_default: str) -> None:
        """Delete every trace of a connection: secret, token, cursors, figures, counts of days.

        The audit record stays. `next_default` replaces the default tenant; it is empty if no
        tenant is left, and then the user's forms and time zone are deleted, too.
        """
        account, cursors = layout.account(caller), layout.cursors(caller, tenant)
        with reaching_redis():
            await self._delete_all(layout.day_counts(Source(caller, tenant).name, "*"))
            if not next_default:
                await self._delete_all(layout.form(caller, "*"))
                await self._redis.delete(layout.zone(caller))
            cursor_ids = await self._redis.zrange(cursors, 0, -1)
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hdel(account, CONNECTION + tenant, TOKEN + tenant)
                pipe.hdel(layout.home(caller, FIGURES), tenant)
                if next_default:
                    pipe.hset(account, DEFAULT, next_default)
                else:
                    pipe.hdel(account, DEFAULT)
                pipe.delete(cursors, *(layout.cursor(caller, id_) for id_ in cursor_ids))
                await pipe.execute()

    async def _delete_all(self, pattern: str) -> None:
        """Keys of the app hold no sign that is special in a pattern, but for the last one."""
        async for key in self._redis.scan_iter(pattern, count=1000):
            await self._redis.delete(key)
