"""Requests to the app, and Slack's handling of its ack."""

from __future__ import annotations

import asyncio
from typing import Any

from slack_sdk.signature import SignatureVerifier
from starlette.responses import Response

from sandbox.slack.delivery import signed
from sandbox.slack.person import Person
from sandbox.slack.workspace import Workspace
from tests.sandbox.slack.conftest import StillClock
from tests.sandbox.slack.fake_bot import FakeBot
from tests.sandbox.slack.samples import section


def test_signatures_are_as_slack_publishes() -> None:
    """The signature of Slack's documented example is the same."""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
        b"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
        b"&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
        b"%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    assert signed("8f742231b10e8888abcd99yyyzzz85a5", 1531420618, body) == {
        "X-Slack-Request-Timestamp": "1531420618",
        "X-Slack-Signature": (
            "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
        ),
    }


async def test_requests_have_a_current_signature(
    ada: Person, bot: FakeBot, workspace: Workspace, clock: StillClock
) -> None:
    """slack_sdk's verifier accepts requests, which have the clock's time."""
    await ada.command("/emporix jobs search Grüße & Küsse")
    heard = bot.heard[-1]
    verifier = SignatureVerifier(workspace.signing_secret)
    stamp, signature = (
        heard.headers["x-slack-request-timestamp"],
        heard.headers["x-slack-signature"],
    )
    expected = verifier.generate_signature(timestamp=stamp, body=heard.body)
    assert (stamp, signature) == (str(int(clock())), expected)


async def test_the_text_of_a_command_is_escaped(ada: Person, bot: FakeBot) -> None:
    """A command's text has three characters escaped; typed entities are escaped once more."""
    await ada.command('/emporix jobs list agent:"R&D <beta>" &amp;')
    assert bot.last["text"] == 'jobs list agent:"R&amp;D &lt;beta&gt;" &amp;amp;'


async def test_a_command_has_all_of_its_fields(ada: Person, bot: FakeBot, slack_url: str) -> None:
    """The form has the user, the channel, the text and a response_url."""
    await ada.command("/emporix   jobs list ")
    sent = dict(bot.last)
    assert sent.pop("response_url").startswith(f"{slack_url}/commands/T0ACME/")
    assert sent.pop("trigger_id")
    assert sent.pop("token")
    assert sent == {
        "team_id": "T0ACME",
        "team_domain": "acme-shop",
        "channel_id": "C0GENERAL",
        "channel_name": "general",
        "user_id": "U0ADA",
        "user_name": "ada",
        "command": "/emporix",
        "text": "jobs list",
        "api_app_id": "A0EMPORIX",
        "is_enterprise_install": "false",
    }


async def test_a_text_ack_is_shown_to_the_user(ada: Person, grace: Person, bot: FakeBot) -> None:
    """Text in an ack becomes an ephemeral message and is recorded."""
    bot.says("Hello")
    exchange = await ada.command("/emporix help")
    assert [(m["text"], m["ephemeral"]) for m in exchange.messages] == [("Hello", True)]
    assert exchange.sent == [{"via": "ack", "payload": "Hello", "answer": {"ok": True}}]
    assert await grace.messages() == []


async def test_a_json_ack_may_be_for_the_channel(ada: Person, grace: Person, bot: FakeBot) -> None:
    """A message in an ack follows its response_type."""
    bot.says({"text": "Hello", "blocks": [section()], "response_type": "in_channel"})
    exchange = await ada.command("/emporix help")
    assert exchange.ack_body["text"] == "Hello"
    assert [m["text"] for m in await grace.messages()] == ["Hello"]


async def test_a_bad_message_in_the_ack_is_refused(ada: Person, bot: FakeBot) -> None:
    """The user sees that the command failed, and the payload is recorded with the reason."""
    bot.says({"text": "Hello", "blocks": [section("")]})
    exchange = await ada.command("/emporix help")
    assert exchange.sent[0]["answer"]["error"] == "invalid_blocks"
    assert ["invalid_command_response" in m["text"] for m in exchange.messages] == [True]


async def test_a_server_error_is_a_failed_dispatch(ada: Person, bot: FakeBot) -> None:
    """For a status other than 200, the user sees dispatch_failed."""

    async def fail(_: dict[str, Any]) -> Response:
        return Response("Traceback", 500)

    bot.script = fail
    exchange = await ada.command("/emporix help")
    assert exchange.ack_status == 500
    assert "dispatch_failed" in exchange.messages[0]["text"]


async def test_a_late_ack_is_a_timeout(ada: Person, bot: FakeBot, workspace: Workspace) -> None:
    """After the timeout, the user sees operation_timeout."""
    answered = asyncio.Event()

    async def dawdle(_: dict[str, Any]) -> None:
        await answered.wait()

    bot.script, workspace.ack_seconds = dawdle, 0.05
    exchange = await ada.command("/emporix help")
    answered.set()
    assert exchange.ack_status == 0
    assert "operation_timeout" in exchange.messages[0]["text"]


def test_slack_waits_three_seconds_for_an_ack(workspace: Workspace) -> None:
    """The timeout is three seconds, unless a test shortens it."""
    assert workspace.ack_seconds == 3


async def test_an_unreachable_app_is_a_failed_dispatch(ada: Person, workspace: Workspace) -> None:
    """If the app isn't running, the user sees dispatch_failed."""
    workspace.bot_url = "http://127.0.0.1:1"
    workspace.ack_seconds = 1
    exchange = await ada.command("/emporix help")
    assert "dispatch_failed" in exchange.messages[0]["text"]
