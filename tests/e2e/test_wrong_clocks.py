"""Two workers on hosts whose clocks differ by a minute."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from redis.asyncio import Redis

from sandbox.slack.faults import Fault
from tests.faults.failures import Worker, working
from tests.faults.scenario import all_settled, open_scenario, posted, set_up

DIGESTS = 10
SOON = 40.0  # seconds, on a busy machine
SLOW_SECONDS = 7.0
"""Longer than a worker may be silent: a heartbeat compared with another clock would expire."""


@pytest.mark.timeout(120)
async def test_a_wrong_clock_takes_no_task_away(tmp_path: Path) -> None:
    """While Slack takes seven seconds per post, each digest is posted once, by one worker."""
    async with open_scenario(tmp_path) as scene:
        await set_up(scene, time.time() - 60, DIGESTS)
        for _ in ("digests", "threads"):
            slow = Fault("delay", times=DIGESTS, method="chat.postMessage", seconds=SLOW_SECONDS)
            scene.workspace.faults.add(slow)
        behind = Worker(scene.settings, tmp_path / "behind.log", ahead=-30)
        ahead = Worker(scene.settings, tmp_path / "ahead.log", ahead=30)
        with working(behind):
            while len(scene.workspace.faults) > 1:  # noqa: ASYNC110 - until all have begun
                await asyncio.sleep(0.05)
            with working(ahead):
                async with both_sweeping(scene.redis.url):
                    assert await all_settled(scene, DIGESTS, SOON)
        written = [worker.log.read_text(encoding="utf-8") for worker in (behind, ahead)]
    assert set(posted(scene).values()) == {1}
    assert [log for log in written if "silent" in log or "not known" in log] == []


@asynccontextmanager
async def both_sweeping(url: str) -> AsyncIterator[None]:
    """Let both workers sweep; with equal periods, the first would sweep for both."""

    async def unlock() -> None:
        async with Redis.from_url(url) as redis:
            while True:
                await redis.delete("saq:emporix-jobs:{scheduled}:sweep")
                await asyncio.sleep(0.1)

    unlocking = asyncio.create_task(unlock())
    yield
    unlocking.cancel()
    with suppress(asyncio.CancelledError):
        await unlocking
