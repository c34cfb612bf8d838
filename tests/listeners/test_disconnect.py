"""/emporix disconnect — asks for confirmation, then deletes the connection."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from sandbox.emporix.keys import ACME_OPERATIONS, GLOBEX_OPERATIONS
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


async def pause_an_agent(connected: AppHarness) -> None:
    await connected.connect(connected.ada, ACME_OPERATIONS, with_actions=True)
    connected.emporix_state.add_agent("acme", id="complaint-agent", name="Complaint Agent")
    await connected.ada.command("/emporix agents")
    await connected.ada.click("Pause…")
    await connected.ada.submit({"Reason": "Wrong prices"})
    await connected.ada.dismiss()


@pytest.mark.parametrize("is_home", [False, True])
async def test_mentions_paused_agents(connected: AppHarness, *, is_home: bool) -> None:
    """Before and after disconnecting, the app says which agents of the user stay off."""
    await pause_an_agent(connected)
    if is_home:
        await connected.ada.open_home()
        asked = await connected.ada.click("Disconnect…", at_home=True)
        assert "You have paused 1 agent:* *Complaint Agent* (<!date^" in str(asked.view)
        exchange = await connected.ada.submit({})
    else:
        asked = await connected.ada.command("/emporix disconnect")
        assert "Without your API key, I can't switch it on again" in str(asked.payloads)
        listed = await connected.ada.click("Show agents")
        assert "Resume now" in str(listed.payloads)
        exchange = await connected.ada.click("Disconnect")
    after = str([exchange.payloads, exchange.view])
    assert "1 agent that you paused stays off:* *Complaint Agent*" in after


@pytest.mark.parametrize("with_actions", [False, True])
async def test_a_connection_that_cannot_resume(
    connected: AppHarness, *, with_actions: bool
) -> None:
    """Connecting without agent actions says which agents of the user then stay off."""
    await pause_an_agent(connected)
    shown = await connected.connect(connected.ada, ACME_OPERATIONS, with_actions=with_actions)
    assert ("With this connection, I can't switch it on" in str(shown.view)) is not with_actions
    assert "*Connected to `acme`" in str(shown.view)
