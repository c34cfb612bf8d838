"""Maintenance tasks: heartbeats, restoring due entries, and deleting expired data."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.accounts import Caller
from bot.store import keys as redis_keys
from bot.store.alerts import AlertStore
from bot.store.health import WORKER_ALIVE_SECONDS, Heartbeats, WorkerStatus
from bot.tasks.maintenance import HEARTBEAT_INTERVAL_SECONDS
from sandbox.slack.directory import TEAM_ID
from sandbox.slack.faults import Fault
from tests.harness.app import AppHarness
from tests.listeners.digest.fixtures import set_up
from tests.listeners.jobs.fixtures import add_jobs
from tests.store.fixtures import ADA


async def test_a_worker_says_that_it_is_at_work(harness: AppHarness) -> None:
    """A running worker sends heartbeats."""
    alive = Heartbeats(harness.redis)
    assert await alive.status(harness.clock()) == WorkerStatus(0, None)
    await harness.worker.work()
    began = harness.clock()
    assert await alive.status(harness.clock()) == WorkerStatus(1, began)
    harness.clock.forward(HEARTBEAT_INTERVAL_SECONDS)
    await harness.worker.work()
    assert await alive.status(harness.clock()) == WorkerStatus(
        1, began + HEARTBEAT_INTERVAL_SECONDS
    )


async def test_a_worker_is_remembered_for_a_month(redis: Any) -> None:
    """Old heartbeats are deleted, so that the record doesn't grow."""
    alive, month = Heartbeats(redis), 30 * 24 * 3600.0
    await alive.record("old", 0)
    await alive.record("newer", 60)
    await alive.record("new", month + 30)
    assert await redis.zrange(redis_keys.workers(), 0, -1) == ["newer", "new"]


async def test_a_silent_worker_is_not_at_work(harness: AppHarness) -> None:
    """The last heartbeat of a stopped worker is kept."""
    await harness.worker.work()
    began = harness.clock()
    harness.clock.forward(WORKER_ALIVE_SECONDS + 1)
    assert await Heartbeats(harness.redis).status(harness.clock()) == WorkerStatus(0, began)


async def test_a_worker_whose_queue_is_silent_does_not_count(harness: AppHarness) -> None:
    """A worker whose queue is silent doesn't count as running."""
    harness.worker.queue.is_answering = False
    await harness.worker.work()
    assert await Heartbeats(harness.redis).status(harness.clock()) == WorkerStatus(0, None)


JOB = "68835cc3ef4e8e1425c30001"


@pytest.fixture
async def scheduled(connected: AppHarness) -> AppHarness:
    """Ada has a digest, an alert and a watched job, and a worker has run for a while."""
    connected.emporix_state.add_job("acme", id=JOB, status="in_progress")
    await set_up(connected.person("ada", "ops"))
    await connected.person("ada", "ops").command("/emporix alerts on")
    await connected.ada.command(f"/emporix jobs watch {JOB}")
    await connected.worker.work()
    return connected


async def lose(harness: AppHarness) -> None:
    await harness.redis.delete(
        redis_keys.digests_due(), redis_keys.alerts_due(), redis_keys.watches_due()
    )


async def ten_minutes_later(harness: AppHarness) -> None:
    """Expire the lease in Redis, whose clock the tests can't move."""
    await harness.redis.delete(redis_keys.lease("reconcile"))
    harness.clock.forward(61)
    await harness.worker.work()


async def sizes(harness: AppHarness) -> list[int]:
    due = redis_keys.digests_due(), redis_keys.alerts_due(), redis_keys.watches_due()
    return [await harness.redis.zcard(index) for index in due]


async def test_restores_missing_entries(
    scheduled: AppHarness, caplog: pytest.LogCaptureFixture
) -> None:
    """Missing entries are restored every ten minutes, with a warning."""
    await lose(scheduled)
    await scheduled.worker.work_until(scheduled.clock() + 599, step=599)
    assert await sizes(scheduled) == [0, 0, 0]
    await ten_minutes_later(scheduled)
    assert await sizes(scheduled) == [1, 1, 1]
    assert "1 digests were missing in the due index" in caplog.text
    assert "1 connections with alerts were missing in the due index" in caplog.text
    assert "1 connections with watches were missing in the due index" in caplog.text


async def test_a_failed_restore_is_retried_within_a_minute(scheduled: AppHarness) -> None:
    """If one kind of record fails, the others are still restored."""
    await lose(scheduled)
    await scheduled.redis.set(redis_keys.digests_due(), "not an index")
    await ten_minutes_later(scheduled)
    assert await scheduled.redis.zcard(redis_keys.alerts_due()) == 1
    assert await scheduled.redis.zcard(redis_keys.watches_due()) == 1
    assert 0 < await scheduled.redis.pttl(redis_keys.lease("reconcile")) <= 60_000
    await scheduled.redis.delete(redis_keys.digests_due())
    await ten_minutes_later(scheduled)
    assert await sizes(scheduled) == [1, 1, 1]
    assert await scheduled.redis.pttl(redis_keys.lease("reconcile")) > 60_000


async def test_one_worker_restores_entries(scheduled: AppHarness) -> None:
    """Only one worker restores entries, and its lease expires before the next run."""
    await lose(scheduled)
    assert 0 < await scheduled.redis.pttl(redis_keys.lease("reconcile")) < 600_000
    await scheduled.worker.work_until(scheduled.clock() + 610, step=305)
    assert await sizes(scheduled) == [0, 0, 0]


