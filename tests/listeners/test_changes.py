"""The audit entries of each type of change, and the notices about them."""

from __future__ import annotations

import pytest

from bot.domain.accounts import Caller
from bot.domain.audit import AuditEntry
from bot.store.audit import AuditLog
from sandbox.emporix.keys import ACME_OPERATIONS, GLOBEX_OPERATIONS
from sandbox.slack.person import Person
from tests.harness.app import AppHarness
from tests.listeners.digest.fixtures import set_up
from tests.listeners.jobs.fixtures import add_jobs, job_id

ADA = Caller("T0ACME", "U0ADA")


@pytest.fixture
async def ada(connected: AppHarness) -> Person:
    """Ada in #ops; Grace is connected too."""
    await connected.connect(connected.grace, ACME_OPERATIONS)
    return connected.person("ada", "ops")


@pytest.fixture
def grace(connected: AppHarness) -> Person:
    return connected.person("grace", "ops")


async def _entries(harness: AppHarness) -> list[AuditEntry]:
    """The entries, oldest first, without those of the two connections."""
    return list(reversed(await AuditLog(harness.redis).latest(ADA, 100)))[2:]


async def test_changes_of_a_digest(connected: AppHarness, ada: Person, grace: Person) -> None:
    """Each change of a digest is recorded with name, channel, user and owner."""
    await set_up(ada, name="Daily")
    await grace.command("/emporix digest pause")
    await ada.command("/emporix digest resume")
    await grace.command("/emporix digest now")
    await ada.command("/emporix digest list")
    await ada.click("Change")
    await ada.submit({"name": "Weekly", "days": "Weekdays"})
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


async def test_changes_of_alerts(connected: AppHarness, ada: Person, grace: Person) -> None:
    """Each change of alerts is recorded once, and their owner is notified of others' changes."""
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


async def test_changes_of_connections(connected: AppHarness, ada: Person) -> None:
    """Connecting (also if refused), changing the default and disconnecting are recorded."""
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


async def test_shares_and_watches(connected: AppHarness, ada: Person) -> None:
    """A shared job, a shared page, and the start and end of a watch are recorded once each."""
    add_jobs(connected, 3)
    running = job_id(3)
    await ada.command(f"/emporix jobs watch {running}")
    await ada.command(f"/emporix jobs watch {running}")
    await ada.command("/emporix jobs watch")
    await ada.command(f"/emporix jobs unwatch {running}")
    await ada.command(f"/emporix jobs unwatch {running}")
    await ada.command(f"/emporix jobs get {job_id(1)}")
    await ada.click(action_id="jobs.share.ask")
    await ada.click("Share")
    await ada.command("/emporix jobs list")
    await ada.click(action_id="jobs.share.ask")
    await ada.click("Share")
    entries = await _entries(connected)
    assert [(e.event, e.subject, e.count) for e in entries] == [
        ("watch.started", running, 0),
        ("watch.stopped", running, 0),
        ("jobs.shared", job_id(1), 0),
        ("jobs.shared", "", 3),
    ]
    assert {entry.channel_id for entry in entries} == {"C0OPS"}


async def test_clean_ups(connected: AppHarness, ada: Person) -> None:
    """A clean-up has one entry; a wrong number and a stop are recorded too."""
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


async def test_reading_the_log_is_recorded(
    connected: AppHarness, ada: Person, grace: Person
) -> None:
    """Reading the log is recorded, also if it is refused."""
    await ada.command("/emporix audit")
    await grace.command("/emporix audit")
    entries = await _entries(connected)
    assert [(e.event, e.user_id, e.result) for e in entries] == [
        ("audit.read", "U0ADA", "done"),
        ("audit.read", "U0GRACE", "admins_only"),
    ]


async def test_channels_that_go(connected: AppHarness, ada: Person) -> None:
    """A removed channel is recorded if digests or alerts were paused there."""
    await ada.command("/emporix alerts on")
    await connected.person("ada", "general").remove_app()
    await ada.remove_app()
    entries = await _entries(connected)
    assert [(e.event, e.user_id, e.owner_id, e.count) for e in entries[1:]] == [
        ("channel.left", "", "U0ADA", 1)
    ]


