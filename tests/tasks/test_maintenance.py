"""Workers say that they are at work."""

from __future__ import annotations

from typing import Any

from bot.store import keys as redis_keys
from bot.store.health import GONE_SECONDS, Heartbeats, WorkersSeen
from bot.tasks.maintenance import SECONDS
from tests.harness.app import AppHarness


async def test_a_worker_says_that_it_is_at_work(harness: AppHarness) -> None:
    """Again and again, as long as it is."""
    alive = Heartbeats(harness.redis)
    assert await alive.seen(harness.clock()) == WorkersSeen(0, None)
    await harness.worker.work()
    began = harness.clock()
    assert await alive.seen(harness.clock()) == WorkersSeen(1, began)
    harness.clock.forward(SECONDS)
    await harness.worker.work()
    assert await alive.seen(harness.clock()) == WorkersSeen(1, began + SECONDS)


async def test_a_worker_is_remembered_for_a_month(redis: Any) -> None:
    """Those that were at work longer ago are forgotten, so that no record grows for ever."""
    alive, month = Heartbeats(redis), 30 * 24 * 3600.0
    await alive.heartbeat("old", 0)
    await alive.heartbeat("newer", 60)
    await alive.heartbeat("new", month + 30)
    assert await redis.zrange(redis_keys.workers(), 0, -1) == ["newer", "new"]


async def test_a_silent_worker_is_not_at_work(harness: AppHarness) -> None:
    """But when it was is still known."""
    await harness.worker.work()
    began = harness.clock()
    harness.clock.forward(GONE_SECONDS + 1)
    assert await Heartbeats(harness.redis).seen(harness.clock()) == WorkersSeen(0, began)


async def test_a_worker_whose_queue_is_silent_does_not_count(harness: AppHarness) -> None:
    """It runs, but takes no task: nobody is told that it is at work."""
    harness.worker.queue.is_answering = False
    await harness.worker.work()
    assert await Heartbeats(harness.redis).seen(harness.clock()) == WorkersSeen(0, None)
