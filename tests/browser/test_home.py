"""The Home tab in a real browser: opened, connected from and refreshed."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, expect

from sandbox.emporix.keys import ACME_READ_ONLY
from tests.browser.accessibility import axe_violations
from tests.browser.page_user import PageUser
from tests.browser.test_page import DARK, PHONE

TITLE = "Your Emporix jobs"


async def go_home(user: PageUser, *, says: str = TITLE) -> Locator:
    """Open the app in the sidebar and its Home tab, and wait for this text."""
    drawer = user.page.get_by_role("button", name="Show the list of channels")
    if await drawer.is_visible():
        await drawer.click()
    await user.page.get_by_role("link", name="emporix").first.click()
    await user.page.get_by_role("link", name="Home").click()
    home = user.page.locator("#home")
    await expect(home).to_contain_text(says)
    return home


async def test_shows_failed_and_running_jobs(user: PageUser) -> None:
    """The Home tab shows its time of update and has no message field."""
    home = await go_home(user, says="in 24 h")
    await expect(home).to_contain_text("running")
    await expect(home).to_contain_text("Last updated ")
    await expect(home.get_by_role("button", name="Open").first).to_be_visible()
    await expect(user.field).to_be_hidden()
    await user.page.get_by_role("link", name="Messages").click()
    await expect(user.field).to_be_visible()


async def test_opens_a_failure_in_a_modal(user: PageUser) -> None:
    """A failure opens in a modal, which closes to the Home tab."""
    home = await go_home(user, says="in 24 h")
    await home.get_by_role("button", name="Open").first.click()
    await expect(user.modal).to_contain_text("Open in Emporix")
    await user.modal.get_by_role("button", name="Close").last.click()
    await expect(user.modal).to_be_hidden()
    await expect(home).to_be_visible()


async def test_connects_from_it(user: PageUser) -> None:
    """Grace connects with the form in her Home tab, which then shows the tenant."""
    await user.become("Grace Hopper")
    home = await go_home(user, says="Connect to Emporix to see your jobs here.")
    await home.get_by_role("button", name="Connect", exact=True).click()
    key = ACME_READ_ONLY
    await user.modal.get_by_label("Tenant", exact=True).fill(key.tenant)
    await user.modal.get_by_label("Client ID").fill(key.client_id)
    await user.modal.get_by_label("Client secret").fill(key.client_secret)
    await user.modal.get_by_role("button", name="Connect", exact=True).click()
    await expect(home).to_contain_text("acme: ")
    await expect(home).to_contain_text("read-only")
    await user.modal.get_by_role("button", name="Close").last.click()
    await home.locator("details.overflow summary").first.click()
    await home.get_by_role("button", name="Disconnect…").click()
    await user.modal.get_by_role("button", name="Disconnect").click()
    await expect(home).to_contain_text("Connect to Emporix to see your jobs here.")


async def test_refreshes_in_place(user: PageUser) -> None:
    """Refresh shows a job that is watched since, and the focus stays on the button."""
    home = await go_home(user, says="in 24 h")
    ada = user.person("ada")
    await ada.command("/emporix running size:1")
    for label in ("Open", "Watch"):
        await ada.click(label)
    await ada.dismiss()
    refresh = home.get_by_role("button", name="Refresh")
    await refresh.click()
    await expect(home).to_contain_text("Watched jobs")
    await expect(refresh).to_be_focused()
    await home.get_by_role("button", name="Stop watching").first.click()
    await expect(home).not_to_contain_text("Watched jobs")


async def test_each_has_their_own(user: PageUser) -> None:
    """After a switch to another user, the Home tab is that user's."""
    await go_home(user, says="acme: ")
    await user.become("Grace Hopper")
    await go_home(user, says="Connect to Emporix to see your jobs here.")
    await user.become("Ada Lovelace")
    await go_home(user, says="acme: ")


@pytest.mark.parametrize("user", [{}, DARK, PHONE], ids=["light", "dark", "phone"], indirect=True)
async def test_is_accessible(user: PageUser) -> None:
    """The Home tab has no axe violations, in light and dark mode and on a phone, where it fits."""
    await go_home(user, says="in 24 h")
    assert await axe_violations(user) == []
    width = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert await user.page.evaluate(width)
