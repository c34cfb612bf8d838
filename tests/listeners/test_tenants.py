"""/emporix tenants — which are connected, which is the default, what each may do."""

from __future__ import annotations

from syrupy.assertion import SnapshotAssertion

from sandbox.emporix.keys import GLOBEX_READ_ONLY
from tests.harness.app import AppHarness


async def test_lists_tenants(connected: AppHarness, snapshot: SnapshotAssertion) -> None:
    """Each with its rights; the others can be made the default."""
    await connected.connect(connected.ada, GLOBEX_READ_ONLY)
    exchange = await connected.ada.command("/emporix tenants")
    assert exchange.payloads == snapshot


async def test_says_how_to_connect(harness: AppHarness, snapshot: SnapshotAssertion) -> None:
    """Who has none is offered the form."""
    exchange = await harness.grace.command("/emporix tenants")
    assert exchange.payloads == snapshot
