"""saq, which runs the tasks: from Redis, in any worker, again where one died.

Its jobs are JSON, so whoever writes to Redis runs no code here. It runs a job at least once, and
now and then twice: what must not happen twice is held by the tasks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from saq import Job, Worker
from saq.queue.redis import RedisQueue

from bot.clockwork.calls import Later
from bot.clockwork.runner import Runner
from bot.errors import StoreUnavailable
from bot.store import layout
from bot.store.connection import reaching_redis

AT_ONCE = 40
"""Tasks that one worker runs at the same time; each waits for Redis, Emporix and Slack."""

BEAT_SECONDS = 2.0
SILENT_SECONDS = 6
"""A task whose worker says nothing for so long is taken from it."""

LONGEST_SECONDS = 600
RETRIES = 10_000
"""saq counts each pause as one; how often a failure is tried again says `bot.clockwork.runner`."""

LOOK_SECONDS = 1.0
"""How long one look for the next task lasts, and so how long an idle worker takes to stop."""

SWEEP_SECONDS = 2
ABORT_SECONDS = 0.05
"""saq waits so long for each dead task to say that it is dead, one after the other."""

RUN = "run"
FAILURES = "failures"


def queued_task(task: str, key: str) -> str:
    """saq's key of a task: the same while the same task is queued or running."""
    return f"{layout.TASK}:{task}:{key}"


class Queue(RedisQueue):
    """The queue of all workers; its keys share the hash tag of `bot.store.layout`.

    `redis` is a client without `decode_responses` whose reads may block.
    """

    def __init__(self, redis: Any) -> None:
        super().__init__(redis, layout.QUEUE)

    async def put(self, task: str, key: str, /, **arguments: str | int | float) -> None:
        """As `bot.clockwork.calls.Queues` says; raises StoreUnavailable."""
        with reaching_redis():
            await self.enqueue(
                RUN,
                key=queued_task(task, key),
                kwargs={"task": task, "arguments": arguments},
                timeout=LONGEST_SECONDS,
                heartbeat=SILENT_SECONDS,
                retries=RETRIES,
                ttl=-1,
            )

    async def sweep(self, lock: int = SWEEP_SECONDS, abort: float = ABORT_SECONDS) -> list[str]:
        return await super().sweep(lock, abort)


class Engine(Worker[Any]):
    """Runs tasks until it is told to stop; it leaves signals to the process."""

    SIGNALS = []  # noqa: RUF012 - saq's own attribute

    def __init__(self, queue: Queue, runner: Runner, *, drain_seconds: int) -> None:
        super().__init__(
            queue,
            [(RUN, self._run)],
            concurrency=AT_ONCE,
            dequeue_timeout=LOOK_SECONDS,
            shutdown_grace_period_s=drain_seconds,
            timers={"schedule": 1, "sweep": SWEEP_SECONDS, "worker_info": 2, "abort": 1},
        )
        self._runner = runner

    async def _run(
        self, context: Mapping[str, Any], *, task: str, arguments: Mapping[str, Any]
    ) -> None:
        job: Job = context["job"]
        ended = asyncio.Event()
        beating = asyncio.create_task(_beat(job, ended))
        try:
            await self._runner.task(task, job.meta.get(FAILURES, 0), arguments)
        except Later as later:
            job.retry_delay = later.seconds
            job.meta[FAILURES] = later.failures
            # saq keeps the traceback in Redis, and that of a cause may hold what is secret.
            raise Later(later.seconds, later.reason, later.failures) from None
        finally:
            ended.set()
            await beating


async def _beat(job: Job, ended: asyncio.Event) -> None:
    """Say that the task is still being run; never after it has ended."""
    while not ended.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), BEAT_SECONDS)
        if not ended.is_set():
            with suppress(StoreUnavailable), reaching_redis():
                async with asyncio.timeout(BEAT_SECONDS):
                    await job.update()
