"""The page of the demo in a real browser, as a newcomer uses it."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Locator, expect

from sandbox.emporix.keys import GLOBEX_OPERATIONS
from tests.browser.accessibility import wrong_for_axe
from tests.browser.page_user import PageUser

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True}
DARK = {"color_scheme": "dark"}
LISTED = "Jobs 1–3 of "
BUTTONS_OF_A_LIST = 20


async def test_lists_and_turns_pages(user: PageUser) -> None:
    """Next and Previous change the message in its place; only Ada sees it."""
    await user.type("/emporix jobs size:3", answer=LISTED)
    await expect(user.last).to_contain_text("Only visible to you")
    await user.press("Next", answer="Jobs 4–6 of ")
    await expect(user.button("Next")).to_be_focused()
    await user.press("Previous", answer=LISTED)
    await expect(user.messages).to_have_count(1)


async def test_searches(user: PageUser) -> None:
    """Each job found says the word that was looked for."""
    await user.type("/emporix jobs search refund size:2", answer="saying “refund”")
    await expect(
        user.last.locator(".words", has_text=re.compile("refund", re.IGNORECASE))
    ).to_have_count(3)


async def test_opens_and_deletes_after_asking(user: PageUser) -> None:
    """Escape keeps the job and the focus; the red button deletes."""
    await user.type("/emporix jobs size:2", answer="Jobs 1–2 of ")
    await user.press("Open", answer="Open in the Management Dashboard")
    job = await user.last.locator(".fields code").first.inner_text()
    await user.button("Delete").click()
    await expect(user.question).to_contain_text("will be deleted from acme for everyone")
    await user.page.keyboard.press("Escape")
    await expect(user.button("Delete")).to_be_focused()
    await user.button("Delete").click()
    await user.question.get_by_role("button", name="Delete").click()
    await user.sees(f"Deleted job {job}")


async def test_shares_with_everyone_in_the_channel(user: PageUser) -> None:
    """Grace sees what Ada shared, and nothing else; a delete shows in place, live."""
    await user.type("/emporix jobs size:1", answer="Job 1 of ")
    await user.press("Share in channel", answer="Share these jobs?")
    await user.button("Share").click()
    await expect(user.messages.filter(has_text="Shared by")).to_have_count(1)
    await user.become("Grace Hopper")
    await expect(user.messages).to_have_count(1)
    await user.sees("Shared by @Ada Lovelace")
    await expect(user.last).not_to_contain_text("Only visible to you")
    await user.person("ada").click("Delete", action_id="jobs.delete_in_channel.confirm")
    await user.sees("Deleted by @Ada Lovelace, Today")


async def test_connects_a_tenant(user: PageUser) -> None:
    """Slack's own errors, the app's errors, then the app's yes; the focus comes back."""
    await user.become("Grace Hopper")
    await user.field.fill("/emporix connect")
    await user.field.press("Enter")
    submit = user.modal.get_by_role("button", name="Connect", exact=True)
    await expect(user.modal.get_by_label("Tenant", exact=True)).to_be_focused()
    await submit.click()
    await expect(user.modal.get_by_text("Please complete this required field.")).to_have_count(3)
    await user.modal.get_by_role("button", name="globex").click()
    await user.modal.get_by_label("Client secret").fill("wrong")
    await submit.click()
    await expect(user.modal.locator(".has-problem")).to_have_count(2)
    await expect(user.modal.get_by_label("Tenant", exact=True)).to_have_value("globex")
    await user.modal.get_by_label("Client secret").fill(GLOBEX_OPERATIONS.client_secret)
    await user.page.keyboard.press("Enter")
    await expect(user.modal).to_contain_text("Connected to globex: read and delete.")
    await user.page.keyboard.press("Escape")
    await expect(user.modal).to_be_hidden()
    await expect(user.field).to_be_focused()
    await user.type("/emporix jobs size:3", answer="Jobs 1–3 of 57")


async def is_focused(button: Locator) -> bool:
    return bool(await button.evaluate("it => it === document.activeElement"))


