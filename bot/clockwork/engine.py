"""saq, which runs the tasks: from Redis, in any worker, again where one died.

Its jobs are JSON, so whoever writes to Redis runs no code here. It runs a job at least once, and
now and then twice: what must not happen twice is held by the tasks.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from saq import Job, Worker
from saq.job import Status
from saq.queue.redis import RedisQueue

from bot.clockwork.calls import Later
from bot.clockwork.runner import TASK_SECONDS, Runner
from bot.errors import StoreUnavailable
from bot.store import layout
from bot.store.connection import reaching_redis

logger = logging.getLogger(__name__)

AT_ONCE = 40
"""Tasks that one worker runs at the same time; each waits for Redis, Emporix and Slack."""

BEAT_SECONDS = 2.0
SILENT_SECONDS = 6
"""A task whose worker says nothing for so long is taken from it."""

LONGEST_SECONDS = TASK_SECONDS + 30
"""After which saq takes a task for stuck; the runner ends it before."""

RETRIES = 10_000
"""saq counts each pause as one; how often a failure is tried again says `bot.clockwork.runner`."""

LOOK_SECONDS = 1.0
"""How long one look for the next task lasts, and so how long an idle worker takes to stop."""

PAUSE_SECONDS = (0.5, 1.5)
"""Between two looks of one reader while Redis is in trouble, so that it is not asked in a loop."""

ANSWERED_SECONDS = 5.0
"""A queue that has answered within this time is reached; an empty look takes LOOK_SECONDS."""

SWEEP_SECONDS = 2
ABORT_SECONDS = 0.05
"""saq waits so long for each dead task to say that it is dead, one after the other."""

RUN = "run"
FAILURES, WAITS = "failures", "waits"
"""What is kept with a task between two runs: `Later.failures`, and `runner.Waits`."""


def queued_task(task: str, key: str) -> str:
    """saq's key of a task: the same while the same task is queued or running."""
    return f"{layout.TASK}:{task}:{key}"


class Queue(RedisQueue):
    """The queue of all workers; its keys share the hash tag of `bot.store.layout`.

    `redis` is a client without `decode_responses` whose reads may block. While `claims` is False,
    no task is taken from it.
    """

    def __init__(self, redis: Any) -> None:
        super().__init__(redis, layout.QUEUE)
        self.claims = True
        self._answered_at = float("-inf")

    @property
    def is_answering(self) -> bool:
        """Whether a look for a task, or a sign of life of one, was answered just now."""
        return time.monotonic() - self._answered_at < ANSWERED_SECONDS

    def answered(self, at: float | None = None) -> None:
        """Redis has answered, now or `at`, in seconds as `time.monotonic` gives them."""
        self._answered_at = time.monotonic() if at is None else at

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

    async def dequeue(
        self,
        timeout: float = 0.0,  # noqa: ASYNC109 - saq's own name
        poll_interval: float = 0.0,
    ) -> Job | None:
        """saq swallows what this raises and looks again at once, so trouble is a pause here."""
        if not self.claims:
            await asyncio.sleep(LOOK_SECONDS)
            return None
        try:
            with reaching_redis():
                job = await super().dequeue(timeout, poll_interval)
        except StoreUnavailable:
            await asyncio.sleep(random.uniform(*PAUSE_SECONDS))  # noqa: S311 - no secret
            return None
        self.answered()
        return job

    async def listen(
        self,
        job_keys: Iterable[str],
        callback: Callable[[str, Status], Awaitable[bool] | bool],
        timeout: float | None = ABORT_SECONDS,  # noqa: ASYNC109 - saq's own name
        poll_interval: float = 0.5,
    ) -> None:
        """Nobody answers: a subscription would be a connection that may stay silent for ever.

        saq only listens for the end of a task that it takes from a dead worker.
        """
        await asyncio.sleep(timeout or ABORT_SECONDS)
        raise TimeoutError

    async def disconnect(self) -> None:
        """Without saq's goodbye to subscriptions, which needs a Redis that answers."""
        await self.redis.aclose()

    async def sweep(self, lock: int = SWEEP_SECONDS, abort: float = ABORT_SECONDS) -> list[str]:
        """A task that ends just now is no trouble: the next sweep goes on with the others."""
        try:
            return await super().sweep(lock, abort)
        except RuntimeError as error:  # saq has no other name for it
            if not str(error).endswith("doesn't exist"):
                raise
            logger.info("a task that was taken for dead has ended by itself")
            return []


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
        self._queue, self._runner = queue, runner

    async def process(self) -> bool:
        """One look and its task; saq's own notes about a failure may fail, too."""
        try:
            with reaching_redis():
                return await super().process()
        except StoreUnavailable:
            await asyncio.sleep(random.uniform(*PAUSE_SECONDS))  # noqa: S311 - no secret
            return True

    async def _run(self, context: Mapping[str, Any], **queued: Any) -> None:
        """Raises nothing but Later: whatever else is raised, saq repeats at once, 10,000 times."""
        job: Job = context["job"]
        ended = asyncio.Event()
        beating = asyncio.create_task(_beat(job, self._queue, ended))
        waits = job.meta.get(WAITS, {})
        try:
            await self._runner.task(
                queued["task"], job.meta.get(FAILURES, 0), queued["arguments"], waits
            )
        except Later as later:
            job.retry_delay = later.seconds
            job.meta |= {FAILURES: later.failures, WAITS: waits}
            # saq keeps the traceback in Redis, and that of a cause may hold what is secret.
            raise Later(later.seconds, later.reason, later.failures) from None
        except Exception:
            logger.exception("a task was dropped, as it could not even be started")
        finally:
            ended.set()
            await beating


async def _beat(job: Job, queue: Queue, ended: asyncio.Event) -> None:
    """Say that the task is still being run; never after it has ended."""
    while not ended.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), BEAT_SECONDS)
        if not ended.is_set():
            with suppress(StoreUnavailable), reaching_redis():
                async with asyncio.timeout(BEAT_SECONDS):
                    await job.update()
                queue.answered()
