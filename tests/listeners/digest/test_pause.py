"""/emporix digest pause — nothing comes until it is resumed."""

from __future__ import annotations

from syrupy.assertion import SnapshotAssertion

from sandbox.slack.person import Person
from tests.listeners.digest.fixtures import in_channel, stored
from tests.listeners.jobs.fixtures import add_jobs
from tests.shop import Shop


async def test_pauses(
    connected: Shop, ada: Person, digest: str, snapshot: SnapshotAssertion
) -> None:
    """For days nothing is posted; the answer offers to resume it."""
    add_jobs(connected, 3)
    assert (await ada.command("/emporix digest pause")).payloads == snapshot
    await connected.worker.work_until(connected.clock() + 3 * 86400, step=3600)
    assert await in_channel(connected) == []


async def test_pauses_by_its_button(connected: Shop, ada: Person, digest: str) -> None:
    """In the list."""
    await ada.command("/emporix digest list")
    await ada.click("Pause")
    assert (await stored(connected)).paused == "somebody"
