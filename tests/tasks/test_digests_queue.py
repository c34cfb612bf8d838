"""Digests with the real queue: a postponed run doesn't block a new request."""

from __future__ import annotations

import asyncio
from typing import Any

from bot.errors import RetryLater
from bot.scheduler.saq_worker import SaqQueue, SaqWorker
from bot.services.digests.digests import DigestService
from bot.store.connection import connect_for_queue
from bot.store.digests import DigestStore
from bot.tasks.digests import queue_due_digests
from tests.harness.clock import FakeClock
from tests.services.digests.test_digests import WANTED, account
from tests.store.fixtures import CIPHER

SOON = 20.0


class PutsOffTheFirst:
    """Postpones the first task for ten minutes, and counts the tasks."""

    def __init__(self) -> None:
        self.put_off, self.done = asyncio.Event(), asyncio.Event()

    async def run_queued(self, name: str, failures: int, arguments: Any, waits: Any) -> None:
        if not self.put_off.is_set():
            self.put_off.set()
            raise RetryLater(600, "Emporix does not answer")
        self.done.set()


async def test_post_now_does_not_wait_for_a_run_that_was_put_off(
    redis: Any, redis_url: str, clock: FakeClock
) -> None:
    """A new request has a new key, because saq drops a task whose key is queued."""
    store = DigestStore(redis, CIPHER)
    digests = DigestService(store, clock, lambda: "digest-1")
    await digests.create(account(), WANTED)
    clock.forward(86400)
    queue, runner = SaqQueue(connect_for_queue(redis_url)), PutsOffTheFirst()
    engine = SaqWorker(queue, runner, drain_seconds=5)  # type: ignore[arg-type]
    running = asyncio.create_task(engine.start())
    try:
        async with asyncio.timeout(SOON):
            await queue_due_digests.function(now=clock(), digest_store=store, queue=queue)
            await runner.put_off.wait()
            await digests.post_now("digest-1", account())
            await queue_due_digests.function(now=clock(), digest_store=store, queue=queue)
            await runner.done.wait()
    finally:
        await engine.stop()
        await running
        await queue.disconnect()
