"""/emporix digest delete — asks for confirmation, then deletes the digest."""

from __future__ import annotations

from syrupy.assertion import SnapshotAssertion

from sandbox.slack.person import Person
from tests.harness.app import AppHarness


async def test_asks_first(
    connected: AppHarness, ada: Person, digest: str, snapshot: SnapshotAssertion
) -> None:
    """Nothing is deleted before the user confirms."""
    assert (await ada.command("/emporix digest delete")).payloads == snapshot
    assert await connected.redis.keys("*:digest:*") != []


async def test_deletes_every_trace(connected: AppHarness, ada: Person, digest: str) -> None:
    """Deleting removes the digest and its index entries."""
    await ada.command("/emporix digest delete daily jobs")
    exchange = await ada.click("Delete")
    assert "Deleted the digest" in exchange.messages[0]["text"]
    assert await connected.redis.keys("*digest*") == []


async def test_can_be_cancelled(connected: AppHarness, ada: Person, digest: str) -> None:
    """Cancelling keeps the digest."""
    await ada.command("/emporix digest delete")
    await ada.click("Cancel")
    assert await connected.redis.keys("*:digest:*") != []


async def test_is_deleted_once(
    connected: AppHarness, ada: Person, digest: str, snapshot: SnapshotAssertion
) -> None:
    """A second click is informed that the digest is gone."""
    await ada.command("/emporix digest list")
    grace = connected.person("grace", "ops")
    await grace.command("/emporix digest list")
    await ada.click("Delete")
    assert (await grace.click("Delete")).payloads == snapshot
