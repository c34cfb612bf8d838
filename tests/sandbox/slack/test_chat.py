"""chat.…: messages are posted, changed and deleted, or refused with Slack's errors."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.person import Person
from sandbox.slack.workspace import Workspace
from tests.sandbox.slack.samples import section
from tests.sandbox.slack.test_web_api import refusal

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"channel": "C0NOWHERE", "text": "x"}, "channel_not_found"),
    ({"channel": "U0NOBODY", "text": "x"}, "channel_not_found"),
    ({"channel": "C0SECRET", "text": "x"}, "not_in_channel"),
    ({"channel": "C0OPS"}, "no_text"),
    ({"channel": "C0OPS", "text": "", "blocks": []}, "no_text"),
    ({"channel": "C0OPS", "text": "x" * 40_001}, "msg_too_long"),
    ({"channel": "C0OPS", "text": "a\0"}, "invalid_arguments"),
    ({"channel": "C0OPS", "text": 7}, "invalid_arguments"),
    ({"text": "x"}, "invalid_arguments"),
    ({"channel": "C0OPS", "blocks": "{"}, "invalid_blocks_format"),
    ({"channel": "C0OPS", "blocks": [section("x" * 2641)] * 5}, "msg_blocks_too_long"),
]


@pytest.mark.parametrize(("call", "error"), REFUSED)
async def test_invalid_messages_are_refused(
    web: AsyncWebClient, call: dict[str, Any], error: str
) -> None:
    """Each invalid message has Slack's error code."""
    answer = await refusal(web.api_call("chat.postMessage", json=call))
    assert answer["error"] == error


async def test_blocks_up_to_13200_letters_are_posted(web: AsyncWebClient) -> None:
    """Blocks with 13,200 characters, an undocumented limit, are accepted."""
    blocks = [section("x" * 2640)] * 5
    assert (await web.chat_postMessage(channel="C0OPS", text="x", blocks=blocks))["ok"]


async def test_a_posted_message_is_seen_by_everybody(
    web: AsyncWebClient, ada: Person, grace: Person
) -> None:
    """All members of a channel see a posted message."""
    posted = await web.chat_postMessage(channel="C0GENERAL", text="Hello")
    assert [m["ts"] for m in await ada.messages()] == [posted["ts"]]
    assert [m["text"] for m in await grace.messages()] == ["Hello"]


async def test_an_ephemeral_message_is_for_one(
    web: AsyncWebClient, ada: Person, grace: Person
) -> None:
    """Only the given user sees an ephemeral message."""
    await web.chat_postEphemeral(channel="C0GENERAL", user="U0ADA", text="Hello")
    assert [m["ephemeral"] for m in await ada.messages()] == [True]
    assert await grace.messages() == []


async def test_an_ephemeral_message_needs_its_reader_in_the_channel(web: AsyncWebClient) -> None:
    """An ephemeral message to a user outside the channel is refused."""
    call = web.chat_postEphemeral(channel="C0GENERAL", user="U0NOBODY", text="Hello")
    assert (await refusal(call))["error"] == "user_not_in_channel"


async def test_a_user_id_means_the_direct_message(
    web: AsyncWebClient, workspace: Workspace
) -> None:
    """Posting to a user id opens their direct message, always the same one."""
    first = await web.chat_postMessage(channel="U0ADA", text="Hello")
    again = await web.chat_postMessage(channel="U0ADA", text="Hello again")
    assert first["channel"] == again["channel"]
    assert first["channel"].startswith("D0")
    assert workspace.seen_by(workspace.directory.user("grace")) == []


async def test_an_update_keeps_blocks_that_it_does_not_mention(web: AsyncWebClient) -> None:
    """An update without blocks keeps them; an empty list removes them."""
    ts = (await web.chat_postMessage(channel="C0OPS", text="one", blocks=[section()]))["ts"]
    kept = await web.chat_update(channel="C0OPS", ts=ts, text="two")
    emptied = await web.chat_update(channel="C0OPS", ts=ts, text="two", blocks=[])
    assert (len(kept["message"]["blocks"]), emptied["message"]["blocks"]) == (1, [])


async def test_only_own_messages_can_be_changed(web: AsyncWebClient, workspace: Workspace) -> None:
    """The bot can't change or delete a user's message."""
    ts = workspace.messages.add("C0OPS", "Hello", [], user_id="U0ADA").ts
    changed = await refusal(web.chat_update(channel="C0OPS", ts=ts, text="x"))
    deleted = await refusal(web.chat_delete(channel="C0OPS", ts=ts))
    assert (changed["error"], deleted["error"]) == ("cant_update_message", "cant_delete_message")


async def test_an_ephemeral_message_cannot_be_updated(web: AsyncWebClient) -> None:
    """chat.update and chat.delete don't find ephemeral messages."""
    posted = await web.chat_postEphemeral(channel="C0OPS", user="U0ADA", text="Hello")
    ts = posted["message_ts"]
    changed = await refusal(web.chat_update(channel="C0OPS", ts=ts, text="x"))
    deleted = await refusal(web.chat_delete(channel="C0OPS", ts=ts))
    assert changed["error"] == deleted["error"] == "message_not_found"


async def test_a_deleted_message_is_gone(web: AsyncWebClient, ada: Person) -> None:
    """A deleted message disappears, and can't be deleted again."""
    posted = await web.chat_postMessage(channel="C0GENERAL", text="Hello")
    await web.chat_delete(channel="C0GENERAL", ts=posted["ts"])
    assert await ada.messages() == []
    again = web.chat_delete(channel="C0GENERAL", ts=posted["ts"])
    assert (await refusal(again))["error"] == "message_not_found"
