"""What a search has found, in the modal: pages, whole jobs, and posting them."""

from __future__ import annotations

from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from sandbox.slack.person import Person
from tests.harness.app import AppHarness
from tests.listeners.jobs.fixtures import add_jobs, job_id


@pytest.fixture
async def ada(connected: AppHarness) -> Person:
    """Ada in #ops, with two of five jobs found."""
    add_jobs(connected, 5)
    person = connected.person("ada", "ops")
    await person.shortcut("Search Emporix jobs")
    await person.click("More filters")
    await person.submit({"size": "2"})
    return person


async def heading(person: Person) -> str:
    view = await person.view()
    assert view is not None
    return str(view["blocks"][0]["text"]["text"])


async def posted(person: Person) -> list[dict[str, Any]]:
    return [message for message in await person.messages() if not message["ephemeral"]]


@pytest.mark.parametrize(
    ("presses", "shown"),
    [
        (["Next"], "*Jobs 3–4 of 5*"),
        (["Next", "Next"], "*Job 5 of 5*"),
        (["Next", "Previous"], "*Jobs 1–2 of 5*"),
        (["Next", "Next", "First"], "*Jobs 1–2 of 5*"),
        (["Next", "Refresh"], "*Jobs 3–4 of 5*"),
    ],
)
async def test_shows_other_pages(ada: Person, presses: list[str], shown: str) -> None:
    """Next and Previous show another page in the same modal."""
    for press in presses:
        exchange = await ada.click(press)
        assert [sent["via"] for sent in exchange.sent] == ["views.update"]
    assert (await heading(ada)).startswith(shown)


async def test_leads_back_from_a_page_that_there_is_not(connected: AppHarness, ada: Person) -> None:
    """A page beyond the last one says how many there are, and leads to the last and the first."""
    await ada.shortcut("Search Emporix jobs")
    await ada.click("More filters")
    await ada.submit({"size": "2", "more": "page:9"})
    assert (await heading(ada)).startswith("*There are only 3 pages*: tenant acme.")
    await ada.click("Last page")
    assert (await heading(ada)).startswith("*Job 5 of 5*")
    await ada.click("First")
    assert (await heading(ada)).startswith("*Jobs 1–2 of 5*")


async def test_opens_a_job_on_top(ada: Person) -> None:
    """A job opens on top of the results, which are visible again after it is closed."""
    exchange = await ada.click("Open")
    assert exchange.view is not None
    assert exchange.view["title"]["text"] == "Emporix job"
    await ada.close()
    assert (await heading(ada)).startswith("*Jobs 1–2 of 5*")


async def test_posts_a_page_to_a_channel(
    connected: AppHarness, ada: Person, snapshot: SnapshotAssertion
) -> None:
    """Chosen, said who will see it, then posted; the pages turn there as in any shared list."""
    await ada.click("Next")
    choosing = await ada.click("Post to a channel")
    asking = await ada.submit({"Channel": "ops"})
    assert await posted(ada) == []
    done = await ada.submit({})
    sent = [exchange.payloads[-1]["view"] for exchange in (choosing, asking, done)]
    assert sent == snapshot
    (message,) = await posted(ada)
    assert message["text"].startswith("<@U0ADA> shared jobs 3–4 of 5")
    assert message["thread_ts"] is None
    assert job_id(3) in str(message["blocks"])


async def test_posts_nothing_where_outsiders_read(ada: Person) -> None:
    """The same rule as for every share."""
    await ada.click("Post to a channel")
    exchange = await ada.submit({"Channel": "partners"})
    assert exchange.view is not None
    assert exchange.view["blocks"][0]["block_id"] == "error.share_refused"


async def test_runs_an_expired_search_again(connected: AppHarness, ada: Person) -> None:
    """A page that is too old says so in the modal, and its button shows the results there."""
    for key in await connected.redis.keys("*:cursor:*"):
        await connected.redis.delete(key)
    exchange = await ada.click("Next")
    assert exchange.view is not None
    assert exchange.view["blocks"][0]["block_id"] == "error.outdated_button"
    exchange = await ada.click("Run it again")
    assert [sent["via"] for sent in exchange.sent] == ["views.update"]
    assert (await heading(ada)).startswith("*Jobs 1–2 of 5*")
