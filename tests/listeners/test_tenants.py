"""/emporix tenants — lists connected tenants, the default one and the rights of each."""

from __future__ import annotations

from syrupy.assertion import SnapshotAssertion

from sandbox.emporix.keys import GLOBEX_READ_ONLY
from tests.harness.app import AppHarness


async def test_lists_tenants(connected: AppHarness, snapshot: SnapshotAssertion) -> None:
    """Each tenant has its rights, and a button to make it the default."""
    await connected.connect(connected.ada, GLOBEX_READ_ONLY)
    exchange = await connected.ada.command("/emporix tenants")
    assert exchange.payloads == snapshot


async def test_says_how_to_connect(harness: AppHarness, snapshot: SnapshotAssertion) -> None:
    """A user without a connection is offered the form."""
    exchange = await harness.grace.command("/emporix tenants")
    assert exchange.payloads == snapshot
