"""The clock of the demo in a real browser: digests, missed runs and a change of the clocks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from zoneinfo import ZoneInfo

import httpx
import pytest
from playwright.async_api import Browser, Locator, expect

from sandbox.page.routes import Door
from sandbox.stack import running
from tests.browser.accessibility import wrong_for_axe
from tests.browser.conftest import seated
from tests.browser.user import Desk
from tests.listeners.digest.fixtures import WEEK, set_up

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
DARK = {"color_scheme": "dark"}
BERLIN = ZoneInfo("Europe/Berlin")
PATIENCE = 45_000  # milliseconds: a worker takes some to start, and a second for each reply

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
async def desk(
    request: pytest.FixtureRequest,
    browser: Browser,
    http: httpx.AsyncClient,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Desk]:
    """Before a demo of its own, as its time does not come back."""
    window = getattr(request, "param", {})
    async with (
        running(tmp_path_factory.mktemp("demo"), page=Door, alive=True) as stack,
        seated(browser, http, stack.slack_url, **window) as desk,
    ):
        yield desk


def panel(desk: Desk) -> Locator:
    return desk.page.get_by_role("dialog", name="Clock")


async def open_clock(desk: Desk) -> None:
    await desk.page.get_by_role("button", name="Move the clock").click()
    await expect(panel(desk)).to_contain_text("The worker is at work.")


async def press(desk: Desk, label: str, *, says: str = "It is ") -> None:
    """A button of the clock; then wait until it has said what came of it."""
    await panel(desk).get_by_role("button", name=label, exact=True).click()
    await expect(panel(desk).get_by_role("status")).to_contain_text(says, timeout=PATIENCE)


async def have_a_digest(desk: Desk, **fields: str) -> None:
    """Of #general, every day; at nine unless `fields` say otherwise."""
    await set_up(desk.person("ada"), days=WEEK, **fields)
    await desk.person("ada").close()
    await expect(desk.modal).to_be_hidden()


async def arrives(desk: Desk, words: str) -> None:
    """By itself, as the newest message."""
    await expect(desk.last).to_contain_text(words, timeout=PATIENCE)


async def digests(desk: Desk) -> list[datetime]:
    """When those in #general were posted, in Berlin."""
    seen = await desk.person("grace").messages()
    tops = [one for one in seen if not one["thread_ts"] and not one["ephemeral"]]
    return [datetime.fromtimestamp(float(one["ts"]), BERLIN) for one in tops]


async def test_a_digest_comes_within_half_a_minute(desk: Desk) -> None:
    """Set up by its form, then the clock is moved: it arrives by itself, once, with what failed."""
    await desk.field.fill("/emporix digest")
    await desk.field.press("Enter")
    await desk.modal.locator("button[type=submit]").click()
    await expect(desk.modal.locator("button[type=submit]")).to_have_count(0)
    await desk.page.keyboard.press("Escape")
    await open_clock(desk)
    await expect(panel(desk)).to_contain_text("The next is due ")
    await press(desk, "Next digest due")
    await arrives(desk, "Daily jobs")
    await expect(desk.last).to_contain_text("failure")
    await expect(desk.page.locator("#top")).to_contain_text("9:00 AM")
    await press(desk, "+1 h")
    (posted,) = await digests(desk)
    assert (posted.hour, posted.minute) == (9, 0)


async def test_a_missed_run_is_late_and_then_left_out(desk: Desk) -> None:
    """The worker is stopped while the time comes: two hours are made up for, more than six not."""
    await have_a_digest(desk)
    await open_clock(desk)
    await press(desk, "Stop the worker", says="The worker is stopped.")
    await press(desk, "Next digest due")
    await press(desk, "+1 h")
    await press(desk, "+1 h")
    await expect(panel(desk)).to_contain_text("1 due already, waiting for the worker.")
    await press(desk, "Next digest due", says="A digest waits for the worker already: start it.")
    assert await digests(desk) == []
    await press(desk, "Start the worker", says="The worker is at work.")
    await arrives(desk, "This comes late: it was due")
    await press(desk, "Stop the worker", says="The worker is stopped.")
    await press(desk, "+1 day")
    for _ in range(7):
        await press(desk, "+1 h")
    await press(desk, "Start the worker", says="The worker is at work.")
    await press(desk, "Next digest due")
    await arrives(desk, "Left out, because it could not be posted in time")
    assert [posted.hour for posted in await digests(desk)] == [11, 9]


async def test_the_night_when_the_clocks_change(desk: Desk) -> None:
    """Half past two does not exist then: one digest at the next time that does, one a day later."""
    await have_a_digest(desk, time="02:30")
    await open_clock(desk)
    await press(desk, "Next clock change")
    await expect(panel(desk)).to_contain_text("1:59")
    await press(desk, "Next digest due")
    await arrives(desk, "Daily jobs")
    await expect(desk.page.locator("#top")).to_contain_text("3:00 AM")
    await press(desk, "+1 day")
    await expect(desk.messages.filter(has_text="This comes late")).to_have_count(
        1, timeout=PATIENCE
    )
    change, after = await digests(desk)
    assert (change.hour, change.minute) == (3, 0)
    assert (after.date() - change.date()).days == 1


async def test_zones_that_never_change_say_so(desk: Desk) -> None:
    """And tomorrow at nine is nine there, not here."""
    await open_clock(desk)
    await panel(desk).get_by_label("In the time zone").select_option("Asia/Tokyo")
    await press(desk, "Next clock change", says="The clocks of Asia/Tokyo do not change.")
    await press(desk, "Tomorrow 09:00", says="1:00 AM")


async def test_the_keyboard_is_enough(desk: Desk) -> None:
    """Escape closes it and gives the focus back."""
    keys, button = desk.page.keyboard, desk.page.get_by_role("button", name="Move the clock")
    await button.focus()
    before = await button.inner_text()
    await keys.press("Enter")
    await expect(panel(desk)).to_be_visible()
    await panel(desk).get_by_role("button", name="+1 h", exact=True).focus()
    await keys.press("Enter")
    await expect(panel(desk).get_by_role("status")).to_contain_text("It is ")
    await keys.press("Escape")
    await expect(panel(desk)).to_be_hidden()
    await expect(button).to_be_focused()
    await expect(button).not_to_have_text(before)


@pytest.mark.parametrize("desk", [{}, DARK, PHONE], ids=["light", "dark", "phone"], indirect=True)
async def test_nobody_is_left_out(desk: Desk) -> None:
    """axe-core finds nothing, and nothing is wider than the window."""
    await open_clock(desk)
    await press(desk, "+1 h")
    assert await wrong_for_axe(desk) == []
    assert await desk.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert await panel(desk).evaluate("it => it.scrollWidth <= it.clientWidth")
