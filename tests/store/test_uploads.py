"""Uploads get times that Slack's rate allows, or none."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.store import layout
from bot.store.uploads import BURST, LONGEST_WAIT, Uploads

TEAM = "T0ACME"


@pytest.fixture
def uploads(redis: Any) -> Uploads:
    return Uploads(redis, 60)


async def test_some_go_at_once_and_the_others_in_turn(uploads: Uploads) -> None:
    """In no minute more than the rate and the first few."""
    times = [await uploads.reserve(TEAM, 1000.0) for _ in range(BURST + 70)]
    assert times[:BURST] == [1000.0] * BURST
    assert times[BURST : BURST + 3] == [1001.0, 1002.0, 1003.0]
    assert sum(time is not None and time < 1060 for time in times) < BURST + 60


async def test_who_would_wait_for_too_long_gets_none(uploads: Uploads) -> None:
    """And takes no place: a while later there is room again."""
    most = BURST + int(LONGEST_WAIT)
    times = [await uploads.reserve(TEAM, 1000.0) for _ in range(most + 50)]
    assert times[most - 1] == 1000.0 + LONGEST_WAIT
    assert times[most:] == [None] * 50
    assert await uploads.reserve(TEAM, 1002.0) == 1000.0 + LONGEST_WAIT + 1
    assert await uploads.reserve("T0OTHER", 1000.0) == 1000.0


async def test_workers_share_one_rate(redis: Any) -> None:
    """Each time is given once."""
    several = [Uploads(redis, 60) for _ in range(4)]
    times = await asyncio.gather(*(one.reserve(TEAM, 5.0) for one in several * 20))
    later = sorted(time for time in times if time is not None and time > 5.0)
    assert later == [6.0 + number for number in range(80 - BURST)]


async def test_none_at_all_may_be_wanted(redis: Any) -> None:
    """A rate of 0; and a small one has no burst beyond itself."""
    assert await Uploads(redis, 0).reserve(TEAM, 5.0) is None
    few = Uploads(redis, 2)
    assert [await few.reserve(TEAM, 5.0) for _ in range(3)] == [5.0, 5.0, 35.0]


async def test_a_pause_is_for_all(redis: Any, uploads: Uploads) -> None:
    """As long as Slack says."""
    assert not await uploads.held(TEAM)
    await uploads.hold(TEAM, 30)
    assert await Uploads(redis, 60).held(TEAM)
    assert not await uploads.held("T0OTHER")
    assert 29_000 < await redis.pttl(layout.uploads_held(TEAM)) <= 30_000
