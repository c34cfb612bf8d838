"""Features without commands in a real browser: search, filter, delete, clean up and download."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.async_api import Download, Locator, expect

from tests.browser.accessibility import axe_violations
from tests.browser.cleanups import cleans_up
from tests.browser.page_user import PageUser

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
DARK = {"color_scheme": "dark"}
LONG = 45_000  # milliseconds, on a busy machine
IN_MANY_WINDOWS = pytest.mark.parametrize(
    "user", [{}, DARK, PHONE], ids=["light", "dark", "phone"], indirect=True
)


def pressed(user: PageUser, label: str) -> Locator:
    """Return the first button with this label in the top view."""
    return user.modal.get_by_role("button", name=label, exact=True).first


async def test_searches_by_the_form_and_posts_a_page(user: PageUser) -> None:
    """A search with words, statuses, an agent and a day; its second page is posted to a channel."""
    await user.chooses("Search Emporix jobs")
    await user.modal.get_by_label("Words").fill("refund")
    await user.modal.locator(".multi summary").first.click()
    await user.modal.get_by_role("checkbox", name="Succeeded").check()
    await user.page.keyboard.press("Escape")
    await user.modal.get_by_role("combobox", name="Agent").press_sequentially("compl")
    await user.modal.get_by_role("option", name="Complaint Agent").click()
    await user.modal.get_by_label("Period").select_option("Custom…")
    await user.modal.get_by_label("From").fill("2026-01-01")
    await pressed(user, "More filters").click()
    await user.modal.get_by_label("Jobs per page").fill("2")
    await expect(user.modal.get_by_label("Words")).to_have_value("refund")
    await expect(user.modal.locator(".multi summary").first).to_have_text("Succeeded")
    await expect(user.modal.get_by_label("From")).to_have_value("2026-01-01")
    await pressed(user, "Search").click()
    await expect(user.modal).to_contain_text("Jobs 1–2 of ")
    await expect(user.modal).to_contain_text(
        "succeeded, agent Complaint Agent, containing “refund”"
    )
    await pressed(user, "Next").click()
    await expect(user.modal).to_contain_text("Jobs 3–4 of ")
    await pressed(user, "Post to a channel").click()
    await user.modal.get_by_label("Channel").select_option("# ops")
    await pressed(user, "Next").click()
    await expect(user.modal).to_contain_text("Everyone in #ops will see")
    await pressed(user, "Share").click()
    await expect(user.page.get_by_role("link", name="ops")).to_contain_text("1 unread")
    await user.leaves()


async def test_filters_a_list_in_its_place(user: PageUser) -> None:
    """The form starts with the list's filters and changes them in place."""
    await user.type("/emporix jobs status:failed size:2", answer="Jobs 1–2 of ")
    await user.press("Filter")
    await expect(user.modal.locator(".multi summary").first).to_have_text("Failed")
    await user.modal.get_by_label("Words").fill("refund")
    await pressed(user, "Apply").click()
    await user.sees("failed, containing “refund”")
    await expect(user.messages).to_have_count(1)


async def test_deletes_what_a_message_names(user: PageUser) -> None:
    """Only the selected jobs are deleted, after a confirmation, each with its result."""
    first, second = await user.job_ids("/emporix jobs skipped size:2")
    await user.type(f"{first} and {second} can go", answer="can go")
    await user.chooses("Delete Emporix jobs", user.last)
    await user.modal.get_by_role("checkbox").first.check()
    await pressed(user, "Delete 1…").click()
    await expect(user.modal.get_by_role("button", name="Back").first).to_be_visible()
    await pressed(user, "Delete").click()
    await expect(user.modal).to_contain_text("deleted", ignore_case=True)
    await expect(user.modal).to_contain_text(first)
    await expect(user.modal).not_to_contain_text(second)
    await user.leaves()
    await user.type(f"/emporix jobs get {first}", answer="There is no job")
    await user.type(f"/emporix jobs get {second}", answer="Skipped")


