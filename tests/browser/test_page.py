"""The demo's page in a real browser, as a new user uses it."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Locator, expect

from sandbox.emporix.keys import GLOBEX_OPERATIONS
from tests.browser.accessibility import axe_violations
from tests.browser.page_user import PageUser

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True}
DARK = {"color_scheme": "dark"}
LISTED = "Jobs 1–3 of "
BUTTONS_OF_A_LIST = 20


async def test_lists_jobs_and_shows_other_pages(user: PageUser) -> None:
    """Next and Previous replace the page of the list, which only Ada sees."""
    await user.type("/emporix jobs size:3", answer=LISTED)
    await expect(user.last).to_contain_text("Only visible to you")
    await user.press("Next", answer="Jobs 4–6 of ")
    await expect(user.button("Next")).to_be_focused()
    await user.press("Previous", answer=LISTED)
    await expect(user.messages).to_have_count(1)


async def test_searches(user: PageUser) -> None:
    """Each found job contains the search word."""
    await user.type("/emporix jobs search refund size:2", answer="containing “refund”")
    await expect(
        user.last.locator(".words", has_text=re.compile("refund", re.IGNORECASE))
    ).to_have_count(3)


async def test_opens_and_deletes_after_asking(user: PageUser) -> None:
    """Escape in the confirm dialog keeps the job and the focus; its red button deletes the job."""
    await user.type("/emporix jobs size:2", answer="Jobs 1–2 of ")
    await user.opens_job()
    job = await user.modal.locator("code").first.inner_text()
    await user.leaves()
    await user.type(f"/emporix jobs get {job}", answer="Open in Emporix")
    await user.button("Delete").click()
    await expect(user.question).to_contain_text("will be deleted from acme for everyone")
    await user.page.keyboard.press("Escape")
    await expect(user.button("Delete")).to_be_focused()
    await user.button("Delete").click()
    await user.question.get_by_role("button", name="Delete").click()
    await user.sees(f"Deleted job {job}")


async def test_goes_through_jobs_and_deletes_one_in_the_modal(user: PageUser) -> None:
    """Next shows the next job; after a delete and a close, the list has one job less."""
    await user.type("/emporix jobs tenant:acme size:2", answer="Jobs 1–2 of ")
    heading = re.search(r"Jobs 1–2 of ([\d,]+)", await user.last.inner_text())
    assert heading
    total = int(heading[1].replace(",", ""))
    await user.opens_job()
    first = await user.modal.locator("code").first.inner_text()
    await user.modal_button("Next job").click()
    await expect(user.modal).not_to_contain_text(first)
    await user.modal_button("Previous job").click()
    await expect(user.modal).to_contain_text(first)
    await user.modal_button("Delete").click()
    await expect(user.modal).to_contain_text("Delete this job?")
    await user.modal_button("Delete").click()
    await expect(user.modal).to_contain_text("1 of 1 job deleted")
    await user.leaves()
    await user.sees(f"Jobs 1–2 of {total - 1:,}")


async def test_shares_with_everyone_in_the_channel(user: PageUser) -> None:
    """Grace sees only what Ada shared, and a delete updates it immediately."""
    await user.type("/emporix jobs size:1", answer="Job 1 of ")
    await user.press("Share in channel", answer="Share these jobs?")
    await user.button("Share").click()
    await expect(user.messages.filter(has_text="Shared by")).to_have_count(1)
    await user.become("Grace Hopper")
    await expect(user.messages).to_have_count(1)
    await user.sees("Shared by @Ada Lovelace")
    await expect(user.last).not_to_contain_text("Only visible to you")
    await user.person("ada").click("Delete", action_id="jobs.delete_in_channel.confirm")
    await user.sees("Deleted by @Ada Lovelace · Today")


async def test_connects_a_tenant(user: PageUser) -> None:
    """The form shows Slack's errors, the app's errors, then the result; the focus returns."""
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
    """Completing, sending, recalling, clicking and cancelling work with the keyboard."""
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
    for _ in range(BUTTONS_OF_A_LIST):  # the last message precedes the field
        if await is_focused(user.button("Next")):
            break
        await keys.press("Shift+Tab")
    await expect(user.button("Next")).to_be_focused()
    await keys.press("Enter")
    await user.sees("Jobs 3–4 of ")
    await expect(user.button("Next")).to_be_focused()
    await user.button("Open").focus()
    await keys.press("Enter")
    await expect(user.modal).to_contain_text("Open in Emporix")
    job = await user.modal.locator("code").first.inner_text()
    await keys.press("Escape")
    await expect(user.modal).to_be_hidden()
    await user.field.focus()
    await keys.type(f"/emporix jobs get {job}")
    await keys.press("Enter")
    await user.sees("Open in Emporix")
    await user.button("Delete").focus()
    await keys.press("Enter")
    await expect(user.question.get_by_role("button", name="Cancel")).to_be_focused()
    await keys.press("Space")
    await expect(user.button("Delete")).to_be_focused()


@pytest.mark.parametrize("user", [PHONE], indirect=True)
async def test_fits_on_a_phone(user: PageUser) -> None:
    """Nothing is wider than a phone's window, and a button shows the channels."""
    page = user.page
    too_wide = "document.documentElement.scrollWidth > innerWidth"
    await user.type("/emporix jobs", answer="Jobs 1–10 of ")
    assert await page.evaluate(too_wide) is False
    await user.opens_job()
    assert await page.evaluate(too_wide) is False
    await user.leaves()
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
async def test_is_accessible(user: PageUser) -> None:
    """The channel, a dialog and a form have no axe violations."""
    assert await axe_violations(user) == []
    await user.type("/emporix jobs size:2", answer="Jobs 1–2 of ")
    assert await axe_violations(user) == []
    await user.opens_job()
    assert await axe_violations(user) == []
    job = await user.modal.locator("code").first.inner_text()
    await user.leaves()
    await user.type(f"/emporix jobs get {job}", answer="Open in Emporix")
    await user.button("Delete").click()
    await expect(user.question).to_be_visible()
    assert await axe_violations(user) == []
    await user.page.keyboard.press("Escape")
    await user.field.fill("/emporix connect")
    await user.field.press("Enter")
    await user.modal.get_by_role("button", name="Connect", exact=True).click()
    await expect(user.modal.locator(".problem").first).to_be_visible()
    assert await axe_violations(user) == []


