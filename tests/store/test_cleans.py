"""Clean-ups in Redis: one at a time, one worker at a time, and one result for each job."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import MAY_HAVE_WORKED
from bot.models import Filters
from bot.store import layout
from bot.store.audit import BEGUN
from bot.store.clean_results import SETTLED, CleanResults
from bot.store.cleans import KEPT_SECONDS, Clean, CleanStore, LeaseLost
from tests.clock import NOW
from tests.store.fixtures import ADA, GRACE, VAULT

UNTIL = "2026-11-23T10:33:20.000Z"
CLEAN = Clean("clean-1", ADA, "acme", Filters(statuses=("failure",), words=("late",)), 3, UNTIL)
BEGUN_CLEAN = Clean("clean-1", ADA, "acme", Filters(), 3, UNTIL, begun_at=NOW)


@pytest.fixture
def kept(redis: Any) -> CleanStore:
    return CleanStore(redis, VAULT)


async def test_comes_back_as_it_was(kept: CleanStore) -> None:
    """With its filters and its owner."""
    await kept.save(CLEAN)
    assert await kept.load("clean-1") == CLEAN
    assert await kept.load("clean-2") is None


async def test_nobody_can_make_one_up(kept: CleanStore, redis: Any) -> None:
    """Whoever writes to Redis gets no job deleted: not by words, not by another's record."""
    await kept.begin(BEGUN_CLEAN, NOW)
    await kept.fix(BEGUN_CLEAN, ["job-1"])
    theirs = layout.clean("clean-2")
    await redis.hset(theirs, "record", await redis.hget(layout.clean("clean-1"), "record"))
    assert await kept.load("clean-2") is None
    await redis.hset(theirs, "record", '{"id":"clean-2","counted":9}')
    assert await kept.load("clean-2") is None
    ids = await redis.get(layout.clean_jobs("clean-1"))
    assert "job-1" not in ids
    await redis.set(layout.clean_jobs("clean-2"), ids)
    assert await kept.jobs("clean-2") == []


async def test_is_forgotten_after_a_month(kept: CleanStore, redis: Any) -> None:
    """Nothing of it stays for ever."""
    await kept.begin(BEGUN_CLEAN, NOW)
    await kept.fix(BEGUN_CLEAN, ["job-1"])
    await kept.claim("clean-1", "worker-1")
    await CleanResults(redis).note("clean-1", "worker-1", "job-1", "deleted")
    await kept.save(BEGUN_CLEAN)
    keys = [*await redis.keys("*:clean:*"), *await redis.keys("*:cleaning:*")]
    assert len(keys) == 5
    for key in keys:
        assert 0 < await redis.ttl(key) <= KEPT_SECONDS, key


async def test_one_of_a_user_and_tenant_at_a_time(kept: CleanStore) -> None:
    """Another user or tenant has its own; after the end there is room again."""
    second = Clean("clean-2", ADA, "acme", Filters(), 1, UNTIL)
    assert await kept.begin(CLEAN, NOW)
    assert await kept.begin(CLEAN, NOW)
    assert not await kept.begin(second, NOW)
    assert await kept.load("clean-2") is None
    assert await kept.begin(Clean("clean-3", ADA, "globex", Filters(), 1, UNTIL), NOW)
    assert await kept.begin(Clean("clean-4", GRACE, "acme", Filters(), 1, UNTIL), NOW)
    await kept.finish("clean-1", CLEAN)
    assert await kept.begin(second, NOW)


async def test_a_lost_one_does_not_bar_the_way(kept: CleanStore) -> None:
    """What nobody looks after any more is not under way."""
    await kept.begin(CLEAN, NOW)
    await kept.finish("clean-1", None)
    assert await kept.begin(Clean("clean-2", ADA, "acme", Filters(), 1, UNTIL), NOW)


async def test_is_claimed_once_a_minute(kept: CleanStore) -> None:
    """Many workers ask; one is told."""
    await kept.begin(CLEAN, NOW)
    assert await kept.claim_due(NOW - 1) == []
    found = await asyncio.gather(*(kept.claim_due(NOW) for _ in range(5)))
    assert sorted(found) == [[], [], [], [], ["clean-1"]]
    assert await kept.claim_due(NOW + 61) == ["clean-1"]


