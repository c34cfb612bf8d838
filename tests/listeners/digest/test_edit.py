"""Change on a digest — opens the form with its current values."""

from __future__ import annotations

from sandbox.emporix.keys import ACME_READ_ONLY, GLOBEX_READ_ONLY
from sandbox.slack.person import Person
from tests.harness.app import AppHarness
from tests.listeners.digest.fixtures import announced, set_up, stored


async def test_shows_the_current_values(ada: Person) -> None:
    """The form shows all current values."""
    fields = {"time": "17:30", "filters": "failed refund", "custom_days": ["Friday"], "chart": []}
    await set_up(ada, name="Failures", **fields)
    await ada.command("/emporix digest list")
    exchange = await ada.click("Change")
    assert exchange.view is not None
    state = exchange.view["state"]["values"]
    assert state["name"]["value"]["value"] == "Failures"
    assert state["time"]["value"]["selected_time"] == "17:30"
    assert state["filters"]["value"]["value"] == "failed refund"
    assert state["days"]["digest.new.days"]["selected_option"]["value"] == "custom"
    days = state["custom_days"]["value"]["selected_options"]
    assert [day["value"] for day in days] == ["4"]
    assert state["chart"]["value"]["selected_options"] == []


async def test_changes_the_same_digest(connected: AppHarness, ada: Person, digest: str) -> None:
    """Saving changes the same digest, which is posted at its new time."""
    await ada.command("/emporix digest list")
    await ada.click("Change")
    exchange = await ada.submit({"time": "16:00"})
    assert exchange.field_errors == {}
    changed = await stored(connected)
    assert changed.schedule.minute == 16 * 60
    assert changed.scheduled_run is not None
    assert changed.scheduled_run.date == "2026-11-23"
    assert len(await connected.redis.keys("*:digest:*")) == 1


async def test_uses_the_connection_of_the_user_who_changed_it(
    connected: AppHarness, ada: Person, digest: str
) -> None:
    """A changed digest uses the connection of the user who changed it."""
    grace = connected.person("grace", "ops")
    await connected.connect(grace, ACME_READ_ONLY)
    await grace.command("/emporix digest list")
    await grace.click("Change")
    await grace.submit({"name": "Graces"})
    assert (await stored(connected)).owner.user_id == "U0GRACE"


async def test_never_changes_the_tenant_unseen(
    connected: AppHarness, ada: Person, digest: str
) -> None:
    """A user who is connected only to another tenant must choose it to take over the digest."""
    grace = connected.person("grace", "ops")
    await connected.connect(grace, GLOBEX_READ_ONLY)
    await grace.command("/emporix digest list")
    await grace.click("Change")
    exchange = await grace.submit({"name": "Graces"})
    assert exchange.field_errors == {"tenant": "Please complete this required field."}
    await grace.submit({"name": "Graces", "tenant": "globex"})
    assert (await stored(connected)).tenant == "globex"


async def test_is_announced_in_its_new_channel(
    connected: AppHarness, ada: Person, digest: str
) -> None:
    """Only a digest that moves to another channel is announced there, and not in the old one."""
    await ada.command("/emporix digest list")
    await ada.click("Change")
    await ada.submit({"time": "16:00"})
    assert len(await announced(connected, "ops")) == 1
    await ada.command("/emporix digest list")
    await ada.click("Change")
    await ada.submit({"channel": "general"})
    moved = await announced(connected, "general")
    assert [words.split(",")[0] for words in moved] == [
        "<@U0ADA> moved the digest “Daily jobs” here"
    ]
    assert len(await announced(connected, "ops")) == 1
