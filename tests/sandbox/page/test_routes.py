"""The page's endpoints."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import httpx
import pytest

from sandbox.page.routes import PageRoutes
from sandbox.slack.generated_ids import with_generated_ids
from sandbox.slack.workspace import Workspace
from tests.sandbox.slack.fake_bot import FakeBot
from tests.sandbox.slack.samples import (
    actions,
    button,
    element,
    modal,
    option,
    plain,
    section,
    text_input,
)

HERE = "/page/ada/general"


async def parts(page: httpx.AsyncClient, where: str = HERE, tab: str = "messages") -> Any:
    return (await page.get(f"{where}/parts", params={"tab": tab})).json()


async def act(page: httpx.AsyncClient, kind: str, **given: Any) -> httpx.Response:
    return await page.post(f"{HERE}/{kind}", json=given)


async def test_the_front_is_a_channel(page: httpx.AsyncClient) -> None:
    """The first page shows #general to Ada, and its policy allows no other origins."""
    answer = await page.get("/", follow_redirects=True)
    assert (answer.status_code, answer.url.path) == (200, HERE)
    assert "#general" in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'self'")


@pytest.mark.parametrize("where", ["/page/eve/general", "/page/ada/random"])
async def test_an_unknown_address_lists_the_pages(page: httpx.AsyncClient, where: str) -> None:
    """An unknown address lists what exists and links to the page."""
    answer = await page.get(where)
    assert answer.status_code == 404
    assert "there are" in answer.text
    assert 'href="/"' in answer.text
    assert "there are" in (await page.get(f"{where}/parts")).json()["error"]
    assert (await page.get("/page/eve/changes")).status_code == 404


@pytest.mark.parametrize("name", ["main.js", "base.css", "mark.svg"])
async def test_scripts_and_sheets_are_files(page: httpx.AsyncClient, name: str) -> None:
    """Scripts and style sheets are served without a build step."""
    assert (await page.get(f"/page/static/{name}")).status_code == 200


async def test_only_its_reader_sees_an_ephemeral_message(
    page: httpx.AsyncClient, workspace: Workspace
) -> None:
    """Only its reader sees an ephemeral message, marked as such."""
    workspace.messages.add("C0GENERAL", "a secret", [], only_for="U0ADA")
    mine, theirs = await parts(page), await parts(page, "/page/grace/general")
    assert "a secret" in mine["messages"]
    assert "Only visible to you" in mine["messages"]
    assert "a secret" not in theirs["messages"]


async def test_a_reload_forgets_ephemeral_messages(
    page: httpx.AsyncClient, workspace: Workspace
) -> None:
    """A loaded page shows ephemeral messages that come later, but not those from before."""
    workspace.messages.add("C0GENERAL", "a secret", [], only_for="U0ADA")
    workspace.messages.add("C0GENERAL", "for all", [])
    whole = (await page.get(HERE)).text
    loaded = re.search(r'data-loaded="(\d+)"', whole)
    assert loaded
    workspace.messages.add("C0GENERAL", "another secret", [], only_for="U0ADA")
    later = (await page.get(f"{HERE}/parts", params={"loaded": loaded[1]})).json()["messages"]
    assert ("a secret" in whole, "for all" in whole) == (False, True)
    assert (">a secret<" in later, "for all" in later, "another secret" in later) == (
        False,
        True,
        True,
    )


@pytest.mark.parametrize(
    ("text", "more", "is_folded"),
    [
        ("x" * 600, {}, False),
        ("x" * 601, {}, True),
        ("x" * 601, {"expand": True}, False),
        ("x" * 601, {"expand": False}, True),
        ("a\nb\nc\nd\ne", {}, False),
        ("a\nb\nc\nd\ne\nf", {}, True),
    ],
)
async def test_long_sections_of_messages_are_folded(
    page: httpx.AsyncClient, workspace: Workspace, text: str, more: dict[str, bool], is_folded: bool
) -> None:
    """A section of more than 600 characters or five line breaks is folded, unless it expands."""
    workspace.messages.add("C0GENERAL", "Long", with_generated_ids([section(text) | more]))
    shown = (await parts(page))["messages"]
    assert ("See more" in shown) is is_folded


async def test_modals_and_the_home_are_not_folded(
    page: httpx.AsyncClient, workspace: Workspace
) -> None:
    """Sections of views show all of their text."""
    long = section("x" * 3000)
    workspace.views.open("U0ADA", modal(long), "C0GENERAL")
    workspace.views.publish("U0ADA", {"type": "home", "blocks": with_generated_ids([long])})
    home = await parts(page, "/page/ada/dm", "home")
    assert "x" * 3000 in home["messages"]
    assert "x" * 3000 in home["modal"]
    assert "See more" not in home["messages"] + home["modal"]


