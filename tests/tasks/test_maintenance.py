"""Workers say that they are at work."""

from __future__ import annotations

from typing import Any

from bot.store import keys as redis_keys
from bot.store.health import WORKER_ALIVE_SECONDS, Heartbeats, WorkerStatus
from bot.tasks.maintenance import HEARTBEAT_INTERVAL_SECONDS
from tests.harness.app import AppHarness


async def test_a_worker_says_that_it_is_at_work(harness: AppHarness) -> None:
    """Again and again, as long as it is."""
    alive = Heartbeats(harness.redis)
    assert await alive.status(harness.clock()) == WorkerStatus(0, None)
    await harness.worker.work()
    began = harness.clock()
    assert await alive.status(harness.clock()) == WorkerStatus(1, began)
    harness.clock.forward(HEARTBEAT_INTERVAL_SECONDS)
    await harness.worker.work()
    assert await alive.status(harness.clock()) == WorkerStatus(
        1, began + HEARTBEAT_INTERVAL_SECONDS
    )


async def test_a_worker_is_remembered_for_a_month(redis: Any) -> None:
    """Those that were at work longer ago are forgotten, so that no record grows for ever."""
    alive, month = Heartbeats(redis), 30 * 24 * 3600.0
    await alive.record("old", 0)
    await alive.record("newer", 60)
    await alive.record("new", month + 30)
    assert await redis.zrange(redis_keys.workers(), 0, -1) == ["newer", "new"]


async def test_a_silent_worker_is_not_at_work(harness: AppHarness) -> None:
    """But when it was is still known."""
    await harness.worker.work()
    began = harness.clock()
    harness.clock.forward(WORKER_ALIVE_SECONDS + 1)
    assert await Heartbeats(harness.redis).status(harness.clock()) == WorkerStatus(0, began)


async def test_a_worker_whose_queue_is_silent_does_not_count(harness: AppHarness) -> None:
    """It runs, but takes no task: nobody is told that it is at work."""
    harness.worker.queue.is_answering = False
    await harness.worker.work()
    assert await Heartbeats(harness.redis).status(harness.clock()) == WorkerStatus(0, None)
