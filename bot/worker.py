"""The worker process: periodic and queued tasks.

A loop calls periodic tasks, which queue due work, and saq runs the queued tasks. Workers have no
state of their own, so another one can continue a worker's tasks.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

import bot.tasks
from bot.domain.times import Clock
from bot.errors import StoreUnavailable
from bot.logs import configure
from bot.metrics import RUNNING_TASKS
from bot.monitoring import HealthReport, Monitor, check_process, start_monitoring
from bot.resources import EXIT_MISCONFIGURED, Connect, build_cipher, open_resources
from bot.scheduler.runner import TaskRunner
from bot.scheduler.saq_worker import SaqQueue, SaqWorker, install_log_filter
from bot.scheduler.tasks import PeriodicTask, PeriodicTimer, TaskQueue, discover
from bot.settings import Settings
from bot.slack.error_handler import ErrorHandler
from bot.store.connection import Commands, connect, connect_for_queue
from bot.store.encryption import Canary
from bot.store.health import (
    CLOCK_ERROR_SECONDS,
    CLOCK_WARNING_SECONDS,
    WriteProbe,
    clock_offset,
)
from bot.wiring import Sleep, build_worker_services

logger = logging.getLogger(__name__)

WORKER_DRAIN_SECONDS = 20  # platforms commonly kill a process 30 s after asking it to stop
TIMER_INTERVAL_SECONDS = 0.5  # between two checks for due periodic tasks
CLOCK_CHECK_INTERVAL_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """The parts of a worker process; `is_stopping` is set when it begins to stop."""

    timer: PeriodicTimer
    runner: TaskRunner
    redis: Commands
    queue: TaskQueue
    ping: Callable[[], Awaitable[None]]
    is_stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def check_readiness(self) -> HealthReport:
        if report := await check_process(self.is_stopping, self.ping):
            return report
        if not self.queue.is_answering:
            trouble = "it has just started, or the log says why"
            return {"status": "not taking tasks", "trouble": trouble}, 503
        return {"status": "ok"}, 200

    def observe(self) -> None:
        """Set the gauges of this process."""
        RUNNING_TASKS.set(self.runner.running)


@asynccontextmanager
async def assemble_worker(
    settings: Settings,
    queue: TaskQueue,
    canary: Canary,
    clock: Clock = time.time,
    sleep: Sleep = asyncio.sleep,
    connect: Connect = connect,
) -> AsyncIterator[WorkerParts]:
    """Build the parts of a worker process and close them at the end; tasks go to `queue`."""
    async with open_resources(settings, clock, canary, connect) as resources:
        services, calls = build_worker_services(resources, queue, sleep), discover(bot.tasks)
        runner = TaskRunner(
            calls,
            services,
            ErrorHandler(services.renderer),
            services.direct_messages,
            clock,
            services.stopped_teams,
        )
        redis = resources.redis
        timer, ping = PeriodicTimer(calls.periodic), WriteProbe(redis).ping
        parts = WorkerParts(timer, runner, redis, queue, ping)
        monitor = Monitor(settings, redis, clock, parts.check_readiness, parts.observe)
        async with monitor.serving():
            yield parts


@asynccontextmanager
async def open_queue(settings: Settings, canary: Canary) -> AsyncIterator[SaqQueue]:
    """Connect to the queue in Redis, and disconnect at the end."""
    async with AsyncExitStack() as stack:
        queue = SaqQueue(connect_for_queue(settings.redis_url.get_secret_value(), canary))
        stack.push_async_callback(queue.disconnect)
        yield queue


def run_worker(settings: Settings, clock: Clock = time.time, *, compare_clocks: bool = True) -> int:
    """Run tasks until SIGTERM or SIGINT, then finish those that are running.

    Returns the exit status: 2 if the keys can't decrypt the data in Redis, or if the clock is wrong
    at the start. `compare_clocks=False` is for a clock that is changed on purpose.
    """
    configure(settings.log_level, settings.log_format)
    start_monitoring(settings)
    install_log_filter()
    for warning in settings.warnings():
        logger.warning("a setting is risky: %s", warning)
    return asyncio.run(_run(settings, clock, compare_clocks))


async def _run(settings: Settings, clock: Clock, compare_clocks: bool) -> int:
    stop = _stop_event()
    canary = Canary(build_cipher(settings), stop.set)
    async with (
        open_queue(settings, canary) as queue,
        assemble_worker(settings, queue, canary, clock) as parts,
    ):
        clock_check = ClockCheck(parts.redis, queue, clock if compare_clocks else None)
        with suppress(StoreUnavailable):  # it can start without Redis, but not with wrong keys
            await clock_check.compare()
        if canary.has_refused() or not queue.is_enabled:
            return EXIT_MISCONFIGURED
        await _run_until(stop, queue, parts, clock_check)
        return EXIT_MISCONFIGURED if canary.has_refused() else 0


async def _run_until(
    stop: asyncio.Event, queue: SaqQueue, parts: WorkerParts, clock_check: ClockCheck
) -> None:
    worker = SaqWorker(queue, parts.runner, drain_seconds=WORKER_DRAIN_SECONDS)
    running = asyncio.create_task(worker.start())
    stopped = asyncio.create_task(stop.wait())
    ticking = asyncio.create_task(run_periodic_tasks(parts.timer, parts.runner))
    comparing = asyncio.create_task(clock_check.keep_comparing())
    logger.info("started")
    await asyncio.wait({running, ticking, stopped}, return_when=asyncio.FIRST_COMPLETED)
    parts.is_stopping.set()
    await cancel_and_wait([ticking, comparing])
    await worker.stop()
    await running


class ClockCheck:
    """Compares the clock with Redis's; without a clock, only checks whether Redis answers.

    A worker with a wrong clock takes no tasks: it would consider other workers' tasks dead.
    """

    def __init__(self, redis: Commands, queue: SaqQueue, clock: Clock | None) -> None:
        self._redis, self._queue, self._clock = redis, queue, clock

    async def compare(self) -> None:
        """Compare the clocks once; raises StoreUnavailable."""
        ahead = await clock_offset(self._redis, self._clock or time.time)
        if self._clock is None:
            return
        self._queue.is_enabled = abs(ahead) <= CLOCK_ERROR_SECONDS
        if not self._queue.is_enabled:
            logger.error("not taking tasks: the clock is %.1f s ahead of Redis", ahead)
        elif abs(ahead) > CLOCK_WARNING_SECONDS:
            logger.warning("the clock is %.1f s ahead of Redis", ahead)

    async def keep_comparing(self) -> None:
        """Compare the clocks every minute, ignoring errors of Redis."""
        while True:
            await asyncio.sleep(CLOCK_CHECK_INTERVAL_SECONDS)
            with suppress(StoreUnavailable):
                await self.compare()


async def run_periodic_tasks(timer: PeriodicTimer, runner: TaskRunner) -> None:
    """Run each periodic task in its own asyncio task; all are cancelled with this one.

    The timer is monotonic, so changing the system clock doesn't stop tasks.
    """
    running: dict[PeriodicTask, asyncio.Task[None]] = {}
    try:
        while True:
            for task in timer.due(time.monotonic()):
                if task not in running or running[task].done():
                    running[task] = asyncio.create_task(runner.run_periodic(task))
            await asyncio.sleep(TIMER_INTERVAL_SECONDS)
    finally:
        await cancel_and_wait(running.values())


def _stop_event() -> asyncio.Event:
    """Return an event that is set on SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def cancel_and_wait(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait until they have ended, before the resources they use are closed."""
    ending = list(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)
