"""Each button of a digest acts on that digest, in a channel with two."""

from __future__ import annotations

import pytest

from sandbox.emporix.keys import ACME_READ_ONLY
from sandbox.slack.person import Exchange, Person
from tests.harness.app import AppHarness
from tests.listeners.digest.fixtures import in_channel, set_up, stored
from tests.listeners.jobs.fixtures import add_jobs

FIRST, SECOND = "digest-1", "digest-2"
AT = {FIRST: 1, SECOND: 2}
"""Which button of a label belongs to which digest, in the list."""


@pytest.fixture
async def two(ada: Person) -> Person:
    """Ada in #ops, which has two digests: Morning and Evening."""
    await set_up(ada, name="Morning")
    await set_up(ada, name="Evening", time="18:00")
    return ada


async def press(person: Person, label: str, digest_id: str) -> Exchange:
    await person.command("/emporix digest list")
    return await person.click(label, nth=AT[digest_id])


each_digest = pytest.mark.parametrize(
    ("digest_id", "other", "name"), [(FIRST, SECOND, "Morning"), (SECOND, FIRST, "Evening")]
)


@each_digest
async def test_previews_that_digest(
    connected: AppHarness, two: Person, digest_id: str, other: str, name: str
) -> None:
    """The preview has its name."""
    exchange = await press(two, "Preview", digest_id)
    assert name in str(exchange.messages[0]["blocks"])


@each_digest
async def test_pauses_and_resumes_that_digest(
    connected: AppHarness, two: Person, digest_id: str, other: str, name: str
) -> None:
    """Pause and resume affect only that digest."""
    await press(two, "Pause", digest_id)
    assert (await stored(connected, digest_id)).paused == "by_hand"
    assert (await stored(connected, other)).paused == ""
    await two.command("/emporix digest list")
    await two.click("Pause")  # of the other digest, the only one with this button
    await press(two, "Resume", digest_id)
    assert (await stored(connected, digest_id)).paused == ""
    assert (await stored(connected, other)).paused == "by_hand"


@each_digest
async def test_posts_that_digest_now(
    connected: AppHarness, two: Person, digest_id: str, other: str, name: str
) -> None:
    """Post now posts one message, with the digest's name."""
    add_jobs(connected, 3)
    await press(two, "Post now", digest_id)
    await connected.worker.work()
    (message,) = await in_channel(connected)
    assert name in str(message["blocks"])


@each_digest
async def test_changes_that_digest(
    connected: AppHarness, two: Person, digest_id: str, other: str, name: str
) -> None:
    """Change opens that digest, and saving leaves the other one unchanged."""
    exchange = await press(two, "Change", digest_id)
    assert exchange.view is not None
    assert exchange.view["state"]["values"]["name"]["value"]["value"] == name
    before = await stored(connected, other)
    await two.submit({"name": "Changed"})
    assert (await stored(connected, digest_id)).name == "Changed"
    assert await stored(connected, other) == before


@each_digest
async def test_takes_over_only_that_digest(
    connected: AppHarness, two: Person, digest_id: str, other: str, name: str
) -> None:
    """Taking over one digest leaves the owner of the other one."""
    grace = connected.person("grace", "ops")
    await connected.connect(grace, ACME_READ_ONLY)
    await press(grace, "Take over", digest_id)
    assert (await stored(connected, digest_id)).owner.user_id == "U0GRACE"
    assert (await stored(connected, other)).owner.user_id == "U0ADA"


@each_digest
async def test_deletes_that_digest(
    connected: AppHarness, two: Person, digest_id: str, other: str, name: str
) -> None:
    """Deleting one digest leaves the other one."""
    await press(two, "Delete", digest_id)
    listed = await two.command("/emporix digest list")
    assert name not in str(listed.payloads)
    assert (await stored(connected, other)).paused == ""
