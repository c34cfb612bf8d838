"""/emporix alerts off — turns off a channel's alerts and tells everyone there."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from sandbox.slack.faults import Fault
from sandbox.slack.person import Person
from tests.harness.app import AppHarness


@pytest.fixture
async def ada(connected: AppHarness) -> Person:
    """Ada in #ops, where two alerts are on."""
    ada = connected.person("ada", "ops")
    await ada.command("/emporix alerts on")
    connected.clock.forward(1)
    await ada.command("/emporix alerts on skipped")
    return ada


async def test_turns_all_off(
    ada: Person, connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """Anyone in the channel can turn off all alerts, with or without a connection."""
    exchange = await connected.person("grace", "ops").command("/emporix alerts off")
    assert exchange.payloads == snapshot
    again = await ada.command("/emporix alerts off")
    assert again.payloads == snapshot


async def test_turns_one_off(ada: Person) -> None:
    """A button turns off its alert only."""
    exchange = await ada.click("Turn off")
    assert "skipped jobs in acme" in exchange.payloads[0]["text"]
    listed = await ada.command("/emporix alerts list")
    assert "*1 alert in this channel*" in listed.payloads[0]["text"]


async def test_touches_no_other_channel(ada: Person, connected: AppHarness) -> None:
    """Alerts of other channels stay on."""
    general = connected.person("ada", "general")
    await general.command("/emporix alerts on")
    await ada.command("/emporix alerts off")
    listed = await general.command("/emporix alerts list")
    assert "*1 alert in this channel*" in listed.payloads[0]["text"]


async def test_notifies_the_owner(
    ada: Person, connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """Owners get one direct message that names who turned off their alerts, unless they did."""
    await connected.person("grace", "ops").command("/emporix alerts off")
    (message,) = await connected.person("ada", "dm").messages()
    assert message["blocks"] == snapshot
    await ada.command("/emporix alerts on")
    await ada.command("/emporix alerts off")
    assert len(await connected.person("ada", "dm").messages()) == 1


async def test_is_off_though_its_owner_cannot_be_notified(
    ada: Person, connected: AppHarness
) -> None:
    """An alert is turned off even if its owner can't be notified."""
    connected.workspace.directory.deactivate("U0ADA")
    connected.workspace.faults.add(Fault("refuse", method="chat.postMessage", error="is_inactive"))
    exchange = await connected.person("grace", "ops").command("/emporix alerts off")
    assert "turned off alerts" in exchange.payloads[0]["text"]
