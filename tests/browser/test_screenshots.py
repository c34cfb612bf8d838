"""The screenshots of the documentation, taken from the running demo: `make screenshots`."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import oxipng
import pytest
from playwright.async_api import Browser, expect

from sandbox.emporix.keys import ACME_READ_ONLY
from sandbox.page.routes import PageRoutes
from sandbox.stack import running_stack
from tests.browser.cleanups import cleans_up
from tests.browser.conftest import page_user_at
from tests.browser.page_user import PageUser
from tests.browser.test_home import go_home

LARGEST = 150_000  # bytes
WINDOW = {"viewport": {"width": 1280, "height": 760}, "color_scheme": "light"}
HIGHER = {**WINDOW, "viewport": {"width": 1280, "height": 860}}
TALLER = {**WINDOW, "viewport": {"width": 1280, "height": 1000}}
DARK = {**WINDOW, "color_scheme": "dark"}
PHONE = {"viewport": {"width": 360, "height": 720}, "device_scale_factor": 2}
LONG = 30_000  # milliseconds: a worker reads and posts
in_window = pytest.mark.parametrize("user", [WINDOW], indirect=True)


@pytest.fixture
async def alone(user: PageUser, screenshots: Path) -> PageUser:
    """Only the page's Slack, without the sandbox's own panels."""
    await hide_panels(user)
    return user


@pytest.fixture
async def while_jobs_run(
    screenshots: Path, browser: Browser, http: httpx.AsyncClient, tmp_path: Path
) -> AsyncIterator[PageUser]:
    """A user of a separate demo, whose jobs end and whose clock moves."""
    async with (
        running_stack(tmp_path, page=PageRoutes, alive=True) as stack,
        page_user_at(browser, http, stack.slack_url, **HIGHER) as user,
    ):
        await hide_panels(user)
        yield user


async def hide_panels(user: PageUser) -> None:
    await user.page.evaluate("document.body.classList.add('story-is-away')")


async def take(user: PageUser, name: str, folder: Path) -> None:
    """Save the window without a blinking cursor or a spinner."""
    await user.page.mouse.move(0, 0)
    await expect(user.page.locator("[data-waits]")).to_have_count(0)
    path = folder / f"{name}.png"
    await user.page.screenshot(path=path, animations="disabled", caret="hide")
    oxipng.optimize(path, level=2, strip=oxipng.StripChunks.all())
    assert path.stat().st_size <= LARGEST


@in_window
async def test_the_first_minute(user: PageUser, screenshots: Path) -> None:
    """The page that `make demo` opens."""
    await user.type("/emporix jobs size:3", answer="Jobs 1–3 of ")
    await take(user, "demo", screenshots)


@in_window
async def test_a_list(alone: PageUser, screenshots: Path) -> None:
    """The hero of the README."""
    await alone.type("/emporix jobs size:5", answer="Jobs 1–5 of ")
    await take(alone, "list", screenshots)


@in_window
async def test_a_search(alone: PageUser, screenshots: Path) -> None:
    """Words and a filter."""
    line = '/emporix jobs search "timed out" status:failed since:7d size:3'
    await alone.type(line, answer="containing “timed out”")
    await take(alone, "search", screenshots)


@in_window
async def test_a_job_and_the_delete_confirmation(alone: PageUser, screenshots: Path) -> None:
    """An opened job, and the confirmation before it is deleted."""
    await alone.type("/emporix jobs type:agent_chat status:success size:1", answer="Job 1 of ")
    await alone.opens_job()
    await expect(alone.modal).to_contain_text("Log · took")  # it arrives after the job
    await take(alone, "job", screenshots)
    await alone.modal_button("Delete").click()
    await expect(alone.modal).to_contain_text("Delete this job?")
    await take(alone, "delete", screenshots)


@in_window
async def test_a_shared_list(alone: PageUser, screenshots: Path) -> None:
    """A shared list as Grace sees it, after Ada has deleted one of its jobs."""
    await alone.type('/emporix failed "could not be found" size:3', answer="Jobs 1–3 of ")
    await alone.press("Share in channel", answer="Share these jobs?")
    await alone.button("Share").click()
    await expect(alone.messages.filter(has_text="Shared by")).to_have_count(1)
    await alone.person("ada").click("Delete", action_id="jobs.delete_in_channel.confirm")
    await alone.become("Grace Hopper")
    await alone.sees("Deleted by @Ada Lovelace")
    await expect(alone.page.locator("#notice")).to_be_empty(timeout=10_000)
    await take(alone, "shared", screenshots)


@pytest.mark.parametrize("user", [TALLER], indirect=True)
async def test_a_digest(alone: PageUser, screenshots: Path) -> None:
    """Posted at once, with a chart of the last days."""
    ada = alone.person("ada")
    await ada.command("/emporix digest")
    await ada.submit({})
    await ada.click("Post one now")
    await ada.close()
    days = alone.page.get_by_role("img", name="Jobs per day")
    await expect(days).to_be_visible(timeout=LONG)
    await days.scroll_into_view_if_needed()
    await take(alone, "digest", screenshots)


@pytest.mark.timeout(240)
async def test_an_alert(while_jobs_run: PageUser, screenshots: Path) -> None:
    """Failures in a channel, claimed by Grace."""
    user = while_jobs_run
    await user.person("ada").command("/emporix alerts on")
    claim = user.page.get_by_role("button", name="I'm on it")
    for _ in range(10):
        await user.http.post(f"{user.slack_url}/sandbox/clock", json={"to": "+4 m"})
        try:
            await expect(claim.first).to_be_visible(timeout=8_000)
            break
        except AssertionError:  # no job has failed yet
            continue
    await user.person("grace").click("I'm on it")
    await expect(user.page.get_by_role("button", name="Resolve")).to_be_visible()
    await take(user, "alert", screenshots)


@in_window
async def test_shortcuts(alone: PageUser, screenshots: Path) -> None:
    """The menu of a message, and what Find shows."""
    first, second = await alone.job_ids('/emporix jobs search "late refund" size:2')
    await alone.http.post(f"{alone.slack_url}/sandbox/forget")
    await alone.type(f"Who can look at {first} and {second}?", answer="Who can look")
    await alone.last.get_by_role("button", name="Message shortcuts").click()
    await alone.page.get_by_role("menuitem", name="More message shortcuts").click()
    await expect(alone.page.get_by_role("menuitem", name="Find Emporix jobs")).to_be_visible()
    await take(alone, "shortcuts", screenshots)
    await alone.page.get_by_role("menuitem", name="Find Emporix jobs").click()
    await expect(alone.modal).to_contain_text("2 jobs in this message")
    await take(alone, "find", screenshots)


@in_window
async def test_the_form_of_filters(alone: PageUser, screenshots: Path) -> None:
    """Search Emporix jobs, partly filled in."""
    await alone.chooses("Search Emporix jobs")
    await alone.modal.get_by_label("Words").fill('"timed out"')
    await alone.modal.locator(".multi summary").first.click()
    await alone.modal.get_by_role("checkbox", name="Failed").check()
    await alone.page.keyboard.press("Escape")
    await take(alone, "filter", screenshots)


@pytest.mark.parametrize("user", [HIGHER], indirect=True)
async def test_the_form(alone: PageUser, screenshots: Path) -> None:
    """Connecting a tenant."""
    await alone.field.fill("/emporix connect")
    await alone.field.press("Enter")
    await alone.modal.get_by_label("Tenant", exact=True).fill(ACME_READ_ONLY.tenant)
    await alone.modal.get_by_label("Client ID").fill(ACME_READ_ONLY.client_id)
    await alone.page.evaluate("document.querySelector('.keys').remove()")
    await take(alone, "connect", screenshots)


@in_window
async def test_the_home_tab(alone: PageUser, screenshots: Path) -> None:
    """The Home tab once Emporix has answered."""
    await go_home(alone, says="in 24 h")
    await take(alone, "home", screenshots)


@pytest.mark.parametrize("user", [DARK], indirect=True)
async def test_dark(alone: PageUser, screenshots: Path) -> None:
    """The same list by night."""
    await alone.type("/emporix jobs size:3", answer="Jobs 1–3 of ")
    await take(alone, "dark", screenshots)


@pytest.mark.parametrize("user", [PHONE], indirect=True)
async def test_a_phone(alone: PageUser, screenshots: Path) -> None:
    """A list at a width of 360 pixels."""
    await alone.type("/emporix jobs size:2", answer="Jobs 1–2 of ")
    await take(alone, "phone", screenshots)


@in_window
@pytest.mark.usefixtures("slow_deletes")
async def test_a_clean_up(alone: PageUser, screenshots: Path) -> None:
    """A running clean-up; this test is last, because it deletes jobs."""
    await cleans_up(alone, "/emporix jobs clean success until:2026-11-15")
    await hide_panels(alone)
    progress = alone.messages.first
    await expect(progress).to_contain_text(re.compile(r"[1-9]\d %"), timeout=45_000)
    await take(alone, "clean", screenshots)
    await progress.get_by_role("button", name="Stop", exact=True).click()
    await expect(progress).to_contain_text("· stopped")
