"""/emporix alerts list — the alerts of a channel, and the jobs that an alert matches."""

from __future__ import annotations

from syrupy.assertion import SnapshotAssertion

from sandbox.emporix.keys import ACME_READ_ONLY
from tests.harness.app import AppHarness
from tests.listeners.alerts.fixtures import without_ids


async def test_lists_them(connected: AppHarness, snapshot: SnapshotAssertion) -> None:
    """Each alert is shown with its state and buttons, only to the user who asked."""
    ada = connected.person("ada", "ops")
    await ada.command("/emporix alerts on")
    connected.clock.forward(1)
    await ada.command("/emporix alerts on skipped")
    exchange = await ada.command("/emporix alerts list")
    assert without_ids(exchange.payloads) == snapshot


async def test_an_empty_list_says_how_to_begin(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """An empty list shows two commands to copy."""
    exchange = await connected.person("ada", "ops").command("/emporix alerts")
    assert exchange.payloads == snapshot


async def test_lists_jobs_with_the_rights_of_the_user(connected: AppHarness) -> None:
    """The list of an alert's jobs is private and uses the connection of the user who clicked."""
    ada, grace = connected.person("ada", "ops"), connected.person("grace", "ops")
    await ada.command("/emporix alerts on")
    connected.emporix_state.add_job("acme", status="failure", message="No such order.")
    await connected.worker.work_until(connected.clock() + 60, step=10.0)
    refused = await grace.click("Show all")
    assert refused.payloads[0]["blocks"][0]["block_id"] == "error.not_connected"
    await connected.connect(grace, ACME_READ_ONLY)
    exchange = await grace.click("Show all")
    assert exchange.payloads[0]["text"].startswith("Job 1 of 1, failed")
    assert exchange.payloads[0]["response_type"] == "ephemeral"
