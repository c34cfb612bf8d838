"""/emporix digest pause, /emporix digest resume, Take over — pause until resumed."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.domain.accounts import Caller
from bot.domain.audit import AuditEntry
from bot.store.audit import AuditLog
from sandbox.emporix.keys import ACME_READ_ONLY
from sandbox.slack.person import Person
from tests.harness.app import AppHarness
from tests.harness.clock import NOW
from tests.listeners.digest.fixtures import in_channel, stored, to_ada
from tests.listeners.jobs.fixtures import add_jobs

NINE = 1_795_507_200.0  # 2026-11-24 09:00 in Berlin, when it would be due


async def test_pauses(
    connected: AppHarness, ada: Person, digest: str, snapshot: SnapshotAssertion
) -> None:
    """A paused digest posts only two notices about the pause, and the answer offers Resume."""
    add_jobs(connected, 3)
    assert (await ada.command("/emporix digest pause")).payloads == snapshot
    await connected.worker.work_until(connected.clock() + 3 * 86400, step=3600)
    first, second = await in_channel(connected)
    assert "is paused: <@U0ADA> paused it" in first["text"]
    assert "is still paused, so it wasn't posted" in second["text"]
    assert float(first["ts"]) == pytest.approx(NOW, abs=2)
    assert float(second["ts"]) == pytest.approx(NINE, abs=3600)
    assert "Resume" in str(second["blocks"])


async def test_notifies_the_owner(connected: AppHarness, digest: str) -> None:
    """If another user pauses a digest, its owner is informed, and the channel can take it over."""
    await connected.person("grace", "ops").command("/emporix digest pause")
    (told,) = await to_ada(connected)
    assert "<@U0GRACE> paused your digest" in told["text"]
    await connected.worker.work()
    (notice,) = await in_channel(connected)
    assert "<@U0GRACE> paused it" in notice["text"]
    assert "Take over" in str(notice["blocks"])


async def test_pauses_by_its_button(connected: AppHarness, ada: Person, digest: str) -> None:
    """The button in the list pauses a digest."""
    await ada.command("/emporix digest list")
    await ada.click("Pause")
    assert (await stored(connected)).paused == "by_hand"


async def test_resumes_at_its_next_time(
    connected: AppHarness, ada: Person, digest: str, snapshot: SnapshotAssertion
) -> None:
    """A resumed digest is posted at its next time; missed ones are not."""
    await ada.command("/emporix digest pause")
    connected.clock.forward(3 * 86400)
    add_jobs(connected, 3)
    assert (await ada.command("/emporix digest resume")).payloads == snapshot
    await connected.worker.work()
    assert await in_channel(connected) == []
    slot = (await stored(connected)).scheduled_run
    assert slot is not None
    assert slot.date == "2026-11-27"


async def test_resumes_by_its_buttons(connected: AppHarness, ada: Person, digest: str) -> None:
    """The buttons in the answer and in the list resume a digest."""
    await ada.command("/emporix digest pause")
    await ada.click("Resume")
    assert (await stored(connected)).paused == ""


async def test_resumes_on_the_connection_of_the_clicking_user(
    connected: AppHarness, digest: str, snapshot: SnapshotAssertion
) -> None:
    """A resumed digest uses the connection of the user who resumed it."""
    grace = connected.person("grace", "ops")
    await connected.connect(grace, ACME_READ_ONLY)
    await grace.command("/emporix digest list")
    assert (await grace.click("Take over")).payloads == snapshot
    assert (await stored(connected)).owner.user_id == "U0GRACE"


async def test_needs_a_connection_to_its_tenant(connected: AppHarness, digest: str) -> None:
    """Without a connection a digest stays paused, and the user is offered to connect."""
    grace = connected.person("grace", "ops")
    await grace.command("/emporix digest list")
    exchange = await grace.click("Take over")
    assert "not connected to tenant `acme`" in exchange.messages[0]["text"]
    assert (await stored(connected)).owner.user_id == "U0ADA"


@pytest.mark.parametrize("label", ["Take over", "Resume"])
async def test_an_old_notice_says_that_it_runs(
    connected: AppHarness, ada: Person, digest: str, label: str
) -> None:
    """The button of an old notice changes nothing once the digest runs."""
    grace = connected.person("grace", "ops")
    await connected.connect(grace, ACME_READ_ONLY)
    await (grace if label == "Take over" else ada).command("/emporix digest pause")
    await connected.worker.work()
    await ada.command("/emporix digest resume")
    before, entries = await stored(connected), await audited(connected)
    exchange = await grace.click(label)
    assert "is already set up, and uses <@U0ADA>'s connection" in exchange.messages[0]["text"]
    assert (await stored(connected), await audited(connected)) == (before, entries)


async def audited(harness: AppHarness) -> tuple[AuditEntry, ...]:
    return await AuditLog(harness.redis).latest(Caller("T0ACME", "U0ADA"), 100)
