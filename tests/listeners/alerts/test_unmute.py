"""/emporix alerts unmute — what was muted is heard again."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from sandbox.slack.person import Person
from tests.shop import Shop


@pytest.fixture
async def ada(connected: Shop) -> Person:
    """Ada in #ops, where an alert is on and muted."""
    ada = connected.person("ada", "ops")
    await ada.command("/emporix alerts on")
    await ada.command("/emporix alerts mute")
    return ada


async def test_unmutes(ada: Person, snapshot: SnapshotAssertion) -> None:
    """Everyone in the channel learns who did it."""
    assert (await ada.command("/emporix alerts unmute")).payloads == snapshot
    listed = await ada.command("/emporix alerts list")
    assert "Muted" not in str(listed.payloads[0]["blocks"])


async def test_unmutes_by_button(ada: Person) -> None:
    """The one that stands below the words that it is muted."""
    exchange = await ada.click("Unmute")
    assert "wants to hear alerts here again" in exchange.payloads[0]["text"]
