"""Take over — a digest goes on by another's connection."""

from __future__ import annotations

from syrupy.assertion import SnapshotAssertion

from sandbox.emporix.keys import ACME_READ_ONLY
from tests.listeners.digest.fixtures import stored
from tests.shop import Shop


async def test_goes_on_by_the_pressers_connection(
    connected: Shop, digest: str, snapshot: SnapshotAssertion
) -> None:
    """Whoever is connected to its tenant can take it."""
    grace = connected.person("grace", "ops")
    await connected.connect(grace, ACME_READ_ONLY)
    await grace.command("/emporix digest list")
    assert (await grace.click("Take over")).payloads == snapshot
    assert (await stored(connected)).owner.user_id == "U0GRACE"


async def test_needs_a_connection_to_its_tenant(connected: Shop, digest: str) -> None:
    """Who has none is offered to connect, and the digest stays what it was."""
    grace = connected.person("grace", "ops")
    await grace.command("/emporix digest list")
    exchange = await grace.click("Take over")
    assert "not connected to tenant `acme`" in exchange.messages[0]["text"]
    assert (await stored(connected)).owner.user_id == "U0ADA"
