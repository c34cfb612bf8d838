"""Log — shows the log of a job's session in a modal, to the person who clicked."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from sandbox.emporix.faults import Fault
from sandbox.slack.person import Exchange
from tests.harness.app import AppHarness
from tests.listeners.jobs.fixtures import add_jobs, job_id

SESSION = "session/1 ä"


@pytest.fixture
async def opened(connected: AppHarness) -> AppHarness:
    """Ada looks at a failed job of a session in which three ran."""
    for number in (1, 2, 3):
        connected.emporix_state.add_job(
            "acme",
            id=job_id(number),
            sessionId=SESSION,
            status="failure",
            message="Ms Okafor <!channel> was not found.",
        )
    await connected.ada.command(f"/emporix jobs get {job_id(2)}")
    return connected


def view_of(exchange: Exchange) -> Any:
    assert exchange.view is not None
    return exchange.view


def heads(exchange: Exchange) -> list[str]:
    """What stands above each line."""
    blocks = view_of(exchange)["blocks"]
    return [block["elements"][0]["text"] for block in blocks if block["type"] == "context"]


async def test_opens_at_once_and_shows_the_lines(
    opened: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """Oldest first, each with its severity, and only for the user who clicked."""
    exchange = await opened.ada.click("Log")
    vias = [sent["via"] for sent in exchange.sent if sent["via"] != "ack"]
    assert vias == ["views.open", "views.update"]
    assert exchange.messages == []
    assert view_of(exchange)["blocks"][:5] == snapshot
    assert len(heads(exchange)) == 20
    assert await opened.grace.view() is None


async def test_turns_pages(opened: AppHarness) -> None:
    """Next and Previous, in the same modal."""
    first = await opened.ada.click("Log")
    second = await opened.ada.click("Next")
    assert view_of(second)["id"] == view_of(first)["id"]
    assert "Lines 21–" in view_of(second)["blocks"][0]["text"]["text"]
    assert heads(await opened.ada.click("Previous")) == heads(first)


async def test_filters_by_severity(opened: AppHarness) -> None:
    """Errors alone, which stays so on other pages, and all lines again."""
    everything = await opened.ada.click("Log")
    select = view_of(everything)["blocks"][0]["accessory"]
    (errors,) = [o for o in select["options"] if o["value"] == "ERROR"]
    exchange = await opened.ada.choose("Severity", errors["text"]["text"])
    assert all(head.startswith(":x: *Error*") for head in heads(exchange))
    assert len(heads(exchange)) >= 3
    chosen = view_of(exchange)["blocks"][0]["accessory"]["initial_option"]
    assert chosen["value"] == "ERROR"
    assert heads(await opened.ada.choose("Severity", "All lines")) == heads(everything)


async def test_a_filter_stays_while_pages_are_turned(opened: AppHarness) -> None:
    """Slack remembers what was chosen, and the next page heeds it."""
    await opened.ada.click("Log")
    infos = view_of(await opened.ada.click("Next"))["blocks"][0]["accessory"]["options"][-1]
    await opened.ada.choose("Severity", infos["text"]["text"])
    exchange = await opened.ada.click("Next")
    assert all(head.startswith(":information_source:") for head in heads(exchange))
    assert "Lines 21–" in view_of(exchange)["blocks"][0]["text"]["text"]


async def test_nothing_of_it_is_kept_or_logged(
    opened: AppHarness, caplog: pytest.LogCaptureFixture
) -> None:
    """A log may name customers: it is neither in Redis nor in our own log."""
    await opened.ada.click("Log")
    await opened.ada.click("Next")
    assert "Okafor" not in caplog.text
    keys = await opened.redis.keys("*")
    kept = [await opened.redis.get(key) for key in keys if await opened.redis.type(key) == "string"]
    assert "Okafor" not in json.dumps(kept)
    assert not any("log" in str(key) for key in keys)


async def test_an_answer_that_comes_late_overwrites_nothing(opened: AppHarness) -> None:
    """Two presses, the first of which Emporix answers last."""
    await opened.ada.click("Log")
    opened.emporix_state.faults.add(Fault("delay", path="/logs/", seconds=0.5))
    asked = len(opened.emporix_state.requests)
    slow = asyncio.create_task(opened.ada.click("Next"))
    while len(opened.emporix_state.requests) == asked:
        await asyncio.sleep(0)
        await opened.ada.view()
    quick = await opened.ada.choose("Severity", "All lines")
    await slow
    shown = await opened.ada.view()
    assert shown is not None
    assert shown["blocks"] == view_of(quick)["blocks"]


async def test_says_that_there_is_none(opened: AppHarness, snapshot: SnapshotAssertion) -> None:
    """The session may be gone, or a job have none."""
    for number in (1, 2, 3):
        opened.emporix_state.add_job("acme", id=job_id(number), sessionId="another")
    exchange = await opened.ada.click("Log")
    assert view_of(exchange)["blocks"] == snapshot


async def test_a_job_without_a_session_has_no_log(connected: AppHarness) -> None:
    """There is nothing to press."""
    connected.emporix_state.add_job("acme", id=job_id(1), sessionId=None)
    exchange = await connected.ada.command(f"/emporix jobs get {job_id(1)}")
    assert "jobs.log.open" not in json.dumps(exchange.payloads)


async def test_in_a_channel_it_needs_a_connection_of_ones_own(connected: AppHarness) -> None:
    """Grace sees the shared job, and learns nothing of its session."""
    add_jobs(connected, 1)
    await connected.ada.command(f"/emporix jobs get {job_id(1)}")
    await connected.ada.click("Share in channel")
    await connected.ada.click("Share")
    exchange = await connected.grace.click("Log")
    assert view_of(exchange)["blocks"][0]["block_id"] == "error.not_connected"
