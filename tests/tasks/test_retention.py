"""What nobody needs any more is deleted in time, by one worker and without a command."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.accounts import Caller
from bot.store import keys as redis_keys
from bot.store.alerts import AlertStore
from sandbox.slack.directory import TEAM_ID
from sandbox.slack.faults import Fault
from tests.harness.app import AppHarness
from tests.listeners.digest.fixtures import set_up
from tests.store.fixtures import ADA

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
    """Every key that is about digests and alerts."""
    kinds = ("digest", "alert")
    keys = [key async for key in harness.redis.scan_iter("*") if ":shift:" not in key]
    return [key for key in keys if any(kind in key for kind in kinds)]


async def test_what_nobody_takes_over_is_deleted(left: AppHarness) -> None:
    """After 30 days, and not before; no index still names it."""
    await next_day(left, 29.9)
    assert await left.redis.exists(redis_keys.digest("digest-1"))
    await next_day(left, 0.2)
    assert [key for key in await kept(left) if "post:" not in key] == []


@pytest.mark.parametrize("before", ["/emporix digest pause", "/emporix disconnect"])
async def test_what_was_paused_before_is_deleted_too(connected: AppHarness, before: str) -> None:
    """Whatever the reason was: 30 days after its owner has left nothing of theirs is kept."""
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


async def test_what_was_paused_by_a_person_stays(connected: AppHarness) -> None:
    """It is theirs, however long it pauses."""
    ops = connected.person("ada", "ops")
    await set_up(ops)
    await ops.command("/emporix digest pause")
    await next_day(connected, 100)
    assert await connected.redis.exists(redis_keys.digest("digest-1"))


async def test_old_entries_of_the_audit_log_are_deleted(harness: AppHarness) -> None:
    """After AUDIT_DAYS, in each workspace, also if nothing is deleted there any more."""
    quiet = Caller("T0QUIET", "U1")
    for caller in (ADA, quiet):
        await harness.redis.xadd(redis_keys.audit(caller), {"user_id": caller.user_id}, id="1000-0")
        await harness.redis.xadd(redis_keys.audit(caller), {"user_id": caller.user_id})
    await next_day(harness, 0)
    assert await harness.redis.xlen(redis_keys.audit(ADA)) == 1
    assert await harness.redis.xlen(redis_keys.audit(quiet)) == 1


async def test_one_worker_does_it(left: AppHarness, redis: Any) -> None:
    """The others find that it is done for the day."""
    await next_day(left, 31)
    alerts = AlertStore(redis, left.vault)
    assert await alerts.of_channel(TEAM_ID, "C0OPS") == ()
    quiet = redis_keys.audit(Caller("T0QUIET", "U1"))
    await redis.xadd(quiet, {"user_id": "U1"}, id="1000-0")
    left.clock.forward(3600)
    await left.worker.work()
    assert await redis.xlen(quiet) == 1


async def test_a_failure_is_tried_again_within_a_minute(harness: AppHarness) -> None:
    """Not only a day later."""
    await harness.redis.set(redis_keys.audit(ADA), "not a stream")
    await next_day(harness, 0)
    assert 0 < await harness.redis.pttl(redis_keys.lease("retention")) <= 60_000
    await harness.redis.delete(redis_keys.audit(ADA))
    await next_day(harness, 1)
    assert await harness.redis.pttl(redis_keys.lease("retention")) > 60_000


async def test_slack_away_deletes_nothing(
    connected: AppHarness, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether the app is installed is not known then: nothing is resumed, and nothing deleted."""
    await set_up(connected.person("ada", "ops"))
    await connected.ada.uninstall_app()
    connected.workspace.faults.add(Fault("status", times=50, method="auth.test"))
    connected.clock.forward(3 * DAY)
    await connected.worker.work()
    assert await connected.redis.exists(redis_keys.digest("digest-1"))
    assert "whether the app is installed is not known" in caplog.text
