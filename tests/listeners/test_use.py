"""/emporix use — sets the default tenant."""

from __future__ import annotations

from syrupy.assertion import SnapshotAssertion

from sandbox.emporix.keys import GLOBEX_READ_ONLY
from tests.harness.app import AppHarness


async def test_switches(connected: AppHarness, snapshot: SnapshotAssertion) -> None:
    """Later commands use the new default tenant."""
    await connected.connect(connected.ada, GLOBEX_READ_ONLY)
    exchange = await connected.ada.command("/emporix use GLOBEX")
    assert exchange.payloads == snapshot
    listed = await connected.ada.command("/emporix jobs")
    assert "globex" in listed.payloads[0]["text"]


async def test_switches_by_button(connected: AppHarness) -> None:
    """The button in the list of tenants does the same."""
    await connected.connect(connected.ada, GLOBEX_READ_ONLY)
    await connected.ada.command("/emporix tenants")
    await connected.ada.click("Make default")
    listed = await connected.ada.command("/emporix jobs")
    assert "globex" in listed.payloads[0]["text"]


async def test_asks_for_the_tenant(connected: AppHarness, snapshot: SnapshotAssertion) -> None:
    """Without a tenant the command asks for one."""
    exchange = await connected.ada.command("/emporix use")
    assert exchange.payloads == snapshot


async def test_says_that_a_tenant_is_not_connected(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """A tenant without a connection is named, with a button to connect it."""
    exchange = await connected.ada.command("/emporix use initech")
    assert exchange.payloads == snapshot