HOME_BUTTONS = {
    "Pause": ("digest.paused", "Daily", "C0OPS"),
    "Resume": ("digest.resumed", "Daily", "C0OPS"),
    "Post now": ("digest.posted_now", "Daily", "C0OPS"),
    "Delete…": ("digest.deleted", "Daily", "C0OPS"),
    "Mute for 2 hours": ("alert.muted", "", "C0OPS"),
    "Unmute": ("alert.unmuted", "", "C0OPS"),
    "Turn off…": ("alert.off", "", "C0OPS"),
    "Stop watching": ("watch.stopped", job_id(3), ""),
    "Make default": ("connection.default", "", ""),
    "Disconnect…": ("connection.removed", "", ""),
}
"""In an order in which each is there: event, subject and channel of its one entry."""


async def test_buttons_of_the_home_tab(connected: AppHarness, ada: Person) -> None:
    """Each button that changes something writes one entry with user, change and tenant."""
    add_jobs(connected, 3)
    await set_up(ada, name="Daily")
    await ada.command("/emporix alerts on")
    await ada.command(f"/emporix jobs watch {job_id(3)}")
    await connected.connect(ada, GLOBEX_OPERATIONS)
    for label, (event, subject, channel_id) in HOME_BUTTONS.items():
        before = await _entries(connected)
        await ada.open_home()
        exchange = await ada.click(label, at_home=True)
        if exchange.view and exchange.view["submit"]:
            await ada.submit({})
        (entry,) = (await _entries(connected))[len(before) :]
        assert (entry.event, entry.subject, entry.channel_id) == (event, subject, channel_id)
        tenant = "globex" if event.startswith("connection") else "acme"
        assert (entry.user_id, entry.tenant, entry.result) == ("U0ADA", tenant, "done")


async def test_an_alert_that_is_resumed_at_home(connected: AppHarness, ada: Person) -> None:
    """Resuming an alert in Home writes one entry with its tenant and channel."""
    await ada.command("/emporix alerts on")
    await ada.command("/emporix disconnect")
    await ada.click("Disconnect")
    await connected.connect(ada, ACME_OPERATIONS)
    before = await _entries(connected)
    await ada.open_home()
    await ada.click("Resume", at_home=True)
    (entry,) = (await _entries(connected))[len(before) :]
    assert (entry.event, entry.user_id, entry.owner_id) == ("alert.resumed", "U0ADA", "")
    assert (entry.tenant, entry.channel_id, entry.result) == ("acme", "C0OPS", "done")


async def test_a_digest_that_is_taken_over(
    connected: AppHarness, ada: Person, grace: Person
) -> None:
    """Taking over a digest writes one entry with the new user and the previous owner."""
    await set_up(ada, name="Daily")
    before = await _entries(connected)
    await grace.command("/emporix digest list")
    await grace.click("Take over")
    (entry,) = (await _entries(connected))[len(before) :]
    assert (entry.event, entry.user_id, entry.owner_id) == ("digest.taken_over", "U0GRACE", "U0ADA")
    assert (entry.subject, entry.tenant, entry.channel_id) == ("Daily", "acme", "C0OPS")


async def test_a_job_that_is_shared_from_a_message(connected: AppHarness, ada: Person) -> None:
    """Sharing a job from a message writes one entry, and the question writes none."""
    add_jobs(connected, 1)
    before = await _entries(connected)
    await ada.write(f"Look at {job_id(1)}")
    await ada.shortcut("Find Emporix jobs")
    await ada.click("Open")
    await ada.click("Share in thread…")
    assert await _entries(connected) == before
    await ada.submit({})
    (entry,) = (await _entries(connected))[len(before) :]
    assert (entry.event, entry.user_id, entry.subject) == ("jobs.shared", "U0ADA", job_id(1))
    assert (entry.tenant, entry.channel_id, entry.result) == ("acme", "C0OPS", "done")
