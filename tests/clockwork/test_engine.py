"""The engine: a task that is put off comes again, and nothing of what went wrong lies in Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bot.clockwork.engine import ANSWERED_SECONDS, RUN, Engine, Queue, queued_task
from bot.later import Later
from bot.store.connection import connect_for_queue

SOON = 20.0


class FakeRunner:
    """Does what each of `outcomes` says, one after the other; notes what it was given."""

    def __init__(self, *outcomes: Exception | None) -> None:
        self._outcomes = list(outcomes)
        self.given: list[tuple[str, int, Any]] = []
        self.waits: list[Any] = []
        self.done = asyncio.Event()

    async def task(self, name: str, failures: int, arguments: Any, waits: Any) -> None:
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
async def queue(redis: Any, redis_url: str) -> AsyncIterator[Queue]:
    queue = Queue(connect_for_queue(redis_url))
    yield queue
    await queue.disconnect()


@asynccontextmanager
async def running(queue: Queue, runner: Any) -> AsyncIterator[None]:
    engine = Engine(queue, runner, drain_seconds=5)
    task = asyncio.create_task(engine.start())
    try:
        yield
    finally:
        await engine.stop()
        await task


async def test_what_is_put_off_comes_again(queue: Queue, redis: Any) -> None:
    """With the number of its failures; when it is done nothing of it is left."""
    runner = FakeRunner(Later(0.1, "a pause", 2), None)
    await queue.put("a.task", "1", name="Ada", number=3)
    async with running(queue, runner), asyncio.timeout(SOON):
        await runner.done.wait()
    arguments = {"name": "Ada", "number": 3}
    assert runner.given == [("a.task", 0, arguments), ("a.task", 2, arguments)]
    assert await redis.keys("saq:job:*") == []


async def test_keeps_no_secret_of_a_failure(queue: Queue, redis: Any) -> None:
    """saq writes the traceback into Redis; that of the cause is not in it."""
    runner = FakeRunner(Later(600, "a pause"))
    await queue.put("a.task", "1")
    async with running(queue, runner), asyncio.timeout(SOON):
        while not await _errors(redis):  # noqa: ASYNC110 - Redis is watched
            await asyncio.sleep(0.05)
    assert "secret" not in str(await _errors(redis))


async def test_a_task_is_queued_once(queue: Queue) -> None:
    """As long as one of that key is queued; another key is another task."""
    for key in ("1", "1", "2"):
        await queue.put("a.task", key)
    assert await queue.count("queued") == 2


async def test_drops_what_cannot_be_started(
    queue: Queue, redis: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A task in the form of another version is an error in the log, and not tried for ever."""
    runner = FakeRunner(None)
    await queue.enqueue(RUN, key=queued_task("a.task", "1"), name="of another form", ttl=-1)
    await queue.put("a.task", "2")
    async with running(queue, runner), asyncio.timeout(SOON):
        await runner.done.wait()
        while await queue.count("incomplete"):  # noqa: ASYNC110 - Redis is watched
            await asyncio.sleep(0.05)
    assert caplog.text.count("a task was dropped") == 1


async def test_keeps_since_when_a_task_waits(queue: Queue) -> None:
    """From run to run, in any worker."""
    runner = FakeRunner(Later(0.1, "a pause"), Later(0.1, "a pause"), None)
    await queue.put("a.task", "1")
    async with running(queue, runner), asyncio.timeout(SOON):
        await runner.done.wait()
    assert runner.waits == [{}, {"a pause": [0, 0]}, {"a pause": [1, 0]}]


async def test_a_queue_answers_while_redis_does(queue: Queue, redis_url: str) -> None:
    """An empty look is an answer; one at a server that is not there is none, and no exception."""
    assert not queue.is_answering
    await queue.dequeue(0.01)
    assert queue.is_answering
    gone = Queue(connect_for_queue(f"{redis_url}.gone"))
    assert await gone.dequeue(0.01) is None
    assert not gone.is_answering


async def test_an_answer_is_old_after_some_seconds(queue: Queue) -> None:
    """A queue that answered once is not taken for one that answers."""
    queue.answered(time.monotonic() - ANSWERED_SECONDS)
    assert not queue.is_answering


async def test_takes_no_task_while_it_must_not(queue: Queue) -> None:
    """What is queued stays there for another worker."""
    await queue.put("a.task", "1")
    queue.claims = False
    assert await queue.dequeue(0.01) is None
    assert await queue.count("queued") == 1


class EndsMeanwhile(Queue):
    """A queue whose tasks are done just when they are taken for dead."""

    async def abort(self, job: Any, error: str, ttl: float = 5) -> None:
        await self.redis.delete(job.id)


async def test_a_task_may_end_while_it_is_taken_for_dead(
    redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """That is a line of information, and no error; then nothing of the task is left."""
    caplog.set_level("INFO")
    queue = EndsMeanwhile(connect_for_queue(redis_url))
    await queue.put("a.task", "1")
    job = await queue.dequeue(0.01)
    assert job is not None  # taken, but not begun: saq sweeps that
    assert await queue.sweep() == []
    assert "has ended by itself" in caplog.text
    await queue.redis.delete(queue._sweep)  # the next sweep, without waiting for it
    await queue.sweep()
    assert await queue.count("incomplete") == 0
    await queue.disconnect()


async def _errors(redis: Any) -> list[str]:
    jobs = [await redis.get(key) for key in await redis.keys("saq:job:*")]
    return [job for job in jobs if job and '"error"' in job]
