"""Digests of other channels: only members can start something there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sandbox.emporix.keys import ACME_READ_ONLY
from sandbox.slack.faults import Fault
from sandbox.slack.person import Person
from tests.harness.app import AppHarness
from tests.listeners.digest.fixtures import in_channel, is_announcement, set_up, stored, to_ada
from tests.listeners.jobs.fixtures import add_jobs

OPS = "C0OPS"


@pytest.fixture
async def outside(connected: AppHarness, digest: str) -> Person:
    """Ada in #general, who owns a digest of #ops and has left #ops."""
    add_jobs(connected, 3)
    connected.workspace.directory.remove(OPS, "U0ADA")
    general = connected.person("ada", "general")
    await general.command("/emporix digest list")
    return general


async def test_nothing_is_posted_by_people_who_left(connected: AppHarness, outside: Person) -> None:
    """Post now is refused for former members, with the next step, in lists and in Home."""
    exchange = await outside.click("Post now")
    assert "You're not a member of that channel" in exchange.messages[0]["text"]
    assert "Join <#C0OPS>" in exchange.messages[0]["text"]
    await outside.open_home()
    await outside.click("Post now", at_home=True)
    connected.clock.forward(1)
    await connected.worker.work()
    assert await in_channel_of(connected) == []
    assert (await stored(connected)).requested_at == 0


async def test_owners_stop_theirs_from_anywhere(connected: AppHarness, outside: Person) -> None:
    """Owners can pause and delete from anywhere, but not resume."""
    await outside.click("Pause")
    assert (await stored(connected)).paused == "by_hand"
    await outside.click("Resume")
    assert (await stored(connected)).paused == "by_hand"
    await outside.command("/emporix digest list")
    exchange = await outside.click("Delete")
    assert "Deleted the digest" in exchange.messages[0]["text"]


async def test_owners_take_theirs_to_a_channel_of_their_own(
    connected: AppHarness, outside: Person
) -> None:
    """Owners can move a digest from a channel that they left, but not keep it there."""
    await outside.click("Change")
    refused = await outside.submit({"name": "Still there"})
    assert "not a member of that channel" in refused.field_errors["channel"]
    accepted = await outside.submit({"channel": "general"})
    assert accepted.field_errors == {}
    assert (await stored(connected)).channel_id == "C0GENERAL"


@pytest.mark.parametrize("label", ["Post now", "Pause", "Delete", "Change"])
async def test_others_do_nothing_in_channels_that_they_left(
    connected: AppHarness, ada: Person, digest: str, label: str
) -> None:
    """Other former members can't use an old button."""
    grace, general = connected.person("grace", "ops"), connected.person("grace", "general")
    await connected.connect(grace, ACME_READ_ONLY)
    await grace.command("/emporix digest resume")
    await general.command("/emporix digest list")
    await ada.command("/emporix digest resume")
    before = await stored(connected)
    assert before.owner.user_id == "U0ADA"
    connected.workspace.directory.remove(OPS, "U0GRACE")
    await general.click(label)
    if label == "Change":
        await general.submit({"channel": "general"})
    assert await stored(connected) == before


async def test_a_form_names_only_channels_of_ones_own(connected: AppHarness, ada: Person) -> None:
    """A form accepts only the user's channels, even if they were removed while it was open."""
    await ada.command("/emporix digest")
    connected.workspace.directory.admit("C0SECRET", "U0BOT")
    directory = connected.workspace.directory
    await ada.choose("Channel", "secret")
    directory.remove("C0SECRET", "U0ADA")
    exchange = await ada.submit({})
    assert "not a member of that channel" in exchange.field_errors["channel"]
    assert await connected.redis.keys("*:digest:*") == []


async def test_members_of_a_large_channel_are_found(connected: AppHarness, digest: str) -> None:
    """Members are found on any page of Slack's response."""
    channels = connected.workspace.directory.channels
    crowd = frozenset(f"U00{number:05d}" for number in range(2500))
    channels[OPS] = replace(channels[OPS], members=channels[OPS].members | crowd)
    general = connected.person("ada", "general")
    await general.command("/emporix digest list")
    await general.click("Post now")
    assert (await stored(connected)).requested_at > 0


async def test_notifies_the_previous_owner(connected: AppHarness, digest: str) -> None:
    """The previous owner is informed who took over; a failed notice doesn't stop it."""
    grace = connected.person("grace", "ops")
    await connected.connect(grace, ACME_READ_ONLY)
    await grace.command("/emporix digest now")
    (told,) = await to_ada(connected)
    assert "<@U0GRACE> posted your digest “Daily jobs” in <#C0OPS>" in told["text"]
    assert "now uses their connection" in told["text"]
    ada = connected.person("ada", "dm")
    assert "now uses your connection" in (await ada.click("Take over")).messages[0]["text"]
    fault = Fault("refuse", method="chat.postMessage", error="account_inactive")
    connected.workspace.faults.add(fault)
    await grace.command("/emporix digest resume")
    assert (await stored(connected)).owner.user_id == "U0GRACE"


@pytest.mark.parametrize("verb", ["now", "resume"])
async def test_without_a_connection_nothing_starts(
    connected: AppHarness, digest: str, verb: str
) -> None:
    """Without a connection nothing is resumed or posted, and the user is offered to connect."""
    add_jobs(connected, 3)
    await connected.person("ada", "ops").command("/emporix digest pause")
    before = await stored(connected)
    exchange = await connected.person("grace", "ops").command(f"/emporix digest {verb}")
    assert "not connected to" in exchange.messages[0]["text"]
    assert "Connect" in str(exchange.messages[0]["blocks"])
    assert await stored(connected) == before


async def in_channel_of(harness: AppHarness) -> list[str]:
    """The messages in #ops as Grace, still a member, sees them, without announcements."""
    seen = await harness.person("grace", "ops").messages()
    return [
        message["text"]
        for message in seen
        if not message["ephemeral"] and not is_announcement(message)
    ]


async def test_disconnecting_pauses_digests_at_once(
    connected: AppHarness, ada: Person, digest: str
) -> None:
    """Disconnecting pauses digests, and the reply and the channel say so."""
    await set_up(ada, name="Other")
    await ada.command("/emporix disconnect")
    exchange = await ada.click("Disconnect")
    assert "Your digests are paused in <#C0OPS>" in exchange.payloads[0]["text"]
    await connected.worker.work()
    notices = [message["text"] for message in await in_channel(connected)]
    assert sum("its owner disconnected the tenant" in text for text in notices) == 2
