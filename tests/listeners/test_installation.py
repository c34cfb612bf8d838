"""After an uninstall, scheduled work stops, and later all data is deleted."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable

import pytest

from bot.slack.errors import InvalidToken
from bot.store import keys as redis_keys
from bot.store.accounts import UNINSTALL_GRACE_SECONDS, StoppedTeams
from sandbox.slack.directory import TEAM_ID
from sandbox.slack.faults import Fault
from sandbox.slack.person import Exchange, Person
from tests.harness.app import AppHarness
from tests.listeners.digest.fixtures import in_channel, set_up, stored, to_ada

DAY = 86400.0
NINE = 1_795_507_200.0  # 2026-11-24 09:00 in Berlin, the day after the harness's clock


@pytest.fixture
async def harness(connected: AppHarness) -> AppHarness:
    """Ada has a digest and alerts in #ops."""
    ops = connected.person("ada", "ops")
    await set_up(ops, quiet="quiet", chart=[])
    await ops.command("/emporix alerts on")
    return connected


async def stopped(harness: AppHarness) -> dict[str, float]:
    return await StoppedTeams(harness.redis).load_all()


@pytest.mark.parametrize("leave", [Person.uninstall_app, Person.revoke_token])
async def test_scheduled_work_stops_at_once(
    harness: AppHarness,
    leave: Callable[[Person], Awaitable[Exchange]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Scheduled work stops calling Emporix and Slack, and this is logged once."""
    assert (await leave(harness.ada)).ack_status == 200
    harness.clock.now = NINE + 1
    calls, sent = len(harness.emporix_state.requests), len(await in_channel(harness))
    for _ in range(3):
        await harness.worker.work()
        harness.clock.forward(5)
    assert len(harness.emporix_state.requests) == calls
    assert len(await in_channel(harness)) == sent
    assert caplog.text.count("scheduled work stops") == 1


async def test_data_goes_a_day_after_the_uninstall(harness: AppHarness) -> None:
    """Data is deleted exactly one day after the uninstall, for any order of Slack's events."""
    await harness.ada.uninstall_app()
    assert (await stopped(harness)) == {TEAM_ID: harness.clock() + UNINSTALL_GRACE_SECONDS}
    harness.clock.forward(UNINSTALL_GRACE_SECONDS - 60)
    await harness.worker.work()
    assert await harness.redis.exists(redis_keys.digest("digest-1"))
    harness.clock.forward(61)
    await harness.redis.delete(redis_keys.lease("teams"))  # Redis's own clock doesn't advance
    await harness.worker.work()
    left = [key async for key in harness.redis.scan_iter("*") if TEAM_ID in key]
    assert left == []
    assert not await harness.redis.exists(redis_keys.digest("digest-1"))
    assert await stopped(harness) == {}


async def test_a_revoked_token_deletes_nothing(harness: AppHarness) -> None:
    """A revoked token deletes nothing, as it may be replaced or revoked by mistake."""
    await harness.ada.revoke_token()
    assert await stopped(harness) == {TEAM_ID: math.inf}
    harness.clock.forward(40 * DAY)
    await harness.worker.work()
    assert await harness.redis.exists(redis_keys.digest("digest-1"))


async def test_an_app_that_is_used_again_keeps_everything(harness: AppHarness) -> None:
    """A command shows that the app is installed again, and scheduled work continues."""
    await harness.ada.uninstall_app()
    await harness.ada.install_app()
    await harness.ada.command("/emporix help digest")
    assert TEAM_ID in await stopped(harness)  # help is answered without Redis
    await harness.ada.command("/emporix jobs")
    assert await stopped(harness) == {}
    harness.clock.now = NINE + 1
    await harness.worker.work()
    assert len(await in_channel(harness)) > 1


async def test_an_app_that_is_installed_again_keeps_everything(harness: AppHarness) -> None:
    """If Slack accepts the token again, scheduled work continues without a command."""
    await harness.ada.uninstall_app()
    await harness.ada.install_app()
    harness.clock.forward(2 * DAY)
    await harness.worker.work()
    assert await stopped(harness) == {}
    assert await harness.redis.exists(redis_keys.digest("digest-1"))


@pytest.mark.parametrize("word", sorted(InvalidToken.codes))
async def test_a_token_that_is_refused_pauses_nothing(
    harness: AppHarness, word: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A rejected token pauses nothing: due work is done once the token works, even without an
    event.

    The log has an error, and nothing is called before the token works.
    """
    await harness.ada.command(f"/emporix jobs watch {change(harness, 'in_progress')}")
    await harness.worker.work()
    before, direct = len(await in_channel(harness)), len(await to_ada(harness))
    harness.clock.now = NINE + 1
    change(harness, "failure")
    harness.workspace.faults.add(Fault("refuse", times=9999, error=word))
    await harness.worker.work_until(NINE + 600, step=10)
    assert await stopped(harness) == {TEAM_ID: math.inf}
    assert "scheduled work stops" in caplog.text
    harness.workspace.faults.clear()
    await harness.redis.delete(redis_keys.lease("teams"))  # Redis's own clock doesn't advance
    await harness.worker.work_until(NINE + 900, step=10)
    assert await stopped(harness) == {}
    assert (await stored(harness)).paused == ""
    assert len(await in_channel(harness)) == before + 2  # the digest, and the alert
    assert len(await to_ada(harness)) == direct + 1  # the end of the watched job


def change(harness: AppHarness, status: str) -> str:
    """Change a job; returns its id."""
    return str(harness.emporix_state.add_job("acme", id="job-1", status=status)["id"])


async def test_one_token_serves_all_marks(harness: AppHarness) -> None:
    """A token that works again is active for all workspaces."""
    await StoppedTeams(harness.redis).mark_revoked("T0PARTNER")
    await harness.worker.work()
    assert await stopped(harness) == {}


async def test_other_events_do_not_count_as_an_installation(harness: AppHarness) -> None:
    """Other events after an uninstall don't count as a new installation."""
    await harness.ada.uninstall_app()
    await harness.grace.leave_company()
    assert TEAM_ID in await stopped(harness)
