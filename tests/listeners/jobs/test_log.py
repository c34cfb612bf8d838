"""Log: shows the log of a job's session in a modal, to the person who clicked."""

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


def lines(exchange: Exchange) -> list[str]:
    """The lines of the log."""
    blocks = view_of(exchange)["blocks"]
    texts = [
        leaf["text"]
        for block in blocks
        if block["type"] == "rich_text"
        for element in block["elements"]
        for leaf in element["elements"]
    ]
    return "\n".join(texts).split("\n")


async def test_opens_at_once_and_shows_the_lines(
    opened: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """The modal shows lines with their times, oldest first, only to the user who clicked."""
    exchange = await opened.ada.click("Log")
    vias = [sent["via"] for sent in exchange.sent if sent["via"] != "ack"]
    assert vias == ["views.open", "views.update"]
    assert exchange.messages == []
    assert view_of(exchange)["blocks"] == snapshot
    assert len(lines(exchange)) == 40
    assert await opened.grace.view() is None


async def test_times_are_in_the_readers_time_zone(opened: AppHarness) -> None:
    """Times are in the reader's time zone, to the millisecond, and the zone is named."""
    exchange = await opened.ada.click("Log")
    assert lines(exchange)[0].startswith("11:33:20.000  ")
    assert "times in Europe/Berlin" in str(view_of(exchange))


async def test_shows_other_pages(opened: AppHarness) -> None:
    """Next and Previous show another page in the same modal."""
    first = await opened.ada.click("Log")
    second = await opened.ada.click("Next")
    assert view_of(second)["id"] == view_of(first)["id"]
    assert "Lines 41–" in view_of(second)["blocks"][0]["text"]["text"]
    assert lines(await opened.ada.click("Previous")) == lines(first)


async def test_filters_by_severity(opened: AppHarness) -> None:
    """Errors alone, and all lines again."""
    everything = await opened.ada.click("Log")
    select = view_of(everything)["blocks"][0]["accessory"]
    (errors,) = [o for o in select["options"] if o["value"] == "ERROR"]
    exchange = await opened.ada.choose("Severity", errors["text"]["text"])
    assert all("  ERROR  " in line for line in lines(exchange))
    assert len(lines(exchange)) >= 3
    chosen = view_of(exchange)["blocks"][0]["accessory"]["initial_option"]
    assert chosen["value"] == "ERROR"
    assert lines(await opened.ada.choose("Severity", "All lines")) == lines(everything)


async def test_hides_technical_lines(opened: AppHarness) -> None:
    """One button hides and shows the lines for engineers."""
    everything = await opened.ada.click("Log")
    hidden = await opened.ada.click("Hide technical lines")
    assert any("calling {" in line for line in lines(everything))
    assert not any("calling {" in line for line in lines(hidden))
    assert lines(await opened.ada.click("Show technical lines")) == lines(everything)


@pytest.fixture
async def long(opened: AppHarness) -> AppHarness:
    """The same session with so many jobs that its business lines fill more than a page."""
    for number in range(4, 30):
        opened.emporix_state.add_job("acme", id=job_id(number), sessionId=SESSION, status="success")
    return opened


async def test_other_pages_keep_the_selection(long: AppHarness) -> None:
    """Other pages keep the severity and the hidden lines."""
    await long.ada.click("Log")
    await long.ada.click("Hide technical lines")
    select = view_of(await long.ada.click("Next"))["blocks"][0]["accessory"]
    (infos,) = [o for o in select["options"] if o["value"] == "INFO"]
    await long.ada.choose("Severity", infos["text"]["text"])
    exchange = await long.ada.click("Next")
    assert "Lines 41–" in view_of(exchange)["blocks"][0]["text"]["text"]
    assert not any("ERROR" in line or "calling {" in line for line in lines(exchange))
    shown = await long.ada.click("Show technical lines")
    assert any("calling {" in line for line in lines(shown))
    assert not any("ERROR" in line for line in lines(shown))


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


async def test_a_late_answer_overwrites_nothing(opened: AppHarness) -> None:
    """After two clicks, a late answer to the first one doesn't replace the second one."""
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


async def test_a_missing_log_is_explained(opened: AppHarness, snapshot: SnapshotAssertion) -> None:
    """If the session no longer exists, the modal says that there is no log."""
    for number in (1, 2, 3):
        opened.emporix_state.add_job("acme", id=job_id(number), sessionId="another")
    exchange = await opened.ada.click("Log")
    assert view_of(exchange)["blocks"] == snapshot


async def test_a_job_without_a_session_has_no_log(connected: AppHarness) -> None:
    """A job without a session has no Log button."""
    connected.emporix_state.add_job("acme", id=job_id(1), sessionId=None)
    exchange = await connected.ada.command(f"/emporix jobs get {job_id(1)}")
    assert "jobs.log.open" not in json.dumps(exchange.payloads)


async def test_in_a_channel_it_needs_a_connection_of_ones_own(connected: AppHarness) -> None:
    """Grace sees the shared job, and learns nothing of its session."""
    add_jobs(connected, 1)
    await connected.ada.command(f"/emporix jobs get {job_id(1)}")
    await connected.ada.click(action_id="jobs.share.ask")
    await connected.ada.click("Share")
    exchange = await connected.grace.click("Open")
    assert view_of(exchange)["blocks"][0]["block_id"] == "error.not_connected"
