"""Clean-ups in Redis: one at a time, one worker at a time, and one result for each job."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.audit import BEGUN
from bot.domain.cleanups import Cleanup
from bot.domain.filters import Filters
from bot.store import keys as redis_keys
from bot.store.cleanups import CleanupResults, CleanupStore, LeaseLost
from tests.harness.clock import NOW
from tests.store.fixtures import ADA, CIPHER, GRACE

UNTIL = "2026-11-23T10:33:20.000Z"
CLEAN = Cleanup("clean-1", ADA, "acme", Filters(statuses=("failure",), words=("late",)), 3, UNTIL)
BEGUN_CLEAN = Cleanup("clean-1", ADA, "acme", Filters(), 3, UNTIL, started_at=NOW)
SECOND = Cleanup("clean-2", ADA, "acme", Filters(), 1, UNTIL)


@pytest.fixture
def kept(redis: Any) -> CleanupStore:
    return CleanupStore(redis, CIPHER)


async def begin(kept: CleanupStore, clean: Cleanup) -> bool:
    """Start a clean-up; worker-1 has its lease."""
    return await kept.start(clean, NOW) and await kept.acquire_lease(clean.id, "worker-1")


async def loaded(kept: CleanupStore) -> Cleanup:
    clean = await kept.load("clean-1")
    assert clean is not None
    return clean


async def test_work_on_it_keeps_it_for_another_month(kept: CleanupStore, redis: Any) -> None:
    """Each save keeps a clean-up for another month."""
    await begin(kept, BEGUN_CLEAN)
    for write in (kept.save, kept.finish):
        await redis.expire(redis_keys.cleanup("clean-1"), 100)
        await write(BEGUN_CLEAN, "worker-1")
        assert await redis.ttl(redis_keys.cleanup("clean-1")) > 29 * 86_400


async def test_loads_the_saved_clean_up(kept: CleanupStore) -> None:
    """A clean-up is loaded with its filters and its owner."""
    assert await kept.save_unconfirmed(CLEAN)
    assert await kept.load("clean-1") == CLEAN
    assert await kept.load("clean-2") is None


async def test_ignores_forged_records(kept: CleanupStore, redis: Any) -> None:
    """Forged or copied records don't make a worker delete jobs."""
    await begin(kept, BEGUN_CLEAN)
    await kept.freeze_job_ids(BEGUN_CLEAN, ["job-1"], "worker-1")
    theirs = redis_keys.cleanup("clean-2")
    await redis.hset(theirs, "record", await redis.hget(redis_keys.cleanup("clean-1"), "record"))
    assert await kept.load("clean-2") is None
    await redis.hset(theirs, "record", '{"id":"clean-2","counted":9}')
    assert await kept.load("clean-2") is None
    ids = await redis.get(redis_keys.cleanup_jobs("clean-1"))
    assert "job-1" not in ids
    await redis.set(redis_keys.cleanup_jobs("clean-2"), ids)
    assert await kept.load_job_ids("clean-2") == []


async def test_is_forgotten_after_a_month(kept: CleanupStore, redis: Any) -> None:
    """Every key of a clean-up expires; an unconfirmed one expires after an hour."""
    await kept.save_unconfirmed(CLEAN)
    assert 0 < await redis.ttl(redis_keys.cleanup("clean-1")) <= 3600
    await begin(kept, BEGUN_CLEAN)
    await kept.freeze_job_ids(BEGUN_CLEAN, ["job-1"], "worker-1")
    await CleanupResults(redis).record("clean-1", "worker-1", "job-1", "deleted")
    await kept.save(BEGUN_CLEAN, "worker-1")
    keys = [*await redis.keys("*:cleanup:*"), *await redis.keys("*:cleanups:active:*")]
    assert len(keys) == 5
    for key in keys:
        assert 0 < await redis.ttl(key) <= 30 * 86_400, key


