"""A person who leaves: their API keys go at once, and what runs on them pauses."""

from __future__ import annotations

from typing import Any

import pytest

from bot.models import Caller
from bot.store import layout
from bot.store.accounts import AccountStore
from bot.store.alerts import AlertStore
from bot.store.records import Records
from bot.store.watches import WatchStore
from sandbox.slack.directory import ADA, TEAM_ID
from tests.listeners.digest.fixtures import in_channel, set_up, stored
from tests.shop import Shop

ADAS = Caller(TEAM_ID, ADA.id)


@pytest.fixture
async def shop(connected: Shop) -> Shop:
    """Ada has a digest and alerts in #ops, and watches a job."""
    ops = connected.person("ada", "ops")
    await set_up(ops)
    await ops.command("/emporix alerts on")
    connected.world.add_job("acme", id="running", status="in_progress", message="Still at it.")
    await ops.command("/emporix jobs watch running")
    return connected


async def alerts(shop: Shop) -> Any:
    return await AlertStore(shop.redis, shop.vault).of_channel(TEAM_ID, "C0OPS")


async def test_keys_are_deleted_at_once(shop: Shop) -> None:
    """Connection, token and what belongs to them; also one that cannot be decrypted."""
    await shop.redis.hset(layout.account(ADAS), "connection:globex", "1.deadbeef.AAAA")
    exchange = await shop.ada.leave_company()
    assert exchange.ack_status == 200
    assert not await shop.redis.exists(layout.account(ADAS))
    assert await WatchStore(shop.redis, shop.vault).of(ADAS) == ()


async def test_digests_and_alerts_pause(shop: Shop) -> None:
    """With the reason and the time, by which workers tell their channels."""
    await shop.ada.leave_company()
    digest, (alert,) = await stored(shop), await alerts(shop)
    assert (digest.paused, digest.paused_at, digest.notices) == ("owner_gone", shop.clock(), 0)
    assert (alert.paused, alert.paused_at, alert.notices) == ("owner_gone", shop.clock(), 0)


@pytest.mark.parametrize("before", ["paused", "disconnected"])
async def test_what_was_paused_before_waits_for_a_new_owner(shop: Shop, before: str) -> None:
    """Otherwise it would stay for ever, with the filters of somebody who is gone."""
    ops = shop.person("ada", "ops")
    if before == "paused":
        await ops.command("/emporix digest pause")
    else:
        await ops.command("/emporix disconnect")
        await ops.click("Disconnect")
    await shop.worker.work()
    shop.clock.forward(10)
    await shop.ada.leave_company()
    digest, (alert,) = await stored(shop), await alerts(shop)
    assert (digest.paused, digest.paused_at, digest.paused_by) == ("owner_gone", shop.clock(), "")
    assert (alert.paused, alert.paused_at) == ("owner_gone", shop.clock())
    await shop.worker.work()
    told = [message["text"] for message in await in_channel(shop)]
    assert sum("its owner is no longer in this workspace" in text for text in told) == 2


async def test_a_second_report_changes_nothing(shop: Shop) -> None:
    """The time to take them over does not begin again."""
    await shop.ada.leave_company()
    before = (await stored(shop)).paused_at, (await alerts(shop))[0].paused_at
    shop.clock.forward(10)
    await shop.ada.leave_company()
    assert ((await stored(shop)).paused_at, (await alerts(shop))[0].paused_at) == before


async def test_a_new_status_is_no_departure(shop: Shop) -> None:
    """Slack sends the same event for each change of a profile: it costs no look into Redis."""
    await shop.redis.config_resetstat()
    await shop.ada.change_status()
    assert (await shop.redis.info("commandstats")).keys() <= {
        "cmdstat_config",
        "cmdstat_config|resetstat",
    }
    keys = AccountStore(shop.redis, Records(shop.vault))
    assert "acme" in (await keys.load(ADAS)).connections
    assert not (await stored(shop)).paused


async def test_others_keep_what_they_have(shop: Shop) -> None:
    """Only the person who left is affected."""
    await shop.grace.leave_company()
    assert not (await stored(shop)).paused
