"""Uploads get times that Slack's rate allows, or none."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.store import layout
from bot.store.uploads import Uploads
from tests.clock import FakeClock
from tests.redis_clock import clocked

TEAM = "T0ACME"


@pytest.fixture
def uploads(redis: Any, clock: FakeClock) -> Uploads:
    return Uploads(clocked(redis, clock), 60)


async def test_some_go_at_once_and_the_others_in_turn(uploads: Uploads) -> None:
    """In no minute more than the rate and the first twenty."""
    waits = [await uploads.reserve(TEAM) for _ in range(90)]
    assert waits[:20] == [0] * 20
    assert waits[20:23] == pytest.approx([1, 2, 3], abs=1e-4)
    assert sum(wait is not None and wait < 59.999 for wait in waits) < 80


async def test_who_would_wait_for_too_long_gets_none(uploads: Uploads, clock: FakeClock) -> None:
    """More than five minutes; it takes no place: a while later there is room again."""
    waits = [await uploads.reserve(TEAM) for _ in range(370)]
    assert waits[318] == pytest.approx(299, abs=1e-3)
    assert waits[321:] == [None] * 49
    clock.forward(2)
    assert await uploads.reserve(TEAM) == pytest.approx(299, abs=1.01)
    assert await uploads.reserve("T0OTHER") == 0


async def test_workers_share_one_rate(redis: Any, clock: FakeClock) -> None:
    """Each time is given once."""
    several = [Uploads(clocked(redis, clock), 60) for _ in range(4)]
    waits = await asyncio.gather(*(one.reserve(TEAM) for one in several * 20))
    later = sorted(wait for wait in waits if wait)
    assert later == pytest.approx([1 + number for number in range(60)], abs=1e-3)


async def test_none_at_all_may_be_wanted(redis: Any, clock: FakeClock) -> None:
    """A rate of 0; and a small one has no burst beyond itself."""
    assert await Uploads(clocked(redis, clock), 0).reserve(TEAM) is None
    few = Uploads(clocked(redis, clock), 2)
    assert [await few.reserve(TEAM) for _ in range(3)] == pytest.approx([0, 0, 30], abs=1e-4)


async def test_only_the_clock_of_redis_counts(redis: Any) -> None:
    """It needs no clock of a worker."""
    few = Uploads(redis, 2)
    first, second, third = [await few.reserve(TEAM) for _ in range(3)]
    assert (first, second) == (0, 0)
    assert third is not None
    assert 28 < third <= 30


async def test_a_pause_is_for_all(redis: Any, uploads: Uploads) -> None:
    """As long as Slack says."""
    assert not await uploads.held(TEAM)
    await uploads.hold(TEAM, 30)
    assert await Uploads(redis, 60).held(TEAM)
    assert not await uploads.held("T0OTHER")
    assert 29_000 < await redis.pttl(layout.uploads_held(TEAM)) <= 30_000
