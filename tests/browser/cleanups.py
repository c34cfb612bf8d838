"""Starts a clean-up as a user does."""

from __future__ import annotations

import re

from playwright.async_api import expect

from tests.browser.page_user import PageUser


async def cleans_up(user: PageUser, line: str) -> None:
    """Run the command, enter the number of jobs, and open the messages with the progress."""
    await user.type(line, answer="You can't undo this")
    await user.press("Delete…")
    hint = await user.modal.get_by_text("to delete them").inner_text()
    await user.modal.get_by_role("textbox").fill(re.sub(r"\D", "", hint))
    await user.modal.get_by_role("button", name="Delete", exact=True).click()
    await expect(user.modal).to_contain_text("Deleting")
    await user.page.keyboard.press("Escape")
    await user.page.get_by_role("link", name="Emporix Jobs").click()
