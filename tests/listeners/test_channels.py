"""Channel events refresh the cached audience and end scheduled work in the channel."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from bot.domain.accounts import Audience
from bot.store.alerts import AlertStore
from bot.store.digests import DigestStore
from bot.store.slack_cache import AudienceCache
from sandbox.emporix.keys import ACME_OPERATIONS
from sandbox.slack.directory import TEAM_ID
from sandbox.slack.person import Exchange, Person
from tests.harness.app import AppHarness
from tests.listeners.digest.fixtures import set_up, stored

CHANGES: list[Callable[[Person], Awaitable[Exchange]]] = [
    Person.share_channel,
    Person.unshare_channel,
    Person.remove_app,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("channel", ["ops", "board"])
async def test_a_change_clears_the_cached_audience(
    harness: AppHarness, change: Callable[[Person], Awaitable[Exchange]], channel: str
) -> None:
    """Each event that changes the audience clears the cache, for public and private channels."""
    audiences = AudienceCache(harness.redis, harness.cipher, per_minute=50)
    for name in ("C0OPS", "C0BOARD"):
        await audiences.save(Audience(name), "")
    exchange = await change(harness.person("ada", channel))
    changed, other = ("C0OPS", "C0BOARD") if channel == "ops" else ("C0BOARD", "C0OPS")
    assert exchange.ack_status == 200
    assert (await audiences.load(changed)).audience is None
    assert (await audiences.load(other)).audience == Audience(other)


@pytest.fixture
async def scheduled(connected: AppHarness) -> AppHarness:
    """Ada has a digest and alerts in #ops, and Grace a paused digest."""
    for name in ("ada", "grace"):
        await connected.connect(connected.person(name), ACME_OPERATIONS)
        await set_up(connected.person(name, "ops"), name=f"Jobs of {name}")
    await connected.person("ada", "ops").command("/emporix alerts on")
    await connected.person("grace", "ops").command("/emporix digest pause Jobs of grace")
    await set_up(connected.person("ada", "general"))
    return connected


async def direct(harness: AppHarness, user: str) -> list[str]:
    return [message["text"] for message in await harness.person(user, "dm").messages()]


@pytest.mark.parametrize(
    ("end", "reason"), [(Person.archive_channel, "archived"), (Person.remove_app, "removed")]
)
async def test_a_channel_that_is_closed_pauses(
    scheduled: AppHarness,
    end: Callable[[Person], Awaitable[Exchange]],
    reason: str,
) -> None:
    """A closed channel pauses its digests and alerts only, and notifies their owners once."""
    await end(scheduled.person("ada", "ops"))
    assert (await stored(scheduled, "digest-1")).paused == reason
    assert (await stored(scheduled, "digest-2")).paused == "by_hand"
    assert not (await stored(scheduled, "digest-3")).paused
    (alert,) = await AlertStore(scheduled.redis, scheduled.cipher).of_channel(TEAM_ID, "C0OPS")
    assert (alert.paused, alert.paused_at) == (reason, scheduled.clock())
    (told,) = await direct(scheduled, "ada")
    assert "2 of your digests and alerts are" in told
    assert await direct(scheduled, "grace") == []


async def test_paused_digests_are_not_announced_again(scheduled: AppHarness) -> None:
    """Paused digests are not announced again and keep their reason."""
    alerts = AlertStore(scheduled.redis, scheduled.cipher)
    (alert,) = await alerts.of_channel(TEAM_ID, "C0OPS")
    assert await alerts.save(replace(alert, paused="filters"), alert)
    await scheduled.person("ada", "ops").archive_channel()
    (told,) = await direct(scheduled, "ada")
    assert "1 of your digests and alerts" in told
    (alert,) = await alerts.of_channel(TEAM_ID, "C0OPS")
    assert alert.paused == "filters"


async def test_a_deleted_channel_deletes_its_scheduled_work(scheduled: AppHarness) -> None:
    """A deleted channel deletes its digests and alerts, and notifies each owner."""
    await scheduled.person("ada", "ops").delete_channel()
    digests = DigestStore(scheduled.redis, scheduled.cipher)
    assert await digests.of_channel(TEAM_ID, "C0OPS") == ()
    assert await digests.load("digest-3") is not None
    alerts = AlertStore(scheduled.redis, scheduled.cipher)
    assert await alerts.of_channel(TEAM_ID, "C0OPS") == ()
    assert "2 of your digests and alerts" in (await direct(scheduled, "ada"))[0]
    assert "1 of your digests and alerts" in (await direct(scheduled, "grace"))[0]


async def test_private_channels_are_no_other(connected: AppHarness) -> None:
    """Private channels have separate events and are handled the same."""
    connected.workspace.directory.admit("C0BOARD", "U0BOT")
    board = connected.person("ada", "board")
    await set_up(board)
    await board.archive_channel()
    assert (await stored(connected)).paused == "archived"
    await board.delete_channel()
    assert await DigestStore(connected.redis, connected.cipher).load("digest-1") is None


async def test_a_channel_without_any_is_closed_in_silence(connected: AppHarness) -> None:
    """Users without digests or alerts in the channel get no message."""
    await connected.person("ada", "ops").archive_channel()
    assert await direct(connected, "ada") == []
