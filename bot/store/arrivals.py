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
        self,
        caller: Caller,
        delivery: str,
        reference: str,
        cursor_id: str = "",
        *,
        by_person: bool = True,
    ) -> Arrival | None:
        """The caller's account and cursor, or None where another request was the same delivery.

        `reference` names this request: a client that repeats the call because the reply was lost
        finds its own reference, and the delivery is still new. An empty `delivery` is always new.
        `by_person`: a person uses the app, so it is installed in their workspace. One round trip.
        Raises StoreUnavailable.
        """
        with reaching_redis():
            async with (
                asyncio.timeout(TAKE_SECONDS),
                self._redis.pipeline(transaction=False) as pipe,
            ):
                pipe.hgetall(layout.account(caller))
                pipe.get(layout.cursor(caller, cursor_id))
                if delivery:
                    key = layout.once(caller, delivery)
                    pipe.set(key, reference, nx=True, ex=KEPT_SECONDS)
                    pipe.get(key)
                if by_person:
                    pipe.zrem(layout.teams_stopped(), caller.team_id)
                account, cursor, *others = await pipe.execute()
        if delivery and others[1] != reference:
            return None
        return Arrival(self._accounts.read(caller, account), read(cursor_id, caller, cursor))
