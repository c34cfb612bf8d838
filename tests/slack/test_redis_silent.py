"""If Redis accepts connections but doesn't answer, users are informed within a second."""

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

GONE = "can't be read right now"


@contextmanager
def silent(pid: int) -> Iterator[None]:
    """Suspend the process; the kernel still accepts connections."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A Redis server for this test."""
    with redis_server(tmp_path) as url:
        yield url


async def test_reports_a_silent_redis_at_once(server: str, clock: FakeClock) -> None:
    """Users get the error within a second, over old and new connections, until Redis answers."""
    redis = connect(server)
    pid = (await redis.info("server"))["process_id"]
    async with open_app(redis, server, clock, is_patient=False) as harness:
        await harness.connect(harness.ada, ACME_OPERATIONS)
        add_jobs(harness, 3)
        waited = []
        with silent(pid):
            for _ in range(3):
                begun = time.monotonic()
                exchange = await harness.ada.command("/emporix jobs")
                waited.append(time.monotonic() - begun)
                assert [GONE in payload["text"] for payload in exchange.payloads] == [True]
        assert (
            min(waited) < 1.3
        )  # a busy machine delays some of them; a longer time limit would delay all
        exchange = await harness.ada.command("/emporix jobs")
        assert exchange.payloads[0]["text"].startswith("Jobs 1–3 of 3")
    await redis.aclose()


async def answers(harness: AppHarness, commands: int) -> list[str]:
    """The texts of the answers to several commands at once."""
    exchanges = (harness.ada.command("/emporix jobs") for _ in range(commands))
    return [one.payloads[-1]["text"] for one in await asyncio.gather(*exchanges)]


async def test_a_host_that_vanished_costs_one_answer(server: str, clock: FakeClock) -> None:
    """After a host has vanished, only one request waits for its dead connection."""
    redis = connect(server)
    async with (
        proxied(server) as proxy,
        open_app(redis, proxy.url, clock, is_patient=False) as harness,
    ):
        await harness.connect(harness.ada, ACME_OPERATIONS)
        add_jobs(harness, 3)
        await answers(harness, 20)
        proxy.vanish()
        assert GONE in (await answers(harness, 1))[0]
        assert [text for text in await answers(harness, 20) if GONE in text] == []
    await redis.aclose()