@pytest.mark.parametrize("user", [DARK], indirect=True)
async def test_dark_is_a_choice_that_stays(user: PageUser) -> None:
    """The theme follows the system until the user chooses one, and the choice is kept."""
    root = user.page.locator("html")
    await expect(root).to_have_attribute("data-theme", "dark")
    await user.page.get_by_role("button", name="Switch between light and dark").click()
    await expect(root).to_have_attribute("data-theme", "light")
    await user.page.reload()
    await expect(root).to_have_attribute("data-theme", "light")


async def test_messages_of_others_appear_immediately(user: PageUser) -> None:
    """Other users' messages appear without a reload, or as a mark beside their channel."""
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


async def test_the_tutorial_ticks_completed_steps(user: PageUser) -> None:
    """A step fills the message field, completed steps are ticked, and the panel can be closed."""
    story = user.page.get_by_role("complementary", name="First steps")
    step = story.get_by_role("button", name=re.compile("Search what agents wrote"))
    await step.click()
    await expect(user.field).to_have_value("/emporix jobs search invoice status:failed")
    await expect(user.messages).to_have_count(1)
    await user.field.press("Enter")
    await user.sees("containing “invoice”")
    await expect(step).to_contain_text("(done)")
    await story.get_by_role("button", name="Close the tutorial").click()
    await expect(story).to_be_hidden()
    await user.page.reload()
    await expect(story).to_be_hidden()


@pytest.mark.parametrize("user", [{"viewport": {"width": 1280, "height": 300}}], indirect=True)
async def test_the_tutorial_shows_the_next_step(user: PageUser) -> None:
    """The panel scrolls to the next step, and the page itself never scrolls."""
    await user.type("/emporix jobs", answer="Jobs 1–10")
    await user.type("/emporix jobs search invoice", answer="containing “invoice”")
    story = user.page.get_by_role("complementary", name="First steps")
    step = story.get_by_role("button", name=re.compile("Open one of them"))
    await expect(step).to_have_attribute("aria-current", "step")
    await expect(step).to_be_in_viewport(ratio=1)
    root = "document.scrollingElement"
    assert await user.page.evaluate(f"{root}.scrollHeight === innerHeight")


async def test_private_answers_vanish_on_reload(user: PageUser) -> None:
    """As in Slack, a reload forgets private answers, but not messages that everyone sees."""
    await user.type("Good morning", answer="Good morning")
    await user.type("/emporix jobs", answer="Only visible to you")
    await user.page.reload()
    await expect(user.messages).to_have_count(1)
    await user.sees("Good morning")
    await user.type("/emporix jobs", answer="Only visible to you")
    await expect(user.messages).to_have_count(2)


async def test_threads_are_folded(user: PageUser) -> None:
    """A thread shows only its number of replies until the user opens it, and then stays open."""
    grace = user.person("grace")
    for _ in range(15):
        await grace.write("Good morning")
    await user.type("Who can look at this?", answer="Who can look at this?")
    message = (await grace.messages())[-1]
    await grace.write("I can", thread_ts=message["ts"])
    await grace.write("Done", thread_ts=message["ts"])
    await user.sees("2 replies")
    await expect(user.page.get_by_text("I can", exact=True)).to_be_hidden()
    await user.page.get_by_text("2 replies").click()
    await expect(user.page.get_by_text("Done", exact=True)).to_be_in_viewport(ratio=1)
    await expect(user.page.get_by_text("I can", exact=True)).to_be_in_viewport(ratio=1)
    await grace.write("Closed", thread_ts=message["ts"])
    await user.sees("3 replies")
    await expect(user.page.get_by_text("Closed", exact=True)).to_be_visible()


@pytest.mark.parametrize("user", [{}, DARK], ids=["light", "dark"], indirect=True)
async def test_notification_texts_can_be_shown(user: PageUser) -> None:
    """A button shows the text of each message, as notifications and screen readers have it."""
    await user.type("/emporix jobs", answer="Only visible to you")
    toggle = user.page.get_by_role("button", name="Show or hide notification texts")
    shown = """getComputedStyle(
        document.querySelector("[data-notification]"), "::before").content"""
    assert await user.page.evaluate(shown) == "none"
    await toggle.click()
    assert "Jobs 1–10 of " in await user.page.evaluate(shown)
    assert await axe_violations(user) == []
    await toggle.click()
    assert await user.page.evaluate(shown) == "none"
