"""Missing entries of what is due are restored by one worker for all of them."""

from __future__ import annotations

import pytest

from bot.store import keys as redis_keys
from tests.harness.app import AppHarness
from tests.listeners.digest.fixtures import set_up
from tests.listeners.jobs.fixtures import add_jobs

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
    """The time of the last run is over in Redis, whose own clock stands still."""
    await harness.redis.delete(redis_keys.lease("reconcile"))
    harness.clock.forward(61)
    await harness.worker.work()


async def sizes(harness: AppHarness) -> list[int]:
    due = redis_keys.digests_due(), redis_keys.alerts_due(), redis_keys.watches_due()
    return [await harness.redis.zcard(index) for index in due]


async def test_restores_what_was_lost(
    scheduled: AppHarness, caplog: pytest.LogCaptureFixture
) -> None:
    """When the last time is ten minutes ago, with a warning that says how much it was."""
    await lose(scheduled)
    await scheduled.worker.work_until(scheduled.clock() + 599, step=599)
    assert await sizes(scheduled) == [0, 0, 0]
    await ten_minutes_later(scheduled)
    assert await sizes(scheduled) == [1, 1, 1]
    assert "1 digests were missing in the due index" in caplog.text
    assert "1 connections with alerts were missing in the due index" in caplog.text
    assert "1 connections with watches were missing in the due index" in caplog.text


async def test_a_failure_is_tried_again_within_a_minute(scheduled: AppHarness) -> None:
    """One kind of record that fails keeps no other from being restored."""
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


async def test_one_worker_does_it(scheduled: AppHarness) -> None:
    """The lock is free again before the next run."""
    await lose(scheduled)
    assert 0 < await scheduled.redis.pttl(redis_keys.lease("reconcile")) < 600_000
    await scheduled.worker.work_until(scheduled.clock() + 610, step=305)
    assert await sizes(scheduled) == [0, 0, 0]


async def test_a_clean_up_that_the_index_lacks_goes_on(connected: AppHarness) -> None:
    """Within ten minutes, without anybody doing anything."""
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
