"""Change on a digest — opens the form with its current values."""

from __future__ import annotations

from sandbox.emporix.keys import ACME_READ_ONLY
from sandbox.slack.person import Person
from tests.harness.app import AppHarness
from tests.listeners.digest.fixtures import set_up, stored


async def test_begins_with_what_is_there(ada: Person) -> None:
    """The form shows all current values."""
    fields = {"time": "17:30", "filters": "failed refund", "days": ["Friday"], "chart": []}
    await set_up(ada, name="Failures", **fields)
    await ada.command("/emporix digest list")
    exchange = await ada.click("Change")
    assert exchange.view is not None
    state = exchange.view["state"]["values"]
    assert state["name"]["value"]["value"] == "Failures"
    assert state["time"]["value"]["selected_time"] == "17:30"
    assert state["filters"]["value"]["value"] == "failed refund"
    assert [day["value"] for day in state["days"]["value"]["selected_options"]] == ["4"]
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


async def test_runs_on_the_connection_of_who_changed_it(
    connected: AppHarness, ada: Person, digest: str
) -> None:
    """A changed digest uses the connection of the user who changed it."""
    grace = connected.person("grace", "ops")
    await connected.connect(grace, ACME_READ_ONLY)
    await grace.command("/emporix digest list")
    await grace.click("Change")
    await grace.submit({"name": "Graces"})
    assert (await stored(connected)).owner.user_id == "U0GRACE"
