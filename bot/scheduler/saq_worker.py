"""Runs queued tasks with saq: the queue in Redis, and the worker that takes tasks from it."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from saq import Job, Status, Worker
from saq.queue.redis import RedisQueue

from bot.errors import RetryLater, StoreUnavailable
from bot.scheduler.runner import TASK_TIMEOUT_SECONDS, TaskRunner
from bot.store import keys as redis_keys
from bot.store.connection import REDIS_NOW, translate_redis_errors
from bot.store.errors import REDIS_ERROR_LOG, RedisErrorLog, is_redis_error

logger = logging.getLogger(__name__)

MAX_CONCURRENT_TASKS = 40
"""Tasks that one worker runs at the same time; each waits for Redis, Emporix and Slack."""

TASK_HEARTBEAT_SECONDS = 2.0
TASK_SILENT_SECONDS = 6
"""A task whose worker says nothing for so long is taken from it."""

SAQ_TIMEOUT_SECONDS = TASK_TIMEOUT_SECONDS + 30
"""After which saq takes a task for stuck; the runner ends it before."""

SAQ_RETRIES = 10_000
"""saq counts each pause as one; how often a failure is tried again says `bot.scheduler.runner`."""

DEQUEUE_TIMEOUT_SECONDS = 1.0
"""How long one look for the next task lasts, and so how long an idle worker takes to stop."""

REDIS_ERROR_PAUSE_SECONDS = (0.5, 1.5)
"""Between two looks of one reader while Redis is in trouble, so that it is not asked in a loop."""

QUEUE_ALIVE_SECONDS = 5.0
"""A queue that has answered within this time is reached; an empty look takes LOOK_SECONDS."""

SWEEP_INTERVAL_SECONDS = 2

# As saq's own, but for the clock.
QUEUE_DUE_TASKS = f"""
if redis.call('EXISTS', KEYS[1]) == 1 then return {{}} end
redis.call('SETEX', KEYS[1], ARGV[1], 1)
{REDIS_NOW}
local jobs = redis.call('ZRANGEBYSCORE', KEYS[2], 1, string.format('%.6f', now))
for _, job in ipairs(jobs) do
    redis.call('ZADD', KEYS[2], 0, job)
    redis.call('RPUSH', KEYS[3], job)
end
return jobs
"""

JOB_TIMES = ("queued", "started", "touched", "completed")
"""What saq's jobs keep in milliseconds since 1970; 0 or left out where it has not come yet."""

SAQ_FUNCTION = "run"
FAILURES_KEY, DELAYS_KEY = "failures", "waits"
"""What is kept with a task between two runs: `Later.failures`, and `runner.Waits`."""


def queued_task(task: str, key: str) -> str:
    """saq's key of a task: the same while the same task is queued or running."""
    return f"{redis_keys.TASK_PREFIX}:{task}:{key}"


