"""The demo's clock in a real browser: digests, missed runs and a clock change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from zoneinfo import ZoneInfo

import httpx
import pytest
from playwright.async_api import Browser, Locator, expect

from sandbox.page.routes import PageRoutes
from sandbox.stack import running_stack
from tests.browser.accessibility import axe_violations
from tests.browser.conftest import page_user_at
from tests.browser.page_user import PageUser
from tests.listeners.digest.fixtures import is_announcement, set_up

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
DARK = {"color_scheme": "dark"}
BERLIN = ZoneInfo("Europe/Berlin")
PATIENCE = 45_000  # milliseconds: a worker takes time to start, and a second for each reply

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
async def user(
    request: pytest.FixtureRequest,
    browser: Browser,
    http: httpx.AsyncClient,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[PageUser]:
    """A user with a separate demo, because its clock can't be moved back."""
    window = getattr(request, "param", {})
    async with (
        running_stack(tmp_path_factory.mktemp("demo"), page=PageRoutes, alive=True) as stack,
        page_user_at(browser, http, stack.slack_url, **window) as user,
    ):
        yield user


def panel(user: PageUser) -> Locator:
    return user.page.get_by_role("dialog", name="Clock")


async def open_clock(user: PageUser) -> None:
    await user.page.get_by_role("button", name="Move the clock").click()
    await expect(panel(user)).to_contain_text("The worker is running.")


async def press(user: PageUser, label: str, *, says: str = "It is ") -> None:
    """Click a button of the clock, and wait for its message."""
    await panel(user).get_by_role("button", name=label, exact=True).click()
    await expect(panel(user).get_by_role("status")).to_contain_text(says, timeout=PATIENCE)


async def set_up_digest(user: PageUser, **fields: str) -> None:
    """Set up a daily digest of #general, at 9:00 unless `fields` differ."""
    await set_up(user.person("ada"), **fields)
    await user.person("ada").close()
    await expect(user.modal).to_be_hidden()


async def arrives(user: PageUser, words: str) -> None:
    """Wait until a message arrives by itself."""
    await expect(user.last).to_contain_text(words, timeout=PATIENCE)


async def digests(user: PageUser) -> list[datetime]:
    """Return the Berlin times of the digests in #general."""
    seen = await user.person("grace").messages()
    tops = [
        one for one in seen if not (one["thread_ts"] or one["ephemeral"] or is_announcement(one))
    ]
    return [datetime.fromtimestamp(float(one["ts"]), BERLIN) for one in tops]


async def test_a_digest_arrives_within_half_a_minute(user: PageUser) -> None:
    """After the clock is moved, a digest arrives once, by itself, with the failures."""
    await user.field.fill("/emporix digest")
    await user.field.press("Enter")
    await user.modal.locator("button[type=submit]").click()
    await expect(user.modal.locator("button[type=submit]")).to_have_count(0)
    await user.page.keyboard.press("Escape")
    await open_clock(user)
    await expect(panel(user)).to_contain_text("The next is due ")
    await press(user, "Next digest due")
    await arrives(user, " jobs failed")
    await expect(user.page.locator("#top")).to_contain_text("9:00 AM")
    await press(user, "+1 h")
    (posted,) = await digests(user)
    assert (posted.hour, posted.minute) == (9, 0)


async def test_a_missed_run_is_late_and_then_left_out(user: PageUser) -> None:
    """After a stop of the worker, a digest two hours late is posted; one six hours late isn't."""
    await set_up_digest(user)
    await open_clock(user)
    await press(user, "Stop the worker", says="The worker is stopped.")
    await press(user, "Next digest due")
    await press(user, "+1 h")
    await press(user, "+1 h")
    await expect(panel(user)).to_contain_text("1 due already, waiting for the worker.")
    await press(
        user, "Next digest due", says="A digest is waiting for the worker. Start the worker first."
    )
    assert await digests(user) == []
    await press(user, "Start the worker", says="The worker is running.")
    await arrives(user, "This digest is late: it was due")
    await press(user, "Stop the worker", says="The worker is stopped.")
    await press(user, "+1 day")
    for _ in range(7):
        await press(user, "+1 h")
    await press(user, "Start the worker", says="The worker is running.")
    await press(user, "Next digest due")
    await arrives(user, "Not posted in time, so skipped")
    assert [posted.hour for posted in await digests(user)] == [11, 9]


async def test_the_night_when_the_clocks_change(user: PageUser) -> None:
    """A digest at 2:30, which doesn't exist that night, is posted once, at the next valid time."""
    await set_up_digest(user, time="02:30")
    await open_clock(user)
    await press(user, "Next clock change")
    await expect(panel(user)).to_contain_text("1:59")
    await press(user, "Next digest due")
    await arrives(user, " jobs failed")
    await expect(user.page.locator("#top")).to_contain_text("3:00 AM")
    await press(user, "+1 day")
    await expect(user.messages.filter(has_text="This digest is late")).to_have_count(
        1, timeout=PATIENCE
    )
    change, after = await digests(user)
    assert (change.hour, change.minute) == (3, 0)
    assert (after.date() - change.date()).days == 1


async def test_zones_that_never_change_say_so(user: PageUser) -> None:
    """For a zone without clock changes, the page says so, and "tomorrow at 9:00" uses that zone."""
    await open_clock(user)
    await panel(user).get_by_label("In the time zone").select_option("Asia/Tokyo")
    await press(user, "Next clock change", says="The clocks of Asia/Tokyo do not change.")
    await press(user, "Tomorrow 09:00", says="1:00 AM")


async def test_the_keyboard_is_enough(user: PageUser) -> None:
    """The clock works with the keyboard; Escape closes it and returns the focus."""
    keys, button = user.page.keyboard, user.page.get_by_role("button", name="Move the clock")
    await button.focus()
    before = await button.inner_text()
    await keys.press("Enter")
    await expect(panel(user)).to_be_visible()
    await panel(user).get_by_role("button", name="+1 h", exact=True).focus()
    await keys.press("Enter")
    await expect(panel(user).get_by_role("status")).to_contain_text("It is ")
    await keys.press("Escape")
    await expect(panel(user)).to_be_hidden()
    await expect(button).to_be_focused()
    await expect(button).not_to_have_text(before)


@pytest.mark.parametrize("user", [{}, DARK, PHONE], ids=["light", "dark", "phone"], indirect=True)
async def test_is_accessible(user: PageUser) -> None:
    """The open clock has no axe violations and fits into the window."""
    await open_clock(user)
    await press(user, "+1 h")
    assert await axe_violations(user) == []
    assert await user.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert await panel(user).evaluate("it => it.scrollWidth <= it.clientWidth")
