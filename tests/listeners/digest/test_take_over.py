"""Take over — a digest goes on by another's connection."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.models import Caller
from bot.store.audit import AuditEntry, AuditLog
from sandbox.emporix.keys import ACME_READ_ONLY
from sandbox.slack.person import Person
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


@pytest.mark.parametrize("label", ["Take over", "Resume"])
async def test_an_old_notice_says_that_it_runs(
    connected: Shop, ada: Person, digest: str, label: str
) -> None:
    """A notice stays in the channel when the digest goes on; its button then changes nothing."""
    grace = connected.person("grace", "ops")
    await connected.connect(grace, ACME_READ_ONLY)
    await (grace if label == "Take over" else ada).command("/emporix digest pause")
    await connected.worker.work()
    await ada.command("/emporix digest resume")
    before, entries = await stored(connected), await audited(connected)
    exchange = await grace.click(label)
    assert "already runs, on the connection of <@U0ADA>" in exchange.messages[0]["text"]
    assert (await stored(connected), await audited(connected)) == (before, entries)


async def audited(shop: Shop) -> tuple[AuditEntry, ...]:
    return await AuditLog(shop.redis).last(Caller("T0ACME", "U0ADA"), 100)


async def test_needs_a_connection_to_its_tenant(connected: Shop, digest: str) -> None:
    """Who has none is offered to connect, and the digest stays what it was."""
    grace = connected.person("grace", "ops")
    await grace.command("/emporix digest list")
    exchange = await grace.click("Take over")
    assert "not connected to tenant `acme`" in exchange.messages[0]["text"]
    assert (await stored(connected)).owner.user_id == "U0ADA"
