"""Channels: joining, listing, archiving and reading."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.directory import BOT_USER_ID
from sandbox.slack.workspace import Workspace
from tests.sandbox.slack.conftest import StillClock
from tests.sandbox.slack.test_web_api import refusal

TOLD = {"event_type": "told", "event_payload": {"name": "a"}}


async def word(call: Any) -> str:
    return str((await refusal(call))["error"])


async def test_public_channels_can_be_joined(web: AsyncWebClient, workspace: Workspace) -> None:
    """Public channels can be joined; private and archived ones and direct messages can't."""
    await web.conversations_join(channel="C0SECRET")
    assert BOT_USER_ID in workspace.directory.channel("secret").members
    assert await word(web.conversations_join(channel="C0BOARD")) == "channel_not_found"
    assert await word(web.conversations_join(channel="C0NONE")) == "channel_not_found"
    workspace.directory.archive("C0OPS")
    assert await word(web.conversations_join(channel="C0OPS")) == "is_archived"


async def test_joining_needs_its_scope(web: AsyncWebClient, workspace: Workspace) -> None:
    """Joining needs channels:join."""
    workspace.bot_scopes -= {"channels:join"}
    assert await word(web.conversations_join(channel="C0SECRET")) == "missing_scope"


async def test_nothing_is_posted_to_an_archived_channel(
    web: AsyncWebClient, workspace: Workspace
) -> None:
    """Posting to an archived channel, or to one without the bot, is refused."""
    workspace.directory.archive("C0OPS")
    assert await word(web.chat_postMessage(channel="C0OPS", text="x")) == "is_archived"
    workspace.directory.remove("C0GENERAL", BOT_USER_ID)
    assert await word(web.chat_postMessage(channel="C0GENERAL", text="x")) == "not_in_channel"
    assert await word(web.chat_postMessage(channel="C0BOARD", text="x")) == "channel_not_found"


async def test_lists_visible_channels(web: AsyncWebClient, workspace: Workspace) -> None:
    """Public channels are listed in pages; archived ones can be excluded."""
    workspace.directory.archive("C0OPS")
    first = await web.conversations_list(limit=2, exclude_archived=True)
    cursor = first["response_metadata"]["next_cursor"]
    rest = await web.conversations_list(limit=2, exclude_archived=True, cursor=cursor)
    names = [channel["name"] for page in (first, rest) for channel in page["channels"]]
    assert names == ["general", "secret", "partners"]
    assert (await web.conversations_list(types="private_channel"))["channels"] == []


async def test_a_channel_is_read_newest_first(web: AsyncWebClient, clock: StillClock) -> None:
    """The history has no replies and only messages between the given times."""
    stamps = []
    for number in range(4):
        clock.advance(10)
        stamps.append((await web.chat_postMessage(channel="C0OPS", text=f"{number}"))["ts"])
    await web.chat_postMessage(channel="C0OPS", text="reply", thread_ts=stamps[0])
    found = await web.conversations_history(channel="C0OPS", oldest=stamps[0], limit=2)
    assert [message["text"] for message in found["messages"]] == ["3", "2"]
    cursor = found["response_metadata"]["next_cursor"]
    more = await web.conversations_history(channel="C0OPS", oldest=stamps[0], cursor=cursor)
    assert [message["text"] for message in more["messages"]] == ["1"]
    thread = await web.conversations_replies(channel="C0OPS", ts=stamps[0])
    assert [message["text"] for message in thread["messages"]] == ["0", "reply"]


async def test_metadata_is_shown_where_it_is_asked_for(web: AsyncWebClient) -> None:
    """Without `include_all_metadata`, only the type is shown; invalid metadata is refused."""
    await web.chat_postMessage(channel="C0OPS", text="x", metadata=TOLD)
    short = await web.conversations_history(channel="C0OPS")
    assert short["messages"][0]["metadata"] == {"event_type": "told"}
    whole = await web.conversations_history(channel="C0OPS", include_all_metadata=True)
    assert whole["messages"][0]["metadata"] == TOLD
    wrong = web.chat_postMessage(channel="C0OPS", text="x", metadata={"event_type": "told"})
    assert await word(wrong) == "invalid_metadata_format"


@pytest.mark.parametrize(
    ("channel", "scope"), [("C0OPS", "channels:history"), ("C0BOARD", "groups:history")]
)
async def test_reading_needs_the_scope_of_the_kind(
    web: AsyncWebClient, workspace: Workspace, channel: str, scope: str
) -> None:
    """Public and private channels each have their own scope."""
    workspace.directory.admit("C0BOARD", BOT_USER_ID)
    await web.conversations_history(channel=channel)
    workspace.bot_scopes -= {scope}
    answer = await refusal(web.conversations_history(channel=channel))
    assert (answer["error"], answer["needed"]) == ("missing_scope", scope)


async def test_reading_needs_the_bot_there(web: AsyncWebClient) -> None:
    """The history of a channel without the bot is refused."""
    assert await word(web.conversations_history(channel="C0SECRET")) == "not_in_channel"
    assert await word(web.conversations_history(channel="C0BOARD")) == "channel_not_found"


async def test_a_channel_accepts_a_message_per_second(
    web: AsyncWebClient, workspace: Workspace, clock: StillClock
) -> None:
    """A channel accepts one message per second, and refuses others with Retry-After."""
    workspace.post_limits.by_channel = True
    await web.chat_postMessage(channel="C0OPS", text="1")
    answer = await refusal(web.chat_postMessage(channel="C0OPS", text="2"))
    assert (answer.status_code, answer["error"]) == (429, "ratelimited")
    assert answer.headers["Retry-After"] == "1"
    await web.chat_postMessage(channel="C0GENERAL", text="3")
    clock.advance(1)
    await web.chat_postMessage(channel="C0OPS", text="4")


async def test_a_workspace_has_a_limit_per_minute(
    web: AsyncWebClient, workspace: Workspace, clock: StillClock
) -> None:
    """A workspace's limit per minute applies if a test sets it."""
    workspace.post_limits.a_minute = 2
    for channel in ("C0OPS", "C0GENERAL"):
        await web.chat_postMessage(channel=channel, text="1")
    answer = await refusal(web.chat_postMessage(channel="C0PARTNERS", text="2"))
    assert answer.headers["Retry-After"] == "60"
    clock.advance(60)
    await web.chat_postMessage(channel="C0PARTNERS", text="2")