async def test_cleans_up_to_its_report(user: PageUser) -> None:
    """The progress message becomes the report, with the jobs as a file below it."""
    await cleans_up(user, "/emporix jobs clean skipped until:2026-11-10")
    await expect(user.messages.first).to_contain_text("· took", timeout=LONG)
    await expect(user.last).to_contain_text("Download")
    await expect(user.messages).to_have_count(2)


@pytest.mark.usefixtures("slow_deletes")
async def test_a_clean_up_is_stopped(user: PageUser) -> None:
    """A stopped clean-up says how many jobs are left."""
    await cleans_up(user, "/emporix jobs clean success until:2026-11-15")
    progress = user.messages.first
    await progress.get_by_role("button", name="Stop", exact=True).click()
    await expect(progress).to_contain_text("· stopped", timeout=LONG)
    await expect(progress.get_by_role("button", name="Continue", exact=True)).to_be_visible()


async def downloaded(user: PageUser, link: Locator) -> Download:
    async with user.page.expect_download() as waiting:
        await link.click()
    return await waiting.value


async def test_downloads_an_export(user: PageUser, tmp_path: Path) -> None:
    """An export is downloaded with the link, and is the file in the direct message."""
    await user.type("/emporix jobs type:export status:success size:1", answer="Job 1 of ")
    await user.opens_job()
    await user.modal_button("Download export").click()
    link = user.modal.get_by_role("link", name="the export as a file")
    by_link = await downloaded(user, link)
    await by_link.save_as(tmp_path / "export.json")
    assert json.loads((tmp_path / "export.json").read_text())["agents"]
    await user.leaves()
    await user.page.get_by_role("link", name="Emporix Jobs").click()
    by_file = await downloaded(user, user.last.get_by_role("link", name="Download"))
    assert by_file.suggested_filename == by_link.suggested_filename


async def test_downloads_a_list_as_a_table(user: PageUser) -> None:
    """The direct message shows the beginning of the list, and its link has all of it."""
    await user.type("/emporix jobs type:import size:1", answer="Job 1 of ")
    await user.press("Download as CSV")
    await expect(user.page.get_by_role("link", name="Emporix Jobs")).to_contain_text("unread")
    await user.page.keyboard.press("Escape")
    await user.page.get_by_role("link", name="Emporix Jobs").click()
    await expect(user.last.get_by_role("columnheader", name="status")).to_be_visible()
    file = await downloaded(user, user.last.get_by_role("link", name="Download"))
    assert file.suggested_filename.endswith(".csv")


@IN_MANY_WINDOWS
async def test_is_accessible(user: PageUser) -> None:
    """The form, its results, a stack of views and a table have no axe violations."""
    await user.chooses("Search Emporix jobs")
    await user.modal.locator(".multi summary").first.click()
    assert await axe_violations(user) == []
    await user.page.keyboard.press("Escape")
    await user.modal.get_by_label("Period").select_option("Custom…")
    await expect(user.modal.get_by_label("From")).to_be_visible()
    await pressed(user, "More filters").click()
    await user.modal.get_by_label("Jobs per page").fill("2")
    assert await axe_violations(user) == []
    await user.modal.get_by_label("Period").select_option("Any time")
    await expect(user.modal.get_by_label("From")).to_be_hidden()
    await pressed(user, "Search").click()
    await expect(user.modal).to_contain_text("Jobs 1–2 of ")
    assert await axe_violations(user) == []
    await pressed(user, "Post to a channel").click()
    await expect(user.modal.get_by_label("Channel")).to_be_visible()
    assert await axe_violations(user) == []
    await user.leaves()
    await user.open("ada", "dm")
    await user.type("/emporix jobs size:1", answer="Job 1 of ")
    await user.press("Download as CSV")
    await expect(user.page.get_by_role("columnheader").first).to_be_attached()
    await user.page.keyboard.press("Escape")
    assert await axe_violations(user) == []
    assert await user.page.evaluate("document.documentElement.scrollWidth > innerWidth") is False
