"""What nobody needs any more is deleted in time, by one worker and without a command."""

from __future__ import annotations

from typing import Any

import pytest

from bot.models import Caller
from bot.store import layout
from bot.store.alerts import AlertStore
from sandbox.slack.directory import TEAM_ID
from sandbox.slack.faults import Fault
from tests.listeners.digest.fixtures import set_up
from tests.shop import Shop
from tests.store.fixtures import ADA

DAY = 86400.0


@pytest.fixture
async def left(connected: Shop) -> Shop:
    """Ada had a digest and alerts in #ops, and has left."""
    ops = connected.person("ada", "ops")
    await set_up(ops)
    await ops.command("/emporix alerts on")
    await ops.leave_company()
    return connected


async def next_day(shop: Shop, days: float) -> None:
    shop.clock.forward(days * DAY)
    await shop.redis.delete(layout.shift("retention"))  # Redis' own clock stands still
    await shop.worker.work()


async def kept(shop: Shop) -> list[str]:
    """Every key that is about digests and alerts."""
    kinds = ("digest", "alert")
    keys = [key async for key in shop.redis.scan_iter("*") if ":shift:" not in key]
    return [key for key in keys if any(kind in key for kind in kinds)]


async def test_what_nobody_takes_over_is_deleted(left: Shop) -> None:
    """After 30 days, and not before; no index still names it."""
    await next_day(left, 29.9)
    assert await left.redis.exists(layout.digest("digest-1"))
    await next_day(left, 0.2)
    assert [key for key in await kept(left) if "post:" not in key] == []


@pytest.mark.parametrize("before", ["/emporix digest pause", "/emporix disconnect"])
async def test_what_was_paused_before_is_deleted_too(connected: Shop, before: str) -> None:
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
    assert await connected.redis.exists(layout.digest("digest-1"))
    await next_day(connected, 0.2)
    assert [key for key in await kept(connected) if "post:" not in key] == []


async def test_what_was_paused_by_a_person_stays(connected: Shop) -> None:
    """It is theirs, however long it pauses."""
    ops = connected.person("ada", "ops")
    await set_up(ops)
    await ops.command("/emporix digest pause")
    await next_day(connected, 100)
    assert await connected.redis.exists(layout.digest("digest-1"))


async def test_old_entries_of_the_audit_log_are_deleted(shop: Shop) -> None:
    """After AUDIT_DAYS, in each workspace, also if nothing is deleted there any more."""
    quiet = Caller("T0QUIET", "U1")
    for caller in (ADA, quiet):
        await shop.redis.xadd(layout.audit(caller), {"user_id": caller.user_id}, id="1000-0")
        await shop.redis.xadd(layout.audit(caller), {"user_id": caller.user_id})
    await next_day(shop, 0)
    assert await shop.redis.xlen(layout.audit(ADA)) == 1
    assert await shop.redis.xlen(layout.audit(quiet)) == 1


async def test_one_worker_does_it(left: Shop, redis: Any) -> None:
    """The others find that it is done for the day."""
    await next_day(left, 31)
    alerts = AlertStore(redis, left.vault)
    assert await alerts.of_channel(TEAM_ID, "C0OPS") == ()
    quiet = layout.audit(Caller("T0QUIET", "U1"))
    await redis.xadd(quiet, {"user_id": "U1"}, id="1000-0")
    left.clock.forward(3600)
    await left.worker.work()
    assert await redis.xlen(quiet) == 1


async def test_a_failure_is_tried_again_within_a_minute(shop: Shop) -> None:
    """Not only a day later."""
    await shop.redis.set(layout.audit(ADA), "not a stream")
    await next_day(shop, 0)
    assert 0 < await shop.redis.pttl(layout.shift("retention")) <= 60_000
    await shop.redis.delete(layout.audit(ADA))
    await next_day(shop, 1)
    assert await shop.redis.pttl(layout.shift("retention")) > 60_000


async def test_slack_away_deletes_nothing(
    connected: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether the app is installed is not known then: nothing is resumed, and nothing deleted."""
    await set_up(connected.person("ada", "ops"))
    await connected.ada.uninstall_app()
    connected.workspace.faults.add(Fault("status", times=50, method="auth.test"))
    connected.clock.forward(3 * DAY)
    await connected.worker.work()
    assert await connected.redis.exists(layout.digest("digest-1"))
    assert "whether the app is installed is not known" in caplog.text
