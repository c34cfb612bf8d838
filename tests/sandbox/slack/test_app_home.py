"""The Home tab: the events of users who open it, and what Slack refuses to publish."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient
from starlette.responses import Response

from sandbox.slack.person import Person, SandboxError
from sandbox.slack.workspace import Workspace
from tests.sandbox.slack.fake_bot import FakeBot, Fields
from tests.sandbox.slack.samples import actions, button, modal, section
from tests.sandbox.slack.test_web_api import refusal


def home(*blocks: Any) -> dict[str, Any]:
    return {"type": "home", "blocks": list(blocks)}


async def published(web: AsyncWebClient, *blocks: Any) -> dict[str, Any]:
    """Return Ada's Home tab as Slack responds with it."""
    view: dict[str, Any] = (await web.views_publish(user_id="U0ADA", view=home(*blocks)))["view"]
    return view


async def test_opening_sends_an_event(ada: Person, bot: FakeBot) -> None:
    """Opening the Home tab sends an event in Slack's envelope; the first one has no view."""
    await ada.open_home()
    assert bot.heard[-1].headers["content-type"] == "application/json"
    event = dict(bot.last["event"])
    assert float(event.pop("event_ts"))
    assert event == {"type": "app_home_opened", "user": "U0ADA", "channel": "D00001", "tab": "home"}
    assert (bot.last["type"], bot.last["team_id"]) == ("event_callback", "T0ACME")
    assert bot.last["event_id"].startswith("Ev")
    assert bot.last["authorizations"][0]["is_bot"] is True
    assert not {"trigger_id", "response_url"} & bot.last.keys()


async def test_the_event_is_signed(ada: Person, bot: FakeBot, workspace: Workspace) -> None:
    """Events are signed like all other requests."""
    await ada.open_home()
    heard = bot.heard[-1]
    expected = SignatureVerifier(workspace.signing_secret).generate_signature(
        timestamp=heard.headers["x-slack-request-timestamp"], body=heard.body
    )
    assert heard.headers["x-slack-signature"] == expected


async def test_the_event_carries_the_view_that_is_there(
    ada: Person, bot: FakeBot, web: AsyncWebClient
) -> None:
    """The event contains the current view with its hash; that of the other tab contains none."""
    view = await published(web, section())
    await ada.open_home()
    assert bot.last["event"]["view"] == view
    await ada.open_home("messages")
    assert (bot.last["event"]["tab"], "view" in bot.last["event"]) == ("messages", False)


async def test_each_opening_is_an_event_of_its_own(ada: Person, bot: FakeBot) -> None:
    """Each opening has its own event id; only retries repeat one."""
    await ada.open_home()
    await ada.open_home()
    one, other = (heard.fields["event_id"] for heard in bot.heard)
    assert one != other


async def test_a_failed_event_is_sent_again(ada: Person, bot: FakeBot) -> None:
    """A failed event is retried with the number of the attempt and the reason."""

    async def fail(_: Fields) -> Response:
        return Response(status_code=500 if len(bot.heard) == 1 else 200)

    bot.script = fail
    exchange = await ada.open_home()
    first, second = bot.heard
    assert first.body == second.body
    assert second.headers["x-slack-retry-num"] == "1"
    assert second.headers["x-slack-retry-reason"] == "http_error"
    assert "x-slack-retry-num" not in first.headers
    assert exchange.ack_status == 200


async def test_only_subscribed_events_are_sent(
    ada: Person, bot: FakeBot, workspace: Workspace
) -> None:
    """Slack sends only events that the manifest subscribes to."""
    workspace.events = frozenset()
    await ada.open_home()
    assert bot.heard == []


async def test_a_click_in_the_home_tab_has_no_channel(
    ada: Person, bot: FakeBot, web: AsyncWebClient
) -> None:
    """A click in the Home tab has the view, its hash and a trigger_id, which opens a modal."""
    view = await published(web, actions(button("Connect", "connect.open", value="v")))
    await ada.click("Connect", at_home=True)
    assert bot.last["container"] == {"type": "view", "view_id": view["id"]}
    assert bot.last["view"]["hash"] == view["hash"]
    assert not {"channel", "message", "response_url"} & bot.last.keys()
    opened = await web.views_open(trigger_id=bot.last["trigger_id"], view=modal())
    assert opened["ok"]


async def test_a_click_in_the_home_tab_cannot_push(
    ada: Person, bot: FakeBot, web: AsyncWebClient
) -> None:
    """A trigger_id of the Home tab can't push a view."""
    await published(web, actions(button("Connect")))
    await ada.click("Connect", at_home=True)
    pushed = web.views_push(trigger_id=bot.last["trigger_id"], view=modal())
    assert (await refusal(pushed))["error"] == "not_found"


async def test_an_unknown_button_lists_the_existing_ones(ada: Person, web: AsyncWebClient) -> None:
    """For an unknown button, the error lists the existing ones."""
    await published(web, actions(button("Connect")))
    with pytest.raises(SandboxError, match="the Home tab; there are: Connect"):
        await ada.click("Refresh", at_home=True)


@pytest.mark.parametrize(
    "view",
    [
        modal(),
        {"type": "home"},
        home(*[section()] * 101),
        home({"type": "alert", "text": {"type": "mrkdwn", "text": "no"}}),
        home(section("x" * 3001)),
    ],
    ids=["a modal", "no blocks", "101 blocks", "a block for modals", "a long text"],
)
async def test_refuses_an_invalid_home_view(web: AsyncWebClient, view: dict[str, Any]) -> None:
    """A Home view has the type `home` and at most 100 blocks, none of them for other surfaces."""
    refused = await refusal(web.views_publish(user_id="U0ADA", view=view))
    assert refused["error"] == "invalid_arguments"


async def test_refuses_a_home_that_is_not_enabled(
    web: AsyncWebClient, ada: Person, workspace: Workspace
) -> None:
    """Without `home_tab_enabled` in the manifest, publishing is refused."""
    workspace.has_home_tab = False
    assert (await refusal(published(web)))["error"] == "not_enabled"
    with pytest.raises(SandboxError, match="there are: messages"):
        await ada.open_home()


async def test_each_user_has_a_home_tab(ada: Person, web: AsyncWebClient) -> None:
    """Each user has their own Home tab."""
    view = await published(web, section())
    assert (await ada.open_home()).home == view