class SaqQueue(RedisQueue):
    """The queue of all workers; its keys share the hash tag of `bot.store.keys`.

    `redis` is a client without `decode_responses` whose reads may block. While `is_enabled` is
    False, no task is taken from it.

    saq compares times of different hosts: when a task was heard of last, and when it is to run
    again. In Redis all of them are in Redis's time, so that a host whose clock is wrong neither
    takes tasks from others nor runs them too early.
    """

    def __init__(self, redis: Any, silent_seconds: float = TASK_SILENT_SECONDS) -> None:
        super().__init__(redis, redis_keys.QUEUE_NAME)
        self.is_enabled = True
        self._answered_at = float("-inf")
        self._silent_seconds = silent_seconds
        self._ahead = 0.0  # seconds; how far the clock of this host is ahead of Redis's
        self._fetched: dict[Any, float] = {}  # tasks not begun yet, since when
        self._due = redis.register_script(QUEUE_DUE_TASKS)

    @property
    def is_answering(self) -> bool:
        """Whether a look for a task, or a sign of life of one, was answered just now."""
        return time.monotonic() - self._answered_at < QUEUE_ALIVE_SECONDS

    def mark_answered(self, at: float | None = None) -> None:
        """Redis has answered, now or `at`, in seconds as `time.monotonic` gives them."""
        self._answered_at = time.monotonic() if at is None else at

    async def connect(self) -> None:
        await super().connect()
        with suppress(StoreUnavailable):  # the first sweep compares them
            await self._compare_clocks()

    async def put(self, task: str, key: str, /, **arguments: str | int | float) -> None:
        """As `bot.scheduler.tasks.Queues` says; raises StoreUnavailable."""
        with translate_redis_errors():
            await self.enqueue(
                SAQ_FUNCTION,
                key=queued_task(task, key),
                kwargs={"task": task, "arguments": arguments},
                timeout=SAQ_TIMEOUT_SECONDS,
                heartbeat=self._silent_seconds,
                retries=SAQ_RETRIES,
                ttl=-1,
            )

    async def dequeue(
        self,
        timeout: float = 0.0,  # noqa: ASYNC109 - saq's own name
        poll_interval: float = 0.0,
    ) -> Job | None:
        """saq swallows what this raises and looks again at once, so trouble is a pause here."""
        if not self.is_enabled:
            await asyncio.sleep(DEQUEUE_TIMEOUT_SECONDS)
            return None
        try:
            with translate_redis_errors():
                job = await super().dequeue(timeout, poll_interval)
        except StoreUnavailable:
            await asyncio.sleep(random.uniform(*REDIS_ERROR_PAUSE_SECONDS))  # noqa: S311 - no secret
            return None
        self.mark_answered()
        return job

    async def disconnect(self) -> None:
        """Without saq's goodbye to subscriptions, which needs a Redis that answers."""
        await self.redis.aclose()

    async def sweep(self, lock: int = SWEEP_INTERVAL_SECONDS, abort: float = 0) -> list[str]:
        """Queue again the tasks of silent workers, in one worker at a time; gives their ids.

        saq's own also takes tasks that a worker has just fetched and not yet begun.
        """
        await self._compare_clocks()
        if not await self.redis.set(self._sweep, 1, nx=True, ex=lock):
            return []
        ids: list[Any] = await self.redis.lrange(self._active, 0, -1)
        found = await self.redis.mget(ids) if ids else []
        jobs = dict(zip(ids, map(self.deserialize, found), strict=True))
        self._fetched = {
            job_id: self._fetched.get(job_id, time.monotonic())
            for job_id, job in jobs.items()
            if job and job.status != Status.ACTIVE
        }
        taken = [(job_id, job) for job_id, job in jobs.items() if self._is_silent(job_id, job)]
        for job_id, job in taken:
            await self._requeue(job_id, job)
        if taken:
            logger.warning("tasks are run again, their workers are silent: %d", len(taken))
        return [job_id.decode() for job_id, _ in taken]

    async def schedule(self, lock: int = 1) -> list[str]:
        found = await self._due(keys=[self._schedule, self._incomplete, self._queued], args=[lock])
        return [job_id.decode() for job_id in found]

    def serialize(self, job: Job) -> bytes | str:
        return self._dump(_shift_times(job.to_dict(), -self._ahead))

    def deserialize(self, payload: Any, status: Any = None) -> Job | None:
        if isinstance(payload, bytes | str) and payload:
            payload = _shift_times(self._load(payload), self._ahead)
        return super().deserialize(payload, status)

    async def _retry(self, job: Job, error: str | None) -> None:
        """As saq does it; a task that is put off waits in Redis's time."""
        delay = job.next_retry_delay()
        async with self.redis.pipeline(transaction=True) as pipe:
            pipe.lrem(self._active, 1, job.id)
            pipe.lrem(self._queued, 1, job.id)
            at = time.time() - self._ahead + delay if delay else 0
            pipe.zadd(self._incomplete, {job.id: at})
            if not delay:
                pipe.rpush(self._queued, job.id)
            pipe.set(job.id, self.serialize(job))
            await pipe.execute()
        await self.notify(job)

    def _is_silent(self, job_id: Any, job: Job | None) -> bool:
        if job_id in self._fetched:
            return time.monotonic() - self._fetched[job_id] > self._silent_seconds
        return job is None or job.stuck

    async def _requeue(self, job_id: Any, job: Job | None) -> None:
        if job is not None:
            job.retry_delay = 0.0  # that of an earlier run
            await self.retry(job, self.swept_error_message)
            return
        async with self.redis.pipeline(transaction=True) as pipe:  # it ended in this moment
            pipe.lrem(self._active, 0, job_id)
            pipe.zrem(self._incomplete, job_id)
            await pipe.execute()

    async def _compare_clocks(self) -> None:
        with translate_redis_errors():
            seconds, micros = await self.redis.time()
        self._ahead = time.time() - seconds - micros / 1_000_000


