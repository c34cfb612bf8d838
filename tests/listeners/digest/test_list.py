"""/emporix digest list — a channel's digests and their buttons."""

from __future__ import annotations

from syrupy.assertion import SnapshotAssertion

from sandbox.slack.person import Person
from tests.harness.app import AppHarness
from tests.listeners.digest.fixtures import set_up


async def test_shows_them_with_their_buttons(ada: Person, snapshot: SnapshotAssertion) -> None:
    """The channel's digests are listed first, then the user's digests elsewhere."""
    await set_up(ada)
    await set_up(ada, name="Failures", filters="failed", custom_days=["Monday"])
    await set_up(ada, channel="general")
    assert (await ada.command("/emporix digest list")).payloads == snapshot


async def test_offers_one_where_there_is_none(ada: Person, snapshot: SnapshotAssertion) -> None:
    """An empty list has a button to set up a digest."""
    assert (await ada.command("/emporix digest list")).payloads == snapshot


async def test_others_can_take_them_over(connected: AppHarness, digest: str) -> None:
    """Users can take over digests of others, but not their own."""
    grace = await connected.person("grace", "ops").command("/emporix digest list")
    assert "Take over" in str(grace.payloads)
    ada = await connected.person("ada", "ops").command("/emporix digest list")
    assert "Take over" not in str(ada.payloads)


async def test_has_room_for_the_button_that_sets_one_up(connected: AppHarness) -> None:
    """A long list still has the button to set up a digest, and counts digests it doesn't show."""
    ada = connected.person("ada", "ops")
    for number in range(20):
        await set_up(ada, name=f"Digest {number}")
    for number in range(5):
        await set_up(ada, name=f"Digest {number}", channel="general")
    *_, counted, button = (await ada.command("/emporix digest list")).payloads[0]["blocks"]
    assert counted["elements"][0]["text"] == "2 more of your digests not shown."
    assert button["elements"][0]["text"]["text"] == "Set up a digest"
