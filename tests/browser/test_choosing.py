"""Selects, pickers, checkboxes and menus in a real browser, and the actions they send."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, expect

from sandbox.page.routes import PageRoutes
from sandbox.server import serving
from sandbox.slack.app import create_app
from sandbox.slack.generated_ids import with_generated_ids
from sandbox.slack.workspace import Workspace
from tests.browser.conftest import page_user_at
from tests.browser.page_user import PageUser
from tests.sandbox.slack.fake_bot import FakeBot
from tests.sandbox.slack.samples import (
    Block,
    actions,
    button,
    confirm,
    element,
    modal,
    option,
    plain,
    section,
)

TWO = [option(), option("Waiting", "waiting")]


@pytest.fixture
def bot() -> FakeBot:
    return FakeBot()


@pytest.fixture
async def workspace(bot: FakeBot) -> AsyncIterator[Workspace]:
    workspace = Workspace(time.time)
    async with serving(bot.app()) as workspace.bot_url:
        yield workspace


@pytest.fixture
async def user(
    workspace: Workspace, browser: Browser, http: httpx.AsyncClient
) -> AsyncIterator[PageUser]:
    page_routes = PageRoutes(workspace)
    async with serving(create_app(workspace, page_routes.routes())) as slack_url:
        async with page_user_at(browser, http, slack_url) as user:
            yield user
        page_routes.close()


def show(workspace: Workspace, *blocks: Block) -> None:
    workspace.messages.add("C0GENERAL", "Choose", with_generated_ids(blocks))


async def sent_action(user: PageUser, bot: FakeBot, count: int) -> dict[str, Any]:
    """Return the newest action, after this many requests."""
    for _ in range(100):
        if len(bot.heard) >= count:
            action: dict[str, Any] = bot.last["actions"][0]
            return action
        await user.page.wait_for_timeout(50)
    raise AssertionError(f"the app heard {len(bot.heard)} times, not {count}")


async def test_choices_in_a_message_are_sent(
    user: PageUser, bot: FakeBot, workspace: Workspace
) -> None:
    """Each choice in a message is sent immediately."""
    show(
        workspace,
        actions(
            element("static_select", options=TWO, placeholder=plain("Status")),
            element("users_select", placeholder=plain("Who")),
            element("datepicker", placeholder=plain("Day")),
        ),
        actions(element("checkboxes", options=TWO), element("radio_buttons", options=TWO)),
    )
    await user.page.get_by_label("Status").select_option("Waiting")
    assert (await sent_action(user, bot, 1))["selected_option"] == TWO[1]
    await user.page.get_by_label("Who").select_option("Grace Hopper")
    assert (await sent_action(user, bot, 2))["selected_user"] == "U0GRACE"
    await user.page.get_by_label("Day").fill("2026-11-24")
    assert (await sent_action(user, bot, 3))["selected_date"] == "2026-11-24"
    await user.page.get_by_role("checkbox", name="Waiting").check()
    assert (await sent_action(user, bot, 4))["selected_options"] == TWO[1:]
    await user.page.get_by_role("radio", name="Failed").check()
    assert (await sent_action(user, bot, 5))["selected_option"] == TWO[0]


async def test_an_overflow_menu(user: PageUser, bot: FakeBot, workspace: Workspace) -> None:
    """Escape closes a menu and returns the focus; an option with a confirm dialog asks first."""
    menu = element("overflow", options=TWO, confirm=confirm())
    show(workspace, section(accessory=menu))
    more = user.page.get_by_label("More actions")
    await more.click()
    await user.page.keyboard.press("Escape")
    await expect(user.page.get_by_role("button", name="Waiting")).to_be_hidden()
    await expect(more).to_be_focused()
    await more.click()
    await user.page.get_by_role("button", name="Waiting").click()
    await user.question.get_by_role("button", name="Yes").click()
    assert (await sent_action(user, bot, 1))["selected_option"] == TWO[1]


async def test_a_menu_opens_completely(user: PageUser, workspace: Workspace) -> None:
    """The menu of the newest message is not hidden behind the message field."""
    for _ in range(12):
        show(workspace, section(accessory=element("overflow", options=TWO)))
    await expect(user.messages).to_have_count(12)
    await user.last.get_by_label("More actions").click()
    await expect(user.last.get_by_role("button", name="Waiting")).to_be_in_viewport(ratio=1)
    box = await user.last.get_by_role("button", name="Waiting").bounding_box()
    field = await user.field.bounding_box()
    assert box
    assert field
    assert box["y"] + box["height"] <= field["y"]


async def test_a_link_to_a_message_shows_it(user: PageUser, workspace: Workspace) -> None:
    """“Show message” scrolls to a message of a channel, from another conversation too."""
    linked = workspace.messages.add("C0GENERAL", "Who can look at this?", [])
    for _ in range(20):
        workspace.messages.add("C0GENERAL", "Good morning", [])
    link = f"https://slack.com/archives/C0GENERAL/p{linked.ts.replace('.', '')}"
    workspace.messages.add("C0OPS", f"<{link}|Show message>", [])
    await user.open(channel="ops")
    await user.page.get_by_role("link", name="Show message").click()
    await expect(user.page.get_by_text("Who can look at this?")).to_be_in_viewport(ratio=1)


async def test_suggestions_while_typing(user: PageUser, bot: FakeBot, workspace: Workspace) -> None:
    """With the keyboard, a user types, moves down and selects an option of the app."""
    show(workspace, actions(element("external_select", placeholder=plain("Agent"))))
    bot.says({"options": TWO})
    field = user.page.get_by_role("combobox", name="Agent")
    await field.press_sequentially("wai")
    await expect(user.page.get_by_role("option", name="Waiting")).to_be_visible()
    await field.press("ArrowDown")
    await field.press("ArrowDown")
    await field.press("Enter")
    await expect(field).to_have_value("Waiting")
    assert (await sent_action(user, bot, 2))["selected_option"] == TWO[1]


async def test_a_form_and_a_pushed_view(user: PageUser, bot: FakeBot, workspace: Workspace) -> None:
    """Typed values survive an update of the form, and a pushed view returns to it."""

    def field(label: str, shown: Block) -> Block:
        return {"type": "input", "block_id": label, "label": plain(label), "element": shown}

    form = modal(
        field("Name", element("plain_text_input")),
        field("Most", element("number_input", is_decimal_allowed=False)),
        field("Which", element("multi_static_select", options=TWO)),
        field("Where", element("conversations_select")),
        field("At", element("timepicker")),
        actions(button("More"), block_id="more"),
    )
    view = workspace.views.open("U0ADA", form)
    await user.modal.get_by_label("Name").fill("Morning")
    await user.modal.get_by_label("Most").fill("7")
    await user.modal.locator(".multi summary").click()
    await user.modal.get_by_role("checkbox", name="Waiting").check()
    await expect(user.modal.locator(".multi summary")).to_have_text("Waiting")
    await user.modal.get_by_label("Where").select_option("# ops")
    await user.modal.get_by_label("At").fill("09:00")
    await user.modal.get_by_role("button", name="More").click()
    assert (await sent_action(user, bot, 1))["block_id"] == "more"
    workspace.views.update(view, form | {"title": plain("Changed")})
    await expect(user.modal.get_by_role("heading")).to_have_text("Changed")
    workspace.views.push("U0ADA", modal(section("On top"), title=plain("Second")))
    await user.modal.get_by_role("button", name="Back").click()
    await expect(user.modal.get_by_label("Name")).to_have_value("Morning")
    await user.modal.get_by_role("button", name="Save").click()
    await expect(user.modal).to_be_hidden()
    values = bot.last["view"]["state"]["values"]
    chosen = {label: next(iter(value.values())) for label, value in values.items()}
    assert chosen["Most"]["value"] == "7"
    assert chosen["Which"]["selected_options"] == TWO[1:]
    assert chosen["Where"]["selected_conversation"] == "C0OPS"
    assert chosen["At"]["selected_time"] == "09:00"


async def test_a_long_section_is_folded(user: PageUser, workspace: Workspace) -> None:
    """A long text needs "See more", unless its section has `expand`, and stays open then."""
    long = "\n".join(f"line {number}" for number in range(12))
    blocks = with_generated_ids([section(long), section(long) | {"expand": True}])
    message = workspace.messages.add("C0GENERAL", "Long", blocks)
    more = user.last.get_by_role("button", name="See more")
    await expect(more).to_have_count(1)
    await more.click()
    await expect(user.last.locator(".is-folded")).to_have_count(0)
    workspace.messages.replace(message, "Long", [*blocks, {"type": "divider", "block_id": "end"}])
    await expect(user.last.locator(".divider")).to_be_visible()
    await user.last.get_by_role("button", name="See less").click()
    await expect(user.last.locator(".is-folded")).to_have_count(1)
