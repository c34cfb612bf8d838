"""A worker for tests: runs due tasks immediately when the test calls it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.errors import RetryLater
from bot.scheduler.runner import Delays
from bot.worker import WorkerParts
from tests.harness.clock import FakeClock

MAX_ROUNDS = 10_000


@dataclass(slots=True)
class Queued:
    """A waiting task; `at` is its due time in seconds since 1970."""

    task: str
    arguments: Mapping[str, Any]
    at: float
    failures: int = 0
    waits: Delays = field(default_factory=dict)


@dataclass(slots=True)
class FakeQueue:
    """Tasks by key, in order of arrival. Their values must be JSON."""

    clock: FakeClock
    waiting: dict[tuple[str, str], Queued] = field(default_factory=dict)
    is_answering: bool = True

    async def put(self, task: str, key: str, /, **arguments: str | int | float) -> None:
        assert all(isinstance(value, str | int | float) for value in arguments.values())
        self.waiting.setdefault((task, key), Queued(task, arguments, self.clock()))

    def next(self) -> tuple[tuple[str, str], Queued] | None:
        """Return the first task that is due."""
        ready = (item for item in self.waiting.items() if item[1].at <= self.clock())
        return next(ready, None)


class FakeWorker:
    """Runs tasks like a worker, in order of time and without waiting."""

    def __init__(self, parts: WorkerParts, queue: FakeQueue, clock: FakeClock) -> None:
        self._parts, self.queue, self._clock = parts, queue, clock

    @property
    def waiting(self) -> list[Queued]:
        """Return the postponed tasks."""
        return list(self.queue.waiting.values())

    async def work(self) -> None:
        """Run all periodic tasks that are due now, then all tasks that are due."""
        for tick in self._parts.timer.due(self._clock()):
            await self._parts.runner.run_periodic(tick)
        for _ in range(MAX_ROUNDS):
            if not (found := self.queue.next()):
                return
            await self._run(*found)
        raise AssertionError("the tasks don't end")

    async def work_until(self, end: float, step: float = 60.0) -> None:
        """Alternate between working and moving the clock, up to `end`."""
        while self._clock() < end:
            await self.work()
            self._clock.now = min(end, self._clock() + step)
        await self.work()

    async def _run(self, key: tuple[str, str], queued: Queued) -> None:
        try:
            await self._parts.runner.run_queued(
                queued.task, queued.failures, queued.arguments, queued.waits
            )
        except RetryLater as later:
            queued.at = self._clock() + max(later.seconds, 0.001)
            queued.failures = later.failures
        else:
            del self.queue.waiting[key]
