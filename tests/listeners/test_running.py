"""/emporix running — running jobs."""

from __future__ import annotations

from syrupy.assertion import SnapshotAssertion

from tests.harness.app import AppHarness
from tests.listeners.jobs.fixtures import add_jobs


async def test_lists_running_jobs(connected: AppHarness, snapshot: SnapshotAssertion) -> None:
    """It is short for `jobs list running`, and takes filters and words."""
    add_jobs(connected, 6)
    exchange = await connected.ada.command("/emporix running size:1 items")
    assert exchange.payloads == snapshot
