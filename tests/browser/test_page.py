"""The page of the demo in a real browser, as a newcomer uses it."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Locator, expect

from sandbox.emporix.keys import GLOBEX_OPERATIONS
from tests.browser.accessibility import wrong_for_axe
from tests.browser.user import Desk

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True}
DARK = {"color_scheme": "dark"}
LISTED = "Jobs 1–3 of "
BUTTONS_OF_A_LIST = 20


async def test_lists_and_turns_pages(desk: Desk) -> None:
    """Next and Previous change the message in its place; only Ada sees it."""
    await desk.type("/emporix jobs size:3", answer=LISTED)
    await expect(desk.last).to_contain_text("Only visible to you")
    await desk.press("Next", answer="Jobs 4–6 of ")
    await expect(desk.button("Next")).to_be_focused()
    await desk.press("Previous", answer=LISTED)
    await expect(desk.messages).to_have_count(1)


async def test_searches(desk: Desk) -> None:
    """Each job found says the word that was looked for."""
    await desk.type("/emporix jobs search refund size:2", answer="saying “refund”")
    await expect(
        desk.last.locator(".words", has_text=re.compile("refund", re.IGNORECASE))
    ).to_have_count(3)


async def test_opens_and_deletes_after_asking(desk: Desk) -> None:
    """Escape keeps the job and the focus; the red button deletes."""
    await desk.type("/emporix jobs size:2", answer="Jobs 1–2 of ")
    await desk.press("Open", answer="Open in the Management Dashboard")
    job = await desk.last.locator(".fields code").first.inner_text()
    await desk.button("Delete").click()
    await expect(desk.question).to_contain_text(job)
    await desk.page.keyboard.press("Escape")
    await expect(desk.button("Delete")).to_be_focused()
    await desk.button("Delete").click()
    await desk.question.get_by_role("button", name="Delete").click()
    await desk.sees(f"Deleted job {job}")


async def test_shares_with_everyone_in_the_channel(desk: Desk) -> None:
    """Grace sees what Ada shared, and nothing else; a delete shows in place, live."""
    await desk.type("/emporix jobs size:1", answer="Job 1 of ")
    await desk.press("Share in channel", answer="Share these jobs?")
    await desk.button("Share").click()
    await expect(desk.messages.filter(has_text="Shared by")).to_have_count(1)
    await desk.become("Grace Hopper")
    await expect(desk.messages).to_have_count(1)
    await desk.sees("Shared by @Ada Lovelace")
    await expect(desk.last).not_to_contain_text("Only visible to you")
    await desk.person("ada").click("Delete", action_id="jobs.delete_in_channel.confirm")
    await desk.sees("Deleted by @Ada Lovelace, Today")


async def test_connects_a_tenant(desk: Desk) -> None:
    """Slack's own errors, the app's errors, then the app's yes; the focus comes back."""
    await desk.become("Grace Hopper")
    await desk.field.fill("/emporix connect")
    await desk.field.press("Enter")
    submit = desk.modal.get_by_role("button", name="Connect", exact=True)
    await expect(desk.modal.get_by_label("Tenant", exact=True)).to_be_focused()
    await submit.click()
    await expect(desk.modal.get_by_text("Please complete this required field.")).to_have_count(3)
    await desk.modal.get_by_role("button", name="globex").click()
    await desk.modal.get_by_label("Client secret").fill("wrong")
    await submit.click()
    await expect(desk.modal.locator(".has-problem")).to_have_count(2)
    await expect(desk.modal.get_by_label("Tenant", exact=True)).to_have_value("globex")
    await desk.modal.get_by_label("Client secret").fill(GLOBEX_OPERATIONS.client_secret)
    await desk.page.keyboard.press("Enter")
    await expect(desk.modal).to_contain_text("Connected to globex: read and delete.")
    await desk.page.keyboard.press("Escape")
    await expect(desk.modal).to_be_hidden()
    await expect(desk.field).to_be_focused()
    await desk.type("/emporix jobs size:3", answer="tenant globex")


async def is_focused(button: Locator) -> bool:
    return bool(await button.evaluate("it => it === document.activeElement"))


