"""The worker process while Redis is unreachable, refuses writes or is stopped."""

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
from tests.faults.failures import RestartableRedis, Worker, working
from tests.harness.redis_proxy import proxied

SOON = 20.0  # seconds, on a busy machine
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RestartableRedis]:
    """A Redis for this test only."""
    with tempfile.TemporaryDirectory(prefix="emporix-worker-") as private:
        redis = RestartableRedis(tmp_path / "redis", Path(private, "redis.sock"))
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


async def wait_until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a condition is true."""
    async with asyncio.timeout(SOON):
        while not await condition():  # noqa: ASYNC110 - another process is watched
            await asyncio.sleep(0.05)


@asynccontextmanager
async def has_started(worker: Worker, redis: Any) -> AsyncIterator[None]:
    """Wait until the worker has started and sent a heartbeat."""

    async def has_heartbeat() -> bool:
        return (await Heartbeats(redis).status(time.time())).alive == 1

    with working(worker):
        await wait_until(has_heartbeat)
        yield


async def test_continues_after_the_host_of_redis_is_lost(
    server: RestartableRedis, tmp_path: Path
) -> None:
    """After Redis's host is lost, a queued task runs within seconds."""
    redis = connect(server.url)
    queue = SaqQueue(connect_for_queue(server.url))
    async with proxied(server.url) as proxy:
        async with has_started(worker_at(proxy.url, tmp_path), redis):
            proxy.vanish()
            await queue.put("alerts.post", "once", alert_id="none")
            begun = time.monotonic()

            async def done() -> bool:
                return await queue.count("incomplete") == 0

            await wait_until(done)
            assert time.monotonic() - begun < 15
        log = (tmp_path / "worker.log").read_text(encoding="utf-8")
        assert "Traceback" not in log
        assert "Redis is unavailable: TimeoutError" in log
    await queue.disconnect()
    await redis.aclose()


async def test_stops_cleanly_without_redis(server: RestartableRedis, tmp_path: Path) -> None:
    """Without Redis, SIGTERM ends the worker with status 0 and no traceback."""
    redis = connect(server.url)
    worker = worker_at(server.url, tmp_path)
    async with has_started(worker, redis):
        server.kill()
        assert await asyncio.to_thread(worker.end) == 0
    log = (tmp_path / "worker.log").read_text(encoding="utf-8")
    assert "Traceback" not in log
    assert "[error" not in log
    server.start()
    await redis.aclose()


@pytest.mark.parametrize("trouble", ["full", "replica"])
async def test_a_refusing_redis_gets_few_commands(
    server: RestartableRedis, tmp_path: Path, trouble: str
) -> None:
    """While Redis refuses commands, the worker sends few, and logs one line every ten seconds."""
    redis = connect(server.url)
    async with has_started(worker_at(server.url, tmp_path), redis):
        await redis.config_resetstat()
        if trouble == "full":
            await redis.config_set("maxmemory", 1)
        else:
            await redis.replicaof("127.0.0.1", 1)
        begun = time.monotonic()

        async def refused_often() -> bool:
            stats = await redis.info("commandstats")
            return bool(stats.get("cmdstat_blmove", {}).get("rejected_calls", 0) >= 200)

        await wait_until(refused_often)
        assert 200 / (time.monotonic() - begun) < 120  # per second
    lines = (tmp_path / "worker.log").read_text(encoding="utf-8").splitlines()
    told = [line for line in lines if "Redis is unavailable" in line]
    assert 1 <= len(told) <= 3
    assert [line for line in lines if "[error" in line or "Traceback" in line] == []
    await redis.aclose()
