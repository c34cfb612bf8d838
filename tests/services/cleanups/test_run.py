"""A clean-up deletes what was counted and nothing else, and its report adds up, whatever breaks."""

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
    AT_ONCE,
    FRESH_SECONDS,
    HOPELESS,
    LOOK_SECONDS,
    MOST_IDLE,
    SHOW_SECONDS,
    TAKEN_SECONDS,
    TURN_SECONDS,
    FileNotSent,
)
from bot.store import keys as redis_keys
from bot.store.cleanups import CLEANUP_LEASE_SECONDS
from bot.store.connection import connect
from bot.store.encryption import Cipher, new_key, parse_keys
from sandbox.redis import redis_server
from tests.harness.clock import FakeClock
from tests.services.cleanups.fixtures import (
    FILTERS,
    Bench,
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
def bench(redis: Any, clock: FakeClock) -> Bench:
    """Twelve jobs, one an hour."""
    return filled(Bench(redis, clock))


def filled(bench: Bench) -> Bench:
    for age in range(12):
        bench.shelf.put(3600 * age)
    return bench


async def entries(bench: Bench) -> list[tuple[str, int, int]]:
    found = await bench.audit.latest(ADA, 10)
    return [(entry.result, entry.count, entry.deleted) for entry in found]


async def test_deletes_them_all(bench: Bench) -> None:
    """Those modified longest ago first, and the audit record has one entry."""
    report = await bench.to_the_end(await bench.begin())
    assert (report.cleanup.end_reason, report.deleted, report.remaining) == ("done", 12, 0)
    assert bench.shelf.present == set()
    assert set(bench.emporix.deleted[:AT_ONCE]) == set(bench.shelf.ids[-AT_ONCE:])
    assert await entries(bench) == [("done", 12, 12)]


async def test_leaves_the_rest_of_the_tenant(bench: Bench) -> None:
    """Other agents' jobs are none of its business."""
    other = bench.shelf.put(7200, agent="b")
    await bench.to_the_end(await bench.begin())
    assert bench.shelf.present == {other}


async def test_reads_more_than_a_page(bench: Bench) -> None:
    """Hundreds at the same moment, too."""
    same = [bench.shelf.put(100) for _ in range(120)]
    report = await bench.to_the_end(await bench.begin())
    assert report.deleted == 12 + len(same)
    assert Counter(bench.emporix.deleted).most_common(1)[0][1] == 1


async def test_what_others_delete_is_gone_already(bench: Bench) -> None:
    """Before the ids are read, and after that."""
    clean = await bench.begin()
    bench.shelf.remove(bench.shelf.ids[0])
    bench.emporix.before = lambda _: bench.shelf.remove(bench.shelf.ids[1])
    report = await bench.to_the_end(clean)
    assert (report.deleted, report.missing, report.already_gone) == (10, 1, 1)


async def test_a_filter_that_emporix_ignores_costs_no_job(bench: Bench) -> None:
    """What comes is compared with what was asked for."""
    clean = await bench.begin(Filters(agents=("a",), since=bench.clock() - 7200))
    bench.emporix.ignores_filters = True
    report = await bench.to_the_end(clean)
    assert (report.cleanup.counted, report.deleted, len(bench.shelf.present)) == (3, 3, 9)


async def test_more_than_were_counted_are_not_touched(bench: Bench) -> None:
    """That cannot be; where it is so all the same, nothing is deleted."""
    clean = await bench.begin()
    bench.shelf.put(3600 * 3)  # Emporix shows late what is as old as the others
    report = await bench.to_the_end(clean)
    assert (report.cleanup.end_reason, report.deleted) == ("grew", 0)
    assert len(bench.shelf.present) == 13


async def overwrite(bench: Bench, clean: Cleanup) -> None:
    """As another worker would, between two turns."""
    assert await bench.kept.acquire_lease(clean.id, "another")
    await bench.kept.save(clean, "another")
    await bench.kept.release_lease(clean.id, "another")


async def test_a_filter_of_a_newer_version_is_left_to_it(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """While workers of two versions run, the older one deletes nothing by a filter it lacks."""
    clean = await bench.begin()
    newer = replace(clean, filters=replace(clean.filters, unknown={"priority": "high"}))
    await overwrite(bench, newer)
    assert await bench.turn(newer) == TAKEN_SECONDS
    assert bench.emporix.deleted == []
    assert "left to a worker of the version that began it" in caplog.text
    for seconds, logged in ((59, 1), (1, 2), (30, 2)):
        bench.clock.forward(seconds)
        await bench.turn(newer)
        assert caplog.text.count("left to a worker") == logged
    assert await bench.kept.load(clean.id) == newer
    await overwrite(bench, clean)
    assert (await bench.to_the_end(clean)).deleted == 12


async def test_a_lost_list_of_jobs_is_told(bench: Bench) -> None:
    """Its end is not that all were deleted."""
    clean = await bench.begin()
    bench.emporix.before = once(EmporixFailed())
    assert await bench.turn(clean)
    await bench.redis.delete(redis_keys.cleanup_jobs(clean.id))
    bench.clock.forward(2)
    report = await bench.to_the_end(clean)
    assert (report.cleanup.end_reason, report.deleted, report.remaining) == ("lost", 4, 8)


@pytest.mark.parametrize("at", [1, 3, 8, 12])
async def test_a_kill_between_delete_and_count(bench: Bench, at: int) -> None:
    """What was deleted and not yet counted counts as deleted, and once."""
    clean = await bench.begin()
    bench.emporix.after = on_call(at, Killed())
    await bench.die(clean)
    report = await bench.to_the_end(clean)
    assert (report.deleted, report.already_gone) == (12, 0)
    assert len(bench.emporix.deleted) == 12


async def test_a_kill_before_the_delete(bench: Bench) -> None:
    """It is begun anew; a job that somebody else deletes meanwhile may count as ours."""
    clean = await bench.begin()
    bench.emporix.before = on_call(4, Killed())
    await bench.die(clean)
    report = await bench.to_the_end(clean)
    assert report.deleted == 12


async def test_a_kill_while_the_ids_are_read(bench: Bench) -> None:
    """They are read once more; what has gone meanwhile is missing."""
    clean = await bench.begin()
    bench.emporix.before_list = once(Killed())
    await bench.die(clean)
    bench.shelf.remove(bench.shelf.ids[0])
    report = await bench.to_the_end(clean)
    assert (report.deleted, report.missing) == (11, 1)


@pytest.mark.parametrize("error", [EmporixFailed(), EmporixTimeout(), RateLimited()])
@pytest.mark.parametrize("is_done", [True, False])
async def test_a_passing_fault_is_got_over(
    bench: Bench, error: EmporixError, is_done: bool
) -> None:
    """Whether the delete had its effect or not: it is tried again after a pause."""
    clean = await bench.begin()
    if is_done:
        bench.emporix.after = on_call(3, error)
    else:
        bench.emporix.before = on_call(3, error)
    assert await bench.turn(clean) == 2.0
    assert bench.shown[-1].state == "pausing"
    assert bench.shown[-1].error == error.template
    bench.clock.forward(2)
    report = await bench.to_the_end(clean)
    assert report.deleted + report.already_gone == 12
    assert report.already_gone == (is_done and isinstance(error, RateLimited))


async def test_waits_as_long_as_emporix_wants(bench: Bench) -> None:
    """`Retry-After` is kept to, and now and then somebody looks whether it is to stop."""
    clean = await bench.begin()
    error = RateLimited()
    error.retry_after = 95.0
    bench.emporix.before = for_the_first(AT_ONCE, error)
    began = bench.clock()
    while not bench.emporix.deleted:
        seconds = await bench.turn(clean)
        assert (seconds or 0) <= LOOK_SECONDS
        bench.clock.forward(seconds or 0)
    assert bench.clock() - began == 95.0


async def test_gives_up_after_a_while_and_goes_on(bench: Bench) -> None:
    """Half an hour without any result ends it; with Continue the rest is deleted."""
    clean = await bench.begin()
    began = bench.clock()
    bench.emporix.before = always(EmporixFailed())
    report = await bench.to_the_end(clean)
    assert (report.cleanup.end_reason, report.deleted, report.remaining) == ("gave_up", 0, 12)
    assert 20 * 60 < bench.clock() - began < 40 * 60
    assert len([one for one in bench.shown if one.state == "pausing"]) == MOST_IDLE - 1
    bench.emporix.before = lambda _: None
    report = await bench.to_the_end(await bench.go_on(clean))
    assert (report.cleanup.end_reason, report.deleted) == ("done", 12)
    assert await entries(bench) == [("done", 12, 12), ("gave_up", 12, 0)]


async def test_a_result_now_and_then_keeps_it_going(bench: Bench) -> None:
    """It gives up only where nothing comes about at all."""
    clean = await bench.begin()
    bench.emporix.before = most_of_the_time(EmporixFailed())
    report = await bench.to_the_end(clean)
    assert (report.cleanup.end_reason, report.deleted) == ("done", 12)


async def test_refused_jobs_stay_with_the_reason(bench: Bench) -> None:
    """The others are deleted."""
    clean = await bench.begin()
    bench.emporix.before = for_jobs({"job-001", "job-002"}, Forbidden())
    report = await bench.to_the_end(clean)
    assert report.refused == {"forbidden": 2}
    assert bench.shelf.present == {"job-001", "job-002"}
    assert await entries(bench) == [("done", 12, 10)]


async def test_an_id_that_cannot_be_asked_for_is_told(bench: Bench) -> None:
    """It counts as refused."""
    clean = await bench.begin()
    bench.emporix.before = for_jobs({"job-004"}, InvalidInput("no id"))
    report = await bench.to_the_end(clean)
    assert (report.refused, report.deleted) == ({"invalid_input": 1}, 11)


async def test_ends_where_all_is_refused(bench: Bench) -> None:
    """Thousands of refusals would help nobody."""
    for _ in range(2 * HOPELESS):
        bench.shelf.put(60)
    clean = await bench.begin()
    bench.emporix.before = always(Forbidden())
    report = await bench.to_the_end(clean)
    assert report.cleanup.end_reason == "refused"
    assert report.refused["forbidden"] == HOPELESS


async def test_stops_kindly_when_its_owner_disconnects(bench: Bench) -> None:
    """What is left stays, and the report says why."""
    clean = await bench.begin()

    def disconnect(_: str) -> None:
        bench.accounts.connected = False

    bench.emporix.after = disconnect
    report = await bench.to_the_end(clean)
    assert (report.cleanup.end_reason, report.deleted, report.remaining) == ("not_connected", 5, 7)
    assert await entries(bench) == [("not_connected", 12, 5)]


async def test_stops_when_the_key_is_not_accepted_any_more(bench: Bench) -> None:
    """It would not be accepted for the next job either."""
    clean = await bench.begin()
    bench.emporix.before = always(Unauthorized())
    report = await bench.to_the_end(clean)
    assert (report.cleanup.end_reason, report.remaining) == ("unauthorized", 12)


async def test_stops_after_the_deletes_on_their_way(bench: Bench) -> None:
    """A round at most."""
    clean = await bench.begin()
    await bench.kept.request_stop("another", "U0ADA")  # the script is known to Redis from now on
    stopping: list[asyncio.Task[Any]] = []

    def press(_: str) -> None:
        stopping.append(asyncio.create_task(bench.kept.request_stop(clean.id, "U0ADA")))

    bench.emporix.after = press
    report = await bench.to_the_end(clean)
    await asyncio.gather(*stopping)
    assert (report.cleanup.end_reason, report.deleted, report.remaining) == ("stopped", AT_ONCE, 7)


async def test_what_changes_while_it_rests_stays(bench: Bench) -> None:
    """Who continues it a day later deletes none that has changed since the first count."""
    clean = await bench.begin()
    bench.emporix.before = on_call(AT_ONCE + 3, EmporixTimeout())
    await bench.turn(clean)
    await bench.cleaning.stop(ADA, clean.id)
    await bench.to_the_end(clean)
    bench.clock.forward(24 * 60 * 60)
    changed = bench.shelf.change("job-000")
    report = await bench.to_the_end(await bench.go_on(clean))
    assert bench.shelf.present == {changed}
    assert (report.cleanup.end_reason, report.cleanup.counted, report.deleted) == ("done", 2, 2)


async def test_a_delete_that_may_have_worked_is_tried_again_however_late(bench: Bench) -> None:
    """What it deleted itself is not taken for a job that has changed."""
    clean = await bench.begin()
    bench.emporix.after = for_jobs({"job-011"}, EmporixTimeout())
    await bench.turn(clean)
    bench.emporix.after = lambda _: None
    bench.clock.forward(FRESH_SECONDS + 1)
    report = await bench.to_the_end(clean)
    assert (report.deleted, report.missing) == (12, 0)


async def test_two_workers_do_not_share_one(bench: Bench) -> None:
    """Who comes second waits; nothing is deleted twice."""
    clean = await bench.begin()
    results = await asyncio.gather(bench.turn(clean), bench.turn(clean))
    assert sorted(results, key=str) == [TAKEN_SECONDS, None]
    assert sorted(bench.emporix.deleted) == sorted(bench.shelf.ids)


async def test_a_worker_that_slept_too_long_deletes_no_more(bench: Bench) -> None:
    """Its lease has ended and another holds it: it does not begin a single delete."""
    clean = await bench.begin()
    lease = redis_keys.cleanup_lease(clean.id)
    taking: list[asyncio.Task[Any]] = []

    def lose(_: str) -> None:
        taking.append(
            asyncio.create_task(bench.redis.set(lease, "another", ex=CLEANUP_LEASE_SECONDS))
        )

    bench.emporix.after = lose
    assert await bench.turn(clean) == TAKEN_SECONDS
    await asyncio.gather(*taking)
    assert 1 <= len(bench.emporix.deleted) <= AT_ONCE
    assert await bench.turn(clean) == TAKEN_SECONDS
    bench.emporix.after = lambda _: None
    await bench.redis.delete(lease)
    report = await bench.to_the_end(clean)
    assert report.deleted == 12


async def test_takes_turns_and_shows_how_far_it_is(bench: Bench) -> None:
    """Not longer than a worker has for its end, and not more often than Slack likes."""
    for _ in range(60):
        bench.shelf.put(60)
    clean = await bench.begin()
    bench.emporix.after = lambda _: bench.clock.forward(0.3)
    times = []

    async def show(progress: Any) -> str:
        times.append(bench.clock())
        return await bench.owner.show(progress)

    turns = 0
    owner = replace(bench.owner.reached, show=show)
    while (await bench.runs.run(clean.id, owner)) is not None:
        turns += 1
    assert turns >= 72 * 0.3 // (TURN_SECONDS + 5 * 0.3)
    pauses = [later - earlier for earlier, later in pairwise(times[:-1])]
    assert all(pause >= SHOW_SECONDS or pause == 0 for pause in pauses)
    seen = [one.percent for one in bench.shown]
    assert seen == sorted(seen)
    assert seen[-1] == 100


async def test_redis_goes_and_comes_back(tmp_path: Path, clock: FakeClock) -> None:
    """Nothing is deleted while nothing can be recorded; then it goes on, and adds up."""
    server = ExitStack()
    bench = filled(Bench(connect(server.enter_context(redis_server(tmp_path))), clock))
    clean = await bench.begin()
    bench.emporix.after = at_call(3, server.close)
    with pytest.raises(StoreUnavailable):
        await bench.turn(clean)
    with pytest.raises(StoreUnavailable):
        await bench.turn(clean)
    deleted = len(bench.emporix.deleted)
    assert deleted <= AT_ONCE
    await bench.redis.aclose()
    with redis_server(tmp_path) as url:
        again = Bench(connect(url), clock)
        again.shelf = again.emporix.shelf = bench.shelf
        await again.redis.delete(redis_keys.cleanup_lease(clean.id))
        report = await again.to_the_end(clean)
        await again.redis.aclose()
    assert (report.deleted, report.already_gone) == (12, 0)
    assert len(again.emporix.deleted) == 12 - deleted


async def test_its_owner_has_the_jobs_before_the_first_delete(bench: Bench) -> None:
    """All of them in one file, those modified longest ago first; it is written down."""
    clean = await bench.begin()

    def look(_: str) -> None:
        assert len(bench.owner.files) == 1

    bench.emporix.before = look
    report = await bench.to_the_end(clean)
    assert bench.owner.files == [sorted(bench.shelf.ids, reverse=True)]
    assert (report.cleanup.files, report.cleanup.exported, report.deleted) == (1, True, 12)


async def test_a_restart_sends_the_file_no_second_time(bench: Bench) -> None:
    """A worker that is killed while it deletes has written down that the file was sent."""
    clean = await bench.begin()
    bench.emporix.after = on_call(3, Killed())
    await bench.die(clean)
    await bench.to_the_end(clean)
    assert len(bench.owner.files) == 1


async def test_a_killed_export_goes_on(bench: Bench) -> None:
    """Many jobs come in several files; after a kill only what is missing is sent."""
    for age in range(300):
        job_id = bench.shelf.put(100 + age)
        bench.shelf.jobs.put({**(bench.shelf.jobs.get(job_id) or {}), "message": "x" * 32_767})
    clean = await bench.begin()
    bench.owner.before_file = on_call(2, Killed())
    await bench.die(clean)
    assert bench.emporix.deleted == []
    report = await bench.to_the_end(clean)
    first, second = map(set, bench.owner.files)
    assert first | second == set(bench.shelf.ids)
    assert len(first & second) <= 1
    assert (report.cleanup.files, report.deleted) == (2, 312)


async def test_pages_that_are_too_large_are_read_in_small_ones(bench: Bench) -> None:
    """Long texts keep no job out of the file."""
    clean = await bench.begin()
    sizes: list[int] = []

    def refuse(size: int) -> None:
        sizes.append(size)
        if size > 1:
            raise EmporixTooLarge

    bench.emporix.before_page = refuse
    await bench.to_the_end(clean)
    assert bench.owner.files == [sorted(bench.shelf.ids, reverse=True)]
    assert [size for size, _ in groupby(sizes)][-3:] == [50, 10, 1]


async def test_without_the_file_nothing_is_deleted(bench: Bench) -> None:
    """Slack refuses it: that ends the clean-up, and the report says why."""
    clean = await bench.begin()
    bench.owner.before_file = always(FileNotSent("missing_scope", passes=False))
    report = await bench.to_the_end(clean)
    assert (report.cleanup.end_reason, report.cleanup.detail) == ("no_file", "missing_scope")
    assert bench.emporix.deleted == []
    bench.owner.before_file = lambda _: None
    assert (await bench.to_the_end(await bench.go_on(clean))).deleted == 12


async def test_the_file_is_tried_again(bench: Bench) -> None:
    """Slack stumbles: nothing is deleted before the file is there."""
    clean = await bench.begin()
    bench.owner.before_file = for_the_first(2, FileNotSent("fatal_error", passes=True))
    assert await bench.turn(clean) == 2.0
    assert (bench.shown[-1].error, bench.emporix.deleted) == ("file_not_sent", [])
    bench.clock.forward(2)
    assert (await bench.to_the_end(clean)).deleted == 12


async def test_a_file_that_never_arrives_ends_it(bench: Bench) -> None:
    """Half an hour of Slack's trouble is told as such, not as Emporix's."""
    clean = await bench.begin()
    bench.owner.before_file = always(FileNotSent("fatal_error", passes=True))
    report = await bench.to_the_end(clean)
    assert (report.cleanup.end_reason, report.cleanup.detail) == ("no_file", "fatal_error")
    assert bench.emporix.deleted == []


async def test_ends_when_its_owner_has_left(bench: Bench) -> None:
    """Nothing is deleted for somebody who is gone; the audit record says why it ended."""
    clean = await bench.begin()
    bench.owner.has_left = True
    assert await bench.turn(clean) is None
    assert (bench.emporix.deleted, bench.shown) == ([], [])
    assert await entries(bench) == [("owner_gone", 12, 0)]


@pytest.mark.parametrize("during", [False, True])
async def test_ends_at_once_when_its_owner_is_reported_gone(bench: Bench, during: bool) -> None:
    """Before a turn or while it deletes, also if the connection is deleted first; it is audited."""
    clean = await bench.begin()

    async def leave() -> None:
        await bench.kept.request_stop(clean.id, "owner_gone")
        bench.accounts.connected = False

    if during:
        bench.accounts.before = leave
    else:
        await leave()
    assert await bench.turn(clean) is None
    assert await entries(bench) == [("owner_gone", 12, 0)]
    assert bench.emporix.deleted == []
    assert not any(progress.cleanup.end_reason for progress in bench.shown)


async def test_asks_for_its_owner_once_an_hour(bench: Bench) -> None:
    """Slack is not asked each turn, and somebody who leaves meanwhile is noticed."""
    asked: list[float] = []

    async def is_gone(_: object) -> bool:
        asked.append(bench.clock())
        return len(asked) == 3

    clean = await bench.begin()
    owner = replace(bench.owner.reached, is_gone=is_gone)
    bench.emporix.before = most_of_the_time(EmporixFailed())
    began = bench.clock()
    while await bench.runs.run(clean.id, owner) is not None:
        bench.clock.forward(1100)
    assert [int(at - began) // 1100 for at in asked] == [0, 4, 8]
    assert 0 < len(bench.emporix.deleted) < 12


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(pause=st.integers(0, 29 * 86_400) | st.integers(1795, 1805), fails_at=st.integers(0, 12))
async def test_nothing_is_deleted_after_a_long_pause(redis: Any, pause: int, fails_at: int) -> None:
    """For any pause beyond 30 minutes since the last progress: not without a confirmation."""
    await redis.flushall()
    bench = filled(Bench(redis, FakeClock()))
    clean = await bench.begin()
    if fails_at:
        bench.emporix.before = on_call(fails_at, EmporixFailed())
        await bench.turn(clean)
        bench.emporix.before = lambda _: None
    deleted = len(bench.emporix.deleted)
    bench.clock.forward(pause)
    report = await bench.to_the_end(clean)
    if pause <= 1800:
        assert (report.cleanup.end_reason, report.deleted) == ("done", 12)
        return
    assert (report.cleanup.end_reason, len(bench.emporix.deleted)) == ("interrupted", deleted)
    report = await bench.to_the_end(await bench.go_on(clean))
    assert (report.cleanup.end_reason, len(bench.emporix.deleted)) == ("done", 12)


async def test_counts_the_pause_from_the_last_progress(bench: Bench) -> None:
    """What was deleted a moment before keeps it going; half an hour of failures do not."""
    clean = await bench.begin()
    bench.emporix.before = on_call(1, EmporixFailed())
    await bench.turn(clean)
    bench.clock.forward(1799)
    bench.emporix.before = on_call(AT_ONCE + 1, EmporixFailed())
    await bench.turn(clean)
    deleted = len(bench.emporix.deleted)
    bench.clock.forward(1799)
    bench.emporix.before = always(EmporixFailed())
    await bench.turn(clean)
    bench.clock.forward(2)
    report = await bench.to_the_end(clean)
    assert (report.cleanup.end_reason, report.deleted) == ("interrupted", deleted)
    assert 0 < deleted < 12


async def test_an_interrupted_one_can_be_stopped_for_good(bench: Bench) -> None:
    """Then its report says that it was stopped; nothing more happens."""
    clean = await bench.begin()
    bench.clock.forward(1801)
    await bench.to_the_end(clean)
    stopped = await bench.cleaning.stop(ADA, clean.id)
    assert stopped.cleanup.end_reason == "stopped"
    report = await bench.cleaning.report(clean.id)
    assert report is not None
    assert report.cleanup.end_reason == "stopped"


async def test_continue_while_it_runs_is_refused(bench: Bench) -> None:
    """There is nothing to confirm yet."""
    clean = await bench.begin()
    with pytest.raises(InvalidInput):
        await bench.go_on(clean)


async def test_an_administrator_stops_it(bench: Bench) -> None:
    """Of their own workspace only; the report names them."""
    clean = await bench.begin()
    stranger = replace(GRACE, team_id="T0OTHER")
    assert await bench.cleaning.running(stranger) == []
    with pytest.raises(OutdatedButton):
        await bench.cleaning.stop_any(stranger, clean.id)
    assert await bench.cleaning.running(GRACE) == [clean]
    assert await bench.cleaning.stop_any(GRACE, clean.id) == (clean, True)
    report = await bench.to_the_end(clean)
    assert (report.cleanup.end_reason, report.cleanup.stopped_by, report.deleted) == (
        "stopped",
        "U0GRACE",
        0,
    )
    assert (await bench.cleaning.stop_any(GRACE, clean.id))[1] is False
    assert await bench.cleaning.running(GRACE) == []


async def test_the_operator_turns_clean_ups_off(bench: Bench, redis: Any) -> None:
    """One that is under way ends before its next delete, and none can begin."""
    clean = await bench.begin()
    off = Bench(redis, bench.clock, allowed=False)
    off.shelf = off.emporix.shelf = bench.shelf
    account = await off.accounts.load(ADA)
    for forbidden in (
        off.cleaning.look(account, FILTERS),
        off.cleaning.confirm(ADA, clean.id, "12"),
        off.cleaning.ask_again(account, clean.id),
    ):
        with pytest.raises(DeletesOff):
            await forbidden
    report = await off.to_the_end(clean)
    assert (report.cleanup.end_reason, report.deleted) == ("deletes_off", 0)


async def test_a_worker_with_another_key_changes_nothing(
    bench: Bench, redis: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """It cannot open the clean-up and leaves it to a worker that can."""
    clean = await bench.begin()
    stranger = Bench(redis, bench.clock, vault=Cipher(parse_keys(new_key())))
    assert await stranger.turn(clean) is None
    assert "waits for a worker that can open it" in caplog.text
    assert await redis.zscore(redis_keys.cleanups_due(), clean.id) is not None
    assert (await bench.to_the_end(clean)).deleted == 12


async def test_a_lost_index_is_restored(
    bench: Bench, redis: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A clean-up under way that the index lacks is put back, once, with a line in the log."""
    clean = await bench.begin()
    await bench.cleaning.look(await bench.accounts.load(ADA), FILTERS)
    await redis.delete(redis_keys.cleanups_due())
    await bench.kept.due.reconcile(bench.clock())
    await bench.kept.due.reconcile(bench.clock())
    assert caplog.text.count("1 clean-ups were missing in the due index") == 1
    assert await bench.kept.due.claim(bench.clock(), 100) == [clean.id]
    await bench.to_the_end(clean)
    await bench.kept.due.reconcile(bench.clock())
    assert await redis.zrange(redis_keys.cleanups_due(), 0, -1) == []
