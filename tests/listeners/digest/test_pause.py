"""/emporix digest pause — nothing comes until it is resumed."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from sandbox.slack.person import Person
from tests.clock import NOW
from tests.listeners.digest.fixtures import in_channel, stored, to_ada
from tests.listeners.jobs.fixtures import add_jobs
from tests.shop import Shop

NINE = 1_795_507_200.0  # 2026-11-24 09:00 in Berlin, when it would have come


async def test_pauses(
    connected: Shop, ada: Person, digest: str, snapshot: SnapshotAssertion
) -> None:
    """Nothing is posted but two notices that it is paused, and by whom; the answer offers to
    resume it.
    """
    add_jobs(connected, 3)
    assert (await ada.command("/emporix digest pause")).payloads == snapshot
    await connected.worker.work_until(connected.clock() + 3 * 86400, step=3600)
    first, second = await in_channel(connected)
    assert "is paused: <@U0ADA> paused it" in first["text"]
    assert "is still paused, so it did not come" in second["text"]
    assert float(first["ts"]) == pytest.approx(NOW, abs=2)
    assert float(second["ts"]) == pytest.approx(NINE, abs=3600)
    assert "Resume" in str(second["blocks"])


async def test_the_owner_hears_of_it_from_others(connected: Shop, digest: str) -> None:
    """And the channel is offered to take it over, as it is not the owner who paused it."""
    await connected.person("grace", "ops").command("/emporix digest pause")
    (told,) = await to_ada(connected)
    assert "<@U0GRACE> paused your digest" in told["text"]
    await connected.worker.work()
    (notice,) = await in_channel(connected)
    assert "<@U0GRACE> paused it" in notice["text"]
    assert "Take over" in str(notice["blocks"])


async def test_pauses_by_its_button(connected: Shop, ada: Person, digest: str) -> None:
    """In the list."""
    await ada.command("/emporix digest list")
    await ada.click("Pause")
    assert (await stored(connected)).paused == "somebody"
