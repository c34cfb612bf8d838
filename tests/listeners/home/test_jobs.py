"""Jobs in the Home tab: opened, listed, searched and deleted in modals."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from sandbox.emporix.keys import ACME_READ_ONLY
from sandbox.slack.faults import Fault
from tests.harness.app import AppHarness
from tests.listeners.home.views import buttons, published, words
from tests.listeners.jobs.fixtures import add_jobs, job_id

FAILED = job_id(5)


@pytest.fixture
async def harness(connected: AppHarness) -> AppHarness:
    """Ada opens her Home tab; the newest failure is number 5, and number 6 is running."""
    add_jobs(connected, 6)
    await connected.ada.open_home()
    return connected


async def test_opens_a_job(harness: AppHarness, snapshot: SnapshotAssertion) -> None:
    """A modal opens at once, then shows the whole job, and then its log."""
    exchange = await harness.ada.click("Open", at_home=True)
    vias = [sent["via"] for sent in exchange.sent]
    assert vias == ["views.open", "views.update", "views.update"]
    assert exchange.payloads[1]["view"] == snapshot
    assert FAILED in words(exchange.view)


async def test_deletes_a_job_and_shows_the_home_without_it(harness: AppHarness) -> None:
    """A job deleted in its modal disappears from the Home tab and its figures."""
    await harness.ada.click("Open", at_home=True)
    await harness.ada.click("Delete")
    exchange = await harness.ada.submit({})
    assert "*acme*: *1 failed*" in words(exchange.home)
    assert f"`{FAILED}`: deleted" in words(exchange.home)
    assert harness.emporix_state.requests[-4].method == "DELETE"


async def test_a_key_that_may_only_read_offers_no_delete(harness: AppHarness) -> None:
    """A read-only API key has no Delete button."""
    await harness.connect(harness.ada, ACME_READ_ONLY)
    exchange = await harness.ada.click("Open", at_home=True)
    assert "Delete" not in buttons(exchange.view)
    assert "read-only" in words(exchange.home)


async def test_lists_all_that_failed_lately(harness: AppHarness) -> None:
    """Recent failures are listed in a modal with pages and a button to edit the search."""
    exchange = await harness.ada.click("Show all failed", at_home=True)
    assert "*Jobs 1–2 of 2*, failed, <!date^1795343600^since" in words(exchange.view)
    harness.clock.forward(600)
    form = (await harness.ada.click("Change the search")).view
    assert form is not None
    (period,) = form["state"]["values"]["period"].values()
    assert period["selected_option"]["text"]["text"] == "Last 24 hours"


async def test_lists_all_that_runs(harness: AppHarness) -> None:
    """Running jobs are listed in the same way."""
    exchange = await harness.ada.click(action_id="home.jobs.running", at_home=True)
    assert "*Jobs 1–2 of 2*, running" in words(exchange.view)


async def test_lists_the_24_hours_before_the_click(harness: AppHarness) -> None:
    """A Home tab that was opened yesterday lists the failures of the last 24 hours."""
    harness.clock.forward(30 * 60 * 60)
    exchange = await harness.ada.click("Show all failed", at_home=True)
    assert "No failed jobs, <!date^1795451600^since" in words(exchange.view)


async def test_opens_the_form_of_a_search(harness: AppHarness) -> None:
    """The empty search form opens, and its results appear in the same modal."""
    exchange = await harness.ada.click("Search jobs", at_home=True)
    assert exchange.view is not None
    assert exchange.view["callback_id"] == "jobs.filter.submit"
    found = await harness.ada.submit({"Words": "invoice"})
    assert "containing “invoice”" in words(found.view)


async def test_opens_the_form_filled_in(harness: AppHarness) -> None:
    """The search form opens with the failures of a tenant in the last 24 hours."""
    exchange = await harness.ada.click("Search…", at_home=True)
    assert exchange.view is not None
    state = exchange.view["state"]["values"]
    (ticked,) = state["statuses"].values()
    assert [option["value"] for option in ticked["selected_options"]] == ["failure"]
    (period,) = state["period"].values()
    assert period["selected_option"]["text"]["text"] == "Last 24 hours"
    assert "more" not in state


async def test_an_expired_trigger_is_explained_in_the_home_tab(harness: AppHarness) -> None:
    """If the trigger has expired, the Home tab shows the error."""
    refusal = Fault("refuse", method="views.open", error="expired_trigger_id")
    harness.workspace.faults.add(refusal)
    exchange = await harness.ada.click("Open", at_home=True)
    assert "didn't open the form in time" in words(exchange.home)
    assert "*2 failed*" in words(published(exchange)[-1])
