"""How much of the screen a list of ten jobs takes, on a desktop and on a phone."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, expect

from tests.browser.page_user import PageUser

TEN_JOBS = "Jobs 1–10 of "
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}


async def edges(element: Locator) -> tuple[float, float]:
    """Top and bottom within the window, in pixels."""
    box = await element.bounding_box()
    assert box is not None
    return box["y"], box["y"] + box["height"]


async def open_buttons(user: PageUser) -> Locator:
    await user.type("/emporix jobs", answer=TEN_JOBS)
    buttons = user.last.get_by_role("button", name="Open ")
    await expect(buttons).to_have_count(10)
    return buttons


async def test_ten_jobs_fit_on_a_screen(user: PageUser) -> None:
    """At a width of 1280 px, ten jobs with heading and buttons are at most 800 px high."""
    await open_buttons(user)
    top, bottom = await edges(user.last)
    assert bottom - top <= 800


@pytest.mark.parametrize("user", [PHONE], indirect=True)
async def test_a_phone_shows_five_jobs(user: PageUser) -> None:
    """At 390 × 844 px, at least five jobs are visible above the message field."""
    buttons = await open_buttons(user)
    lowest, _ = await edges(user.field)
    visible = [await edges(buttons.nth(number)) for number in range(10)]
    assert sum(top >= 0 and bottom <= lowest for top, bottom in visible) >= 5


@pytest.mark.parametrize("user", [PHONE], indirect=True)
async def test_a_long_button_leaves_room_for_its_words(user: PageUser) -> None:
    """On a phone, a button beside words takes at most half the width, and "…" ends its label."""
    await user.type("/emporix failed yesterday", answer="I read")
    button = user.button('Search for the word "yesterday"')
    words = user.last.get_by_text("I read")
    beside, above = await button.bounding_box(), await words.bounding_box()
    assert beside is not None
    assert above is not None
    assert above["width"] >= 0.9 * beside["width"]
    display = await button.evaluate("it => getComputedStyle(it).display")
    assert "flex" not in display  # in a flexible box, text gets no ellipsis
