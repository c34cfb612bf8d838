"""Access tokens, shared by all processes: beside their connection, sealed as it is."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from bot.models import Connection, Token
from bot.store import layout
from bot.store.connection import Commands, reaching_redis
from bot.store.locks import Locks
from bot.store.records import CONNECTION, TOKEN, Records

HELD_SECONDS = 3.0
WAIT_SECONDS = 5.0
"""Of the 8 s of a whole call: enough is left to ask for a token without the lock."""

# A token may arrive after its connection was deleted; it must not come back from the dead.
SAVE_IF_CONNECTED = """
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then
    return redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
end
return -1
"""


class TokenStore:
    """Tokens in Redis. Every method raises StoreUnavailable where Redis does not answer."""

    def __init__(
        self, redis: Commands, records: Records, *, wait_seconds: float = WAIT_SECONDS
    ) -> None:
        self._redis, self._records, self._wait_seconds = redis, records, wait_seconds
        self._locks = Locks(redis)
        self._save_if_connected = redis.register_script(SAVE_IF_CONNECTED)

    async def load(self, connection: Connection) -> Token | None:
        """The token that is stored now: another process may have replaced the loaded one."""
        account, name = layout.account(connection.caller), TOKEN + connection.tenant
        with reaching_redis():
            sealed = await self._redis.hget(account, name)
        return self._records.token(connection.caller, connection.tenant, sealed)

    async def save(self, connection: Connection, token: Token) -> None:
        """Keep a token, unless its connection has been deleted meanwhile."""
        tenant, sealed = connection.tenant, self._records.seal_token(connection, token)
        with reaching_redis():
            await self._save_if_connected(
                keys=[layout.account(connection.caller)],
                args=[CONNECTION + tenant, TOKEN + tenant, sealed],
            )

    def lock(self, connection: Connection) -> AbstractAsyncContextManager[bool]:
        """Held by the one process that asks for a new token; others wait for a bounded time.

        The block is given False where the lock could not be had: then each asks for a token of its
        own, which does no harm.
        """
        key = layout.refresh(connection.caller, connection.tenant)
        return self._locks.held(key, HELD_SECONDS, self._wait_seconds)
