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
from bot.metrics import REQUEUED_TASKS
from bot.scheduler.runner import TASK_TIMEOUT_SECONDS, TaskRunner
from bot.store import keys as redis_keys
from bot.store.connection import REDIS_NOW, translate_redis_errors
from bot.store.errors import REDIS_ERROR_LOG, RedisErrorLog, is_redis_error

logger = logging.getLogger(__name__)

MAX_CONCURRENT_TASKS = 40
"""Number of tasks that a worker runs concurrently; they mostly wait for network replies."""

TASK_HEARTBEAT_SECONDS = 2.0
TASK_SILENT_SECONDS = 6
"""Time without a heartbeat after which a task is taken from its worker."""

SAQ_TIMEOUT_SECONDS = TASK_TIMEOUT_SECONDS + 30
"""Time after which saq considers a task stuck; the runner cancels it before that."""

SAQ_RETRIES = 10_000
"""saq counts each delay as a retry; `bot.scheduler.runner` limits the retries after failures."""

DEQUEUE_TIMEOUT_SECONDS = 1.0
"""Time for which a reader waits for a task; an idle worker takes this long to stop."""

REDIS_ERROR_PAUSE_SECONDS = (0.5, 1.5)
"""Random delay of a reader after a Redis error, so that it doesn't retry in a tight loop."""

QUEUE_ALIVE_SECONDS = 5.0
"""A queue that answered within this time is alive; a read takes up to DEQUEUE_TIMEOUT_SECONDS."""

SWEEP_INTERVAL_SECONDS = 2

# Like saq's script, but with Redis's clock.
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
"""Times in saq's jobs, in milliseconds since 1970; 0 or missing if not reached yet."""

SAQ_FUNCTION = "run"
FAILURES_KEY, DELAYS_KEY = "failures", "waits"
"""Metadata stored with a task between two runs: `RetryLater.failures`, and `runner.Delays`."""


def queued_task(task: str, key: str) -> str:
    """Return saq's key for a task; it is unique among queued and running tasks."""
    return f"{redis_keys.TASK_PREFIX}:{task}:{key}"


class SaqQueue(RedisQueue):
    """The queue of all workers; its keys share the hash tag of `bot.store.keys`.

    `redis` is a client without `decode_responses` that may block on reads. While `is_enabled` is
    False, no task is taken from the queue.

    saq compares times from different hosts: a task's last heartbeat and its next run. In Redis, all
    of them use Redis's clock, so that a host with a wrong clock neither takes tasks from others
    nor runs them too early.
    """

    def __init__(self, redis: Any, silent_seconds: float = TASK_SILENT_SECONDS) -> None:
        super().__init__(redis, redis_keys.QUEUE_NAME)
        self.is_enabled = True
        self._answered_at = float("-inf")
        self._silent_seconds = silent_seconds
        self._ahead = 0.0  # seconds by which this host's clock is ahead of Redis's
        self._fetched: dict[Any, float] = {}  # fetch times (monotonic) of tasks not started
        self._due = redis.register_script(QUEUE_DUE_TASKS)

    @property
    def is_answering(self) -> bool:
        """Whether Redis recently answered a read of the queue or a task's heartbeat."""
        return time.monotonic() - self._answered_at < QUEUE_ALIVE_SECONDS

    def mark_answered(self, at: float | None = None) -> None:
        """Record that Redis answered, now or `at` (in seconds by `time.monotonic`)."""
        self._answered_at = time.monotonic() if at is None else at

    async def connect(self) -> None:
        await super().connect()
        with suppress(StoreUnavailable):  # if it fails, the first sweep compares the clocks
            await self._compare_clocks()

    async def put(self, task: str, key: str, /, **arguments: str | int | float) -> None:
        """Implements `bot.scheduler.tasks.TaskQueue`; raises StoreUnavailable."""
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
        """Take the next task; pauses after errors, as saq ignores them and retries at once."""
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
        """Close the client; saq would also unsubscribe, which blocks if Redis doesn't answer."""
        await self.redis.aclose()

    async def sweep(self, lock: int = SWEEP_INTERVAL_SECONDS, abort: float = 0) -> list[str]:
        """Requeue tasks of silent workers; return their ids. Only one worker does so at a time.

        Unlike saq's own method, it skips tasks that a worker has just fetched but not started.
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
            logger.warning("rerunning tasks of silent workers: %d", len(taken))
            REQUEUED_TASKS.count(amount=len(taken))
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
        """Like saq's own method, but uses Redis's clock for delayed tasks."""
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
            job.retry_delay = 0.0  # discard the delay of an earlier run
            await self.retry(job, self.swept_error_message)
            return
        async with self.redis.pipeline(transaction=True) as pipe:  # the task has just ended
            pipe.lrem(self._active, 0, job_id)
            pipe.zrem(self._incomplete, job_id)
            await pipe.execute()

    async def _compare_clocks(self) -> None:
        with translate_redis_errors():
            seconds, micros = await self.redis.time()
        self._ahead = time.time() - seconds - micros / 1_000_000


class SaqWorker(Worker[Any]):
    """Runs tasks until it is stopped; the process handles signals."""

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
        """Take and run a task; pauses after Redis errors, even of saq's own error handling."""
        try:
            with translate_redis_errors():
                return await super().process()
        except StoreUnavailable:
            await asyncio.sleep(random.uniform(*REDIS_ERROR_PAUSE_SECONDS))  # noqa: S311 - no secret
            return True

    async def _run(self, context: Mapping[str, Any], **queued: Any) -> None:
        """Run a task; raises only RetryLater.

        saq would retry other errors without delay, up to 10,000 times.
        """
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
            # saq stores the traceback in Redis, and the traceback of a cause may contain secrets.
            raise RetryLater(later.seconds, later.reason, later.failures) from None
        except Exception:
            logger.exception("a task was dropped because it could not be started")
        finally:
            ended.set()
            await beating


async def _send_heartbeats(
    job: Job, queue: SaqQueue, ended: asyncio.Event, beat_seconds: float
) -> None:
    """Send heartbeats while the task runs; never after it has ended."""
    while not ended.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), beat_seconds)
        if not ended.is_set():
            with suppress(StoreUnavailable), translate_redis_errors():
                async with asyncio.timeout(beat_seconds):
                    await job.update()
                queue.mark_answered()


def _shift_times(facts: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Shift the times of a job by `seconds`."""
    there = {name: facts[name] for name in JOB_TIMES if facts.get(name)}
    return facts | {name: at + round(seconds * 1000) for name, at in there.items()}


class SaqLogFilter(logging.Filter):
    """A filter for saq's logger: drops delays, limits Redis errors to one line, and keeps the rest.

    saq logs a postponed task as failed. The reason for the delay has already been logged.
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
    """Filter saq's log in this process."""
    logging.getLogger("saq").addFilter(SaqLogFilter())
