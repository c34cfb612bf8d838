"""A clean-up deletes only what was counted, and its report adds up, whatever fails."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.cleanups import Cleanup
from bot.domain.filters import Filters
from bot.errors import (
    DeletesOff,
    EmporixError,
    EmporixFailed,
    EmporixRefused,
    EmporixTimeout,
    EmporixTooLarge,
    Forbidden,
    InvalidInput,
    OutdatedButton,
    RateLimited,
    StoreUnavailable,
    Unauthorized,
)
from bot.services.cleanups.run import (
    CLEANUP_PROGRESS_INTERVAL_SECONDS,
    LEASE_RETRY_SECONDS,
    MAX_FRUITLESS_ATTEMPTS,
    MAX_JOB_IDS_AGE_SECONDS,
    SLICE_SECONDS,
    STOP_CHECK_INTERVAL_SECONDS,
    FileNotSent,
)
from bot.services.deletes import MAX_DELETE_CALLS, MAX_REFUSALS_IN_A_ROW
from bot.store import keys as redis_keys
from bot.store.cleanups import CLEANUP_LEASE_SECONDS
from bot.store.connection import connect
from bot.store.encryption import Cipher, new_key, parse_keys
from sandbox.redis_server import redis_server
from tests.harness.app import patient
from tests.harness.clock import FakeClock
from tests.services.cleanups.fixtures import (
    FILTERS,
    CleanupHarness,
    Killed,
    always,
    at_call,
    for_jobs,
    for_the_first,
    most_of_the_time,
    on_call,
    once,
)
from tests.store.fixtures import ADA, GRACE


@pytest.fixture
def harness(redis: Any, clock: FakeClock) -> CleanupHarness:
    """Twelve jobs, an hour apart."""
    return filled(CleanupHarness(redis, clock))


def filled(harness: CleanupHarness) -> CleanupHarness:
    for age in range(12):
        harness.job_list.put(3600 * age)
    return harness


async def entries(harness: CleanupHarness) -> list[tuple[str, int, int]]:
    found = await harness.audit.latest(ADA, 10)
    return [(entry.result, entry.count, entry.deleted) for entry in found]


async def test_deletes_all_jobs(harness: CleanupHarness) -> None:
    """Jobs are deleted least recently modified first, with one entry in the audit log."""
    report = await harness.run_to_end(await harness.begin())
    assert (report.cleanup.end_reason, report.deleted, report.remaining) == ("done", 12, 0)
    assert harness.job_list.present == set()
    assert set(harness.emporix.deleted[:MAX_DELETE_CALLS]) == set(
        harness.job_list.ids[-MAX_DELETE_CALLS:]
    )
    assert await entries(harness) == [("done", 12, 12)]


async def test_leaves_the_rest_of_the_tenant(harness: CleanupHarness) -> None:
    """Jobs of other agents are not deleted."""
    other = harness.job_list.put(7200, agent="b")
    await harness.run_to_end(await harness.begin())
    assert harness.job_list.present == {other}


async def test_reads_more_than_a_page(harness: CleanupHarness) -> None:
    """Hundreds of jobs with one time are found, too."""
    same = [harness.job_list.put(100) for _ in range(120)]
    report = await harness.run_to_end(await harness.begin())
    assert report.deleted == 12 + len(same)
    assert Counter(harness.emporix.deleted).most_common(1)[0][1] == 1


async def test_jobs_deleted_by_others_are_already_gone(harness: CleanupHarness) -> None:
    """Other users may delete jobs before the ids are read, or after."""
    clean = await harness.begin()
    harness.job_list.remove(harness.job_list.ids[0])
    harness.emporix.before = lambda _: harness.job_list.remove(harness.job_list.ids[1])
    report = await harness.run_to_end(clean)
    assert (report.deleted, report.missing, report.already_gone) == (10, 1, 1)


async def test_a_filter_that_emporix_ignores_costs_no_job(harness: CleanupHarness) -> None:
    """Each job from Emporix is compared with the filters."""
    clean = await harness.begin(Filters(agents=("a",), since=harness.clock() - 7200))
    harness.emporix.ignores_filters = True
    report = await harness.run_to_end(clean)
    assert (report.cleanup.counted, report.deleted, len(harness.job_list.present)) == (3, 3, 9)


async def test_deletes_nothing_if_more_jobs_match(harness: CleanupHarness) -> None:
    """If more jobs match than were counted, none is deleted."""
    clean = await harness.begin()
    harness.job_list.put(3600 * 3)  # an old job that becomes visible late
    report = await harness.run_to_end(clean)
    assert (report.cleanup.end_reason, report.deleted) == ("count_increased", 0)
    assert len(harness.job_list.present) == 13


async def overwrite(harness: CleanupHarness, clean: Cleanup) -> None:
    """Change the record as another worker would between two slices."""
    assert await harness.store.acquire_lease(clean.id, "another")
    await harness.store.save(clean, "another")
    await harness.store.release_lease(clean.id, "another")


async def test_waits_for_the_version_that_knows_its_filters(
    harness: CleanupHarness, caplog: pytest.LogCaptureFixture
) -> None:
    """An older worker deletes nothing if it does not know one of the filters."""
    clean = await harness.begin()
    newer = replace(clean, filters=replace(clean.filters, unknown={"priority": "high"}))
    await overwrite(harness, newer)
    assert await harness.run_slice(newer) == LEASE_RETRY_SECONDS
    assert harness.emporix.deleted == []
    assert "needs a worker of the version that started it" in caplog.text
    for seconds, logged in ((59, 1), (1, 2), (30, 2)):
        harness.clock.forward(seconds)
        await harness.run_slice(newer)
        assert caplog.text.count("needs a worker") == logged
    assert await harness.store.load(clean.id) == newer
    await overwrite(harness, clean)
    assert (await harness.run_to_end(clean)).deleted == 12


async def test_a_lost_list_of_ids_is_reported(harness: CleanupHarness) -> None:
    """If the list of ids is lost, the end is not reported as success."""
    clean = await harness.begin()
    harness.emporix.before = once(EmporixFailed())
    assert await harness.run_slice(clean)
    await harness.redis.delete(redis_keys.cleanup_jobs(clean.id))
    harness.clock.forward(2)
    report = await harness.run_to_end(clean)
    assert (report.cleanup.end_reason, report.deleted, report.remaining) == (
        "job_ids_missing",
        4,
        8,
    )


@pytest.mark.parametrize("at", [1, 3, 8, 12])
async def test_a_kill_between_delete_and_count(harness: CleanupHarness, at: int) -> None:
    """A job that was deleted but not yet recorded counts as deleted, once."""
    clean = await harness.begin()
    harness.emporix.after = on_call(at, Killed())
    await harness.die(clean)
    report = await harness.run_to_end(clean)
    assert (report.deleted, report.already_gone) == (12, 0)
    assert len(harness.emporix.deleted) == 12


async def test_a_kill_before_the_delete(harness: CleanupHarness) -> None:
    """After a restart, a job that another user has deleted may count as deleted by us."""
    clean = await harness.begin()
    harness.emporix.before = on_call(4, Killed())
    await harness.die(clean)
    report = await harness.run_to_end(clean)
    assert report.deleted == 12


async def test_a_kill_while_the_ids_are_read(harness: CleanupHarness) -> None:
    """The ids are read again; jobs that are gone by then are not counted as deleted."""
    clean = await harness.begin()
    harness.emporix.before_list = once(Killed())
    await harness.die(clean)
    harness.job_list.remove(harness.job_list.ids[0])
    report = await harness.run_to_end(clean)
    assert (report.deleted, report.missing) == (11, 1)


@pytest.mark.parametrize("error", [EmporixFailed(), EmporixTimeout(), RateLimited()])
@pytest.mark.parametrize("is_done", [True, False])
async def test_retries_temporary_errors(
    harness: CleanupHarness, error: EmporixError, is_done: bool
) -> None:
    """A delete is retried after a pause, whether or not the failed one took effect."""
    clean = await harness.begin()
    if is_done:
        harness.emporix.after = on_call(3, error)
    else:
        harness.emporix.before = on_call(3, error)
    assert await harness.run_slice(clean) == 2.0
    assert harness.shown[-1].state == "pausing"
    assert harness.shown[-1].error == error.template
    harness.clock.forward(2)
    report = await harness.run_to_end(clean)
    assert report.deleted + report.already_gone == 12
    assert report.already_gone == (is_done and isinstance(error, RateLimited))


async def test_respects_retry_after(harness: CleanupHarness) -> None:
    """The pause lasts as long as Retry-After, with regular checks for a request to stop."""
    clean = await harness.begin()
    error = RateLimited()
    error.retry_after = 95.0
    harness.emporix.before = for_the_first(MAX_DELETE_CALLS, error)
    began = harness.clock()
    while not harness.emporix.deleted:
        seconds = await harness.run_slice(clean)
        assert (seconds or 0) <= STOP_CHECK_INTERVAL_SECONDS
        harness.clock.forward(seconds or 0)
    assert harness.clock() - began == 95.0


async def test_gives_up_and_can_continue(harness: CleanupHarness) -> None:
    """Half an hour without a result ends a clean-up; Continue deletes the rest."""
    clean = await harness.begin()
    began = harness.clock()
    harness.emporix.before = always(EmporixFailed())
    report = await harness.run_to_end(clean)
    assert (report.cleanup.end_reason, report.deleted, report.remaining) == ("gave_up", 0, 12)
    assert 20 * 60 < harness.clock() - began < 40 * 60
    assert (
        len([one for one in harness.shown if one.state == "pausing"]) == MAX_FRUITLESS_ATTEMPTS - 1
    )
    harness.emporix.before = lambda _: None
    report = await harness.run_to_end(await harness.continue_after_end(clean))
    assert (report.cleanup.end_reason, report.deleted) == ("done", 12)
    assert await entries(harness) == [("done", 12, 12), ("gave_up", 12, 0)]


async def test_occasional_results_keep_it_running(harness: CleanupHarness) -> None:
    """A clean-up gives up only if there are no results at all."""
    clean = await harness.begin()
    harness.emporix.before = most_of_the_time(EmporixFailed())
    report = await harness.run_to_end(clean)
    assert (report.cleanup.end_reason, report.deleted) == ("done", 12)


@pytest.mark.parametrize("refusal", [Forbidden(), EmporixRefused(status=409)])
async def test_refused_jobs_are_reported(harness: CleanupHarness, refusal: EmporixError) -> None:
    """Refused jobs are reported with the reason, and the others are deleted."""
    clean = await harness.begin()
    harness.emporix.before = for_jobs({"job-001", "job-002"}, refusal)
    report = await harness.run_to_end(clean)
    assert report.refused == {refusal.template: 2}
    assert harness.job_list.present == {"job-001", "job-002"}
    assert await entries(harness) == [("done", 12, 10)]


async def test_an_impossible_id_is_reported(harness: CleanupHarness) -> None:
    """An id that cannot be part of a path counts as refused."""
    clean = await harness.begin()
    harness.emporix.before = for_jobs({"job-004"}, InvalidInput("no id"))
    report = await harness.run_to_end(clean)
    assert (report.refused, report.deleted) == ({"invalid_input": 1}, 11)


async def test_ends_after_many_refusals(harness: CleanupHarness) -> None:
    """A clean-up ends if Emporix refuses one job after the other."""
    for _ in range(2 * MAX_REFUSALS_IN_A_ROW):
        harness.job_list.put(60)
    clean = await harness.begin()
    harness.emporix.before = always(Forbidden())
    report = await harness.run_to_end(clean)
    assert report.cleanup.end_reason == "refused"
    assert report.refused["forbidden"] == MAX_REFUSALS_IN_A_ROW


async def test_ends_when_its_owner_disconnects(harness: CleanupHarness) -> None:
    """The remaining jobs are kept, and the report gives the reason."""
    clean = await harness.begin()

    def disconnect(_: str) -> None:
        harness.accounts.connected = False

    harness.emporix.after = disconnect
    report = await harness.run_to_end(clean)
    assert (report.cleanup.end_reason, report.deleted, report.remaining) == ("not_connected", 5, 7)
    assert await entries(harness) == [("not_connected", 12, 5)]


async def test_ends_when_the_key_is_refused(harness: CleanupHarness) -> None:
    """A refused key ends the clean-up, as it would be refused for the next job, too."""
    clean = await harness.begin()
    harness.emporix.before = always(Unauthorized())
    report = await harness.run_to_end(clean)
    assert (report.cleanup.end_reason, report.remaining) == ("unauthorized", 12)


async def test_stops_after_the_current_batch(harness: CleanupHarness) -> None:
    """Stopping takes at most one more batch of deletes."""
    clean = await harness.begin()
    await harness.store.request_stop("another", "U0ADA")  # loads the script into Redis
    stopping: list[asyncio.Task[Any]] = []

    def press(_: str) -> None:
        stopping.append(asyncio.create_task(harness.store.request_stop(clean.id, "U0ADA")))

    harness.emporix.after = press
    report = await harness.run_to_end(clean)
    await asyncio.gather(*stopping)
    assert (report.cleanup.end_reason, report.deleted, report.remaining) == (
        "stopped",
        MAX_DELETE_CALLS,
        7,
    )


async def test_jobs_that_changed_are_kept_when_it_continues(harness: CleanupHarness) -> None:
    """A clean-up continued a day later deletes no job that has changed since the first count."""
    clean = await harness.begin()
    harness.emporix.before = on_call(MAX_DELETE_CALLS + 3, EmporixTimeout())
    await harness.run_slice(clean)
    await harness.cleaning.stop(ADA, clean.id)
    await harness.run_to_end(clean)
    harness.clock.forward(24 * 60 * 60)
    changed = harness.job_list.change("job-000")
    report = await harness.run_to_end(await harness.continue_after_end(clean))
    assert harness.job_list.present == {changed}
    assert (report.cleanup.end_reason, report.cleanup.counted, report.deleted) == ("done", 2, 2)


async def test_an_uncertain_delete_is_retried_at_any_time(
    harness: CleanupHarness,
) -> None:
    """A job that the clean-up itself deleted does not count as changed."""
    clean = await harness.begin()
    harness.emporix.after = for_jobs({"job-011"}, EmporixTimeout())
    await harness.run_slice(clean)
    harness.emporix.after = lambda _: None
    harness.clock.forward(MAX_JOB_IDS_AGE_SECONDS + 1)
    report = await harness.run_to_end(clean)
    assert (report.deleted, report.missing) == (12, 0)


async def test_one_worker_runs_a_clean_up(harness: CleanupHarness) -> None:
    """A second worker waits, and nothing is deleted twice."""
    clean = await harness.begin()
    results = await asyncio.gather(harness.run_slice(clean), harness.run_slice(clean))
    assert sorted(results, key=str) == [LEASE_RETRY_SECONDS, None]
    assert sorted(harness.emporix.deleted) == sorted(harness.job_list.ids)


async def test_a_worker_without_the_lease_deletes_nothing(harness: CleanupHarness) -> None:
    """If its lease has expired and another worker has it, a worker starts no delete."""
    clean = await harness.begin()
    lease = redis_keys.cleanup_lease(clean.id)
    taking: list[asyncio.Task[Any]] = []

    def lose(_: str) -> None:
        taking.append(
            asyncio.create_task(harness.redis.set(lease, "another", ex=CLEANUP_LEASE_SECONDS))
        )

    harness.emporix.after = lose
    assert await harness.run_slice(clean) == LEASE_RETRY_SECONDS
    await asyncio.gather(*taking)
    assert 1 <= len(harness.emporix.deleted) <= MAX_DELETE_CALLS
    assert await harness.run_slice(clean) == LEASE_RETRY_SECONDS
    harness.emporix.after = lambda _: None
    await harness.redis.delete(lease)
    report = await harness.run_to_end(clean)
    assert report.deleted == 12


async def test_runs_in_slices_and_shows_progress(harness: CleanupHarness) -> None:
    """A slice is shorter than a worker's shutdown, and updates respect Slack's rate limit."""
    for _ in range(60):
        harness.job_list.put(60)
    clean = await harness.begin()
    harness.emporix.after = lambda _: harness.clock.forward(0.3)
    times = []

    async def show(progress: Any) -> str:
        times.append(harness.clock())
        return await harness.owner.show(progress)

    turns = 0
    owner = replace(harness.owner.reached, show=show)
    while (await harness.runs.run(clean.id, owner)) is not None:
        turns += 1
    assert turns >= 72 * 0.3 // (SLICE_SECONDS + 5 * 0.3)
    pauses = [later - earlier for earlier, later in pairwise(times[:-1])]
    assert all(pause >= CLEANUP_PROGRESS_INTERVAL_SECONDS or pause == 0 for pause in pauses)
    seen = [one.percent for one in harness.shown]
    assert seen == sorted(seen)
    assert seen[-1] == 100


async def test_continues_after_redis_was_down(tmp_path: Path, clock: FakeClock) -> None:
    """Nothing is deleted while it cannot be recorded; afterwards, the report adds up."""
    server = ExitStack()
    harness = filled(
        CleanupHarness(connect(patient(server.enter_context(redis_server(tmp_path)))), clock)
    )
    clean = await harness.begin()
    harness.emporix.after = at_call(3, server.close)
    with pytest.raises(StoreUnavailable):
        await harness.run_slice(clean)
    with pytest.raises(StoreUnavailable):
        await harness.run_slice(clean)
    deleted = len(harness.emporix.deleted)
    assert deleted <= MAX_DELETE_CALLS
    await harness.redis.aclose()
    with redis_server(tmp_path) as url:
        again = CleanupHarness(connect(patient(url)), clock)
        again.job_list = again.emporix.job_list = harness.job_list
        await again.redis.delete(redis_keys.cleanup_lease(clean.id))
        report = await again.run_to_end(clean)
        await again.redis.aclose()
    assert (report.deleted, report.already_gone) == (12, 0)
    assert len(again.emporix.deleted) == 12 - deleted


async def test_its_owner_has_the_jobs_before_the_first_delete(harness: CleanupHarness) -> None:
    """The owner gets all jobs in one file, least recently modified first, before any is deleted."""
    clean = await harness.begin()

    def look(_: str) -> None:
        assert len(harness.owner.files) == 1

    harness.emporix.before = look
    report = await harness.run_to_end(clean)
    assert harness.owner.files == [sorted(harness.job_list.ids, reverse=True)]
    assert (report.cleanup.files, report.cleanup.exported, report.deleted) == (1, True, 12)


async def test_a_restart_does_not_repeat_the_file(harness: CleanupHarness) -> None:
    """A worker that is killed while it deletes has saved that the file was sent."""
    clean = await harness.begin()
    harness.emporix.after = on_call(3, Killed())
    await harness.die(clean)
    await harness.run_to_end(clean)
    assert len(harness.owner.files) == 1


async def test_an_export_continues_after_a_kill(harness: CleanupHarness) -> None:
    """After a kill, only the files that are missing are sent."""
    for age in range(300):
        job_id = harness.job_list.put(100 + age)
        harness.job_list.jobs.put(
            {**(harness.job_list.jobs.get(job_id) or {}), "message": "x" * 32_767}
        )
    clean = await harness.begin()
    harness.owner.before_file = on_call(2, Killed())
    await harness.die(clean)
    assert harness.emporix.deleted == []
    report = await harness.run_to_end(clean)
    first, second = map(set, harness.owner.files)
    assert first | second == set(harness.job_list.ids)
    assert len(first & second) <= 1
    assert (report.cleanup.files, report.deleted) == (2, 312)


async def test_reads_smaller_pages_if_one_is_too_large(harness: CleanupHarness) -> None:
    """Jobs with long texts are in the file, too."""
    clean = await harness.begin()
    sizes: list[int] = []

    def refuse(size: int) -> None:
        sizes.append(size)
        if size > 1:
            raise EmporixTooLarge

    harness.emporix.before_page = refuse
    await harness.run_to_end(clean)
    assert harness.owner.files == [sorted(harness.job_list.ids, reverse=True)]
    assert [size for size, _ in groupby(sizes)][-3:] == [50, 10, 1]


async def test_without_the_file_nothing_is_deleted(harness: CleanupHarness) -> None:
    """If Slack refuses the file, the clean-up ends and the report gives the reason."""
    clean = await harness.begin()
    harness.owner.before_file = always(FileNotSent("missing_scope", passes=False))
    report = await harness.run_to_end(clean)
    assert (report.cleanup.end_reason, report.cleanup.detail) == ("no_file", "missing_scope")
    assert harness.emporix.deleted == []
    harness.owner.before_file = lambda _: None
    assert (await harness.run_to_end(await harness.continue_after_end(clean))).deleted == 12


async def test_the_file_is_sent_again(harness: CleanupHarness) -> None:
    """After a temporary error of Slack, nothing is deleted before the file is sent."""
    clean = await harness.begin()
    harness.owner.before_file = for_the_first(2, FileNotSent("fatal_error", passes=True))
    assert await harness.run_slice(clean) == 2.0
    assert (harness.shown[-1].error, harness.emporix.deleted) == ("file_not_sent", [])
    harness.clock.forward(2)
    assert (await harness.run_to_end(clean)).deleted == 12


async def test_a_file_that_never_arrives_ends_it(harness: CleanupHarness) -> None:
    """Half an hour of Slack failures is reported as Slack's, not as Emporix's."""
    clean = await harness.begin()
    harness.owner.before_file = always(FileNotSent("fatal_error", passes=True))
    report = await harness.run_to_end(clean)
    assert (report.cleanup.end_reason, report.cleanup.detail) == ("no_file", "fatal_error")
    assert harness.emporix.deleted == []


async def test_ends_when_its_owner_has_left(harness: CleanupHarness) -> None:
    """Nothing is deleted for a user who has left; the audit log gives the reason."""
    clean = await harness.begin()
    harness.owner.has_left = True
    assert await harness.run_slice(clean) is None
    assert (harness.emporix.deleted, harness.shown) == ([], [])
    assert await entries(harness) == [("owner_gone", 12, 0)]


@pytest.mark.parametrize("during", [False, True])
async def test_ends_at_once_when_its_owner_is_reported_gone(
    harness: CleanupHarness, during: bool
) -> None:
    """It ends between slices and during one, even if the connection is deleted first, and is
    audited.
    """
    clean = await harness.begin()

    async def leave() -> None:
        await harness.store.request_stop(clean.id, "owner_gone")
        harness.accounts.connected = False

    if during:
        harness.accounts.before = leave
    else:
        await leave()
    assert await harness.run_slice(clean) is None
    assert await entries(harness) == [("owner_gone", 12, 0)]
    assert harness.emporix.deleted == []
    assert not any(progress.cleanup.end_reason for progress in harness.shown)


async def test_checks_its_owner_once_an_hour(harness: CleanupHarness) -> None:
    """A departure is noticed without a call to Slack in each slice."""
    asked: list[float] = []

    async def is_gone(_: object) -> bool:
        asked.append(harness.clock())
        return len(asked) == 3

    clean = await harness.begin()
    owner = replace(harness.owner.reached, is_gone=is_gone)
    harness.emporix.before = most_of_the_time(EmporixFailed())
    began = harness.clock()
    while await harness.runs.run(clean.id, owner) is not None:
        harness.clock.forward(1100)
    assert [int(at - began) // 1100 for at in asked] == [0, 4, 8]
    assert 0 < len(harness.emporix.deleted) < 12


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(pause=st.integers(0, 29 * 86_400) | st.integers(1795, 1805), fails_at=st.integers(0, 12))
async def test_nothing_is_deleted_after_a_long_pause(redis: Any, pause: int, fails_at: int) -> None:
    """After more than 30 minutes without progress, deletes need a new confirmation."""
    await redis.flushall()
    harness = filled(CleanupHarness(redis, FakeClock()))
    clean = await harness.begin()
    if fails_at:
        harness.emporix.before = on_call(fails_at, EmporixFailed())
        await harness.run_slice(clean)
        harness.emporix.before = lambda _: None
    deleted = len(harness.emporix.deleted)
    harness.clock.forward(pause)
    report = await harness.run_to_end(clean)
    if pause <= 1800:
        assert (report.cleanup.end_reason, report.deleted) == ("done", 12)
        return
    assert (report.cleanup.end_reason, len(harness.emporix.deleted)) == ("interrupted", deleted)
    report = await harness.run_to_end(await harness.continue_after_end(clean))
    assert (report.cleanup.end_reason, len(harness.emporix.deleted)) == ("done", 12)


async def test_counts_the_pause_from_the_last_progress(harness: CleanupHarness) -> None:
    """A recent delete keeps a clean-up running; half an hour of failures does not."""
    clean = await harness.begin()
    harness.emporix.before = on_call(1, EmporixFailed())
    await harness.run_slice(clean)
    harness.clock.forward(1799)
    harness.emporix.before = on_call(MAX_DELETE_CALLS + 1, EmporixFailed())
    await harness.run_slice(clean)
    deleted = len(harness.emporix.deleted)
    harness.clock.forward(1799)
    harness.emporix.before = always(EmporixFailed())
    await harness.run_slice(clean)
    harness.clock.forward(2)
    report = await harness.run_to_end(clean)
    assert (report.cleanup.end_reason, report.deleted) == ("interrupted", deleted)
    assert 0 < deleted < 12


async def test_an_interrupted_clean_up_can_be_stopped(harness: CleanupHarness) -> None:
    """Its report then says that it was stopped, and nothing more happens."""
    clean = await harness.begin()
    harness.clock.forward(1801)
    await harness.run_to_end(clean)
    stopped = await harness.cleaning.stop(ADA, clean.id)
    assert stopped.cleanup.end_reason == "stopped"
    report = await harness.cleaning.report(clean.id)
    assert report is not None
    assert report.cleanup.end_reason == "stopped"


async def test_continue_while_it_runs_is_refused(harness: CleanupHarness) -> None:
    """A running clean-up cannot be continued."""
    clean = await harness.begin()
    with pytest.raises(InvalidInput):
        await harness.continue_after_end(clean)


async def test_an_administrator_stops_it(harness: CleanupHarness) -> None:
    """Administrators can stop clean-ups of their own workspace; the report names them."""
    clean = await harness.begin()
    stranger = replace(GRACE, team_id="T0OTHER")
    assert await harness.cleaning.list_running(stranger) == []
    with pytest.raises(OutdatedButton):
        await harness.cleaning.stop_as_administrator(stranger, clean.id)
    assert await harness.cleaning.list_running(GRACE) == [clean]
    assert await harness.cleaning.stop_as_administrator(GRACE, clean.id) == (clean, True)
    report = await harness.run_to_end(clean)
    assert (report.cleanup.end_reason, report.cleanup.stopped_by, report.deleted) == (
        "stopped",
        "U0GRACE",
        0,
    )
    assert (await harness.cleaning.stop_as_administrator(GRACE, clean.id))[1] is False
    assert await harness.cleaning.list_running(GRACE) == []


async def test_the_operator_turns_clean_ups_off(harness: CleanupHarness, redis: Any) -> None:
    """A running clean-up ends before its next delete, and none can start."""
    clean = await harness.begin()
    off = CleanupHarness(redis, harness.clock, allowed=False)
    off.job_list = off.emporix.job_list = harness.job_list
    account = await off.accounts.load(ADA)
    for forbidden in (
        off.cleaning.preview(account, FILTERS),
        off.cleaning.confirm(ADA, clean.id, "12"),
        off.cleaning.count_remaining(account, clean.id),
    ):
        with pytest.raises(DeletesOff):
            await forbidden
    report = await off.run_to_end(clean)
    assert (report.cleanup.end_reason, report.deleted) == ("deletes_off", 0)


async def test_a_worker_with_another_key_changes_nothing(
    harness: CleanupHarness, redis: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A clean-up that a worker cannot decrypt waits for another worker."""
    clean = await harness.begin()
    stranger = CleanupHarness(redis, harness.clock, cipher=Cipher(parse_keys(new_key())))
    assert await stranger.run_slice(clean) is None
    assert "waits for a worker that can decrypt it" in caplog.text
    assert await redis.zscore(redis_keys.cleanups_due(), clean.id) is not None
    assert (await harness.run_to_end(clean)).deleted == 12


async def test_a_lost_index_is_restored(
    harness: CleanupHarness, redis: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A running clean-up that is missing in the index is restored once, with a log line."""
    clean = await harness.begin()
    await harness.cleaning.preview(await harness.accounts.load(ADA), FILTERS)
    await redis.delete(redis_keys.cleanups_due())
    await harness.store.due.reconcile(harness.clock())
    await harness.store.due.reconcile(harness.clock())
    assert caplog.text.count("1 clean-ups were missing in the due index") == 1
    assert await harness.store.due.claim(harness.clock(), 100) == [clean.id]
    await harness.run_to_end(clean)
    await harness.store.due.reconcile(harness.clock())
    assert await redis.zrange(redis_keys.cleanups_due(), 0, -1) == []
