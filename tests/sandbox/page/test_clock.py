"""The clock on the page: shown only if it can be moved; all open pages are notified of a move."""

from __future__ import annotations

from pathlib import Path

import httpx

from sandbox.clock.shared_clock import SharedClock
from sandbox.page.page import Page
from sandbox.slack.directory import ADA, GRACE
from sandbox.slack.workspace import Workspace
from tests.harness.clock import NOW, FakeClock


async def test_a_clock_that_cannot_be_moved_is_not_offered(page: httpx.AsyncClient) -> None:
    """A page whose clock can't be moved has no clock button."""
    assert "Move the clock" not in (await page.get("/page/ada/general")).text


def test_a_move_changes_the_time_of_all_readers(tmp_path: Path) -> None:
    """After a move, the time in each reader's time zone is above the messages."""
    clock = SharedClock(tmp_path / "clock", FakeClock())
    workspace = Workspace(clock)
    page, channel = Page(workspace), workspace.directory.channel("general")
    before = page.version(ADA)
    clock.move(NOW + 86400)
    assert page.version(ADA) != before
    assert "Tue 11:33 AM" in page.parts(ADA, channel)["top"]
    assert "Tue 5:33 AM" in page.parts(GRACE, channel)["top"]
    assert 'id="clock-zone"' in page.whole(ADA, channel)
