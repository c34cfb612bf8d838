"""/emporix failed — failed jobs."""

from __future__ import annotations

from syrupy.assertion import SnapshotAssertion

from tests.harness.app import AppHarness
from tests.listeners.jobs.fixtures import add_jobs


async def test_lists_failed_jobs(connected: AppHarness, snapshot: SnapshotAssertion) -> None:
    """It is short for `jobs list failed`."""
    add_jobs(connected, 4)
    exchange = await connected.ada.command("/emporix failed")
    assert exchange.payloads == snapshot
    same = await connected.ada.command("/emporix jobs list failed")
    assert same.payloads[0]["text"] == exchange.payloads[0]["text"]


async def test_accepts_filters_and_words(connected: AppHarness) -> None:
    """Filters and words after the command narrow the list."""
    add_jobs(connected, 9)
    exchange = await connected.ada.command("/emporix failed invoice size:2")
    heading = "Jobs 1–2 of 3, failed, containing “invoice”"
    assert exchange.payloads[0]["text"] == heading
