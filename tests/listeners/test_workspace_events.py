"""When a user leaves, their API keys are deleted at once and their scheduled work pauses."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.accounts import Caller
from bot.store import keys as redis_keys
from bot.store.accounts import AccountStore
from bot.store.alerts import AlertStore
from bot.store.encryption import AccountEncryption
from bot.store.watches import WatchStore
from sandbox.slack.directory import ADA, TEAM_ID
from tests.harness.app import AppHarness
from tests.listeners.digest.fixtures import in_channel, set_up, stored

ADAS = Caller(TEAM_ID, ADA.id)


@pytest.fixture
async def harness(connected: AppHarness) -> AppHarness:
    """Ada has a digest and alerts in #ops, and watches a job."""
    ops = connected.person("ada", "ops")
    await set_up(ops)
    await ops.command("/emporix alerts on")
    connected.emporix_state.add_job(
        "acme", id="running", status="in_progress", message="Still at it."
    )
    await ops.command("/emporix jobs watch running")
    return connected


async def alerts(harness: AppHarness) -> Any:
    return await AlertStore(harness.redis, harness.cipher).of_channel(TEAM_ID, "C0OPS")


async def test_keys_are_deleted_at_once(harness: AppHarness) -> None:
    """Connections, tokens and related data are deleted, even if they can't be decrypted."""
    await harness.redis.hset(redis_keys.account(ADAS), "connection:globex", "1.deadbeef.AAAA")
    exchange = await harness.ada.leave_company()
    assert exchange.ack_status == 200
    assert not await harness.redis.exists(redis_keys.account(ADAS))
    assert await WatchStore(harness.redis, harness.cipher).of_owner(ADAS) == ()


async def test_digests_and_alerts_pause(harness: AppHarness) -> None:
    """Digests and alerts pause with a reason and a time, so that workers notify their channels."""
    await harness.ada.leave_company()
    digest, (alert,) = await stored(harness), await alerts(harness)
    assert (digest.paused, digest.paused_at, digest.notices) == ("owner_gone", harness.clock(), 0)
    assert (alert.paused, alert.paused_at, alert.notices) == ("owner_gone", harness.clock(), 0)


@pytest.mark.parametrize("before", ["paused", "disconnected"])
async def test_paused_work_also_waits_for_a_new_owner(harness: AppHarness, before: str) -> None:
    """Work that was paused before also waits for a new owner, so that it is deleted eventually."""
    ops = harness.person("ada", "ops")
    if before == "paused":
        await ops.command("/emporix digest pause")
    else:
        await ops.command("/emporix disconnect")
        await ops.click("Disconnect")
    await harness.worker.work()
    harness.clock.forward(10)
    await harness.ada.leave_company()
    digest, (alert,) = await stored(harness), await alerts(harness)
    assert (digest.paused, digest.paused_at, digest.paused_by) == (
        "owner_gone",
        harness.clock(),
        "",
    )
    assert (alert.paused, alert.paused_at) == ("owner_gone", harness.clock())
    await harness.worker.work()
    told = [message["text"] for message in await in_channel(harness)]
    assert sum("its owner is no longer in this workspace" in text for text in told) == 2


async def test_a_second_report_changes_nothing(harness: AppHarness) -> None:
    """A second event doesn't extend the time to take over."""
    await harness.ada.leave_company()
    before = (await stored(harness)).paused_at, (await alerts(harness))[0].paused_at
    harness.clock.forward(10)
    await harness.ada.leave_company()
    assert ((await stored(harness)).paused_at, (await alerts(harness))[0].paused_at) == before


async def test_a_changed_profile_is_ignored(harness: AppHarness) -> None:
    """A changed profile is ignored without a call to Redis."""
    await harness.redis.config_resetstat()
    await harness.ada.change_status()
    assert (await harness.redis.info("commandstats")).keys() <= {
        "cmdstat_config",
        "cmdstat_config|resetstat",
    }
    keys = AccountStore(harness.redis, AccountEncryption(harness.cipher))
    assert "acme" in (await keys.load(ADAS)).connections
    assert not (await stored(harness)).paused


async def test_other_users_are_not_affected(harness: AppHarness) -> None:
    """Other users are not affected."""
    await harness.grace.leave_company()
    assert not (await stored(harness)).paused
