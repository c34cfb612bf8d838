"""The first look into Redis after the ack: is this delivery new, and who is asking?"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bot.models import Account, Caller
from bot.store import layout
from bot.store.accounts import AccountStore
from bot.store.connection import Commands, reaching_redis
from bot.store.cursors import Cursor, read

KEPT_SECONDS = 10 * 60  # Slack repeats a delivery within minutes, if at all

TAKE_SECONDS = 0.9
"""For all that reaching Redis may take, Sentinels included."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who is asking, and the list whose button they pressed: None where it is gone, or no list."""

    account: Account
    cursor: Cursor | None


class Arrivals:
    """Takes deliveries on, once each."""

    def __init__(self, redis: Commands, accounts: AccountStore) -> None:
        self._redis, self._accounts = redis, accounts

    async def take(
        self, caller: Caller, delivery: str, cursor_id: str = "", *, by_person: bool = True
    ) -> Arrival | None:
        """The caller's account and cursor, or None where this delivery was taken on before.

        `by_person`: a person uses the app, so it is installed in their workspace. An empty
        `delivery` is always new. One round trip. Raises StoreUnavailable.
        """
        with reaching_redis():
            async with (
                asyncio.timeout(TAKE_SECONDS),
                self._redis.pipeline(transaction=False) as pipe,
            ):
                pipe.hgetall(layout.account(caller))
                pipe.get(layout.cursor(caller, cursor_id))
                if delivery:
                    pipe.set(layout.once(caller, delivery), "1", nx=True, ex=KEPT_SECONDS)
                if by_person:
                    pipe.zrem(layout.teams_stopped(), caller.team_id)
                account, cursor, *others = await pipe.execute()
        if delivery and others[0] is None:
            return None
        return Arrival(self._accounts.read(caller, account), read(cursor_id, caller, cursor))
