"""/emporix digest delete — asks, then forgets it."""

from __future__ import annotations

from syrupy.assertion import SnapshotAssertion

from sandbox.slack.person import Person
from tests.harness.app import AppHarness


async def test_asks_first(
    connected: AppHarness, ada: Person, digest: str, snapshot: SnapshotAssertion
) -> None:
    """Nothing is deleted before somebody says so."""
    assert (await ada.command("/emporix digest delete")).payloads == snapshot
    assert await connected.redis.keys("*:digest:*") != []


async def test_deletes_every_trace(connected: AppHarness, ada: Person, digest: str) -> None:
    """Of the digest and of its places in the indexes."""
    await ada.command("/emporix digest delete daily jobs")
    exchange = await ada.click("Delete")
    assert "Deleted the digest" in exchange.messages[0]["text"]
    assert await connected.redis.keys("*digest*") == []


async def test_can_be_thought_better_of(connected: AppHarness, ada: Person, digest: str) -> None:
    """Keep keeps."""
    await ada.command("/emporix digest delete")
    await ada.click("Keep")
    assert await connected.redis.keys("*:digest:*") != []


async def test_is_deleted_once(
    connected: AppHarness, ada: Person, digest: str, snapshot: SnapshotAssertion
) -> None:
    """A second press learns that it is gone."""
    await ada.command("/emporix digest list")
    grace = connected.person("grace", "ops")
    await grace.command("/emporix digest list")
    await ada.click("Delete")
    assert (await grace.click("Delete")).payloads == snapshot
