"""The pictures of the documents, taken from the running demo: `make pictures`."""

from __future__ import annotations

from pathlib import Path

import oxipng
import pytest
from playwright.async_api import expect

from sandbox.emporix.keys import ACME_READ_ONLY
from tests.browser.desk import Desk

LARGEST = 150_000  # bytes
WINDOW = {"viewport": {"width": 1200, "height": 760}, "color_scheme": "light"}
DARK = {**WINDOW, "color_scheme": "dark"}
PHONE = {"viewport": {"width": 360, "height": 720}, "device_scale_factor": 2}
in_window = pytest.mark.parametrize("desk", [WINDOW], indirect=True)


async def take(desk: Desk, name: str, folder: Path) -> None:
    """The window as it is, without a blinking cursor or a spinner."""
    await desk.page.mouse.move(0, 0)
    await expect(desk.page.locator("[data-waits]")).to_have_count(0)
    path = folder / f"{name}.png"
    await desk.page.screenshot(path=path, animations="disabled", caret="hide")
    oxipng.optimize(path, level=4, strip=oxipng.StripChunks.all())
    assert path.stat().st_size <= LARGEST


@in_window
async def test_a_list(desk: Desk, pictures: Path) -> None:
    """The hero of the README."""
    await desk.type("/emporix jobs size:4", answer="Jobs 1–4 of ")
    await take(desk, "list", pictures)


@in_window
async def test_a_search(desk: Desk, pictures: Path) -> None:
    """Words and a filter."""
    await desk.type("/emporix jobs search refund status:failed size:4", answer="saying “refund”")
    await take(desk, "search", pictures)


@in_window
async def test_a_job_and_the_question(desk: Desk, pictures: Path) -> None:
    """One job opened, and what is asked before it is deleted."""
    await desk.type("/emporix jobs type:agent_chat status:success size:1", answer="Job 1 of ")
    await desk.press("Open", answer="Open in the Management Dashboard")
    await take(desk, "job", pictures)
    await desk.button("Delete").click()
    await expect(desk.question).to_be_visible()
    await take(desk, "delete", pictures)


@in_window
async def test_a_shared_list(desk: Desk, pictures: Path) -> None:
    """As Grace sees it, after Ada has deleted one of its jobs."""
    await desk.type("/emporix failed size:3", answer="Jobs 1–3 of ")
    await desk.press("Share in channel", answer="Share these jobs?")
    await desk.button("Share").click()
    await expect(desk.messages.filter(has_text="Shared by")).to_have_count(1)
    await desk.person("ada").click("Delete", action_id="jobs.delete_shared.confirm")
    await desk.become("Grace Hopper")
    await desk.sees("Deleted by @Ada Lovelace")
    await expect(desk.page.locator("#notice")).to_be_empty()
    await take(desk, "shared", pictures)


@in_window
async def test_the_form(desk: Desk, pictures: Path) -> None:
    """Connecting a tenant."""
    await desk.field.fill("/emporix connect")
    await desk.field.press("Enter")
    await desk.modal.get_by_label("Tenant", exact=True).fill(ACME_READ_ONLY.tenant)
    await desk.modal.get_by_label("Client ID").fill(ACME_READ_ONLY.client_id)
    await take(desk, "connect", pictures)


@in_window
async def test_what_can_be_typed(desk: Desk, pictures: Path) -> None:
    """The message field suggests commands."""
    await desk.type("/emporix jobs size:2", answer="Jobs 1–2 of ")
    await desk.field.press_sequentially("/emporix j")
    await expect(desk.page.get_by_role("option").first).to_be_visible()
    await take(desk, "commands", pictures)


@pytest.mark.parametrize("desk", [DARK], indirect=True)
async def test_dark(desk: Desk, pictures: Path) -> None:
    """The same list by night."""
    await desk.type("/emporix jobs size:4", answer="Jobs 1–4 of ")
    await take(desk, "dark", pictures)


@pytest.mark.parametrize("desk", [PHONE], indirect=True)
async def test_a_phone(desk: Desk, pictures: Path) -> None:
    """At 360 pixels."""
    await desk.type("/emporix jobs size:2", answer="Jobs 1–2 of ")
    await take(desk, "phone", pictures)
