"""/emporix digest preview — what a digest would post now, shown only to the user."""

from __future__ import annotations

from syrupy.assertion import SnapshotAssertion

from sandbox.slack.person import Person
from tests.harness.app import AppHarness
from tests.listeners.alerts.fixtures import with_failure
from tests.listeners.digest.fixtures import in_channel, set_up
from tests.listeners.jobs.fixtures import add_jobs


async def test_shows_counts_and_failures(
    connected: AppHarness, ada: Person, digest: str, snapshot: SnapshotAssertion
) -> None:
    """The preview shows counts and failures of the last day, only to the user."""
    add_jobs(connected, 12)
    exchange = await ada.command("/emporix digest preview")
    assert exchange.payloads == snapshot
    assert await in_channel(connected) == []


async def test_previews_a_first_digest(
    connected: AppHarness, ada: Person, snapshot: SnapshotAssertion
) -> None:
    """Without a digest, the preview uses the defaults and explains how to set one up."""
    add_jobs(connected, 3)
    assert (await ada.command("/emporix digest preview")).payloads == snapshot


async def test_lists_unclaimed_failures(connected: AppHarness, ada: Person, digest: str) -> None:
    """The preview lists the channel's unclaimed failures, as the digest would."""
    assert "no one has claimed" not in str((await ada.command("/emporix digest preview")).payloads)
    await with_failure(connected)
    shown = str((await ada.command("/emporix digest preview")).payloads)
    assert "*1 message with failures that no one has claimed*" in shown
    await ada.click("I'm on it")
    assert "no one has claimed" not in str((await ada.command("/emporix digest preview")).payloads)


async def test_asks_which_one(ada: Person, snapshot: SnapshotAssertion) -> None:
    """With several digests, the answer lists their names; names ignore case."""
    await set_up(ada, name="Morning")
    await set_up(ada, name="Evening")
    assert (await ada.command("/emporix digest preview")).payloads == snapshot
    found = await ada.command("/emporix digest preview “evening”")
    assert "Evening" in str(found.messages[0]["blocks"])


async def test_is_read_by_ones_own_connection(
    connected: AppHarness, digest: str, snapshot: SnapshotAssertion
) -> None:
    """The preview needs the user's own connection."""
    grace = connected.person("grace", "ops")
    assert (await grace.command("/emporix digest preview")).payloads == snapshot


async def test_opens_from_the_list(ada: Person, digest: str) -> None:
    """The button previews the digest next to it."""
    await ada.command("/emporix digest list")
    exchange = await ada.click("Preview")
    assert "Daily jobs" in str(exchange.messages[0]["blocks"])
