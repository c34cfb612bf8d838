"""Buttons of other listeners in the Home tab: their answers appear at the top."""

from __future__ import annotations

import pytest

from bot.domain.accounts import Caller
from bot.rendering.buttons import (
    JOBS_LIST_ALL,
    TENANTS_SWITCH,
    TenantButton,
)
from bot.store import keys as redis_keys
from sandbox.emporix.keys import ACME_OPERATIONS, GLOBEX_OPERATIONS
from sandbox.slack.directory import ADA, TEAM_ID
from tests.harness.app import AppHarness
from tests.harness.sample_requests import home_action
from tests.harness.signed_requests import Poster
from tests.listeners.digest.fixtures import set_up, stored
from tests.listeners.home.views import found, options, published, words
from tests.listeners.jobs.fixtures import add_jobs

CALLER = Caller(TEAM_ID, ADA.id)


@pytest.fixture
async def harness(connected: AppHarness) -> AppHarness:
    """Ada has a digest in #ops and opens her Home tab."""
    add_jobs(connected, 6)
    await set_up(connected.person("ada", "ops"))
    await connected.ada.open_home()
    return connected


async def test_switches_the_default(harness: AppHarness) -> None:
    """Switching the default tenant is confirmed at the top and shown below."""
    await harness.connect(harness.ada, GLOBEX_OPERATIONS)
    exchange = await harness.ada.click("Make default", at_home=True)
    assert words(exchange.home).startswith("Your default tenant is now `globex`")
    assert "succeeded in 24 h · your default" in words(exchange.home)
    assert [sent["via"] for sent in exchange.sent] == ["views.publish"]


async def test_disconnects_after_asking(harness: AppHarness) -> None:
    """Disconnecting removes the tenant from Redis and from the Home tab."""
    assert await harness.redis.hexists(redis_keys.home(CALLER, "stats"), "acme")
    await harness.ada.click("Disconnect…", at_home=True)
    exchange = await harness.ada.submit({})
    assert words(exchange.view).startswith("Disconnected from `acme`.")
    assert "Connect to Emporix to see your jobs here." in words(exchange.home)
    assert " failed" not in words(exchange.home)
    assert not await harness.redis.hexists(redis_keys.home(CALLER, "stats"), "acme")


async def test_follows_a_disconnect_by_command(harness: AppHarness) -> None:
    """A disconnect by command also updates the Home tab."""
    await harness.ada.command("/emporix disconnect")
    exchange = await harness.ada.click("Disconnect")
    assert " failed" not in words(exchange.home)
    assert "Connect to Emporix to see your jobs here." in words(exchange.home)


async def test_reconnects(harness: AppHarness) -> None:
    """Reconnecting opens the form with the tenant, and the Home tab shows the new rights."""
    form = await harness.ada.click("Reconnect…", at_home=True)
    assert form.view is not None
    assert form.view["state"]["values"]["tenant"]["value"]["value"] == "acme"
    exchange = await harness.ada.submit(
        {
            "Client ID": ACME_OPERATIONS.client_id,
            "Client secret": ACME_OPERATIONS.client_secret,
        }
    )
    assert "*acme*: *2 failed*" in words(exchange.home)
    assert len(published(exchange)) == 2


async def test_a_home_tab_that_was_never_opened_is_not_published(harness: AppHarness) -> None:
    """A Home tab that was never opened is not published."""
    exchange = await harness.connect(harness.grace, ACME_OPERATIONS)
    assert published(exchange) == []
    assert exchange.home is None


async def test_a_home_of_long_ago_is_left_alone(harness: AppHarness) -> None:
    """A Home tab that was opened long ago is not refreshed."""
    await harness.redis.delete(redis_keys.home(CALLER, "opened"))
    exchange = await harness.connect(harness.ada, GLOBEX_OPERATIONS)
    assert published(exchange) == []


async def test_pauses_and_resumes_a_digest(harness: AppHarness) -> None:
    """Pausing and resuming a digest changes its buttons."""
    paused = await harness.ada.click("Pause", at_home=True)
    assert "Paused. “Daily jobs” won't be posted in <#C0OPS>" in words(paused.home)
    assert (await stored(harness)).paused == "by_hand"
    assert "Resume" in options(paused.home)
    resumed = await harness.ada.click("Resume", action_id="menu", at_home=True)
    assert "Pause" in options(resumed.home)


