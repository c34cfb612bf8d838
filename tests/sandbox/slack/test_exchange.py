"""An exchange ends when the app has finished, and contains everything it sent."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.person import Person, SandboxError
from sandbox.slack.workspace import Workspace
from tests.sandbox.slack.fake_bot import FakeBot


@pytest.fixture
def bot_with_late_reply(bot: FakeBot, http: httpx.AsyncClient) -> FakeBot:
    """A bot that acks at once and answers a moment after."""

    async def reply(url: str) -> None:
        await asyncio.sleep(0.05)
        await http.post(url, json={"text": "Here", "extra": None})

    async def script(sent: dict[str, Any]) -> None:
        bot.later(reply(sent["response_url"]))

    bot.script = script
    return bot


async def test_it_waits_for_work_after_the_ack(ada: Person, bot_with_late_reply: FakeBot) -> None:
    """The exchange lasts while the app reports running work."""
    exchange = await ada.command("/emporix jobs")
    assert [m["text"] for m in exchange.messages] == ["Here"]


async def test_it_waits_for_the_first_answer_of_an_app_that_does_not_tell(
    ada: Person, bot_with_late_reply: FakeBot
) -> None:
    """For an app that doesn't report running work, the first reply ends the exchange."""
    bot_with_late_reply.tells_running = False
    exchange = await ada.command("/emporix jobs")
    assert [m["text"] for m in exchange.messages] == ["Here"]


async def test_payloads_are_recorded_unchanged(ada: Person, bot_with_late_reply: FakeBot) -> None:
    """Payloads are exactly the app's, with unknown fields and nulls, beside Slack's response."""
    exchange = await ada.command("/emporix jobs")
    assert exchange.payloads == [{"text": "Here", "extra": None}]
    assert exchange.sent[0]["via"] == "response_url"
    assert exchange.sent[0]["answer"] == {"status": 200, "body": "ok"}


async def test_only_new_messages_are_recorded(ada: Person, bot: FakeBot) -> None:
    """Messages of earlier exchanges are not repeated."""
    bot.says("one")
    await ada.command("/emporix help")
    bot.says("two")
    exchange = await ada.command("/emporix help")
    assert [m["text"] for m in exchange.messages] == ["two"]


async def test_people_do_not_see_each_other_s_exchanges(
    ada: Person, grace: Person, bot_with_late_reply: FakeBot
) -> None:
    """Concurrent users each get only their own messages."""
    exchanges = await asyncio.gather(
        *(person.command("/emporix jobs") for person in (ada, grace) * 3)
    )
    assert all(m["ephemeral"] for exchange in exchanges for m in exchange.messages)
    hers = [message["ts"] for message in await ada.messages()]
    theirs = [message["ts"] for message in await grace.messages()]
    assert len(hers) == len(theirs) == 3
    assert not set(hers) & set(theirs)


async def test_web_api_calls_are_recorded_by_method(
    ada: Person, bot: FakeBot, web: AsyncWebClient
) -> None:
    """A posted message is recorded with Slack's response, but without the token."""

    async def script(sent: dict[str, Any]) -> None:
        await web.auth_test()
        await web.chat_postEphemeral(channel=sent["channel_id"], user=sent["user_id"], text="x")

    bot.script = script
    (sent,) = (await ada.command("/emporix jobs")).sent
    assert (sent["via"], sent["answer"]["ok"]) == ("chat.postEphemeral", True)
    assert sent["payload"] == {"channel": "C0GENERAL", "user": "U0ADA", "text": "x"}


async def test_a_command_can_be_typed_where_the_bot_is_not(
    http: httpx.AsyncClient, slack_url: str, bot_with_late_reply: FakeBot
) -> None:
    """A response_url works in a channel without the bot."""
    exchange = await Person(http, slack_url, channel="secret").command("/emporix jobs")
    assert [m["channel"] for m in exchange.messages] == ["C0SECRET"]


async def test_a_command_can_be_typed_in_the_direct_message(
    http: httpx.AsyncClient, slack_url: str, bot: FakeBot
) -> None:
    """A direct message is named directmessage and has two members."""
    await Person(http, slack_url, channel="dm").command("/emporix jobs")
    assert bot.last["channel_name"] == "directmessage"
    stranger = Person(http, slack_url, user="grace", channel=bot.last["channel_id"])
    with pytest.raises(SandboxError, match="grace is not in"):
        await stranger.command("/emporix jobs")


@pytest.mark.parametrize(
    ("user", "channel", "there"), [("bob", "general", "ada, grace"), ("ada", "sales", "ops")]
)
async def test_the_user_and_the_channel_must_exist(
    http: httpx.AsyncClient, slack_url: str, user: str, channel: str, there: str
) -> None:
    """For an unknown user or channel, the error lists the existing ones."""
    with pytest.raises(SandboxError, match=there):
        await Person(http, slack_url, user, channel).command("/emporix help")


async def test_a_command_begins_with_a_slash(ada: Person) -> None:
    """Text without a slash is refused as a command."""
    with pytest.raises(SandboxError, match="slash"):
        await ada.command("emporix help")


async def test_forgetting_clears_messages_and_views(
    ada: Person, workspace: Workspace, http: httpx.AsyncClient, slack_url: str
) -> None:
    """/sandbox/forget deletes all messages and views."""
    workspace.messages.add("C0GENERAL", "Hello", [])
    await http.post(f"{slack_url}/sandbox/forget")
    assert (await ada.messages(), await ada.view()) == ([], None)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("command", {"user": "ada"}),
        ("command", {"text": "/emporix"}),
        ("command", []),
        ("click", {"user": "ada", "nth": 0}),
        ("submit", {"user": "ada", "values": {"Tenant": 7}}),
        ("faults", {"kind": "earthquake"}),
        ("faults", {"colour": "red"}),
    ],
)
async def test_a_senseless_order_is_explained(
    http: httpx.AsyncClient, slack_url: str, path: str, body: Any
) -> None:
    """An invalid control request is a 400 with a message."""
    answer = await http.post(f"{slack_url}/sandbox/{path}", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]