async def test_one_of_a_user_and_tenant_at_a_time(kept: CleanupStore) -> None:
    """A user has one running clean-up per tenant, and can start another after it ends."""
    assert await begin(kept, CLEAN)
    assert await kept.start(CLEAN, NOW)
    assert not await kept.start(SECOND, NOW)
    assert await kept.load("clean-2") is None
    assert await kept.start(Cleanup("clean-3", ADA, "globex", Filters(), 1, UNTIL), NOW)
    assert await kept.start(Cleanup("clean-4", GRACE, "acme", Filters(), 1, UNTIL), NOW)
    await kept.finish(CLEAN, "worker-1")
    assert await kept.start(SECOND, NOW)


async def test_an_end_frees_no_other_clean_up(kept: CleanupStore, redis: Any) -> None:
    """Finishing a clean-up twice doesn't affect the next one."""
    await begin(kept, CLEAN)
    await kept.finish(CLEAN, "worker-1")
    await kept.start(SECOND, NOW)
    await kept.finish(CLEAN, "worker-1")
    assert await redis.get(redis_keys.active_cleanup(ADA, "acme")) == "clean-2"
    assert not await kept.start(Cleanup("clean-3", ADA, "acme", Filters(), 1, UNTIL), NOW)


async def test_a_deleted_clean_up_leaves_the_index(kept: CleanupStore, redis: Any) -> None:
    """An id without a record leaves the index."""
    await begin(kept, CLEAN)
    await redis.delete(redis_keys.cleanup("clean-1"))
    assert not await kept.start(SECOND, NOW)
    assert not await kept.due.schedule("clean-1", NOW)
    assert await kept.start(SECOND, NOW)


async def test_an_undecryptable_clean_up_stays_in_the_index(kept: CleanupStore, redis: Any) -> None:
    """A clean-up that can't be decrypted stays in the index."""
    await begin(kept, CLEAN)
    await redis.hset(redis_keys.cleanup("clean-1"), "record", "unreadable")
    assert await kept.due.schedule("clean-1", NOW)
    assert await kept.due.claim(NOW, 100) == ["clean-1"]


async def test_begins_once(kept: CleanupStore, redis: Any) -> None:
    """A clean-up that is confirmed again, even after its end, is not started again."""
    await begin(kept, BEGUN_CLEAN)
    await kept.save(replace(BEGUN_CLEAN, found=2), "worker-1")
    assert await kept.start(BEGUN_CLEAN, NOW)
    assert not await kept.save_unconfirmed(CLEAN)
    assert (await loaded(kept)).found == 2
    await kept.finish(replace(BEGUN_CLEAN, end_reason="done"), "worker-1")
    assert await kept.start(BEGUN_CLEAN, NOW)
    assert not await kept.save_unconfirmed(CLEAN)
    assert (await loaded(kept)).end_reason == "done"
    assert await kept.due.claim(NOW, 100) == []
    assert await redis.ttl(redis_keys.cleanup("clean-1")) > 3600


async def test_only_one_that_has_ended_is_amended(kept: CleanupStore) -> None:
    """A running clean-up can't be amended."""
    await begin(kept, BEGUN_CLEAN)
    changed = replace(BEGUN_CLEAN, end_reason="stopped")
    assert not await kept.amend(changed)
    await kept.finish(replace(BEGUN_CLEAN, end_reason="interrupted"), "worker-1")
    assert await kept.amend(changed)
    assert (await loaded(kept)).end_reason == "stopped"


async def test_is_claimed_once_a_minute(kept: CleanupStore) -> None:
    """Only one of many workers claims a clean-up."""
    await kept.start(CLEAN, NOW)
    assert await kept.due.claim(NOW - 1, 100) == []
    found = await asyncio.gather(*(kept.due.claim(NOW, 100) for _ in range(5)))
    assert sorted(found) == [[], [], [], [], ["clean-1"]]
    assert await kept.due.claim(NOW + 61, 100) == ["clean-1"]


async def test_many_are_claimed_in_parts(kept: CleanupStore, redis: Any) -> None:
    """A worker claims no more clean-ups than it asks for."""
    await redis.zadd(redis_keys.cleanups_due(), {f"clean-{number}": NOW for number in range(150)})
    assert [len(await kept.due.claim(NOW, 100)) for _ in range(3)] == [100, 50, 0]


