"""Redis accepts connections and says nothing: people are told within a second, and it passes."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.store.connection import connect
from sandbox.emporix.keys import ACME_OPERATIONS
from sandbox.redis_server import redis_server
from tests.harness.app import AppHarness, open_app
from tests.harness.clock import FakeClock
from tests.harness.redis_proxy import proxied
from tests.listeners.jobs.fixtures import add_jobs

GONE = "cannot be read at the moment"


@contextmanager
def silent(pid: int) -> Iterator[None]:
    """The process stands still; the kernel still takes connections for it."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A Redis of this test's own."""
    with redis_server(tmp_path) as url:
        yield url


async def test_says_at_once_that_redis_is_silent(server: str, clock: FakeClock) -> None:
    """Within a second or so, over connections that are open and over new ones; then it goes on."""
    redis = connect(server)
    pid = (await redis.info("server"))["process_id"]
    async with open_app(redis, server, clock) as harness:
        await harness.connect(harness.ada, ACME_OPERATIONS)
        add_jobs(harness, 3)
        waited = []
        with silent(pid):
            for _ in range(3):
                begun = time.monotonic()
                exchange = await harness.ada.command("/emporix jobs")
                waited.append(time.monotonic() - begun)
                assert [GONE in payload["text"] for payload in exchange.payloads] == [True]
        assert min(waited) < 1.3  # a busy machine delays some of them, a longer time limit all
        exchange = await harness.ada.command("/emporix jobs")
        assert exchange.payloads[0]["text"].startswith("Jobs 1–3 of 3")
    await redis.aclose()


async def answers(harness: AppHarness, commands: int) -> list[str]:
    """The texts of the answers to so many commands at once."""
    exchanges = (harness.ada.command("/emporix jobs") for _ in range(commands))
    return [one.payloads[-1]["text"] for one in await asyncio.gather(*exchanges)]


async def test_a_host_that_vanished_costs_one_answer(server: str, clock: FakeClock) -> None:
    """Its connections stay open and silent; after the first failure nobody else meets one."""
    redis = connect(server)
    async with proxied(server) as proxy, open_app(redis, proxy.url, clock) as harness:
        await harness.connect(harness.ada, ACME_OPERATIONS)
        add_jobs(harness, 3)
        await answers(harness, 20)
        proxy.vanish()
        assert GONE in (await answers(harness, 1))[0]
        assert [text for text in await answers(harness, 20) if GONE in text] == []
    await redis.aclose()
