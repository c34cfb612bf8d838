"""Share in thread, in a modal — who will see it is said beforehand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from sandbox.slack.person import Person
from tests.harness.app import AppHarness
from tests.listeners.jobs.fixtures import add_jobs, job_id

FIND, SHARE = "Find Emporix jobs", "Share in thread"


async def found(harness: AppHarness, channel: str = "ops") -> Person:
    """Ada has found a job in a message in this channel."""
    add_jobs(harness, 1)
    ada = harness.person("ada", channel)
    await ada.write(f"Look at {job_id(1)}")
    await ada.shortcut(FIND)
    return ada


async def shared(person: Person) -> list[dict[str, Any]]:
    """What the app has posted where all see it."""
    return [m for m in await person.messages() if m["user"] == "U0BOT" and not m["ephemeral"]]


async def test_asks_and_posts_into_the_thread(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """The question names the channel; the job then stands in the thread of the message."""
    ada = await found(connected)
    question = await ada.click(SHARE)
    assert question.payloads[-1]["view"] == snapshot
    assert await shared(ada) == []
    exchange = await ada.submit({})
    assert [sent["via"] for sent in exchange.sent] == ["ack", "chat.postMessage", "views.update"]
    assert exchange.payloads == snapshot
    (message,) = await shared(ada)
    assert message["thread_ts"] == (await ada.messages())[0]["ts"]


async def test_everyone_works_with_it(connected: AppHarness) -> None:
    """What was shared is like any other shared job."""
    ada = await found(connected)
    await ada.click(SHARE)
    await ada.submit({})
    await ada.close()
    await ada.close()
    exchange = await ada.click("Delete")
    assert "Deleted by" in exchange.payloads[-1]["text"]


@pytest.mark.parametrize("channel", ["partners", "board", "dm"])
async def test_refuses_where_outsiders_may_read(connected: AppHarness, channel: str) -> None:
    """In the modal, before anything is posted."""
    ada = await found(connected, channel)
    exchange = await ada.click(SHARE)
    assert exchange.view is not None
    assert exchange.view["blocks"][0]["block_id"] == "error.share_refused"
    assert await shared(ada) == []


async def test_looks_again_before_it_posts(connected: AppHarness) -> None:
    """Another organisation has joined meanwhile."""
    ada = await found(connected)
    await ada.click(SHARE)
    channels = connected.workspace.directory.channels
    channels["C0OPS"] = replace(channels["C0OPS"], is_ext_shared=True)
    exchange = await ada.submit({})
    assert exchange.view is not None
    assert exchange.view["blocks"][0]["block_id"] == "error.share_refused"
    assert await shared(ada) == []


@pytest.mark.parametrize("when", ["before the question", "before the answer"])
async def test_refuses_people_who_left_the_channel(connected: AppHarness, when: str) -> None:
    """A form that is still open is no way back into a channel."""
    ada = await found(connected)
    if when == "before the answer":
        await ada.click(SHARE)
    connected.workspace.directory.remove("C0OPS", "U0ADA")
    elsewhere = connected.person("ada", "general")  # Slack shows an open form everywhere
    exchange = await (
        elsewhere.submit({}) if when == "before the answer" else elsewhere.click(SHARE)
    )
    assert exchange.view is not None
    assert exchange.view["blocks"][0]["block_id"] == "error.not_in_channel"
    assert await shared(connected.person("grace", "ops")) == []


async def test_a_search_is_shared_with_ones_own_channels(connected: AppHarness) -> None:
    """Also when the person has left the chosen channel since it was chosen."""
    add_jobs(connected, 1)
    ada = connected.ada
    await ada.shortcut("Search Emporix jobs")
    await ada.submit({})
    await ada.click("Post to a channel")
    await ada.submit({"Channel": "ops"})
    connected.workspace.directory.remove("C0OPS", "U0ADA")
    exchange = await ada.submit({})
    assert exchange.view is not None
    assert exchange.view["blocks"][0]["block_id"] == "error.not_in_channel"
    assert await shared(connected.person("grace", "ops")) == []


async def test_says_where_the_app_is_no_member(connected: AppHarness) -> None:
    """It cannot post into a thread there; the words to type are said."""
    ada = await found(connected, "secret")
    await ada.click(SHARE)
    exchange = await ada.submit({})
    assert "/invite @Emporix Jobs" in str(exchange.view)


async def test_can_be_thought_better_of(connected: AppHarness) -> None:
    """Closed, the jobs found are there again, and nothing was shared."""
    ada = await found(connected)
    await ada.click(SHARE)
    exchange = await ada.close()
    assert exchange.view is not None
    assert exchange.view["title"]["text"] == "Emporix jobs found"
    assert await shared(ada) == []
