"""/emporix digest list — the digests of a channel, and what can be done with them."""

from __future__ import annotations

from syrupy.assertion import SnapshotAssertion

from sandbox.slack.person import Person
from tests.harness.app import AppHarness
from tests.listeners.digest.fixtures import set_up


async def test_shows_them_with_their_buttons(ada: Person, snapshot: SnapshotAssertion) -> None:
    """Those of the channel first, then one's own elsewhere."""
    await set_up(ada)
    await set_up(ada, name="Failures", filters="failed", days=["Monday"])
    await set_up(ada, channel="general")
    assert (await ada.command("/emporix digest list")).payloads == snapshot


async def test_offers_one_where_there_is_none(ada: Person, snapshot: SnapshotAssertion) -> None:
    """With a button that sets it up."""
    assert (await ada.command("/emporix digest list")).payloads == snapshot


async def test_others_can_take_them_over(connected: AppHarness, digest: str) -> None:
    """Who does not own a digest sees that button; the owner needs none."""
    grace = await connected.person("grace", "ops").command("/emporix digest list")
    assert "Take over" in str(grace.payloads)
    ada = await connected.person("ada", "ops").command("/emporix digest list")
    assert "Take over" not in str(ada.payloads)


async def test_has_room_for_the_button_that_sets_one_up(connected: AppHarness) -> None:
    """However many there are: of those in other channels some are only counted."""
    ada = connected.person("ada", "ops")
    for number in range(20):
        await set_up(ada, name=f"Digest {number}")
    for number in range(5):
        await set_up(ada, name=f"Digest {number}", channel="general")
    *_, counted, button = (await ada.command("/emporix digest list")).payloads[0]["blocks"]
    assert counted["elements"][0]["text"] == "and 2 other digests of yours"
    assert button["elements"][0]["text"]["text"] == "Set up a digest"
