"""Files are uploaded in three steps and seen by members of the conversation."""

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
    """slack_sdk uploads a file that only its reader sees."""
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
    """A user id or a conversation without the bot is refused."""
    with pytest.raises(SlackApiError) as refused:
        await share(web, channel)
    assert refused.value.response["error"] == error
    assert await ada.files() == []


async def test_files_and_direct_messages_need_their_scopes(
    web: AsyncWebClient, workspace: Workspace
) -> None:
    """Uploads need files:write, and opening direct messages im:write."""
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
    """A file that is incomplete or was never announced can't be shared."""
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


async def uploaded(web: AsyncWebClient, workspace: Workspace) -> str:
    """Return the id of an uploaded file that is not yet shared."""
    announced = await web.files_getUploadURLExternal(filename="a.png", length=1, alt_txt="Bars.")
    assert workspace.files.upload(announced["upload_url"].removeprefix(workspace.slack_url), b"a")
    return str(announced["file_id"])


async def test_a_file_can_be_a_reply(
    web: AsyncWebClient, workspace: Workspace, ada: Person
) -> None:
    """A file can be in a thread and has alt text."""
    posted = await web.chat_postMessage(channel="C0GENERAL", text="Hello")
    file_id = await uploaded(web, workspace)
    done = await web.files_completeUploadExternal(
        files=[{"id": file_id, "title": "A"}], channel_id="C0GENERAL", thread_ts=posted["ts"]
    )
    (file,) = await ada.files()
    assert (file["thread_ts"], file["alt_txt"]) == (posted["ts"], "Bars.")
    assert done["files"][0]["alt_txt"] == "Bars."


async def test_a_reply_needs_a_message_that_is_none(
    web: AsyncWebClient, workspace: Workspace, ada: Person
) -> None:
    """The parent must be a message of the same channel that isn't a reply itself."""
    posted = await web.chat_postMessage(channel="C0GENERAL", text="Hello")
    reply = await web.chat_postMessage(channel="C0GENERAL", text="And", thread_ts=str(posted["ts"]))
    file_id = await uploaded(web, workspace)
    for channel, ts in (
        ("C0GENERAL", reply["ts"]),
        ("C0GENERAL", "1795430000.999999"),
        ("C0GENERAL", "yesterday"),
        ("C0OPS", posted["ts"]),
    ):
        with pytest.raises(SlackApiError) as refused:
            await web.files_completeUploadExternal(
                files=[{"id": file_id}], channel_id=channel, thread_ts=ts
            )
        assert refused.value.response["error"] == "invalid_thread_ts"
    assert await ada.files() == []


async def test_alt_text_has_a_limit(web: AsyncWebClient) -> None:
    """Alt text can have at most 1,000 characters."""
    await web.files_getUploadURLExternal(filename="a.png", length=1, alt_txt="x" * 1000)
    with pytest.raises(SlackApiError) as refused:
        await web.files_getUploadURLExternal(filename="a.png", length=1, alt_txt="x" * 1001)
    assert refused.value.response["error"] == "alt_txt_too_large"


async def test_an_archived_channel_refuses_files(
    web: AsyncWebClient, workspace: Workspace, ada: Person
) -> None:
    """An archived channel refuses files."""
    workspace.directory.archive("C0GENERAL")
    with pytest.raises(SlackApiError) as refused:
        await share(web, "C0GENERAL")
    assert refused.value.response["error"] == "is_archived"
