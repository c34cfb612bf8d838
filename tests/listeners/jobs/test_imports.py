"""Show all entries — the result for each object of an import, in a modal with pages."""

from __future__ import annotations

from typing import Any

from sandbox.slack.person import Exchange
from tests.harness.app import AppHarness
from tests.listeners.jobs.fixtures import job_id


def entry(number: int) -> dict[str, Any]:
    """Entries of which every tenth failed, with six reasons."""
    reason = {"code": "MISSING_TOKEN", "objectId": f"token-{number}"}
    failed = {"state": "FAILED", "details": [reason] * 6} if number % 10 == 0 else {}
    return {"id": f"a{number}", "name": f"Agent {number}", "state": "ENABLED"} | failed


async def opened(harness: AppHarness, count: int) -> Exchange:
    summary = {"agents": [entry(number) for number in range(count)]}
    harness.emporix_state.add_job(
        "acme", id=job_id(1), type="IMPORT", importResult={"summary": summary}
    )
    await harness.ada.command(f"/emporix jobs get {job_id(1)}")
    return await harness.ada.click("Show all entries")


def lines(exchange: Exchange) -> list[str]:
    assert exchange.view is not None
    blocks = exchange.view["blocks"]
    return [block["text"]["text"] for block in blocks if block["type"] == "section"]


async def test_shows_every_entry_failures_first(connected: AppHarness) -> None:
    """All entries are shown, failures first, with their reasons and counts by state."""
    heading, first, *_, last = lines(await opened(connected, 90))
    assert "90 entries: 81 enabled, 9 failed · page 1 of 3" in heading
    assert first.startswith(":x: agent `Agent 0`: failed – a token is missing (`token-0`); ")
    assert first.count("a token is missing") == 6
    assert last == ":white_check_mark: agent `Agent 34`: enabled"


async def test_shows_other_pages(connected: AppHarness) -> None:
    """Each entry is on one of the pages."""
    seen = lines(await opened(connected, 90))[1:]
    for _ in range(2):
        seen += lines(await connected.ada.click("Next"))[1:]
    assert len(seen) == len(set(seen)) == 90
    assert "page 2 of 3" in lines(await connected.ada.click("Previous"))[0]


async def test_opens_at_once(connected: AppHarness) -> None:
    """The modal opens before Emporix is called."""
    exchange = await opened(connected, 21)
    vias = [sent["via"] for sent in exchange.sent if sent["via"] != "ack"]
    assert vias == ["views.open", "views.update"]