async def test_one_worker_holds_it(kept: CleanupStore) -> None:
    """One worker has the lease until it releases it; other workers can't release it."""
    assert await kept.acquire_lease("clean-1", "worker-1")
    assert not await kept.acquire_lease("clean-1", "worker-2")
    await kept.release_lease("clean-1", "worker-2")
    assert await kept.renew_lease("clean-1", "worker-1") == ""
    with pytest.raises(LeaseLost):
        await kept.renew_lease("clean-1", "worker-2")
    await kept.release_lease("clean-1", "worker-1")
    assert await kept.acquire_lease("clean-1", "worker-2")


async def test_renewing_lengthens_the_lease(kept: CleanupStore, redis: Any) -> None:
    """Renewing a lease after ten seconds extends it to 15 seconds again."""
    await kept.acquire_lease("clean-1", "worker-1")
    await redis.expire(redis_keys.cleanup_lease("clean-1"), 5)
    await kept.renew_lease("clean-1", "worker-1")
    assert 14 < await redis.pttl(redis_keys.cleanup_lease("clean-1")) / 1000 <= 15


async def test_a_worker_without_the_lease_cannot_save(kept: CleanupStore) -> None:
    """A worker that lost its lease can't save the record, the ids or the end."""
    await begin(kept, BEGUN_CLEAN)
    await kept.freeze_job_ids(BEGUN_CLEAN, ["job-1"], "worker-1")
    other = replace(BEGUN_CLEAN, found=9)
    for attempt in (
        kept.save(other, "worker-2"),
        kept.freeze_job_ids(other, [], "worker-2"),
        kept.finish(other, "worker-2"),
    ):
        with pytest.raises(LeaseLost):
            await attempt
    assert await loaded(kept) == BEGUN_CLEAN
    assert await kept.load_job_ids("clean-1") == ["job-1"]
    assert await kept.due.claim(NOW, 100) == ["clean-1"]


async def test_a_wish_to_stop_reaches_the_worker(kept: CleanupStore, redis: Any) -> None:
    """A stop names the user who requested it, and leaves no trace if nothing is running."""
    assert not await kept.request_stop("clean-1", "U0GRACE")
    assert await redis.keys("*") == []
    await begin(kept, CLEAN)
    assert await kept.request_stop("clean-1", "U0GRACE")
    await kept.save(CLEAN, "worker-1")
    assert await kept.renew_lease("clean-1", "worker-1") == "U0GRACE"
    await kept.finish(CLEAN, "worker-1")
    assert not await kept.request_stop("clean-1", "U0GRACE")


async def test_ids_are_kept_once_for_all(kept: CleanupStore) -> None:
    """Thousands of job ids keep their order, and saving them again doesn't duplicate them."""
    ids = [f"job-{number}" for number in range(2500)]
    await begin(kept, CLEAN)
    await kept.freeze_job_ids(CLEAN, ["job-of-before"], "worker-1")
    await kept.freeze_job_ids(CLEAN, ids, "worker-1")
    assert await kept.load_job_ids("clean-1") == ids
    await kept.freeze_job_ids(CLEAN, [], "worker-1")
    assert await kept.load_job_ids("clean-1") == []


async def test_a_worker_without_the_lease_cannot_record_results(
    kept: CleanupStore, redis: Any
) -> None:
    """A worker that lost its lease can't record that a delete has started."""
    await kept.acquire_lease("clean-1", "worker-2")
    with pytest.raises(LeaseLost):
        await CleanupResults(redis).record("clean-1", "worker-1", "job-1", BEGUN)
    assert await redis.exists(redis_keys.cleanup_results("clean-1")) == 0


UNKNOWN = ("emporix_timeout", "emporix_unreadable", "emporix_too_large", "emporix_failed", "novel")
NOT_DONE = ("rate_limited", "emporix_unreachable", "unauthorized", "not_connected", "missing_scope")
STAYS = (
    *("deleted", "already_gone"),
    *("emporix_refused", "forbidden", "invalid_request", "invalid_input"),
)


