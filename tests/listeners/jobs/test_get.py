"""/emporix jobs get: one job in a private message."""

from __future__ import annotations

import json

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.harness.app import AppHarness
from tests.listeners.jobs.fixtures import add_jobs, job_id


async def test_shows_every_field(connected: AppHarness, snapshot: SnapshotAssertion) -> None:
    """The answer first; then the question, details and unknown fields, and a link to Emporix."""
    connected.emporix_state.add_job(
        "acme",
        id=job_id(1),
        status="success",
        type="IMPORT",
        agentId="import-agent",
        agentType="generic",
        sessionId="session-1",
        requestId="request-1",
        commerceEvent="product.product-updated",
        message="Import these agents.",
        response="Two of three were imported.",
        priority="high",
        importResult={
            "message": "Imported with problems",
            "summary": {
                "agents": [{"id": "a1", "name": "Support", "state": "ENABLED"}],
                "tools": [{"id": "t1", "state": "FAILED", "details": [{"message": "no token"}]}],
            },
        },
        exportResult={"data": "e30=", "checksum": "44136fa3"},
        metadata={
            "version": 3,
            "createdAt": "2026-11-20T10:30:27.167Z",
            "modifiedAt": "2026-11-20T10:31:14.509Z",
        },
    )
    exchange = await connected.ada.command(f"/emporix jobs get {job_id(1)}")
    assert exchange.payloads == snapshot


async def test_needs_two_round_trips_and_one_call(connected: AppHarness) -> None:
    """A get asks Emporix once and Redis twice, if agents' names and the time zone are cached."""
    add_jobs(connected, 1)
    await connected.ada.command("/emporix jobs")
    await connected.ada.command(f"/emporix jobs get {job_id(1)}")
    asked = len(connected.emporix_state.requests)
    before = (await connected.redis.info("stats"))["total_reads_processed"]
    await connected.ada.command(f"/emporix jobs get {job_id(1)}")
    after = (await connected.redis.info("stats"))["total_reads_processed"]
    assert len(connected.emporix_state.requests) - asked == 1
    assert after - before - 1 <= 2  # less the second INFO


@pytest.mark.parametrize("form", ["{}", "<{}>", "https://admin.emporix.io/x#/logs/jobs/{}"])
async def test_accepts_ids_and_links(connected: AppHarness, form: str) -> None:
    """An id is accepted alone, in brackets, or in a link to the dashboard."""
    add_jobs(connected, 1)
    exchange = await connected.ada.command(f"/emporix jobs get {form.format(job_id(1))}")
    assert exchange.payloads[0]["text"].startswith("✅ Succeeded · complaint-agent: “")
    assert f"Job `{job_id(1)}`" in str(exchange.payloads[0]["blocks"])


async def test_an_unknown_id_is_an_error(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """The error repeats the unknown id, and offers to show all jobs."""
    exchange = await connected.ada.command("/emporix jobs get 000000000000000000000000")
    assert exchange.payloads == snapshot


async def test_asks_for_the_id(connected: AppHarness, snapshot: SnapshotAssertion) -> None:
    """Without an id there is nothing to show."""
    exchange = await connected.ada.command("/emporix jobs get")
    assert exchange.payloads == snapshot


async def test_shows_hostile_text_as_letters(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """Nothing in a job mentions a channel, forms a link or breaks the message."""
    hostile = '<!channel> <@U0ADA> <https://evil.example|click> ``` {{ 7*7 }} "quotes" \u202e \x00'
    connected.emporix_state.add_job(
        "acme", id="odd:id-1", status=hostile, type=hostile, agentId=hostile, message=hostile
    )
    exchange = await connected.ada.command("/emporix jobs get https://x/#/logs/jobs/odd%3Aid-1")
    assert exchange.payloads == snapshot
    shown = json.dumps(exchange.payloads)
    assert exchange.sent[0]["answer"]
    assert "\\u202e" not in shown


async def test_shortens_a_huge_message(connected: AppHarness) -> None:
    """A message of 200,000 characters is shown in part, and says how long it is."""
    connected.emporix_state.add_job(
        "acme", id=job_id(1), status="success", message="long " * 40_000
    )
    exchange = await connected.ada.command(f"/emporix jobs get {job_id(1)}")
    shown = json.dumps(exchange.payloads, ensure_ascii=False)
    assert "The first part of 200,000 characters." in shown
    assert len(shown) < 12_000
