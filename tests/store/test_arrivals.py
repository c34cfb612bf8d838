"""A delivery is taken on once, together with the account, in one round trip."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from bot.errors import StoreUnavailable
from bot.models import Filters
from bot.store import layout
from bot.store.accounts import AccountStore
from bot.store.arrivals import KEPT_SECONDS, Arrivals
from bot.store.cursors import Cursor, CursorStore
from tests.clock import FakeClock
from tests.faulty_redis import faulty_client
from tests.silent import silent_server
from tests.store.fixtures import ADA, GRACE, connection


async def test_gives_the_account_of_a_new_delivery(accounts: AccountStore, redis: Any) -> None:
    """Whoever is new gets their connections."""
    await accounts.save(connection(), default=True)
    arrival = await Arrivals(redis, accounts).take(ADA, "delivery-1", "request-1")
    assert arrival is not None
    assert list(arrival.account.connections) == ["acme"]
    assert arrival.cursor is None


async def test_gives_the_cursor_of_a_pressed_button(
    accounts: AccountStore, redis: Any, clock: FakeClock
) -> None:
    """The list comes along with the account, to its owner only."""
    cursor = Cursor("cursor-1", ADA, "acme", Filters())
    await CursorStore(redis, clock).save(cursor)
    arrivals = Arrivals(redis, accounts)
    found = [
        await arrivals.take(caller, "delivery-1", "request-1", "cursor-1")
        for caller in (ADA, GRACE)
    ]
    assert [arrival and arrival.cursor for arrival in found] == [cursor, None]


async def test_gives_up_after_a_second(accounts: AccountStore, tmp_path: Path) -> None:
    """Whatever reaching Redis takes in all, Sentinels included."""
    async with silent_server(tmp_path) as url:
        patient = Redis.from_url(url, socket_timeout=30)
        begun = time.monotonic()
        with pytest.raises(StoreUnavailable):
            await Arrivals(patient, accounts).take(ADA, "delivery-1", "request-1")
        assert 0.5 < time.monotonic() - begun < 3
        await patient.aclose()


async def test_refuses_a_repeated_delivery(accounts: AccountStore, redis: Any) -> None:
    """The same delivery a second time is nobody's."""
    arrivals = Arrivals(redis, accounts)
    assert await arrivals.take(ADA, "delivery-1", "request-1") is not None
    assert await arrivals.take(ADA, "delivery-1", "request-2") is None
    assert await arrivals.take(ADA, "delivery-2", "request-3") is not None
    assert await arrivals.take(GRACE, "delivery-1", "request-4") is not None


@pytest.mark.parametrize("after", [False, True])
async def test_a_lost_reply_is_no_repeated_delivery(
    accounts: AccountStore, redis: Any, after: bool
) -> None:
    """Redis ran the call and the reply was lost: the same request is still heard."""
    broken = faulty_client(redis)
    arrivals = Arrivals(broken, accounts)
    with broken.faults.at(1, after=after), pytest.raises(StoreUnavailable):
        await arrivals.take(ADA, "delivery-1", "request-1")
    assert await arrivals.take(ADA, "delivery-1", "request-1") is not None
    assert await arrivals.take(ADA, "delivery-1", "request-2") is None


async def test_takes_a_nameless_delivery_each_time(accounts: AccountStore, redis: Any) -> None:
    """What has no name cannot be told from its repetition, so it is done."""
    arrivals = Arrivals(redis, accounts)
    assert await arrivals.take(ADA, "", "request-1") is not None
    assert await arrivals.take(ADA, "", "request-1") is not None


async def test_forgets_deliveries(accounts: AccountStore, redis: Any) -> None:
    """The record of a delivery ends by itself."""
    await Arrivals(redis, accounts).take(ADA, "delivery-1", "request-1")
    assert 0 < await redis.ttl(layout.once(ADA, "delivery-1")) <= KEPT_SECONDS


async def test_needs_one_round_trip(accounts: AccountStore, redis: Any) -> None:
    """One connection carries all commands at once."""
    before = (await redis.info("stats"))["total_reads_processed"]
    await Arrivals(redis, accounts).take(ADA, "delivery-1", "request-1", "cursor-1")
    after = (await redis.info("stats"))["total_reads_processed"]
    assert after - before == 2  # the pipeline, and the second INFO
