"""A clean-up as people begin it."""

from __future__ import annotations

import re

from playwright.async_api import expect

from tests.browser.user import Desk


async def cleans_up(desk: Desk, line: str) -> None:
    """Type the command and the number; then look where it says how far it is."""
    await desk.type(line, answer="cannot be brought back")
    await desk.press("Delete…")
    hint = await desk.modal.get_by_text("to delete them").inner_text()
    await desk.modal.get_by_role("textbox").fill(re.sub(r"\D", "", hint))
    await desk.modal.get_by_role("button", name="Delete", exact=True).click()
    await expect(desk.modal).to_contain_text("Deleting")
    await desk.page.keyboard.press("Escape")
    await desk.page.get_by_role("link", name="Emporix Jobs").click()