async def test_notification_texts_are_on_messages_with_blocks(
    page: httpx.AsyncClient, workspace: Workspace
) -> None:
    """The text beside blocks is plain, as in a notification; a text alone is the message."""
    text = ':x: *3 jobs* failed: <https://a.example|"open">'
    workspace.messages.add("C0GENERAL", text, with_generated_ids([section("Blocks")]))
    workspace.messages.add("C0GENERAL", "Only text", [])
    shown = (await parts(page))["messages"]
    assert shown.count("data-notification=") == 1
    assert 'data-notification="❌ 3 jobs failed: &#34;open&#34; (https://a.example)"' in shown


async def test_unread_messages_are_counted_until_read(
    page: httpx.AsyncClient, workspace: Workspace
) -> None:
    """Unread messages are counted per user and channel, except one's own."""
    workspace.messages.add("C0OPS", "hello", [], user_id="U0GRACE")
    assert "1<span" in (await parts(page))["sidebar"]
    assert "unread" not in (await parts(page, "/page/grace/general"))["sidebar"]
    await parts(page, "/page/ada/ops")
    assert "unread" not in (await parts(page))["sidebar"]


async def test_changes_are_events(
    page: httpx.AsyncClient, workspace: Workspace, page_routes: PageRoutes
) -> None:
    """New, changed and deleted messages and views are events; closing the page ends the stream."""
    async with page.stream("GET", "/page/ada/changes") as answer:
        events = (line async for line in answer.aiter_lines() if line.startswith("data:"))
        seen = [await anext(events)]
        message = workspace.messages.add("C0GENERAL", "hello", [])
        seen.append(await anext(events))
        message = workspace.messages.replace(message, "hi", [])
        seen.append(await anext(events))
        workspace.messages.delete(message)
        seen.append(await anext(events))
        workspace.views.open("U0ADA", modal())
        seen.append(await anext(events))
        page_routes.close()
        assert [line async for line in events] == []
    assert len(set(seen)) == 5


async def test_a_command_goes_to_the_app(page: httpx.AsyncClient, bot: FakeBot) -> None:
    """A command is sent from the current channel."""
    await page.post("/page/grace/ops/say", json={"text": "/emporix jobs"})
    sent = {name: bot.last[name] for name in ("user_name", "channel_name", "text")}
    assert sent == {"user_name": "grace", "channel_name": "ops", "text": "jobs"}


async def test_another_command_is_not_sent(page: httpx.AsyncClient, bot: FakeBot) -> None:
    """Slackbot refuses an unknown command, and only its user sees that."""
    await act(page, "say", text="/giphy refund")
    assert bot.heard == []
    assert "is not a valid command" in (await parts(page))["messages"]


async def test_a_message_is_shown_to_everyone(
    page: httpx.AsyncClient, workspace: Workspace
) -> None:
    """A message is shown to everyone as text, with Slack's markup."""
    await act(page, "say", text="*hi* <b>all</b> & <!channel>")
    shown = (await parts(page, "/page/grace/general"))["messages"]
    assert "<b>hi</b> &lt;b&gt;all&lt;/b&gt; &amp; &lt;!channel&gt;" in shown


async def test_a_click_identifies_one_button(
    page: httpx.AsyncClient, bot: FakeBot, workspace: Workspace
) -> None:
    """A click is identified by message, block and action, and in a menu by its option."""
    menu = element("overflow", options=[option("Keep", "keep"), option("Drop", "drop")])
    rows = [actions(button(value=value), block_id=value) for value in ("first", "second")]
    blocks = with_generated_ids([*rows, section(accessory=menu, block_id="more")])
    ts = workspace.messages.add("C0GENERAL", "A list", blocks).ts
    await act(page, "press", ts=ts, block="second", action="jobs.open")
    assert bot.last["actions"][0]["value"] == "second"
    await act(page, "press", ts=ts, block="more", action="overflow", option="drop")
    assert bot.last["actions"][0]["selected_option"]["value"] == "drop"


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("press", {"ts": "1.000100", "block": "b", "action": "a"}),
        ("choose", {"view": "V1", "block": "b", "action": "a", "value": "x"}),
        ("submit", {"values": {}}),
        ("dance", {}),
    ],
)
async def test_a_removed_element_cannot_be_used(
    page: httpx.AsyncClient, kind: str, given: dict[str, Any]
) -> None:
    """A click on something that no longer exists is refused, and nothing happens."""
    answer = await act(page, kind, **given)
    assert answer.status_code == 404
    assert answer.json()["error"]


async def test_a_click_sends_the_values_of_its_form(
    page: httpx.AsyncClient, bot: FakeBot, workspace: Workspace
) -> None:
    """A click in a form sends the form's values as they are on the screen."""
    blocks = [text_input(block_id="tenant"), actions(button(), block_id="row")]
    view = workspace.views.open("U0ADA", modal(*blocks))
    where = {"view": view.id, "block": "row", "action": "jobs.open"}
    await act(page, "press", **where, values={"tenant": "acme"})
    assert bot.last["view"]["state"]["values"]["tenant"]["typed"]["value"] == "acme"