async def test_changes_a_digest(harness: AppHarness) -> None:
    """Changing a digest updates the Home tab."""
    await harness.ada.click("Change…", at_home=True)
    exchange = await harness.ada.submit({"name": "Failures at night"})
    assert "*Failures at night*" in words(exchange.home)


async def test_sets_up_a_digest(harness: AppHarness) -> None:
    """The form asks for a channel, because the Home tab has none."""
    await harness.ada.click("Set up a digest", at_home=True)
    exchange = await harness.ada.submit({"name": "A second", "channel": "general"})
    assert exchange.field_errors == {}
    assert "*A second* · <#C0GENERAL>" in words(exchange.home)


async def test_deletes_a_digest(harness: AppHarness) -> None:
    """A digest is deleted after its confirmation in a modal."""
    asked = await harness.ada.click("Delete…", at_home=True)
    assert "“Daily jobs” will no longer be posted in <#C0OPS>" in words(asked.view)
    assert "*Your digests*" in words(asked.home)
    exchange = await harness.ada.submit({})
    assert exchange.view is None
    assert "*Your digests*" not in words(exchange.home)


async def test_previews_a_digest(harness: AppHarness) -> None:
    """The preview appears at the top, without a chart, which Slack shows only in messages."""
    exchange = await harness.ada.click("Preview", at_home=True)
    assert "failed" in words(exchange.home).partition("Your Emporix jobs")[0]
    assert len(published(exchange)) == 1


async def test_cancel_changes_nothing(harness: AppHarness) -> None:
    """Closing the question of a menu leaves the digest and the connection."""
    for entry in ("Delete…", "Disconnect…"):
        await harness.ada.click(entry, at_home=True)
        await harness.ada.close()
    home = (await harness.ada.open_home()).home
    assert "*Your digests*" in words(home)
    assert "*acme*" in words(home)


async def test_each_line_has_one_menu(harness: AppHarness) -> None:
    """Each digest and tenant has one menu and no other buttons, and no menu asks a question."""
    home = (await harness.ada.open_home()).home
    menus = [one for one in found(home) if one["type"] == "overflow"]
    assert len(menus) == 2
    assert not any("confirm" in menu for menu in menus)
    assert options(home) == [
        *("Search…", "Reconnect…", "Disconnect…"),
        *("Preview", "Post now", "Pause", "Change…", "Delete…"),
    ]


async def test_posts_a_digest_at_once(harness: AppHarness) -> None:
    """A digest is posted at once, or the answer says that no worker is running."""
    exchange = await harness.ada.click("Post now", at_home=True)
    assert "Daily jobs" in words(exchange.home).partition("Your Emporix jobs")[0]


async def test_an_unknown_button_is_explained(harness: AppHarness, poster: Poster) -> None:
    """An unknown button is explained at the top of the unchanged Home tab."""
    await poster.interaction(home_action("jobs.launch.now", "", "V1"))
    await poster.settled()
    view = harness.workspace.views.home(ADA.id)
    assert view is not None
    assert "too old to act on" in words(view.content)
    assert "*2 failed*" in words(view.content)


async def test_a_list_fits_on_top(harness: AppHarness, poster: Poster) -> None:
    """Any answer fits above the Home tab within Slack's hundred blocks."""
    add_jobs(harness, 60)
    value = TenantButton(tenant="acme").value
    await poster.interaction(home_action(JOBS_LIST_ALL, value, "V1"))
    await poster.settled()
    view = harness.workspace.views.home(ADA.id)
    assert view is not None
    assert "Jobs 1–10 of 60" in words(view.content)
    assert len(view.content["blocks"]) <= 100


async def test_the_result_of_a_click_in_an_older_view_is_shown(
    harness: AppHarness, poster: Poster
) -> None:
    """The result of a click in an older view is still shown."""
    await harness.connect(harness.ada, GLOBEX_OPERATIONS)
    pressed = home_action(TENANTS_SWITCH, TenantButton(tenant="globex").value, "V1")
    pressed["view"]["hash"] = "1.old"
    await poster.interaction(pressed)
    await poster.settled()
    view = harness.workspace.views.home(ADA.id)
    assert view is not None
    assert "*globex*: *0 failed*, 0 running, 0 succeeded in 24 h · your default" in words(
        view.content
    )
