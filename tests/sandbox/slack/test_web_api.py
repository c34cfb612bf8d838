"""The Web API: authentication, request formats and errors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.workspace import Workspace
from tests.sandbox.slack.samples import section


async def refusal(call: Any) -> Any:
    """Return Slack's response to a call that must fail."""
    with pytest.raises(SlackApiError) as refused:
        await call
    return refused.value.response


async def test_auth_test_says_who_the_bot_is(web: AsyncWebClient, workspace: Workspace) -> None:
    """slack_sdk gets the team, the bot and the scopes from auth.test."""
    answer = await web.auth_test()
    assert (answer["team_id"], answer["bot_id"]) == ("T0ACME", "B0BOT")
    scopes = ",".join(sorted(workspace.bot_scopes))
    assert answer.headers["x-oauth-scopes"] == scopes


async def test_no_token_is_not_authed(slack_url: str) -> None:
    """A call without a token is refused with not_authed."""
    answer = await refusal(AsyncWebClient(base_url=f"{slack_url}/api/").auth_test())
    assert answer["error"] == "not_authed"


async def test_a_wrong_token_is_invalid(slack_url: str) -> None:
    """A call with a wrong token is refused with invalid_auth."""
    answer = await refusal(AsyncWebClient("xoxb-no", base_url=f"{slack_url}/api/").auth_test())
    assert answer["error"] == "invalid_auth"


async def test_a_missing_scope_is_named(web: AsyncWebClient, workspace: Workspace) -> None:
    """The error has the needed and the granted scopes."""
    workspace.bot_scopes = frozenset({"commands", "chat:write"})
    answer = await refusal(web.users_info(user="U0ADA"))
    assert answer["error"] == "missing_scope"
    assert answer["needed"] == "users:read"
    assert answer["provided"] == "chat:write,commands"


async def test_posting_needs_chat_write(web: AsyncWebClient, workspace: Workspace) -> None:
    """Without chat:write nothing is posted."""
    workspace.bot_scopes = frozenset({"commands"})
    answer = await refusal(web.chat_postMessage(channel="C0OPS", text="Hello"))
    assert answer["needed"] == "chat:write"


async def test_users_have_their_time_zone(web: AsyncWebClient, workspace: Workspace) -> None:
    """users.info has the time zone and its current offset."""
    workspace.bot_scopes |= {"users:read"}
    user = (await web.users_info(user="U0ADA"))["user"]
    assert (user["tz"], user["tz_offset"]) == ("Europe/Berlin", 3600)
    assert (await refusal(web.users_info(user="U0NOBODY")))["error"] == "user_not_found"


async def test_user_groups_need_their_scope(web: AsyncWebClient, workspace: Workspace) -> None:
    """usergroups.list returns the groups that aren't disabled, and needs usergroups:read."""
    workspace.bot_scopes -= {"usergroups:read"}
    answer = await refusal(web.usergroups_list())
    assert (answer["error"], answer["needed"]) == ("missing_scope", "usergroups:read")
    workspace.bot_scopes |= {"usergroups:read"}
    groups = workspace.directory.user_groups
    groups["S0SHOP"] = replace(groups["S0SHOP"], is_disabled=True)
    (shown,) = (await web.usergroups_list())["usergroups"]
    assert (shown["id"], shown["handle"], shown["user_count"]) == ("S0OPS", "ops-team", 2)
    assert len((await web.usergroups_list(include_disabled=True))["usergroups"]) == 2


async def test_channels_say_whether_the_bot_is_in(
    web: AsyncWebClient, workspace: Workspace
) -> None:
    """conversations.info says whether the bot is a member."""
    workspace.bot_scopes |= {"channels:read"}
    members = [
        (await web.conversations_info(channel=channel))["channel"]["is_member"]
        for channel in ("C0GENERAL", "C0SECRET")
    ]
    assert members == [True, False]
    unknown = await refusal(web.conversations_info(channel="C0NO"))
    assert unknown["error"] == "channel_not_found"


async def test_channels_say_whether_outsiders_read(web: AsyncWebClient) -> None:
    """conversations.info marks Slack Connect channels, but no private ones without the bot."""
    shared = [
        (await web.conversations_info(channel=channel))["channel"]["is_ext_shared"]
        for channel in ("C0GENERAL", "C0PARTNERS")
    ]
    assert shared == [False, True]
    private = await refusal(web.conversations_info(channel="C0BOARD"))
    assert private["error"] == "channel_not_found"


async def test_an_unknown_method_is_refused(web: AsyncWebClient) -> None:
    """An unknown method is refused with unknown_method."""
    assert (await refusal(web.api_call("chat.shout")))["error"] == "unknown_method"


async def test_a_form_is_taken_as_well_as_json(
    http: httpx.AsyncClient, slack_url: str, workspace: Workspace
) -> None:
    """A call can be a form, with the token and blocks as JSON in it."""
    form = {
        "token": workspace.bot_token,
        "channel": "C0GENERAL",
        "text": "Hello",
        "blocks": '[{"type": "divider"}]',
    }
    answer = (await http.post(f"{slack_url}/api/chat.postMessage", data=form)).json()
    assert answer["message"]["blocks"][0]["type"] == "divider"


@pytest.mark.parametrize(
    ("kind", "body", "error"),
    [
        ("application/json", b"{", "invalid_json"),
        ("application/json", b"\xff", "invalid_json"),
        ("application/json", b"[]", "json_not_object"),
        ("application/x-www-form-urlencoded", b"a=\xff", "invalid_form_data"),
        ("text/csv", b"a,b", "invalid_post_type"),
    ],
)
async def test_an_unreadable_body_is_refused(
    http: httpx.AsyncClient, slack_url: str, kind: str, body: bytes, error: str
) -> None:
    """An unreadable body has Slack's error code and isn't a server error."""
    headers = {"Content-Type": kind, "Authorization": "Bearer xoxb-sandbox-bot"}
    answer = await http.post(f"{slack_url}/api/chat.postMessage", content=body, headers=headers)
    assert answer.json()["error"] == error


async def test_bad_blocks_are_refused_with_their_place(web: AsyncWebClient) -> None:
    """invalid_blocks has messages in both of Slack's fields."""
    answer = await refusal(
        web.chat_postMessage(channel="C0OPS", text="x", blocks=[section("x" * 3001)])
    )
    problem = "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"
    assert answer["error"] == "invalid_blocks"
    assert answer["errors"] == [problem]
    assert answer["response_metadata"]["messages"] == [f"[ERROR] {problem}"]