async def test_field_errors_come_with_their_form(
    page: httpx.AsyncClient, bot: FakeBot, workspace: Workspace
) -> None:
    """Field errors are beside their inputs, which keep their values."""
    workspace.views.open("U0ADA", modal(text_input(block_id="tenant")))
    bot.says({"response_action": "errors", "errors": {"tenant": "No such tenant"}})
    answer = await act(page, "submit", values={"tenant": "acmee"})
    assert "No such tenant" in answer.json()["modal"]
    assert 'value="acmee"' in answer.json()["modal"]


async def test_options_are_offered_while_one_types(
    page: httpx.AsyncClient, bot: FakeBot, workspace: Workspace
) -> None:
    """Typing requests options, and the selected one is sent to the app."""
    select = element("external_select", min_query_length=1, placeholder=plain("Agent"))
    ts = workspace.messages.add(
        "C0GENERAL", "x", with_generated_ids([actions(select, block_id="b")])
    ).ts
    bot.says({"options": [option("Complaint <Agent>", "complaint")]})
    where = {"ts": ts, "block": "b", "action": "external_select"}
    offered = await act(page, "suggest", **where, typed="com", id="e1")
    assert "Complaint &lt;Agent&gt;" in offered.json()["options"]
    await act(page, "choose", **where, value="complaint")
    assert bot.last["actions"][0]["selected_option"]["value"] == "complaint"
    assert 'data-kept="complaint"' in (await parts(page))["messages"]


async def test_the_app_has_a_home_tab_and_messages(
    page: httpx.AsyncClient, workspace: Workspace, bot: FakeBot
) -> None:
    """Opening the Home tab sends an event; until the app publishes, the tab is empty."""
    assert "data-tab" not in (await parts(page))["top"]
    assert 'data-tab="home"' in (await parts(page, "/page/ada/dm"))["top"]
    assert "nothing to show" in (await parts(page, "/page/ada/dm", "home"))["messages"]
    await page.post("/page/ada/dm/open", json={"tab": "home"})
    assert bot.last["event"]["tab"] == "home"
    workspace.views.publish("U0ADA", {"type": "home", "blocks": [section("Welcome home")]})
    assert "Welcome home" in (await parts(page, "/page/ada/dm", "home"))["messages"]


async def test_an_app_without_a_home_has_no_tabs(
    page: httpx.AsyncClient, workspace: Workspace
) -> None:
    """Without a Home tab in the manifest, the app has no tabs."""
    workspace.has_home_tab = False
    assert "data-tab" not in (await parts(page, "/page/ada/dm"))["top"]


async def test_a_file_is_available_to_its_channel(
    page: httpx.AsyncClient, workspace: Workspace
) -> None:
    """A file's preview and download are available only to members of its channel."""
    direct = workspace.directory.direct(workspace.directory.user("ada"))
    file = workspace.files.announce("message.txt", 9)
    workspace.files.upload(file.path, b"<b>hi</b>")
    workspace.files.share(file.id, "The whole message", direct.id)
    shown = (await parts(page, "/page/ada/dm"))["messages"]
    assert "The whole message" in shown
    assert "&lt;b&gt;hi&lt;/b&gt;" in shown
    answer = await page.get(f"/page/ada/file/{file.id}")
    assert answer.content == b"<b>hi</b>"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert (await page.get(f"/page/grace/file/{file.id}")).status_code == 404


async def test_an_image_has_an_alt_text(page: httpx.AsyncClient, workspace: Workspace) -> None:
    """An image has its alt text, or its title."""
    for alt_text in ("Bars for each day.", ""):
        file = workspace.files.announce("days.png", 1, alt_text)
        workspace.files.upload(file.path, b"a")
        workspace.files.share(file.id, "The last days", "C0GENERAL")
    shown = (await parts(page, "/page/ada/general"))["messages"]
    assert 'alt="Bars for each day."' in shown
    assert 'alt="The last days"' in shown


async def test_the_words_are_those_of_the_bot(page: httpx.AsyncClient) -> None:
    """Completions contain the bot's commands and filters."""
    words = (await page.get("/page/words")).json()
    assert "/emporix jobs list" in [one["words"] for one in words["commands"]]
    (status,) = [one for one in words["filters"] if one["name"] == "status:"]
    assert "failure" in status["values"]


async def test_a_page_of_fifty_blocks_is_drawn_quickly(
    page: httpx.AsyncClient, workspace: Workspace
) -> None:
    """Twenty messages with fifty blocks each are rendered without a noticeable delay."""
    rows = [block for n in range(24) for block in (section(f"*{n}*"), actions(button()))]
    for _ in range(20):
        workspace.messages.add("C0GENERAL", "A list", with_generated_ids(rows))
    async with asyncio.timeout(5):
        assert len((await parts(page))["messages"]) > 100_000
