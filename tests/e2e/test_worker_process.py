"""The worker process as the Procfile starts it: it takes over tasks and stops cleanly."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from bot.scheduler.saq_worker import SaqQueue
from bot.store.connection import connect_for_queue
from bot.store.encryption import new_key
from bot.store.health import Heartbeats
from sandbox.processes import bot_process
from sandbox.server import serving
from sandbox.slack.app import create_app as create_slack
from sandbox.slack.workspace import Workspace

SOON = 20.0  # seconds, on a busy machine


@pytest.fixture
async def settings(redis: Any, redis_url: str) -> AsyncIterator[dict[str, str]]:
    workspace = Workspace(time.time)
    async with AsyncExitStack() as parts:
        slack = await parts.enter_async_context(serving(create_slack(workspace)))
        yield {
            "SLACK_BOT_TOKEN": workspace.bot_token,
            "SLACK_SIGNING_SECRET": workspace.signing_secret,
            "SLACK_API_URL": f"{slack}/api/",
            "EMPORIX_API_URL": "http://127.0.0.1:9",
            "REDIS_URL": redis_url,
            "ENCRYPTION_KEYS": new_key(),
            "LOG_LEVEL": "INFO",
        }


async def wait_until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a condition is true."""
    async with asyncio.timeout(SOON):
        while not await condition():  # noqa: ASYNC110 - another process is watched
            await asyncio.sleep(0.05)


async def test_runs_until_sigterm(redis: Any, settings: dict[str, str]) -> None:
    """The worker sends heartbeats, and ends within seconds of SIGTERM with status 0."""

    async def has_heartbeat() -> bool:
        return (await Heartbeats(redis).status(time.time())).alive == 1

    async with bot_process("worker", settings) as worker:
        await wait_until(has_heartbeat)
        began = time.monotonic()
        worker.terminate()
        assert await asyncio.wait_for(worker.wait(), SOON) == 0
        assert time.monotonic() - began < 5


async def test_runs_queued_tasks(redis: Any, redis_url: str, settings: dict[str, str]) -> None:
    """Tasks are run and removed, including one that was queued before any worker started."""
    queue = SaqQueue(connect_for_queue(redis_url))
    await queue.put("alerts.post", "once", alert_id="none")
    await queue.put("alerts.post", "once", alert_id="none")
    assert await queue.count("queued") == 1

    async def done() -> bool:
        return await queue.count("incomplete") == 0

    async with bot_process("worker", settings):
        await wait_until(done)
    assert await redis.keys("saq:job:*") == []
    await queue.disconnect()
