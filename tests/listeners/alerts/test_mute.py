"""/emporix alerts mute, /emporix alerts unmute — everyone in the channel sees who did it."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from sandbox.slack.person import Person
from tests.harness.app import AppHarness
from tests.listeners.alerts.fixtures import without_ids


@pytest.fixture
async def ada(connected: AppHarness) -> Person:
    """Ada in #ops, where an alert is on."""
    ada = connected.person("ada", "ops")
    await ada.command("/emporix alerts on")
    return ada


async def test_mutes_for_a_while(ada: Person, snapshot: SnapshotAssertion) -> None:
    """Muting shows its end, also in the list."""
    assert without_ids((await ada.command("/emporix alerts mute 30m")).payloads) == snapshot
    listed = await ada.command("/emporix alerts list")
    assert "Muted <!date^1795431800^until" in str(listed.payloads[0]["blocks"])


async def test_mutes_by_button(ada: Person) -> None:
    """The button mutes for two hours."""
    exchange = await ada.click("Mute for 2 hours")
    assert "<!date^1795437200^until" in exchange.payloads[0]["text"]


async def test_alerts_muted_together_are_unmuted_together(ada: Person) -> None:
    """One button unmutes all alerts that one command muted."""
    await ada.command("/emporix alerts on status:skipped")
    await ada.command("/emporix alerts mute")
    await ada.click("Unmute all")
    listed = await ada.command("/emporix alerts list")
    assert "Muted until" not in str(listed.payloads[0]["blocks"])


async def test_an_invalid_duration_is_refused(ada: Person, snapshot: SnapshotAssertion) -> None:
    """An invalid duration is refused with the valid ones."""
    assert (await ada.command("/emporix alerts mute monday")).payloads == snapshot


async def test_without_alerts_it_says_so(connected: AppHarness) -> None:
    """A channel without alerts is reported only to the user who asked."""
    exchange = await connected.person("ada", "general").command("/emporix alerts mute")
    assert "no such alerts" in exchange.payloads[0]["text"]
    assert exchange.payloads[0]["response_type"] == "ephemeral"


async def test_notifies_the_owner(ada: Person, connected: AppHarness) -> None:
    """An owner is informed who muted an alert and until when, unless they did it."""
    await ada.command("/emporix alerts mute")
    await connected.person("grace", "ops").command("/emporix alerts mute 30m")
    (message,) = await connected.person("ada", "dm").messages()
    assert "<@U0GRACE> muted 1 of your alerts <!date^1795431800^until" in message["text"]


@pytest.fixture
async def muted(ada: Person) -> Person:
    """Ada in #ops, where the alert is muted."""
    await ada.command("/emporix alerts mute")
    return ada


async def test_unmutes(muted: Person, snapshot: SnapshotAssertion) -> None:
    """The channel is informed who unmuted the alerts."""
    assert (await muted.command("/emporix alerts unmute")).payloads == snapshot
    listed = await muted.command("/emporix alerts list")
    assert "Muted" not in str(listed.payloads[0]["blocks"])


async def test_unmutes_by_button(muted: Person) -> None:
    """The button below the notice unmutes the alerts."""
    exchange = await muted.click("Unmute")
    assert "unmuted alerts" in exchange.payloads[0]["text"]
