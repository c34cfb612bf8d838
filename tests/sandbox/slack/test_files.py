"""Files in three steps, for those who are in the conversation."""

from __future__ import annotations

import pytest
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.faults import Fault
from sandbox.slack.person import Person
from sandbox.slack.workspace import Workspace


async def share(web: AsyncWebClient, channel: str) -> None:
    await web.files_upload_v2(channel=channel, filename="a.txt", title="A", content="Grüße\n" * 9)


async def test_a_file_in_direct_messages_is_for_one(
    web: AsyncWebClient, ada: Person, grace: Person
) -> None:
    """The official client uploads it; only its reader sees it."""
    opened = await web.conversations_open(users="U0ADA")
    await share(web, opened["channel"]["id"])
    (file,) = await ada.files()
    assert (file["name"], file["title"], file["content"]) == ("a.txt", "A", "Grüße\n" * 9)
    assert await grace.files() == []


@pytest.mark.parametrize(
    ("channel", "error"),
    [
        ("U0ADA", "invalid_arguments"),
        ("C0NOWHERE", "channel_not_found"),
        ("C0SECRET", "not_in_channel"),
    ],
)
async def test_a_file_needs_a_conversation_of_the_bot(
    web: AsyncWebClient, ada: Person, channel: str, error: str
) -> None:
    """A user's id is none."""
    with pytest.raises(SlackApiError) as refused:
        await share(web, channel)
    assert refused.value.response["error"] == error
    assert await ada.files() == []


async def test_files_and_direct_messages_need_their_scopes(
    web: AsyncWebClient, workspace: Workspace
) -> None:
    """files:write and im:write."""
    workspace.bot_scopes = frozenset({"chat:write"})
    for call, scope in (
        (web.conversations_open(users="U0ADA"), "im:write"),
        (share(web, "C0GENERAL"), "files:write"),
    ):
        with pytest.raises(SlackApiError) as refused:
            await call
        assert refused.value.response["needed"] == scope


async def test_bytes_that_do_not_arrive_are_not_shared(
    web: AsyncWebClient, workspace: Workspace, ada: Person
) -> None:
    """Nor is a file that nobody announced."""
    workspace.faults.add(Fault("status", method="upload"))
    with pytest.raises(SlackRequestError):
        await share(web, "C0GENERAL")
    announced = await web.files_getUploadURLExternal(filename="a.txt", length=3)
    for file_id in (announced["file_id"], "F0NOBODY"):
        with pytest.raises(SlackApiError) as refused:
            await web.files_completeUploadExternal(
                files=[{"id": file_id, "title": "A"}], channel_id="C0GENERAL"
            )
        assert refused.value.response["error"] == "file_not_found"
    assert await ada.files() == []
