"""The saq worker runs delayed tasks again, and stores no error details in Redis."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.exceptions import RedisError

from bot.errors import RetryLater, StoreUnavailable
from bot.scheduler.saq_worker import (
    QUEUE_ALIVE_SECONDS,
    SAQ_FUNCTION,
    SaqLogFilter,
    SaqQueue,
    SaqWorker,
    queued_task,
)
from bot.store.connection import connect_for_queue
from bot.store.errors import REDIS_LOG_INTERVAL_SECONDS, RedisErrorLog
from tests.harness.clock import FakeClock

SOON = 20.0

pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated setex")  # by saq


class FakeRunner:
    """A runner with the given `outcomes`, one per run; records its arguments."""

    def __init__(self, *outcomes: Exception | None) -> None:
        self._outcomes = list(outcomes)
        self.given: list[tuple[str, int, Any]] = []
        self.waits: list[Any] = []
        self.done = asyncio.Event()

    async def run_queued(self, name: str, failures: int, arguments: Any, waits: Any) -> None:
        self.waits.append(dict(waits))
        waits["a pause"] = [len(waits), 0]
        self.given.append((name, failures, arguments))
        outcome = self._outcomes.pop(0)
        if outcome is not None:
            try:
                raise ValueError("a secret")
            except ValueError as error:
                raise outcome from error
        self.done.set()


@pytest.fixture
async def queue(redis: Any, redis_url: str) -> AsyncIterator[SaqQueue]:
    queue = SaqQueue(connect_for_queue(redis_url))
    yield queue
    await queue.disconnect()


@asynccontextmanager
async def running(queue: SaqQueue, runner: Any, beat_seconds: float = 2.0) -> AsyncIterator[None]:
    engine = SaqWorker(queue, runner, drain_seconds=5, beat_seconds=beat_seconds)
    task = asyncio.create_task(engine.start())
    try:
        yield
    finally:
        await engine.stop()
        await task


async def test_a_delayed_task_runs_again(queue: SaqQueue, redis: Any) -> None:
    """A delayed task runs again with its number of failures, and leaves nothing in Redis."""
    runner = FakeRunner(RetryLater(0.1, "a pause", 2), None)
    await queue.put("a.task", "1", name="Ada", number=3)
    async with running(queue, runner), asyncio.timeout(SOON):
        await runner.done.wait()
    arguments = {"name": "Ada", "number": 3}
    assert runner.given == [("a.task", 0, arguments), ("a.task", 2, arguments)]
    assert await redis.keys("saq:job:*") == []


async def test_keeps_no_secret_of_a_failure(queue: SaqQueue, redis: Any) -> None:
    """The traceback in Redis doesn't include the cause."""
    runner = FakeRunner(RetryLater(600, "a pause"))
    await queue.put("a.task", "1")
    async with running(queue, runner), asyncio.timeout(SOON):
        while not await _errors(redis):  # noqa: ASYNC110 - Redis is watched
            await asyncio.sleep(0.05)
    assert "secret" not in str(await _errors(redis))


async def test_a_task_is_queued_once(queue: SaqQueue) -> None:
    """A key is queued only once at a time; other keys are independent."""
    for key in ("1", "1", "2"):
        await queue.put("a.task", key)
    assert await queue.count("queued") == 2


