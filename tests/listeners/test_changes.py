"""What the audit log says about each kind of change, and whom it tells."""

from __future__ import annotations

import pytest

from bot.models import Caller
from bot.store.audit import AuditEntry, AuditLog
from sandbox.emporix.keys import ACME_OPERATIONS
from sandbox.slack.person import Person
from tests.listeners.digest.fixtures import set_up
from tests.listeners.jobs.fixtures import add_jobs, job_id
from tests.shop import Shop

ADA = Caller("T0ACME", "U0ADA")


@pytest.fixture
async def ada(connected: Shop) -> Person:
    """Ada in #ops; Grace is connected, too."""
    await connected.connect(connected.grace, ACME_OPERATIONS)
    return connected.person("ada", "ops")


@pytest.fixture
def grace(connected: Shop) -> Person:
    return connected.person("grace", "ops")


async def _entries(shop: Shop) -> list[AuditEntry]:
    """Oldest first, without the two of the connections."""
    return list(reversed(await AuditLog(shop.redis).last(ADA, 100)))[2:]


async def test_changes_of_a_digest(connected: Shop, ada: Person, grace: Person) -> None:
    """Each with its name, its channel, who did it and whose it was."""
    await set_up(ada, name="Daily")
    await grace.command("/emporix digest pause")
    await ada.command("/emporix digest resume")
    await grace.command("/emporix digest now")
    await ada.command("/emporix digest list")
    await ada.click("Change")
    await ada.submit({"name": "Weekly", "days": ["Monday"]})
    await grace.command("/emporix digest delete")
    await grace.click("Delete")
    entries = await _entries(connected)
    assert [(e.event, e.user_id, e.owner_id, e.subject, e.detail) for e in entries] == [
        ("digest.created", "U0ADA", "", "Daily", ""),
        ("digest.paused", "U0GRACE", "U0ADA", "Daily", ""),
        ("digest.resumed", "U0ADA", "", "Daily", ""),
        ("digest.posted_now", "U0GRACE", "U0ADA", "Daily", ""),
        ("digest.changed", "U0ADA", "U0GRACE", "Weekly", "name, schedule"),
        ("digest.deleted", "U0GRACE", "U0ADA", "Weekly", ""),
    ]
    assert {(e.channel_id, e.tenant, e.result) for e in entries} == {("C0OPS", "acme", "done")}


async def test_changes_of_alerts(connected: Shop, ada: Person, grace: Person) -> None:
    """Each that changes something, once; its owner hears of what another person did."""
    await ada.command("/emporix alerts on")
    await ada.command("/emporix alerts on")
    await grace.command("/emporix alerts mute 30m")
    await grace.command("/emporix alerts unmute")
    await grace.command("/emporix alerts off")
    await grace.command("/emporix alerts off")
    entries = await _entries(connected)
    assert [(e.event, e.user_id, e.owner_id, e.count) for e in entries] == [
        ("alert.on", "U0ADA", "", 1),
        ("alert.muted", "U0GRACE", "U0ADA", 1),
        ("alert.unmuted", "U0GRACE", "U0ADA", 1),
        ("alert.off", "U0GRACE", "U0ADA", 1),
    ]
    told = [message["text"] for message in await connected.person("ada", "dm").messages()]
    assert [next(v for v in ("unmuted", "muted", "turned off") if v in text) for text in told] == [
        "muted",
        "unmuted",
        "turned off",
    ]


async def test_changes_of_connections(connected: Shop, ada: Person) -> None:
    """Connecting, refused or not, the default and disconnecting, with what paused."""
    await ada.command("/emporix alerts on")
    await ada.command("/emporix use acme")
    await ada.command("/emporix use globex")
    await ada.command("/emporix disconnect")
    await ada.click("Disconnect")
    await ada.command("/emporix connect globex")
    await ada.submit({"client_id": "nobody", "client_secret": "wrong"})
    entries = await _entries(connected)
    assert [(e.event, e.tenant, e.result, e.count) for e in entries[1:]] == [
        ("connection.default", "acme", "done", 0),
        ("connection.default", "globex", "not_connected", 0),
        ("connection.removed", "acme", "done", 1),
        ("connection.added", "globex", "connect_refused", 0),
    ]
    assert "wrong" not in str(entries)


async def test_shares_and_watches(connected: Shop, ada: Person) -> None:
    """A shared job, a shared page with its number of jobs, a watch and its end; each once."""
    add_jobs(connected, 3)
    running = job_id(3)
    await ada.command(f"/emporix jobs watch {running}")
    await ada.command(f"/emporix jobs watch {running}")
    await ada.command("/emporix jobs watch")
    await ada.command(f"/emporix jobs unwatch {running}")
    await ada.command(f"/emporix jobs unwatch {running}")
    await ada.command(f"/emporix jobs get {job_id(1)}")
    await ada.click("Share in channel")
    await ada.click("Share")
    await ada.command("/emporix jobs list")
    await ada.click("Share in channel")
    await ada.click("Share")
    entries = await _entries(connected)
    assert [(e.event, e.subject, e.count) for e in entries] == [
        ("watch.started", running, 0),
        ("watch.stopped", running, 0),
        ("jobs.shared", job_id(1), 0),
        ("jobs.shared", "", 3),
    ]
    assert {entry.channel_id for entry in entries} == {"C0OPS"}


async def test_clean_ups(connected: Shop, ada: Person) -> None:
    """One entry of the clean-up itself; a wrong number and a stop are entries, too."""
    add_jobs(connected, 3)
    await ada.command("/emporix jobs clean failed")
    await ada.click("Delete…")
    await ada.submit({"The number of jobs": "7"})
    await ada.submit({"The number of jobs": "1"})
    await connected.worker.work()
    entries = await _entries(connected)
    assert [(e.event, e.user_id, e.result, e.count) for e in entries] == [
        ("cleanup.started", "U0ADA", "invalid_input", 0),
        ("cleanup.started", "U0ADA", "done", 1),
    ]


async def test_reading_the_log_is_recorded(connected: Shop, ada: Person, grace: Person) -> None:
    """Also by somebody who may not."""
    await ada.command("/emporix audit")
    await grace.command("/emporix audit")
    entries = await _entries(connected)
    assert [(e.event, e.user_id, e.result) for e in entries] == [
        ("audit.read", "U0ADA", "done"),
        ("audit.read", "U0GRACE", "admins_only"),
    ]


async def test_channels_that_go(connected: Shop, ada: Person) -> None:
    """The app paused what ran there; a channel without anything leaves no entry."""
    await ada.command("/emporix alerts on")
    await connected.person("ada", "general").remove_app()
    await ada.remove_app()
    entries = await _entries(connected)
    assert [(e.event, e.user_id, e.owner_id, e.count) for e in entries[1:]] == [
        ("channel.left", "", "U0ADA", 1)
    ]
