"""Whether Redis does its work is seen by a write, and asked for no more than once a second."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.errors import StoreUnavailable
from bot.store import layout
from bot.store.probe import KEPT_SECONDS, Probe
from bot.store.server_clock import ahead_of_redis
from tests.clock import FakeClock


async def test_asks_once_a_second(redis: Any, clock: FakeClock) -> None:
    """However many ask at the same time."""
    probe = Probe(redis, clock)
    await redis.config_resetstat()
    await asyncio.gather(*(probe.ping() for _ in range(100)))
    clock.forward(KEPT_SECONDS)
    await asyncio.gather(*(probe.ping() for _ in range(100)))
    assert (await redis.info("commandstats"))["cmdstat_set"]["calls"] == 2
    assert 0 < await redis.pttl(layout.probe()) <= 1000  # nothing of it stays


async def test_names_a_redis_that_takes_no_writes(redis: Any, clock: FakeClock) -> None:
    """By its own word, to all who ask within the second; then it is asked again."""
    probe = Probe(redis, clock)
    await redis.config_set("maxmemory", 1)
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match=r"^OOM$"):
            await probe.ping()
        await redis.config_set("maxmemory", 0)
    clock.forward(KEPT_SECONDS)
    await probe.ping()


async def test_compares_a_clock_with_that_of_redis(redis: Any) -> None:
    """In seconds, with its sign."""
    seconds, micros = await redis.time()
    there = seconds + micros / 1e6
    assert await ahead_of_redis(redis, lambda: there + 7) == pytest.approx(7, abs=2)
    assert await ahead_of_redis(redis, lambda: there - 7) == pytest.approx(-7, abs=2)
