"""A chart on the page, in a real browser."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.accessibility import axe_violations
from tests.browser.page_user import PageUser

LONG = 30_000  # milliseconds: a worker counts and posts


async def test_a_digest_shows_its_chart(user: PageUser) -> None:
    """A chart has a legend entry per status, a text alternative, and no axe violations."""
    ada = user.person("ada")
    await ada.command("/emporix digest")
    await ada.submit({})
    await ada.click("Post one now")
    await ada.close()
    chart = user.page.locator("figure.chart").last
    await expect(chart).to_be_visible(timeout=LONG)
    await expect(chart.get_by_role("img", name="Jobs per day")).to_be_visible()
    lines = chart.locator("polyline")
    await expect(lines).to_have_count(3)
    await expect(chart.get_by_role("listitem")).to_have_text(["Failed", "Succeeded", "Skipped"])
    await chart.get_by_text("Values").click()
    headings = chart.get_by_role("columnheader")
    await expect(headings).to_have_text(["Category", "Failed", "Succeeded", "Skipped"])
    message = user.messages.filter(has=user.page.locator("figure.chart")).last
    await expect(message).to_contain_text("Jobs per day, ")
    await expect(message).to_contain_text(" failed (most on ")
    assert await axe_violations(user) == []
