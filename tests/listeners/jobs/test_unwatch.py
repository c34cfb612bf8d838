"""/emporix jobs unwatch — whoever stops watching hears nothing more."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.listeners.jobs.fixtures import add_jobs, job_id
from tests.shop import Shop

RUNNING = job_id(3)


@pytest.fixture
def shop(connected: Shop) -> Shop:
    """Ada is connected; of three jobs the newest is running."""
    add_jobs(connected, 3)
    return connected


async def watched(shop: Shop) -> str:
    exchange = await shop.ada.command("/emporix jobs watching")
    return str(exchange.payloads[0]["text"])


async def test_stops_by_command(shop: Shop, snapshot: SnapshotAssertion) -> None:
    """Named by its id."""
    await shop.ada.command(f"/emporix jobs watch {RUNNING}")
    exchange = await shop.ada.command(f"/emporix jobs unwatch {RUNNING}")
    assert exchange.payloads == snapshot
    assert "not watching any job" in await watched(shop)


async def test_stops_by_button(shop: Shop, snapshot: SnapshotAssertion) -> None:
    """In the place of the message that the button stands in."""
    await shop.ada.command(f"/emporix jobs watch {RUNNING}")
    assert (await shop.ada.click("Stop watching")).payloads == snapshot
    assert "not watching any job" in await watched(shop)


async def test_says_when_it_was_not_watched(shop: Shop, snapshot: SnapshotAssertion) -> None:
    """And where to see what is."""
    exchange = await shop.ada.command(f"/emporix jobs unwatch {RUNNING}")
    assert exchange.payloads == snapshot
