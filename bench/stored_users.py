"""Stores connected users in Redis in the app's own format."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from bench.stand_ins.emporix import TENANT
from bot.domain.accounts import DELETE_SCOPE, READ_SCOPE, Caller, Connection, Credentials, Token
from bot.store.accounts import AccountStore
from bot.store.connection import connect
from bot.store.encryption import AccountEncryption, Cipher, parse_keys

TEAM = "T0BENCH"
BATCH = 1000
TOKEN_SECONDS = 4 * 60 * 60.0
SCOPES = frozenset({READ_SCOPE, DELETE_SCOPE})


def user_id(number: int) -> str:
    return f"U{number:09d}"


async def connect_users(
    redis_url: str,
    encryption_key: str,
    count: int,
    tenant_of: Callable[[int], str] = lambda _: TENANT,
) -> None:
    """Connect the users 0 to `count` - 1, each with their own API key and access token."""
    redis, records = connect(redis_url), AccountEncryption(Cipher(parse_keys(encryption_key)))
    for begin in range(0, count, BATCH):
        async with redis.pipeline(transaction=False) as pipe:
            store = AccountStore(pipe, records)
            for connection in _connections(range(begin, min(begin + BATCH, count)), tenant_of):
                await store.save(connection, default=True)
            await pipe.execute()
    await redis.aclose()


async def store_tokens(redis_url: str, count: int) -> None:
    """Store a tenant and a token for the users 0 to `count` - 1 as the plain app reads them."""
    async with connect(redis_url) as redis:
        for number in range(count):
            record = {"tenant": TENANT, "token": f"token-{number:032d}"}
            await redis.hset(f"token:{TEAM}:{user_id(number)}", mapping=record)


def _connections(numbers: Iterable[int], tenant_of: Callable[[int], str]) -> Iterable[Connection]:
    now = time.time()
    for number in numbers:
        tenant = tenant_of(number)
        credentials = Credentials(f"client-{number:09d}", f"secret-{number:032d}")
        token = Token(f"token-{number:032d}", now + TOKEN_SECONDS, SCOPES, tenant)
        yield Connection(Caller(TEAM, user_id(number)), tenant, credentials, SCOPES, now, token)
