"""Watching: what refusals mean, and when the next look comes."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import RateLimited, Unauthorized
from bot.services.watches.schedule import wait
from bot.store import layout
from bot.store.sources import Source
from tests.clock import FakeClock
from tests.services.following import OTHER_VAULT, Bench
from tests.store.fixtures import ADA

ADAS = Source(ADA, "acme")


@pytest.fixture
async def bench(redis: Any, clock: FakeClock) -> Bench:
    """Ada watches a job."""
    bench = Bench(redis, clock)
    await bench.watching.start(await bench.account(), "job-1", "acme")
    return bench


async def look(bench: Bench, *, refused: bool) -> str:
    """Why nothing can be watched there any more; empty while it can."""
    bench.emporix.error = Unauthorized() if refused else None
    return str((await bench.watching.look(ADAS)).broken)


async def test_three_refusals_in_a_row_are_believed(bench: Bench) -> None:
    """The first two may be a hiccup of Emporix."""
    assert [await look(bench, refused=True) for _ in range(3)] == ["", "", "unauthorized"]


async def test_refusals_with_a_good_look_between_are_not(bench: Bench) -> None:
    """Two refusals, a good look, two refusals: the job stays watched."""
    said = [await look(bench, refused=refused) for refused in (True, True, False, True, True)]
    assert said == [""] * 5


async def test_a_worker_without_the_key_forgets_nothing(bench: Bench, redis: Any) -> None:
    """What it cannot open is looked at again within two minutes, for another worker can."""
    await Bench(redis, bench.clock, OTHER_VAULT).watching.look(ADAS)
    due = await redis.zscore(layout.watches_due(), ADAS.name)
    assert due <= bench.clock() + 120


async def test_leaves_nothing_of_what_is_over(bench: Bench, redis: Any) -> None:
    """With the last watch of a tenant its entry goes, and its refusals; other tenants stay."""
    await bench.watching.start(await bench.account(), "job-2", "globex")
    await look(bench, refused=True)
    await bench.watching.stop(ADA, "acme", "job-1")
    await look(bench, refused=False)
    assert await redis.zrange(layout.watches_due(), 0, -1) == [Source(ADA, "globex").name]
    assert await redis.hlen(layout.watches_strikes()) == 0


async def test_adds_what_is_missing(bench: Bench, redis: Any) -> None:
    """Each tenant with a watch is due again after its entry was lost."""
    await bench.watching.start(await bench.account(), "job-2", "globex")
    await redis.hset(layout.watches_strikes(), ADAS.name, 1)
    await redis.delete(layout.watches_due())
    assert await bench.watch_store.sources.due.reconcile(bench.clock()) == 2
    assert await redis.zcard(layout.watches_due()) == 2
    assert await bench.watch_store.sources.due.reconcile(bench.clock()) == 0


@given(st.floats() | st.none())
def test_emporix_is_left_alone_for_a_bounded_time(asked: float | None) -> None:
    """Whatever a Retry-After says: from one minute to a quarter of an hour."""
    error = RateLimited()
    error.retry_after = asked
    seconds = wait(error)
    assert 60 <= seconds <= 900
    assert not math.isnan(seconds)
