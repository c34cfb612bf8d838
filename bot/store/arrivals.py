"""The first look into Redis after the ack: is this delivery new, and who is asking?"""

from __future__ import annotations

import asyncio

from bot.models import Account, Caller
from bot.store import layout
from bot.store.accounts import AccountStore
from bot.store.connection import Commands, reaching_redis

KEPT_SECONDS = 10 * 60  # Slack repeats a delivery within minutes, if at all

TAKE_SECONDS = 0.9
"""For all that reaching Redis may take, Sentinels included."""


class Arrivals:
    """Takes deliveries on, once each."""

    def __init__(self, redis: Commands, accounts: AccountStore) -> None:
        self._redis, self._accounts = redis, accounts

    async def take(self, caller: Caller, delivery: str) -> Account | None:
        """The caller's account, or None where this delivery was taken on before.

        One round trip. An empty `delivery` is always new.
        Raises StoreUnavailable.
        """
        with reaching_redis():
            async with (
                asyncio.timeout(TAKE_SECONDS),
                self._redis.pipeline(transaction=False) as pipe,
            ):
                pipe.hgetall(layout.account(caller))
                if delivery:
                    pipe.set(layout.once(caller, delivery), "1", nx=True, ex=KEPT_SECONDS)
                record, *taken = await pipe.execute()
        if taken == [None]:
            return None
        return self._accounts.read(caller, record)
