"""What an index has lost is found again in the records."""

from __future__ import annotations

from bot.store import layout
from tests.listeners.jobs.fixtures import add_jobs
from tests.shop import Shop


async def test_a_clean_up_that_the_index_lacks_goes_on(connected: Shop) -> None:
    """Within ten minutes, without anybody doing anything."""
    add_jobs(connected, 9)
    await connected.worker.work()
    await connected.ada.command("/emporix jobs clean failed")
    await connected.ada.click("Delete…")
    await connected.ada.submit({"The number of jobs": "3"})
    await connected.redis.delete(layout.cleans_due())
    connected.clock.forward(599)
    await connected.worker.work()
    assert len(connected.world.jobs("acme")) == 9
    connected.clock.forward(2)
    await connected.worker.work()
    connected.clock.forward(1)
    await connected.worker.work()
    assert len(connected.world.jobs("acme")) == 6
