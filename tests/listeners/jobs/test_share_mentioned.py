"""Share in thread… in an opened job — shows who will see the job before it is shared."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from sandbox.slack.person import Person
from tests.harness.app import AppHarness
from tests.listeners.jobs.fixtures import add_jobs, job_id

FIND, SHARE = "Find Emporix jobs", "Share in thread…"


async def found(harness: AppHarness, channel: str = "ops") -> Person:
    """Ada has opened a job that she found in a message in this channel."""
    add_jobs(harness, 1)
    ada = harness.person("ada", channel)
    await ada.write(f"Look at {job_id(1)}")
    await ada.shortcut(FIND)
    await ada.click("Open")
    return ada


async def shared(person: Person) -> list[dict[str, Any]]:
    """The app's messages that everyone sees."""
    return [m for m in await person.messages() if m["user"] == "U0BOT" and not m["ephemeral"]]


async def test_asks_and_posts_into_the_thread(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """After confirmation, the job is posted in the message's thread."""
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
    """A shared job works like any other shared job."""
    ada = await found(connected)
    await ada.click(SHARE)
    await ada.submit({})
    await ada.close()
    await ada.close()
    exchange = await ada.click("Delete")
    assert "Deleted by" in exchange.payloads[-1]["text"]


async def test_asks_for_a_channel_in_a_direct_message(connected: AppHarness) -> None:
    """In a direct message, the user selects the channel to share in."""
    ada = await found(connected, "dm")
    exchange = await ada.click("Share…")
    assert exchange.view is not None
    assert exchange.view["callback_id"] == "jobs.share_mentioned.chosen"
    assert await shared(ada) == []


@pytest.mark.parametrize("channel", ["partners", "board"])
async def test_refuses_where_outsiders_may_read(connected: AppHarness, channel: str) -> None:
    """A channel with outsiders is refused in the modal before anything is posted."""
    ada = await found(connected, channel)
    exchange = await ada.click(SHARE)
    assert exchange.view is not None
    assert exchange.view["blocks"][0]["block_id"] == "error.share_refused"
    assert await shared(ada) == []


async def test_looks_again_before_it_posts(connected: AppHarness) -> None:
    """The audience is checked again before posting."""
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
    """Former members can't share, even with an open form."""
    ada = await found(connected)
    if when == "before the answer":
        await ada.click(SHARE)
    connected.workspace.directory.remove("C0OPS", "U0ADA")
    elsewhere = connected.person("ada", "general")  # Slack shows an open form in every channel
    exchange = await (
        elsewhere.submit({}) if when == "before the answer" else elsewhere.click(SHARE)
    )
    assert exchange.view is not None
    assert exchange.view["blocks"][0]["block_id"] == "error.not_in_channel"
    assert await shared(connected.person("grace", "ops")) == []


async def test_a_search_is_shared_with_ones_own_channels(connected: AppHarness) -> None:
    """A search can be shared only with the user's channels, even if they left it after choosing."""
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


async def test_explains_how_to_invite_the_app(connected: AppHarness) -> None:
    """If the app isn't a member, the answer explains how to invite it."""
    ada = await found(connected, "secret")
    await ada.click(SHARE)
    exchange = await ada.submit({})
    assert "/invite @Emporix Jobs" in str(exchange.view)


async def test_can_be_cancelled(connected: AppHarness) -> None:
    """Closing shows the opened job again, and nothing is shared."""
    ada = await found(connected)
    await ada.click(SHARE)
    exchange = await ada.close()
    assert exchange.view is not None
    assert exchange.view["title"]["text"] == "Emporix job"
    assert await shared(ada) == []
