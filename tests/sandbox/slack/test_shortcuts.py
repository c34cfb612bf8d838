"""Shortcuts: where Slack shows them, and their payloads."""

from __future__ import annotations

import pytest
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from sandbox.slack.person import Person, SandboxError
from sandbox.slack.shortcuts import Shortcut
from sandbox.slack.workspace import Workspace
from tests.sandbox.slack.fake_bot import FakeBot
from tests.sandbox.slack.samples import modal


@pytest.fixture(autouse=True)
def offered(workspace: Workspace) -> None:
    workspace.shortcuts = (
        Shortcut("Find things", "find", "message"),
        Shortcut("Search things", "search", "global"),
    )


async def test_a_message_shortcut_brings_its_message(ada: Person, bot: FakeBot) -> None:
    """The payload has the channel, the message as everyone sees it, and a response_url."""
    await ada.write("Job 1 failed")
    exchange = await ada.shortcut("Find things")
    told = bot.last
    assert (exchange.ack_status, told["type"], told["callback_id"]) == (
        200,
        "message_action",
        "find",
    )
    assert told["channel"] == {"id": "C0GENERAL", "name": "general"}
    assert (told["message"]["text"], told["message"]["user"]) == ("Job 1 failed", "U0ADA")
    assert told["message_ts"] == told["message"]["ts"]
    assert "/app/T0ACME/" in told["response_url"]
    assert not told["message"].keys() & {"app_id", "bot_id", "thread_ts"}


async def test_a_message_in_a_thread_names_the_thread(ada: Person, bot: FakeBot) -> None:
    """Message shortcuts work in threads, unlike commands."""
    await ada.write("In a thread", thread_ts="1.2")
    await ada.shortcut("find")
    assert bot.last["message"]["thread_ts"] == "1.2"


async def test_the_payload_has_the_apps_message(
    ada: Person, bot: FakeBot, web: AsyncWebClient
) -> None:
    """The payload of an app's message has the app's id and the blocks."""
    blocks = [{"type": "divider"}]
    posted = await web.chat_postMessage(channel="C0GENERAL", text="Ours", blocks=blocks)
    await ada.write("Another's")
    await ada.shortcut("find", ts=posted["ts"])
    assert bot.last["message"]["app_id"] == bot.last["api_app_id"]
    assert bot.last["message"]["blocks"][0]["type"] == "divider"


async def test_brings_attachments(ada: Person, bot: FakeBot, workspace: Workspace) -> None:
    """The payload has the attachments of other apps."""
    there = [{"fallback": "CI failed", "text": "CI failed"}]
    workspace.messages.add("C0GENERAL", "", [], user_id="U0CI", attachments=there)
    await ada.shortcut("find")
    assert bot.last["message"]["attachments"] == there


async def test_an_ephemeral_message_has_no_shortcuts(ada: Person, web: AsyncWebClient) -> None:
    """Ephemeral messages have no shortcuts."""
    await web.chat_postEphemeral(channel="C0GENERAL", user="U0ADA", text="Only you")
    with pytest.raises(SandboxError, match="no message"):
        await ada.shortcut("find")


async def test_a_global_shortcut_has_only_its_trigger(ada: Person, bot: FakeBot) -> None:
    """The payload has no channel, message or response_url."""
    await ada.shortcut("Search things")
    assert (bot.last["type"], bot.last["callback_id"]) == ("shortcut", "search")
    assert not bot.last.keys() & {"channel", "message", "response_url"}


@pytest.mark.parametrize("name", ["Find things", "Search things"])
async def test_its_trigger_opens_a_modal(
    ada: Person, bot: FakeBot, web: AsyncWebClient, name: str
) -> None:
    """The trigger_id opens one modal."""
    await ada.write("Hello")
    await ada.shortcut(name)
    await web.views_open(trigger_id=bot.last["trigger_id"], view=modal())
    assert await ada.view() is not None


async def test_the_response_url_of_a_shortcut_replaces_nothing(ada: Person, bot: FakeBot) -> None:
    """The response_url posts in the channel and can't replace the user's message."""
    await ada.write("Hello")
    await ada.shortcut("find")
    webhook = AsyncWebhookClient(bot.last["response_url"])
    await webhook.send(text="Found", replace_original=True)
    assert [message["text"] for message in await ada.messages()] == ["Hello", "Found"]


async def test_an_unknown_shortcut_lists_the_existing_ones(ada: Person) -> None:
    """For an unknown shortcut, the error lists the existing ones."""
    with pytest.raises(SandboxError, match="Find things, Search things"):
        await ada.shortcut("Fnd")


async def test_slackbot_reports_a_missing_answer(ada: Person, workspace: Workspace) -> None:
    """If the app doesn't respond, Slackbot says so to this user only."""
    workspace.bot_url = "http://127.0.0.1:1"
    exchange = await ada.shortcut("Search things")
    assert exchange.messages[0]["user"] == "USLACKBOT"
