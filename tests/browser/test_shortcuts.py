"""The shortcut menus of messages and of the message field in a real browser."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.accessibility import axe_violations
from tests.browser.page_user import PageUser

DASHBOARD = "https://admin.emporix.io/apps/administration/ai-agents#/logs/jobs"
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
DARK = {"color_scheme": "dark"}


async def test_finds_opens_and_shares_into_the_thread(user: PageUser) -> None:
    """Find shows the jobs that a message mentions; a shared one is in its thread, with a menu."""
    first, second = await user.job_ids("/emporix jobs status:success size:2")
    words = f"What about {first}, and {DASHBOARD}/{second}?"
    await user.type(words, answer="What about")
    await user.chooses("Find Emporix jobs", user.last)
    await expect(user.modal).to_contain_text("2 jobs in this message")
    await user.modal.get_by_role("button", name="Open ").last.click()
    await expect(user.modal).to_contain_text("Open in Emporix")
    await user.modal.get_by_role("button", name="Share in thread…").click()
    await user.modal.get_by_role("button", name="Share", exact=True).click()
    await user.leaves()
    thread = user.last.locator("details.thread")
    await thread.get_by_text("1 reply").click()
    await expect(thread.locator("article")).to_contain_text("Shared by @Ada Lovelace")
    await user.chooses("Find Emporix jobs", thread.locator("article"))
    await expect(user.modal).to_contain_text("1 job in this message")


async def test_replies_in_a_thread(user: PageUser) -> None:
    """Replies go into the thread until the user leaves it; a command is refused there."""
    await user.type("Who knows more?", answer="Who knows more?")
    await user.last.hover()
    await user.last.get_by_role("button", name="Reply in thread").click()
    await expect(user.page.get_by_text("Replying in the thread of Ada Lovelace")).to_be_visible()
    await user.type("I do", answer="1 reply")
    await user.type("/emporix jobs", answer="is not supported in threads")
    await user.field.press("Escape")
    await expect(user.page.get_by_text("Replying in the thread")).to_be_hidden()
    await user.type("Good", answer="Good")
    await expect(user.messages).to_have_count(2)


async def test_the_menu_with_the_keyboard(user: PageUser) -> None:
    """Arrow keys cycle, Escape returns the focus, and Enter chooses."""
    keys = user.page.keyboard
    await user.type("Nothing to find here", answer="Nothing to find here")
    opener = user.last.get_by_role("button", name="Message shortcuts")
    more, find, delete = (
        user.page.get_by_role("menuitem", name=name)
        for name in ("More message shortcuts", "Find Emporix jobs", "Delete Emporix jobs")
    )
    await opener.focus()
    await keys.press("Enter")
    await expect(more).to_be_focused()
    await expect(find).to_be_hidden()
    await keys.press("Enter")
    await expect(find).to_be_focused()
    await keys.press("ArrowUp")
    await expect(delete).to_be_focused()
    await keys.press("ArrowDown")
    await expect(find).to_be_focused()
    await keys.press("End")
    await expect(delete).to_be_focused()
    await keys.press("Escape")
    await expect(delete).to_be_hidden()
    await expect(opener).to_be_focused()
    await keys.press("Enter")
    await keys.press("Enter")
    await keys.press("Enter")
    await expect(user.modal).to_contain_text("mention a job")
    await keys.press("Escape")
    await expect(opener).to_be_focused()


@pytest.mark.parametrize("user", [{}, DARK, PHONE], ids=["light", "dark", "phone"], indirect=True)
async def test_is_accessible(user: PageUser) -> None:
    """An open menu, a thread and the found jobs have no axe violations."""
    (job,) = await user.job_ids("/emporix jobs size:1")
    await user.type(f"See {job}", answer="See")
    await user.last.get_by_role("button", name="Reply in thread").click()
    await user.type("I see", answer="1 reply")
    await user.last.get_by_role("button", name="Message shortcuts").first.click()
    await expect(user.page.get_by_role("menu")).to_be_visible()
    assert await axe_violations(user) == []
    await user.page.get_by_role("menuitem", name="More message shortcuts").click()
    assert await axe_violations(user) == []
    await user.page.get_by_role("menuitem", name="Find Emporix jobs").click()
    await expect(user.modal).to_contain_text("1 job in this message")
    assert await axe_violations(user) == []