class Model:
    """A model of one job: its result, or how many attempts may have worked."""

    def __init__(self) -> None:
        self.result, self.attempts = "", 0

    def note(self, note: str) -> None:
        if self.result or note in UNKNOWN:
            return
        if note == BEGUN:
            self.attempts += 1
        elif note in NOT_DONE:
            self.attempts = max(0, min(self.attempts, 2) - 1)
        else:
            ours = note == "already_gone" and self.attempts > 1
            self.result = "deleted" if ours else note


NOTE = st.one_of(
    st.just(BEGUN), st.sampled_from(UNKNOWN), st.sampled_from(NOT_DONE), st.sampled_from(STAYS)
)
STEP = st.tuples(
    st.sampled_from(["holder", "holder", "holder", "other"]),
    st.one_of(NOTE, NOTE, NOTE, st.just("takes the lease")),
    st.sampled_from(["job-1", "job-2"]),
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEP, max_size=25))
async def test_results_are_those_of_a_model(
    redis: Any, kept: CleanupStore, steps: list[tuple[str, str, str]]
) -> None:
    """Each job has one final result, whatever two workers with changing leases record."""
    await redis.flushall()
    results, models = CleanupResults(redis), {"job-1": Model(), "job-2": Model()}
    holder, other = "worker-1", "worker-2"
    await kept.acquire_lease("clean-1", holder)
    for who, note, job_id in steps:
        worker = holder if who == "holder" else other
        if note == "takes the lease":
            await redis.delete(redis_keys.cleanup_lease("clean-1"))
            await kept.acquire_lease("clean-1", worker)
            holder, other = worker, ({"worker-1", "worker-2"} - {worker}).pop()
        elif worker != holder:
            before = await redis.hgetall(redis_keys.cleanup_results("clean-1"))
            with pytest.raises(LeaseLost):
                await results.record("clean-1", worker, job_id, note)
            assert await redis.hgetall(redis_keys.cleanup_results("clean-1")) == before
        else:
            models[job_id].note(note)
            await results.record("clean-1", worker, job_id, note)
        record = await results.open_journal("clean-1", "reader")
        assert {j: record.result(j) for j in models} == {j: m.result for j, m in models.items()}
        assert [record.is_started(j) for j in models] == [
            bool(m.result or m.attempts) for m in models.values()
        ]
        settled = [m.result for m in models.values() if m.result]
        assert record.counts == await results.count("clean-1") == Counter(settled)


@pytest.mark.parametrize(
    ("notes", "result"),
    [
        ([BEGUN, "already_gone"], "already_gone"),
        ([BEGUN, BEGUN, "already_gone"], "deleted"),
        ([BEGUN, "emporix_timeout", BEGUN, "already_gone"], "deleted"),
        ([BEGUN, "emporix_too_large", BEGUN, "already_gone"], "deleted"),
        ([BEGUN, "a name of a later version", BEGUN, "already_gone"], "deleted"),
        ([BEGUN, "rate_limited", BEGUN, "already_gone"], "already_gone"),
        ([BEGUN, "proxy_answered", BEGUN, "already_gone"], "deleted"),
        ([BEGUN, "a_word_of_next_year", BEGUN, "already_gone"], "deleted"),
        ([BEGUN, "not_connected", BEGUN, "already_gone"], "already_gone"),
        ([BEGUN, BEGUN, "rate_limited", BEGUN, "already_gone"], "deleted"),
        ([BEGUN, "deleted"], "deleted"),
        ([BEGUN, "forbidden"], "forbidden"),
    ],
)
async def test_whose_delete_it_was(
    redis: Any, kept: CleanupStore, notes: list[str], result: str
) -> None:
    """A job that is gone after an attempt with an unknown outcome counts as deleted by it."""
    await kept.acquire_lease("clean-1", "worker-1")
    record = await CleanupResults(redis).open_journal("clean-1", "worker-1")
    for note in notes:
        await record.record_delete(ADA, "acme", "job-1", note)
    assert record.result("job-1") == result
