"""The stack of views: one step back, or closing all."""

from __future__ import annotations

import httpx

from sandbox.slack.workspace import Workspace
from tests.sandbox.slack.fake_bot import FakeBot
from tests.sandbox.slack.samples import modal, section

HERE = "/page/ada/general"


def open_three(workspace: Workspace) -> list[str]:
    """Return the ids of three views, bottom first; the first and last have notify_on_close."""
    first = workspace.views.open("U0ADA", modal(section("one"), notify_on_close=True))
    second = workspace.views.push("U0ADA", modal(section("two")))
    third = workspace.views.push("U0ADA", modal(section("three"), notify_on_close=True))
    return [first.id, second.id, third.id]


async def modal_shown(page: httpx.AsyncClient) -> str:
    return str((await page.get(f"{HERE}/parts")).json()["modal"])


async def test_back_shows_the_view_below(
    page: httpx.AsyncClient, bot: FakeBot, workspace: Workspace
) -> None:
    """Only a pushed view has a back button, and the app gets view_closed."""
    *_, third = open_three(workspace)
    assert 'aria-label="Back"' in await modal_shown(page)
    await page.post(f"{HERE}/close", json={})
    assert (bot.last["view"]["id"], bot.last["is_cleared"]) == (third, False)
    await page.post(f"{HERE}/close", json={})
    shown = await modal_shown(page)
    assert "one" in shown
    assert 'aria-label="Back"' not in shown


async def test_the_cross_closes_all(
    page: httpx.AsyncClient, bot: FakeBot, workspace: Workspace
) -> None:
    """The × closes all views, and each with notify_on_close sends that the stack was cleared."""
    first, _, third = open_three(workspace)
    await page.post(f"{HERE}/dismiss", json={})
    assert await modal_shown(page) == ""
    heard = [(heard.fields["view"]["id"], heard.fields["is_cleared"]) for heard in bot.heard]
    assert heard == [(third, True), (first, True)]


async def test_the_cross_of_a_single_view_clears_no_stack(
    page: httpx.AsyncClient, bot: FakeBot, workspace: Workspace
) -> None:
    """The × of a single view reports no cleared stack."""
    workspace.views.open("U0ADA", modal(section("one"), notify_on_close=True))
    await page.post(f"{HERE}/dismiss", json={})
    assert (bot.last["type"], bot.last["is_cleared"]) == ("view_closed", False)