async def test_drops_tasks_in_another_format(
    queue: SaqQueue, redis: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A task in another version's format is logged and dropped."""
    runner = FakeRunner(None)
    await queue.enqueue(
        SAQ_FUNCTION, key=queued_task("a.task", "1"), name="of another form", ttl=-1
    )
    await queue.put("a.task", "2")
    async with running(queue, runner), asyncio.timeout(SOON):
        await runner.done.wait()
        while await queue.count("incomplete"):  # noqa: ASYNC110 - Redis is watched
            await asyncio.sleep(0.05)
    assert caplog.text.count("a task was dropped") == 1


async def test_keeps_since_when_a_task_waits(queue: SaqQueue) -> None:
    """The reasons for delays are kept between runs, in any worker."""
    runner = FakeRunner(RetryLater(0.1, "a pause"), RetryLater(0.1, "a pause"), None)
    await queue.put("a.task", "1")
    async with running(queue, runner), asyncio.timeout(SOON):
        await runner.done.wait()
    assert runner.waits == [{}, {"a pause": [0, 0]}, {"a pause": [1, 0]}]


async def test_a_queue_answers_while_redis_does(queue: SaqQueue, redis_url: str) -> None:
    """An empty queue counts as an answer; a missing server doesn't, and raises nothing."""
    assert not queue.is_answering
    await queue.dequeue(0.01)
    assert queue.is_answering
    gone = SaqQueue(connect_for_queue(f"{redis_url}.gone"))
    assert await gone.dequeue(0.01) is None
    assert not gone.is_answering


async def test_an_answer_is_old_after_some_seconds(queue: SaqQueue) -> None:
    """A queue that answered long ago doesn't count as answering."""
    queue.mark_answered(time.monotonic() - QUEUE_ALIVE_SECONDS)
    assert not queue.is_answering


async def test_takes_no_task_while_disabled(queue: SaqQueue) -> None:
    """A disabled queue leaves its tasks to other workers."""
    await queue.put("a.task", "1")
    queue.is_enabled = False
    assert await queue.dequeue(0.01) is None
    assert await queue.count("queued") == 1


class LongRunner:
    """A runner whose task lasts until it is released."""

    def __init__(self) -> None:
        self.begun, self.let_go = 0, asyncio.Event()

    async def run_queued(self, name: str, failures: int, arguments: Any, waits: Any) -> None:
        self.begun += 1
        await self.let_go.wait()


@pytest.fixture
async def impatient(redis: Any, redis_url: str) -> AsyncIterator[SaqQueue]:
    """A queue that considers workers silent after 0.4 s, and sweeps on request."""
    queue = SaqQueue(connect_for_queue(redis_url), silent_seconds=0.4)
    await queue.connect()
    yield queue
    await queue.disconnect()


async def swept(queue: SaqQueue, redis: Any, seconds: float) -> list[str]:
    """The tasks that another worker takes over within some seconds."""
    ends, taken = time.monotonic() + seconds, list[str]()
    while time.monotonic() < ends and not taken:
        await redis.delete(
            "saq:emporix-jobs:{scheduled}:sweep"
        )  # saq's lock lasts a second at least
        taken = await queue.sweep()
        await asyncio.sleep(0.02)
    return taken


async def test_a_long_task_stays_with_its_worker(
    queue: SaqQueue, impatient: SaqQueue, redis: Any
) -> None:
    """A long task that sends heartbeats is started only once."""
    runner = LongRunner()
    await impatient.put("a.task", "1")
    async with running(queue, runner, beat_seconds=0.1), asyncio.timeout(SOON):
        while not runner.begun:  # noqa: ASYNC110 - Redis is watched
            await asyncio.sleep(0.01)
        assert await swept(impatient, redis, 1.5) == []
        runner.let_go.set()
    assert runner.begun == 1


async def test_a_silent_worker_loses_its_task(
    queue: SaqQueue, impatient: SaqQueue, redis: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A task of a silent worker is run by another one, with a log line."""
    runner = LongRunner()
    await impatient.put("a.task", "1")
    async with running(queue, runner, beat_seconds=60), asyncio.timeout(SOON):
        while not runner.begun:  # noqa: ASYNC110 - Redis is watched
            await asyncio.sleep(0.01)
        await swept(impatient, redis, 5)
        while runner.begun < 2:  # noqa: ASYNC110 - Redis is watched
            await asyncio.sleep(0.01)
        runner.let_go.set()
    assert "rerunning tasks of silent workers: 1" in caplog.text


async def test_times_in_redis_are_its_own(queue: SaqQueue, redis: Any) -> None:
    """Times in Redis are by Redis's clock, even if the host's clock is behind."""
    queue._ahead = -100.0  # as measured on such a host
    await queue.put("a.task", "1")
    (stored,) = [await redis.get(key) for key in await redis.keys("saq:job:*")]
    behind = json.loads(stored)["queued"] / 1000 - time.time()
    assert behind == pytest.approx(100, abs=2)
    job = await queue.job(queued_task("a.task", "1"))
    assert job is not None
    assert job.queued / 1000 == pytest.approx(time.time(), abs=2)


async def test_clocks_are_compared_with_that_of_redis(queue: SaqQueue) -> None:
    """Clocks are compared at the start and at each sweep."""
    for compare in (queue.connect, queue.sweep):
        queue._ahead = 100.0
        await compare()
        assert abs(queue._ahead) < 2


async def _errors(redis: Any) -> list[str]:
    jobs = [await redis.get(key) for key in await redis.keys("saq:job:*")]
    return [job for job in jobs if job and '"error"' in job]


SAQ = logging.getLogger("saq")
LINE = "Redis is unavailable: ConnectionError"


@pytest.fixture(autouse=True)
def _filtered(clock: FakeClock) -> Iterator[None]:
    quieter = SaqLogFilter(RedisErrorLog(clock))
    SAQ.addFilter(quieter)
    yield
    SAQ.removeFilter(quieter)


async def fail(error: Exception | None = None) -> None:
    """Log an error with a traceback, as saq does."""
    try:
        if error:
            raise error
        await connect_for_queue("unix:///nowhere/redis.sock").ping()
    except (RedisError, OSError, ValueError, RetryLater, StoreUnavailable):  # what the tests raise
        SAQ.exception("Upkeep task failed unexpectedly")


async def test_one_line_says_that_redis_is_away(
    caplog: pytest.LogCaptureFixture, clock: FakeClock
) -> None:
    """Redis errors cause one line, and another one some seconds later."""
    for _ in range(3):
        await fail()
    assert [record.getMessage() for record in caplog.records] == [LINE]
    assert caplog.records[0].exc_info is None
    clock.now += REDIS_LOG_INTERVAL_SECONDS
    await fail()
    assert [record.getMessage() for record in caplog.records] == [LINE, LINE]


async def test_a_translated_redis_error_is_one_line_too(caplog: pytest.LogCaptureFixture) -> None:
    """An error that the queue has already translated is handled the same way."""
    await fail(StoreUnavailable("TimeoutError"))
    assert [record.getMessage() for record in caplog.records] == [
        LINE.replace("ConnectionError", "StoreUnavailable")
    ]


@pytest.mark.parametrize("error", [ValueError("odd"), TimeoutError(), OSError("disk")])
async def test_hides_nothing_else(caplog: pytest.LogCaptureFixture, error: Exception) -> None:
    """Other errors keep their traceback, and other lines are unchanged."""
    await fail(error)
    SAQ.warning("a word")
    assert [record.getMessage() for record in caplog.records] == [
        "Upkeep task failed unexpectedly",
        "a word",
    ]
    assert caplog.records[0].exc_info is not None


async def test_a_delay_is_not_logged_as_an_error(caplog: pytest.LogCaptureFixture) -> None:
    """A delayed task isn't logged as failed."""
    await fail(RetryLater(2.0, "a pause", 1))
    assert not caplog.records
