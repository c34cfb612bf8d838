"""The worker process while Redis vanishes, refuses writes or is away: it goes on, or ends, well."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.scheduler.saq_worker import SaqQueue
from bot.store.connection import connect, connect_for_queue
from bot.store.encryption import new_key
from bot.store.health import Heartbeats
from tests.faults.failures import RedisThatDies, Worker, working
from tests.harness.redis_proxy import proxied

SOON = 20.0  # seconds, on a busy machine
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisThatDies]:
    """A Redis of this test's own."""
    with tempfile.TemporaryDirectory(prefix="emporix-worker-") as private:
        redis = RedisThatDies(tmp_path / "redis", Path(private, "redis.sock"))
        yield redis
        redis.kill()


def worker_at(url: str, folder: Path) -> Worker:
    settings = {
        "SLACK_BOT_TOKEN": "xoxb-worker",
        "SLACK_SIGNING_SECRET": "0" * 32,
        "SLACK_API_URL": f"{NOWHERE}/api/",
        "EMPORIX_API_URL": NOWHERE,
        "REDIS_URL": url,
        "ENCRYPTION_KEYS": new_key(),
        "LOG_LEVEL": "INFO",
    }
    return Worker(settings, folder / "worker.log")


async def soon(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(SOON):
        while not await is_so():  # noqa: ASYNC110 - another process is watched
            await asyncio.sleep(0.05)


@asynccontextmanager
async def at_work(worker: Worker, redis: Any) -> AsyncIterator[None]:
    """Started, and it says so in Redis."""

    async def says_so() -> bool:
        return (await Heartbeats(redis).status(time.time())).alive == 1

    with working(worker):
        await soon(says_so)
        yield


async def test_goes_on_when_the_host_of_redis_has_vanished(
    server: RedisThatDies, tmp_path: Path
) -> None:
    """A task that is queued then is run within seconds, though no old connection ever closes."""
    redis = connect(server.url)
    queue = SaqQueue(connect_for_queue(server.url))
    async with proxied(server.url) as proxy:
        async with at_work(worker_at(proxy.url, tmp_path), redis):
            proxy.vanish()
            await queue.put("nobody.knows", "once")
            begun = time.monotonic()

            async def done() -> bool:
                return await queue.count("incomplete") == 0

            await soon(done)
            assert time.monotonic() - begun < 15
        log = (tmp_path / "worker.log").read_text(encoding="utf-8")
        assert "Traceback" not in log
        assert "Redis is unavailable: TimeoutError" in log
    await queue.disconnect()
    await redis.aclose()


async def test_ends_well_while_redis_is_away(server: RedisThatDies, tmp_path: Path) -> None:
    """On SIGTERM, status 0 and no traceback."""
    redis = connect(server.url)
    worker = worker_at(server.url, tmp_path)
    async with at_work(worker, redis):
        server.kill()
        assert await asyncio.to_thread(worker.end) == 0
    log = (tmp_path / "worker.log").read_text(encoding="utf-8")
    assert "Traceback" not in log
    assert "[error" not in log
    server.start()
    await redis.aclose()


@pytest.mark.parametrize("trouble", ["full", "replica"])
async def test_asks_no_more_than_it_must_of_a_redis_that_refuses(
    server: RedisThatDies, tmp_path: Path, trouble: str
) -> None:
    """A Redis in trouble gets no load from it, and the log one line every ten seconds."""
    redis = connect(server.url)
    async with at_work(worker_at(server.url, tmp_path), redis):
        await redis.config_resetstat()
        if trouble == "full":
            await redis.config_set("maxmemory", 1)
        else:
            await redis.replicaof("127.0.0.1", 1)
        begun = time.monotonic()

        async def refused_often() -> bool:
            stats = await redis.info("commandstats")
            return bool(stats.get("cmdstat_blmove", {}).get("rejected_calls", 0) >= 200)

        await soon(refused_often)
        assert 200 / (time.monotonic() - begun) < 120  # in a second
    lines = (tmp_path / "worker.log").read_text(encoding="utf-8").splitlines()
    told = [line for line in lines if "Redis is unavailable" in line]
    assert 1 <= len(told) <= 3
    assert [line for line in lines if "[error" in line or "Traceback" in line] == []
    await redis.aclose()
