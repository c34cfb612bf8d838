"""Workers say that they are at work."""

from __future__ import annotations

from typing import Any

from bot.store import layout
from bot.store.alive import GONE_SECONDS, Alive, Seen
from bot.tasks.alive import SECONDS
from tests.shop import Shop


async def test_a_worker_says_that_it_is_at_work(shop: Shop) -> None:
    """Again and again, as long as it is."""
    alive = Alive(shop.redis)
    assert await alive.seen(shop.clock()) == Seen(0, None)
    await shop.worker.work()
    began = shop.clock()
    assert await alive.seen(shop.clock()) == Seen(1, began)
    shop.clock.forward(SECONDS)
    await shop.worker.work()
    assert await alive.seen(shop.clock()) == Seen(1, began + SECONDS)


async def test_a_worker_is_remembered_for_a_month(redis: Any) -> None:
    """Those that were at work longer ago are forgotten, so that no record grows for ever."""
    alive, month = Alive(redis), 30 * 24 * 3600.0
    await alive.say("old", 0)
    await alive.say("newer", 60)
    await alive.say("new", month + 30)
    assert await redis.zrange(layout.workers(), 0, -1) == ["newer", "new"]


async def test_a_silent_worker_is_not_at_work(shop: Shop) -> None:
    """But when it was is still known."""
    await shop.worker.work()
    began = shop.clock()
    shop.clock.forward(GONE_SECONDS + 1)
    assert await Alive(shop.redis).seen(shop.clock()) == Seen(0, began)


async def test_a_worker_whose_queue_is_silent_does_not_count(shop: Shop) -> None:
    """It runs, but takes no task: nobody is told that it is at work."""
    shop.worker.queue.is_answering = False
    await shop.worker.work()
    assert await Alive(shop.redis).seen(shop.clock()) == Seen(0, None)
