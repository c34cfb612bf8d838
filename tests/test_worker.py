"""The worker's loop for periodic tasks, and its clock check."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from bot.scheduler.saq_worker import SaqQueue
from bot.scheduler.tasks import PeriodicTask, PeriodicTimer, periodic
from bot.worker import ClockCheck, cancel_and_wait, run_periodic_tasks

SOON = 10.0


@periodic(1)
async def look() -> None:
    """Does nothing: the runner of these tests is a fake."""


class FakeRunner:
    """A tick begins and waits; when it is cancelled it takes a moment to end."""

    def __init__(self) -> None:
        self.began, self.ended = asyncio.Event(), asyncio.Event()

    async def run_periodic(self, tick: PeriodicTask) -> None:
        self.began.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self.ended.set()


class WatchedTicks(PeriodicTimer):
    """Records the times it is called with."""

    def __init__(self) -> None:
        super().__init__([look])
        self.asked: list[float] = []

    def due(self, now: float) -> list[PeriodicTask]:
        self.asked.append(now)
        return super().due(now)


async def ticking() -> tuple[WatchedTicks, Any, asyncio.Task[None]]:
    ticks, runner = WatchedTicks(), FakeRunner()
    task = asyncio.create_task(run_periodic_tasks(ticks, runner))  # type: ignore[arg-type]
    async with asyncio.timeout(SOON):
        await runner.began.wait()
    return ticks, runner, task


async def test_no_tick_outlives_the_loop() -> None:
    """Periodic tasks end before the connections that they use are closed."""
    _, runner, task = await ticking()
    await cancel_and_wait([task])
    assert runner.ended.is_set()


async def test_goes_by_a_clock_that_is_never_set_back() -> None:
    """Setting back the system clock doesn't stop periodic tasks."""
    ticks, _, task = await ticking()
    await cancel_and_wait([task])
    assert all(abs(now - time.monotonic()) < SOON for now in ticks.asked)


async def test_takes_no_task_while_its_clock_is_wrong(
    redis: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Above 5 s the worker takes no tasks, and above 2 s it warns; it recovers by itself."""
    queue, ahead = SaqQueue(redis), {"seconds": 0.0}
    timing = ClockCheck(redis, queue, lambda: time.time() + ahead["seconds"])
    claims = []
    for ahead["seconds"] in (0.0, 3.5, 8.0, -8.0, 0.0):
        await timing.compare()
        claims.append(queue.is_enabled)
    assert claims == [True, True, False, False, True]
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR", "ERROR"]


async def test_a_clock_that_is_moved_on_purpose_is_not_compared(redis: Any) -> None:
    """A worker that doesn't compare clocks takes tasks with any clock."""
    queue = SaqQueue(redis)
    await ClockCheck(redis, queue, None).compare()
    assert queue.is_enabled
