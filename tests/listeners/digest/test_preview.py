"""/emporix digest preview — what it would tell now, for the asker alone."""

from __future__ import annotations

from syrupy.assertion import SnapshotAssertion

from sandbox.slack.person import Person
from tests.harness.app import AppHarness
from tests.listeners.digest.fixtures import in_channel, set_up
from tests.listeners.jobs.fixtures import add_jobs


async def test_shows_what_it_would_tell(
    connected: AppHarness, ada: Person, digest: str, snapshot: SnapshotAssertion
) -> None:
    """Counts and failures of the last day; nobody else sees it."""
    add_jobs(connected, 12)
    exchange = await ada.command("/emporix digest preview")
    assert exchange.payloads == snapshot
    assert await in_channel(connected) == []


async def test_shows_what_a_first_one_would_be(
    connected: AppHarness, ada: Person, snapshot: SnapshotAssertion
) -> None:
    """Before any is set up: the proposal, and how to set it up."""
    add_jobs(connected, 3)
    assert (await ada.command("/emporix digest preview")).payloads == snapshot


async def test_asks_which_one(ada: Person, snapshot: SnapshotAssertion) -> None:
    """Where there are several, their names are told; a name finds one in any case."""
    await set_up(ada, name="Morning")
    await set_up(ada, name="Evening")
    assert (await ada.command("/emporix digest preview")).payloads == snapshot
    found = await ada.command("/emporix digest preview “evening”")
    assert "Evening" in found.messages[0]["text"]


async def test_is_read_by_ones_own_connection(
    connected: AppHarness, digest: str, snapshot: SnapshotAssertion
) -> None:
    """Who is not connected to the tenant sees nothing of it."""
    grace = connected.person("grace", "ops")
    assert (await grace.command("/emporix digest preview")).payloads == snapshot


async def test_opens_from_the_list(ada: Person, digest: str) -> None:
    """The button is for the digest that it stands beside."""
    await ada.command("/emporix digest list")
    exchange = await ada.click("Preview")
    assert "Daily jobs" in exchange.messages[0]["text"]