async def test_a_clean_up_missing_in_the_index_continues(connected: AppHarness) -> None:
    """A clean-up that is missing in the index continues within ten minutes."""
    add_jobs(connected, 9)
    await connected.worker.work()
    await connected.ada.command("/emporix jobs clean failed")
    await connected.ada.click("Delete…")
    await connected.ada.submit({"The number of jobs": "3"})
    await connected.redis.delete(redis_keys.cleanups_due())
    connected.clock.forward(599)
    await connected.worker.work()
    assert len(connected.emporix_state.jobs("acme")) == 9
    await ten_minutes_later(connected)
    connected.clock.forward(1)
    await connected.worker.work()
    assert len(connected.emporix_state.jobs("acme")) == 6


DAY = 86400.0


@pytest.fixture
async def left(connected: AppHarness) -> AppHarness:
    """Ada had a digest and alerts in #ops, and has left."""
    ops = connected.person("ada", "ops")
    await set_up(ops)
    await ops.command("/emporix alerts on")
    await ops.leave_company()
    return connected


async def next_day(harness: AppHarness, days: float) -> None:
    harness.clock.forward(days * DAY)
    await harness.redis.delete(redis_keys.lease("retention"))  # Redis' own clock stands still
    await harness.worker.work()


async def kept(harness: AppHarness) -> list[str]:
    """All keys of digests and alerts, without those that Redis deletes within a minute."""
    kinds, brief = ("digest", "alert"), (":lease:", ":queries:")
    keys = [key async for key in harness.redis.scan_iter("*")]
    return [
        key
        for key in keys
        if any(kind in key for kind in kinds) and not any(part in key for part in brief)
    ]


async def test_abandoned_work_is_deleted(left: AppHarness) -> None:
    """After 30 days the records are deleted, and removed from all indexes."""
    await next_day(left, 29.9)
    assert await left.redis.exists(redis_keys.digest("digest-1"))
    await next_day(left, 0.2)
    assert [key for key in await kept(left) if "post:" not in key] == []


@pytest.mark.parametrize("before", ["/emporix digest pause", "/emporix disconnect"])
async def test_work_paused_before_the_departure_is_deleted(
    connected: AppHarness, before: str
) -> None:
    """Records of a user who left are deleted after 30 days, whatever paused them."""
    ops = connected.person("ada", "ops")
    await set_up(ops)
    await ops.command("/emporix alerts on")
    await ops.command(before)
    if "disconnect" in before:
        await ops.click("Disconnect")
    await next_day(connected, 40)
    await ops.leave_company()
    await next_day(connected, 29.9)
    assert await connected.redis.exists(redis_keys.digest("digest-1"))
    await next_day(connected, 0.2)
    assert [key for key in await kept(connected) if "post:" not in key] == []


async def test_work_paused_by_a_user_is_kept(connected: AppHarness) -> None:
    """Records paused by a person are kept, however long they are paused."""
    ops = connected.person("ada", "ops")
    await set_up(ops)
    await ops.command("/emporix digest pause")
    await next_day(connected, 100)
    assert await connected.redis.exists(redis_keys.digest("digest-1"))


async def test_old_entries_of_the_audit_log_are_deleted(harness: AppHarness) -> None:
    """Audit entries are deleted after AUDIT_DAYS in each workspace."""
    quiet = Caller("T0QUIET", "U1")
    for caller in (ADA, quiet):
        await harness.redis.xadd(redis_keys.audit(caller), {"user_id": caller.user_id}, id="1000-0")
        await harness.redis.xadd(redis_keys.audit(caller), {"user_id": caller.user_id})
    await next_day(harness, 0)
    assert await harness.redis.xlen(redis_keys.audit(ADA)) == 1
    assert await harness.redis.xlen(redis_keys.audit(quiet)) == 1


async def test_one_worker_deletes_expired_data(left: AppHarness, redis: Any) -> None:
    """Only one worker applies the retention per day."""
    await next_day(left, 31)
    alerts = AlertStore(redis, left.cipher)
    assert await alerts.of_channel(TEAM_ID, "C0OPS") == ()
    quiet = redis_keys.audit(Caller("T0QUIET", "U1"))
    await redis.xadd(quiet, {"user_id": "U1"}, id="1000-0")
    left.clock.forward(3600)
    await left.worker.work()
    assert await redis.xlen(quiet) == 1


async def test_a_failed_deletion_is_retried_within_a_minute(harness: AppHarness) -> None:
    """A failed deletion is retried within a minute."""
    await harness.redis.set(redis_keys.audit(ADA), "not a stream")
    await next_day(harness, 0)
    assert 0 < await harness.redis.pttl(redis_keys.lease("retention")) <= 60_000
    await harness.redis.delete(redis_keys.audit(ADA))
    await next_day(harness, 1)
    assert await harness.redis.pttl(redis_keys.lease("retention")) > 60_000


async def test_slack_away_deletes_nothing(
    connected: AppHarness, caplog: pytest.LogCaptureFixture
) -> None:
    """While Slack doesn't answer, nothing is resumed and nothing is deleted."""
    await set_up(connected.person("ada", "ops"))
    await connected.ada.uninstall_app()
    connected.workspace.faults.add(Fault("status", times=50, method="auth.test"))
    connected.clock.forward(3 * DAY)
    await connected.worker.work()
    assert await connected.redis.exists(redis_keys.digest("digest-1"))
    assert "could not check whether the app is installed" in caplog.text
