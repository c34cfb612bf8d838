"""/emporix alerts off — a channel hears nothing more, and everyone there learns why."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from sandbox.slack.person import Person
from tests.shop import Shop


@pytest.fixture
async def ada(connected: Shop) -> Person:
    """Ada in #ops, where two alerts are on."""
    ada = connected.person("ada", "ops")
    await ada.command("/emporix alerts on")
    connected.clock.forward(1)
    await ada.command("/emporix alerts on skipped")
    return ada


async def test_turns_all_off(ada: Person, connected: Shop, snapshot: SnapshotAssertion) -> None:
    """Whoever is in the channel may do so, with or without a connection."""
    exchange = await connected.person("grace", "ops").command("/emporix alerts off")
    assert exchange.payloads == snapshot
    again = await ada.command("/emporix alerts off")
    assert again.payloads == snapshot


async def test_turns_one_off(ada: Person) -> None:
    """By its button; the other one stays."""
    exchange = await ada.click("Turn off")
    assert "tenant acme, skipped" in exchange.payloads[0]["text"]
    listed = await ada.command("/emporix alerts list")
    assert "*1 alert in this channel*" in listed.payloads[0]["text"]


async def test_touches_no_other_channel(ada: Person, connected: Shop) -> None:
    """Alerts of #general go on."""
    general = connected.person("ada", "general")
    await general.command("/emporix alerts on")
    await ada.command("/emporix alerts off")
    listed = await general.command("/emporix alerts list")
    assert "*1 alert in this channel*" in listed.payloads[0]["text"]
