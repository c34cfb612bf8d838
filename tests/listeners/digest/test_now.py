"""/emporix digest now — posts a digest at once, by the next worker."""

from __future__ import annotations

from sandbox.slack.person import Person
from tests.harness.app import AppHarness
from tests.listeners.digest.fixtures import in_channel, stored
from tests.listeners.jobs.fixtures import add_jobs


async def test_is_posted_at_once(connected: AppHarness, ada: Person, digest: str) -> None:
    """A digest is posted at once, and its schedule stays unchanged."""
    add_jobs(connected, 3)
    await connected.worker.work()
    before = (await stored(connected)).scheduled_run
    exchange = await ada.command("/emporix digest now")
    assert "in a few seconds" in exchange.messages[0]["text"]
    connected.clock.forward(1)
    await connected.worker.work()
    assert len(await in_channel(connected)) == 1
    assert (await stored(connected)).scheduled_run == before


async def test_says_that_no_worker_is_running(
    connected: AppHarness, ada: Person, digest: str
) -> None:
    """The answer says if no worker is running, but not in the minute after the app's start."""
    connected.clock.forward(59)
    exchange = await ada.command("/emporix digest now")
    assert "as soon as a background worker is running" in exchange.messages[0]["text"]
    connected.clock.forward(1)
    exchange = await ada.command("/emporix digest now")
    assert "the background worker isn't running" in exchange.messages[0]["text"]


async def test_two_clicks_post_one_digest(connected: AppHarness, ada: Person, digest: str) -> None:
    """Two clicks post one digest."""
    add_jobs(connected, 3)
    await ada.command("/emporix digest list")
    await ada.click("Post now")
    await ada.click("Post now")
    connected.clock.forward(1)
    await connected.worker.work()
    assert len(await in_channel(connected)) == 1


async def test_the_next_digest_covers_only_the_time_since(
    connected: AppHarness, ada: Person, digest: str
) -> None:
    """The next digest covers only the time since."""
    await ada.command("/emporix digest now")
    asked_at = connected.clock()
    connected.clock.forward(1)
    await connected.worker.work()
    assert (await stored(connected)).covered_until == asked_at