async def test_one_worker_holds_it(kept: CleanStore) -> None:
    """Until it lets go; a stranger's release changes nothing."""
    assert await kept.claim("clean-1", "worker-1")
    assert not await kept.claim("clean-1", "worker-2")
    await kept.release("clean-1", "worker-2")
    assert await kept.renew("clean-1", "worker-1") is False
    with pytest.raises(LeaseLost):
        await kept.renew("clean-1", "worker-2")
    await kept.release("clean-1", "worker-1")
    assert await kept.claim("clean-1", "worker-2")


async def test_a_wish_to_stop_reaches_the_worker(kept: CleanStore) -> None:
    """And does not outlive a new beginning."""
    await kept.begin(CLEAN, NOW)
    await kept.claim("clean-1", "worker-1")
    await kept.ask_to_stop("clean-1")
    await kept.save(CLEAN)
    assert await kept.renew("clean-1", "worker-1") is True
    await kept.finish("clean-1", CLEAN)
    await kept.begin(CLEAN, NOW)
    assert await kept.renew("clean-1", "worker-1") is False


async def test_ids_are_kept_once_for_all(kept: CleanStore) -> None:
    """Thousands of them, in their order; who reads them twice does not double them."""
    ids = [f"job-{number}" for number in range(2500)]
    await kept.fix(CLEAN, ["job-of-before"])
    await kept.fix(CLEAN, ids)
    assert await kept.jobs("clean-1") == ids
    await kept.fix(CLEAN, [])
    assert await kept.jobs("clean-1") == []


async def test_who_lost_the_lease_writes_nothing(kept: CleanStore, redis: Any) -> None:
    """Not even that a delete has begun."""
    await kept.claim("clean-1", "worker-2")
    with pytest.raises(LeaseLost):
        await CleanResults(redis).note("clean-1", "worker-1", "job-1", BEGUN)
    assert await redis.exists(layout.clean_results("clean-1")) == 0


NOTES = st.sampled_from([BEGUN, "rate_limited", "emporix_unreachable", *MAY_HAVE_WORKED, *SETTLED])


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(notes=st.lists(NOTES, max_size=8))
async def test_a_result_stays(redis: Any, kept: CleanStore, notes: list[str]) -> None:
    """Once told it is never another one, and each job has one at most."""
    await redis.flushall()
    await kept.claim("clean-1", "worker-1")
    results = CleanResults(redis)
    record = await results.open("clean-1", "worker-1")
    stays = ""
    for note in notes:
        await record.record(ADA, "acme", "job-1", note)
        assert not stays or record.result("job-1") == stays
        stays = record.result("job-1")
        assert await results.tally("clean-1") == record.tally
        assert record.tally.total() == bool(stays)
    assert bool(stays) == any(note in SETTLED for note in notes)


@pytest.mark.parametrize(
    ("notes", "result"),
    [
        ([BEGUN, "already_gone"], "already_gone"),
        ([BEGUN, BEGUN, "already_gone"], "deleted"),
        ([BEGUN, "emporix_timeout", BEGUN, "already_gone"], "deleted"),
        ([BEGUN, "rate_limited", BEGUN, "already_gone"], "already_gone"),
        ([BEGUN, "emporix_too_large", BEGUN, "already_gone"], "deleted"),
        ([BEGUN, "proxy_answered", BEGUN, "already_gone"], "deleted"),
        ([BEGUN, "a_word_of_next_year", BEGUN, "already_gone"], "deleted"),
        ([BEGUN, "not_connected", BEGUN, "already_gone"], "already_gone"),
        ([BEGUN, BEGUN, "rate_limited", BEGUN, "already_gone"], "deleted"),
        ([BEGUN, "deleted"], "deleted"),
        ([BEGUN, "forbidden"], "forbidden"),
    ],
)
async def test_whose_delete_it_was(
    redis: Any, kept: CleanStore, notes: list[str], result: str
) -> None:
    """What is gone after an attempt of ours whose end is unknown was deleted by that."""
    await kept.claim("clean-1", "worker-1")
    record = await CleanResults(redis).open("clean-1", "worker-1")
    for note in notes:
        await record.record(ADA, "acme", "job-1", note)
    assert record.result("job-1") == result
