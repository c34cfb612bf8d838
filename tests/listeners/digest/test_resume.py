"""/emporix digest resume — it comes again, from its next time on."""

from __future__ import annotations

from syrupy.assertion import SnapshotAssertion

from sandbox.slack.person import Person
from tests.listeners.digest.fixtures import in_channel, stored
from tests.listeners.jobs.fixtures import add_jobs
from tests.shop import Shop


async def test_goes_on_at_its_next_time(
    connected: Shop, ada: Person, digest: str, snapshot: SnapshotAssertion
) -> None:
    """What was left out meanwhile is not made up for."""
    await ada.command("/emporix digest pause")
    connected.clock.forward(3 * 86400)
    add_jobs(connected, 3)
    assert (await ada.command("/emporix digest resume")).payloads == snapshot
    await connected.worker.work()
    assert await in_channel(connected) == []
    slot = (await stored(connected)).slot
    assert slot is not None
    assert slot.on == "2026-11-27"


async def test_goes_on_by_its_button(connected: Shop, ada: Person, digest: str) -> None:
    """In the answer to pause, and in the list."""
    await ada.command("/emporix digest pause")
    await ada.click("Resume")
    assert (await stored(connected)).paused == ""
