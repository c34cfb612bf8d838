"""Without the app in its workspace nothing is done on schedule, and in the end nothing is kept."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable

import pytest

from bot.slack.refusals import TOKEN
from bot.store import layout
from bot.store.stopped_teams import KEPT_SECONDS, StoppedTeams
from sandbox.slack.directory import TEAM_ID
from sandbox.slack.faults import Fault
from sandbox.slack.person import Exchange, Person
from tests.listeners.digest.fixtures import in_channel, set_up, stored, to_ada
from tests.shop import Shop

DAY = 86400.0
NINE = 1_795_507_200.0  # 2026-11-24 09:00 in Berlin, the day after the shop's clock


@pytest.fixture
async def shop(connected: Shop) -> Shop:
    """Ada has a digest of #ops and alerts there."""
    ops = connected.person("ada", "ops")
    await set_up(ops, quiet="quiet", chart=[])
    await ops.command("/emporix alerts on")
    return connected


async def stopped(shop: Shop) -> dict[str, float]:
    return await StoppedTeams(shop.redis).all()


@pytest.mark.parametrize("leave", [Person.uninstall_app, Person.revoke_token])
async def test_scheduled_work_stops_at_once(
    shop: Shop,
    leave: Callable[[Person], Awaitable[Exchange]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither Emporix nor Slack is asked any more, and the log says so once."""
    assert (await leave(shop.ada)).ack_status == 200
    shop.clock.now = NINE + 1
    calls, sent = len(shop.world.requests), len(await in_channel(shop))
    for _ in range(3):
        await shop.worker.work()
        shop.clock.forward(5)
    assert len(shop.world.requests) == calls
    assert len(await in_channel(shop)) == sent
    assert caplog.text.count("scheduled work stops") == 1


async def test_data_goes_a_day_after_the_uninstall(shop: Shop) -> None:
    """In whatever order Slack reports it; not a minute before."""
    await shop.ada.uninstall_app()
    assert (await stopped(shop)) == {TEAM_ID: shop.clock() + KEPT_SECONDS}
    shop.clock.forward(KEPT_SECONDS - 60)
    await shop.worker.work()
    assert await shop.redis.exists(layout.digest("digest-1"))
    shop.clock.forward(61)
    await shop.redis.delete(layout.shift("teams"))  # Redis' own clock stands still
    await shop.worker.work()
    left = [key async for key in shop.redis.scan_iter("*") if TEAM_ID in key]
    assert left == []
    assert not await shop.redis.exists(layout.digest("digest-1"))
    assert await stopped(shop) == {}


async def test_a_revoked_token_deletes_nothing(shop: Shop) -> None:
    """It may be replaced, or revoked by mistake."""
    await shop.ada.revoke_token()
    assert await stopped(shop) == {TEAM_ID: math.inf}
    shop.clock.forward(40 * DAY)
    await shop.worker.work()
    assert await shop.redis.exists(layout.digest("digest-1"))


async def test_an_app_that_is_used_again_keeps_everything(shop: Shop) -> None:
    """A command in the workspace shows that it is installed again: work goes on."""
    await shop.ada.uninstall_app()
    await shop.ada.install_app()
    await shop.ada.command("/emporix help digest")
    assert TEAM_ID in await stopped(shop)  # help is answered without Redis
    await shop.ada.command("/emporix jobs")
    assert await stopped(shop) == {}
    shop.clock.now = NINE + 1
    await shop.worker.work()
    assert len(await in_channel(shop)) > 1


async def test_an_app_that_is_installed_again_keeps_everything(shop: Shop) -> None:
    """Slack accepts its token again, even if nobody has used it since."""
    await shop.ada.uninstall_app()
    await shop.ada.install_app()
    shop.clock.forward(2 * DAY)
    await shop.worker.work()
    assert await stopped(shop) == {}
    assert await shop.redis.exists(layout.digest("digest-1"))


@pytest.mark.parametrize("word", sorted(TOKEN))
async def test_a_token_that_is_refused_pauses_nothing(
    shop: Shop, word: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Also if Slack's event about it never arrives: what was due meanwhile comes afterwards, once.

    The log has an error, and nobody is asked again before the token works.
    """
    await shop.ada.command(f"/emporix jobs watch {change(shop, 'in_progress')}")
    await shop.worker.work()
    before, direct = len(await in_channel(shop)), len(await to_ada(shop))
    shop.clock.now = NINE + 1
    change(shop, "failure")
    shop.workspace.faults.add(Fault("refuse", times=9999, error=word))
    await shop.worker.work_until(NINE + 600, step=10)
    assert await stopped(shop) == {TEAM_ID: math.inf}
    assert "scheduled work stops" in caplog.text
    shop.workspace.faults.clear()
    await shop.redis.delete(layout.shift("teams"))  # Redis' own clock stands still
    await shop.worker.work_until(NINE + 900, step=10)
    assert await stopped(shop) == {}
    assert (await stored(shop)).paused == ""
    assert len(await in_channel(shop)) == before + 2  # the digest, and the alert
    assert len(await to_ada(shop)) == direct + 1  # the end of the watched job


def change(shop: Shop, status: str) -> str:
    """A job as it is from now on; gives its id."""
    return str(shop.world.add_job("acme", id="job-1", status=status)["id"])


async def test_one_token_serves_all_marks(shop: Shop) -> None:
    """Where it works again, it is revoked for nobody: also for people of another workspace."""
    await StoppedTeams(shop.redis).revoked("T0PARTNER")
    await shop.worker.work()
    assert await stopped(shop) == {}


async def test_an_event_is_no_use(shop: Shop) -> None:
    """Slack may report other things after an uninstall; that does not bring the app back."""
    await shop.ada.uninstall_app()
    await shop.grace.leave_company()
    assert TEAM_ID in await stopped(shop)