async def test_the_keyboard_is_enough(desk: Desk) -> None:
    """Completing, sending, recalling, pressing, declining: no hand leaves the keys."""
    keys = desk.page.keyboard
    await expect(desk.field).to_be_focused()
    await keys.type("/emporix jobs l")
    await expect(desk.page.get_by_role("option", name="/emporix jobs list")).to_be_visible()
    await keys.press("ArrowDown")
    await keys.press("ArrowUp")
    await keys.press("Enter")
    await expect(desk.field).to_have_value("/emporix jobs list ")
    await keys.type("size")
    await keys.press("Tab")
    await keys.type("2")
    await keys.press("Enter")
    await desk.sees("Jobs 1–2 of ")
    await keys.press("ArrowUp")
    await expect(desk.field).to_have_value("/emporix jobs list size:2")
    await keys.press("ArrowDown")
    for _ in range(BUTTONS_OF_A_LIST):  # before the field stands the last message
        if await is_focused(desk.button("Next")):
            break
        await keys.press("Shift+Tab")
    await expect(desk.button("Next")).to_be_focused()
    await keys.press("Enter")
    await desk.sees("Jobs 3–4 of ")
    await expect(desk.button("Next")).to_be_focused()
    await desk.button("Delete").focus()
    await keys.press("Enter")
    await expect(desk.question.get_by_role("button", name="Keep")).to_be_focused()
    await keys.press("Space")
    await expect(desk.button("Delete")).to_be_focused()


@pytest.mark.parametrize("desk", [PHONE], indirect=True)
async def test_a_phone_is_wide_enough(desk: Desk) -> None:
    """Nothing is wider than the window; channels are behind a button."""
    page = desk.page
    too_wide = "document.documentElement.scrollWidth > innerWidth"
    await desk.type("/emporix jobs", answer="Jobs 1–10 of ")
    assert await page.evaluate(too_wide) is False
    await desk.press("Open", answer="Open in the Management Dashboard")
    assert await page.evaluate(too_wide) is False
    assert await page.evaluate("scroller.scrollWidth <= scroller.clientWidth")
    await page.get_by_role("button", name="Show the list of channels").click()
    await page.get_by_role("link", name="ops").click()
    await expect(page.get_by_role("heading", name="ops").first).to_be_visible()
    await expect(page.get_by_role("link", name="secret")).to_be_hidden()
    await desk.field.fill("/emporix connect")
    await desk.field.press("Enter")
    await expect(desk.modal.get_by_label("Client ID")).to_be_visible()
    assert await page.evaluate(too_wide) is False


@pytest.mark.parametrize("desk", [{}, DARK, PHONE], ids=["light", "dark", "phone"], indirect=True)
async def test_nobody_is_left_out(desk: Desk) -> None:
    """axe-core finds nothing: names, roles, contrast; in the channel, a dialog and a form."""
    assert await wrong_for_axe(desk) == []
    await desk.type("/emporix jobs size:2", answer="Jobs 1–2 of ")
    assert await wrong_for_axe(desk) == []
    await desk.button("Delete").click()
    await expect(desk.question).to_be_visible()
    assert await wrong_for_axe(desk) == []
    await desk.page.keyboard.press("Escape")
    await desk.field.fill("/emporix connect")
    await desk.field.press("Enter")
    await desk.modal.get_by_role("button", name="Connect", exact=True).click()
    await expect(desk.modal.locator(".problem").first).to_be_visible()
    assert await wrong_for_axe(desk) == []


@pytest.mark.parametrize("desk", [DARK], indirect=True)
async def test_dark_is_a_choice_that_stays(desk: Desk) -> None:
    """As the machine prefers it, until somebody says otherwise."""
    root = desk.page.locator("html")
    await expect(root).to_have_attribute("data-theme", "dark")
    await desk.page.get_by_role("button", name="Dark or light").click()
    await expect(root).to_have_attribute("data-theme", "light")
    await desk.page.reload()
    await expect(root).to_have_attribute("data-theme", "light")


async def test_what_others_do_shows_at_once(desk: Desk) -> None:
    """Without a reload; in another channel as a mark beside its name."""
    grace = desk.person("grace", "ops")
    link = desk.page.get_by_role("link", name="ops")
    await grace.command("/emporix help")
    await expect(link).not_to_contain_text("unread")
    page = await desk.page.context.new_page()
    other = Desk(page, desk.http, desk.slack_url)
    await other.open("grace", "ops")
    await other.field.fill("Good <b>morning</b>")
    await other.field.press("Enter")
    await expect(link).to_contain_text("1 unread")
    await link.click()
    await desk.sees("Good <b>morning</b>")
    await expect(link).not_to_contain_text("unread")


async def test_the_first_minute_ticks_itself_off(desk: Desk) -> None:
    """A step fills in the words and sends nothing; what was done has its tick; it can go away."""
    story = desk.page.get_by_role("complementary", name="The first minute")
    step = story.get_by_role("button", name=re.compile("Search what agents said"))
    await step.click()
    await expect(desk.field).to_have_value("/emporix jobs search invoice status:failed")
    await expect(desk.messages).to_have_count(1)
    await desk.field.press("Enter")
    await desk.sees("saying “invoice”")
    await expect(step).to_contain_text("(done)")
    await story.get_by_role("button", name="Put this away").click()
    await expect(story).to_be_hidden()
    await desk.page.reload()
    await expect(story).to_be_hidden()