class SaqWorker(Worker[Any]):
    """Runs tasks until it is stopped; the process handles the signals."""

    SIGNALS = []  # noqa: RUF012 - saq's own attribute

    def __init__(
        self,
        queue: SaqQueue,
        runner: TaskRunner,
        *,
        drain_seconds: int,
        beat_seconds: float = TASK_HEARTBEAT_SECONDS,
    ) -> None:
        super().__init__(
            queue,
            [(SAQ_FUNCTION, self._run)],
            concurrency=MAX_CONCURRENT_TASKS,
            dequeue_timeout=DEQUEUE_TIMEOUT_SECONDS,
            shutdown_grace_period_s=drain_seconds,
            timers={"schedule": 1, "sweep": SWEEP_INTERVAL_SECONDS, "worker_info": 2, "abort": 1},
        )
        self._queue, self._runner, self._beat_seconds = queue, runner, beat_seconds

    async def process(self) -> bool:
        """One look and its task; saq's own notes about a failure may fail, too."""
        try:
            with translate_redis_errors():
                return await super().process()
        except StoreUnavailable:
            await asyncio.sleep(random.uniform(*REDIS_ERROR_PAUSE_SECONDS))  # noqa: S311 - no secret
            return True

    async def _run(self, context: Mapping[str, Any], **queued: Any) -> None:
        """Raises nothing but Later: whatever else is raised, saq repeats at once, 10,000 times."""
        job: Job = context["job"]
        ended = asyncio.Event()
        beating = asyncio.create_task(_send_heartbeats(job, self._queue, ended, self._beat_seconds))
        waits = job.meta.get(DELAYS_KEY, {})
        try:
            await self._runner.run_queued(
                queued["task"], job.meta.get(FAILURES_KEY, 0), queued["arguments"], waits
            )
        except RetryLater as later:
            job.retry_delay = later.seconds
            job.meta |= {FAILURES_KEY: later.failures, DELAYS_KEY: waits}
            # saq keeps the traceback in Redis, and that of a cause may hold what is secret.
            raise RetryLater(later.seconds, later.reason, later.failures) from None
        except Exception:
            logger.exception("a task was dropped, as it could not even be started")
        finally:
            ended.set()
            await beating


async def _send_heartbeats(
    job: Job, queue: SaqQueue, ended: asyncio.Event, beat_seconds: float
) -> None:
    """Say that the task is still being run; never after it has ended."""
    while not ended.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), beat_seconds)
        if not ended.is_set():
            with suppress(StoreUnavailable), translate_redis_errors():
                async with asyncio.timeout(beat_seconds):
                    await job.update()
                queue.mark_answered()


def _shift_times(facts: dict[str, Any], seconds: float) -> dict[str, Any]:
    """The facts of a job with its times so much later."""
    there = {name: facts[name] for name in JOB_TIMES if facts.get(name)}
    return facts | {name: at + round(seconds * 1000) for name, at in there.items()}


class SaqLogFilter(logging.Filter):
    """On the logger of saq: a pause is no line, trouble with Redis one; all else is unchanged.

    saq takes a task that is to be run again for one that failed. Why it waits was logged before.
    """

    def __init__(self, trouble: RedisErrorLog = REDIS_ERROR_LOG) -> None:
        super().__init__()
        self._trouble = trouble

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, RetryLater):
            return False
        if isinstance(error, StoreUnavailable):
            error = error.__cause__ or error
        elif error is None or not is_redis_error(error):
            return True
        self._trouble.log(error)
        return False


def install_log_filter() -> None:
    """From now on, in this process."""
    logging.getLogger("saq").addFilter(SaqLogFilter())
