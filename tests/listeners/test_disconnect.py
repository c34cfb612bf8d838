"""/emporix disconnect — asks for confirmation, then deletes the connection."""

from __future__ import annotations

from syrupy.assertion import SnapshotAssertion

from sandbox.emporix.keys import GLOBEX_OPERATIONS
from tests.harness.app import AppHarness


async def test_asks_first(connected: AppHarness, snapshot: SnapshotAssertion) -> None:
    """Nothing is deleted before the user confirms."""
    exchange = await connected.ada.command("/emporix disconnect")
    assert exchange.payloads == snapshot
    assert await connected.redis.keys("*account") != []


async def test_deletes_every_trace(connected: AppHarness, snapshot: SnapshotAssertion) -> None:
    """Disconnecting deletes all data of the connection from Redis."""
    await connected.ada.command("/emporix jobs list")
    await connected.ada.command("/emporix disconnect acme")
    exchange = await connected.ada.click("Disconnect")
    assert exchange.payloads == snapshot
    rest = {"canary", "probe"}  # data of the app, not of a user
    keys = {
        key.partition(":")[2] for key in await connected.redis.keys("*") if ":delivery:" not in key
    }
    assert keys - rest == {"{:T0ACME}:audit"}


async def test_hands_the_default_on(connected: AppHarness, snapshot: SnapshotAssertion) -> None:
    """Another connected tenant becomes the default and is named."""
    await connected.connect(connected.ada, GLOBEX_OPERATIONS)
    await connected.ada.command("/emporix disconnect acme")
    exchange = await connected.ada.click("Disconnect")
    assert exchange.payloads == snapshot


async def test_can_be_cancelled(connected: AppHarness, snapshot: SnapshotAssertion) -> None:
    """Cancel changes nothing, and replaces the question with a notice."""
    await connected.ada.command("/emporix disconnect")
    exchange = await connected.ada.click("Cancel")
    assert exchange.payloads == snapshot
    assert await connected.redis.keys("*account") != []


async def test_says_that_there_is_nothing_to_disconnect(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """A tenant without a connection is named, with the connected ones."""
    exchange = await connected.ada.command("/emporix disconnect globex")
    assert exchange.payloads == snapshot