async def test_the_keyboard_is_enough(user: PageUser) -> None:
    """Completing, sending, recalling, pressing, declining: no hand leaves the keys."""
    keys = user.page.keyboard
    await expect(user.field).to_be_focused()
    await keys.type("/emporix jobs l")
    await expect(user.page.get_by_role("option", name="/emporix jobs list")).to_be_visible()
    await keys.press("ArrowDown")
    await keys.press("ArrowUp")
    await keys.press("Enter")
    await expect(user.field).to_have_value("/emporix jobs list ")
    await keys.type("size")
    await keys.press("Tab")
    await keys.type("2")
    await keys.press("Enter")
    await user.sees("Jobs 1–2 of ")
    await keys.press("ArrowUp")
    await expect(user.field).to_have_value("/emporix jobs list size:2")
    await keys.press("ArrowDown")
    for _ in range(BUTTONS_OF_A_LIST):  # before the field stands the last message
        if await is_focused(user.button("Next")):
            break
        await keys.press("Shift+Tab")
    await expect(user.button("Next")).to_be_focused()
    await keys.press("Enter")
    await user.sees("Jobs 3–4 of ")
    await expect(user.button("Next")).to_be_focused()
    await user.button("Open").focus()
    await keys.press("Enter")
    await user.sees("Open in the Management Dashboard")
    await user.button("Delete").focus()
    await keys.press("Enter")
    await expect(user.question.get_by_role("button", name="Cancel")).to_be_focused()
    await keys.press("Space")
    await expect(user.button("Delete")).to_be_focused()


@pytest.mark.parametrize("user", [PHONE], indirect=True)
async def test_a_phone_is_wide_enough(user: PageUser) -> None:
    """Nothing is wider than the window; channels are behind a button."""
    page = user.page
    too_wide = "document.documentElement.scrollWidth > innerWidth"
    await user.type("/emporix jobs", answer="Jobs 1–10 of ")
    assert await page.evaluate(too_wide) is False
    await user.press("Open", answer="Open in the Management Dashboard")
    assert await page.evaluate(too_wide) is False
    assert await page.evaluate("scroller.scrollWidth <= scroller.clientWidth")
    await page.get_by_role("button", name="Show the list of channels").click()
    await page.get_by_role("link", name="ops").click()
    await expect(page.get_by_role("heading", name="ops").first).to_be_visible()
    await expect(page.get_by_role("link", name="secret")).to_be_hidden()
    await user.field.fill("/emporix connect")
    await user.field.press("Enter")
    await expect(user.modal.get_by_label("Client ID")).to_be_visible()
    assert await page.evaluate(too_wide) is False


@pytest.mark.parametrize("user", [{}, DARK, PHONE], ids=["light", "dark", "phone"], indirect=True)
async def test_nobody_is_left_out(user: PageUser) -> None:
    """axe-core finds nothing: names, roles, contrast; in the channel, a dialog and a form."""
    assert await wrong_for_axe(user) == []
    await user.type("/emporix jobs size:2", answer="Jobs 1–2 of ")
    assert await wrong_for_axe(user) == []
    await user.press("Open", answer="Open in the Management Dashboard")
    await user.button("Delete").click()
    await expect(user.question).to_be_visible()
    assert await wrong_for_axe(user) == []
    await user.page.keyboard.press("Escape")
    await user.field.fill("/emporix connect")
    await user.field.press("Enter")
    await user.modal.get_by_role("button", name="Connect", exact=True).click()
    await expect(user.modal.locator(".problem").first).to_be_visible()
    assert await wrong_for_axe(user) == []


@pytest.mark.parametrize("user", [DARK], indirect=True)
async def test_dark_is_a_choice_that_stays(user: PageUser) -> None:
    """As the machine prefers it, until somebody says otherwise."""
    root = user.page.locator("html")
    await expect(root).to_have_attribute("data-theme", "dark")
    await user.page.get_by_role("button", name="Dark or light").click()
    await expect(root).to_have_attribute("data-theme", "light")
    await user.page.reload()
    await expect(root).to_have_attribute("data-theme", "light")


async def test_what_others_do_shows_at_once(user: PageUser) -> None:
    """Without a reload; in another channel as a mark beside its name."""
    grace = user.person("grace", "ops")
    link = user.page.get_by_role("link", name="ops")
    await grace.command("/emporix help")
    await expect(link).not_to_contain_text("unread")
    page = await user.page.context.new_page()
    other = PageUser(page, user.http, user.slack_url)
    await other.open("grace", "ops")
    await other.field.fill("Good <b>morning</b>")
    await other.field.press("Enter")
    await expect(link).to_contain_text("1 unread")
    await link.click()
    await user.sees("Good <b>morning</b>")
    await expect(link).not_to_contain_text("unread")


async def test_the_first_minute_ticks_itself_off(user: PageUser) -> None:
    """A step fills in the words and sends nothing; what was done has its tick; it can go away."""
    story = user.page.get_by_role("complementary", name="The first minute")
    step = story.get_by_role("button", name=re.compile("Search what agents said"))
    await step.click()
    await expect(user.field).to_have_value("/emporix jobs search invoice status:failed")
    await expect(user.messages).to_have_count(1)
    await user.field.press("Enter")
    await user.sees("saying “invoice”")
    await expect(step).to_contain_text("(done)")
    await story.get_by_role("button", name="Put this away").click()
    await expect(story).to_be_hidden()
    await user.page.reload()
    await expect(story).to_be_hidden()
