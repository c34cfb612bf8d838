"""Download as CSV — sends all jobs of a list as a file to the user who clicked."""

from __future__ import annotations

import csv
import io
from typing import Any

from syrupy.assertion import SnapshotAssertion

from sandbox.emporix.faults import Fault
from sandbox.emporix.keys import ACME_READ_ONLY
from sandbox.slack.person import Exchange
from tests.harness.app import AppHarness
from tests.harness.clock import FakeClock
from tests.listeners.jobs.fixtures import add_jobs, job_id


async def download(harness: AppHarness, filters: str = "") -> Exchange:
    """Ada lists jobs and clicks Download as CSV."""
    await harness.ada.command(f"/emporix jobs list {filters}")
    return await harness.ada.click("Download as CSV")


async def rows(harness: AppHarness) -> list[dict[str, str]]:
    (file,) = await harness.ada.files()
    return list(csv.DictReader(io.StringIO(file["content"].removeprefix("\ufeff"), newline="")))


async def test_hands_the_whole_list_to_its_reader_alone(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """The modal opens at once, and all pages are sent as one file in a direct message."""
    add_jobs(connected, 60)
    exchange = await download(connected, "size:3")
    sent = [sent["via"] for sent in exchange.sent if sent["via"] != "ack"]
    assert (sent[0], sent[-1]) == ("views.open", "views.update")
    assert exchange.view is not None
    assert exchange.view["blocks"] == snapshot
    found = await rows(connected)
    assert [row["id"] for row in found] == [job_id(number) for number in range(60, 0, -1)]
    assert found[0] == snapshot
    (file,) = await connected.ada.files()
    assert file["name"] == "jobs-acme-2026-11-23-1033.csv"
    assert file["channel"].startswith("D")
    assert await connected.grace.files() == []


async def test_contains_the_jobs_of_the_query(connected: AppHarness) -> None:
    """The file has the jobs of the list's query, with all columns."""
    add_jobs(connected, 9)
    await download(connected, "status:failed fields:id")
    found = await rows(connected)
    assert {row["status"] for row in found} == {"failure"}
    assert len(found) == 3
    assert all(row["message"] and row["created"] for row in found)


async def test_a_shared_list_is_sent_to_the_user_who_clicked(connected: AppHarness) -> None:
    """A shared list is read with the connection of the user who clicked, and sent only to them."""
    add_jobs(connected, 12)
    ada, grace = connected.person("ada", "ops"), connected.person("grace", "ops")
    await ada.command("/emporix jobs list status:failed size:2")
    await ada.click("Share in channel")
    await ada.click("Share")
    exchange = await grace.click("Download as CSV")
    assert "shared these jobs" in str(exchange.view)
    await connected.connect(grace, ACME_READ_ONLY)
    for key in ("kept", "expired"):
        if key == "expired":
            await connected.redis.delete(*await connected.redis.keys("*:cursor:*"))
        await grace.click("Download as CSV")
        file = (await grace.files())[-1]
        assert file["channel"].startswith("D")
        found = csv.DictReader(io.StringIO(file["content"].removeprefix("\ufeff"), newline=""))
        assert [row["status"] for row in found] == ["failure"] * 4
    assert len(await grace.files()) == 2
    assert await connected.ada.files() == []


async def test_a_formula_is_letters(connected: AppHarness) -> None:
    """Formulas in untrusted text are escaped."""
    connected.emporix_state.add_job("acme", id=job_id(1), message="=cmd|' /C calc'!A0")
    await download(connected)
    (row,) = await rows(connected)
    assert row["message"] == "'=cmd|' /C calc'!A0"


async def test_an_expired_list_is_read_again(connected: AppHarness, clock: FakeClock) -> None:
    """An expired list is read again by the query in its button."""
    add_jobs(connected, 3)
    await connected.ada.command("/emporix jobs failed")
    for key in await connected.redis.keys("*:cursor:*"):
        await connected.redis.delete(key)
    await connected.ada.click("Download as CSV")
    assert [row["id"] for row in await rows(connected)] == [job_id(2)]


async def test_shows_errors_in_the_modal(connected: AppHarness) -> None:
    """If Emporix fails, the modal shows the error, and nothing is sent."""
    add_jobs(connected, 3)
    await connected.ada.command("/emporix jobs list")
    connected.emporix_state.faults.add(Fault("status", status=403))
    exchange = await connected.ada.click("Download as CSV")
    view: Any = exchange.view
    assert view["blocks"][0]["block_id"] == "error.forbidden"
    assert await connected.ada.files() == []
