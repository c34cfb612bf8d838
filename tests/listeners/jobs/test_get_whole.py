"""Show the whole message — in a modal, or as a file where that is too small."""

from __future__ import annotations

import json
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from sandbox.emporix.faults import Fault as EmporixFault
from sandbox.slack.faults import Fault as SlackFault
from sandbox.slack.person import Exchange
from tests.harness.app import AppHarness
from tests.listeners.jobs.fixtures import job_id

LONG = "# Report\n\n" + "An order was **checked**, and all was well.\n\n" * 200
HUGE = "long " * 40_000


async def whole(harness: AppHarness, **fields: Any) -> Exchange:
    """Ada opens a job and presses the button; the first one, where there are two."""
    harness.emporix_state.add_job("acme", id=job_id(1), status="success", **fields)
    await harness.ada.command(f"/emporix jobs get {job_id(1)}")
    return await harness.ada.click("Show the whole message")


def words(view: Any) -> str:
    """All that a view says in rich text."""
    if isinstance(view, list):
        return "".join(map(words, view))
    if isinstance(view, dict):
        own = view["text"] if view.get("type") in ("text", "link") else ""
        return str(own) + words(view.get("blocks") or view.get("elements") or [])
    return ""


async def test_a_card_says_how_much_there_is(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """A shortened text ends with its length and the button, both texts of a job with their own."""
    connected.emporix_state.add_job(
        "acme", id=job_id(1), status="success", message=HUGE, response=LONG
    )
    exchange = await connected.ada.command(f"/emporix jobs get {job_id(1)}")
    more = [block for block in exchange.payloads[0]["blocks"] if "accessory" in block]
    assert more == snapshot


async def test_opens_at_once_and_then_shows_all(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """The modal opens before Emporix is called, and then shows the whole message."""
    exchange = await whole(connected, message=LONG)
    assert [sent["via"] for sent in exchange.sent if sent["via"] != "ack"] == [
        "views.open",
        "views.update",
    ]
    assert exchange.sent[-2]["payload"]["view"] == snapshot
    assert exchange.view is not None
    assert words(exchange.view).count("checked") == 200
    assert exchange.view["blocks"][0]["text"]["text"] == f"*Message* of job `{job_id(1)}`"


@pytest.mark.parametrize(("label", "which"), [("Show", 0), ("Show the whole message", 1)])
async def test_shows_either_text(connected: AppHarness, label: str, which: int) -> None:
    """Show beside the question shows all that was asked; the other button, the whole answer."""
    texts = ("asked " * 1000, "answered " * 1000)
    connected.emporix_state.add_job("acme", id=job_id(1), message=texts[0], response=texts[1])
    await connected.ada.command(f"/emporix jobs get {job_id(1)}")
    exchange = await connected.ada.click(label)
    assert words(exchange.view) == texts[which].strip()


async def test_needs_two_round_trips_and_one_call(connected: AppHarness) -> None:
    """It asks Emporix once and Redis once, as a get does."""
    connected.emporix_state.add_job("acme", id=job_id(1), message=LONG)
    await connected.ada.command(f"/emporix jobs get {job_id(1)}")
    asked = len(connected.emporix_state.requests)
    before = (await connected.redis.info("stats"))["total_reads_processed"]
    await connected.ada.click("Show the whole message")
    after = (await connected.redis.info("stats"))["total_reads_processed"]
    assert len(connected.emporix_state.requests) - asked == 1
    assert after - before - 1 <= 2


async def test_sends_a_file_to_its_reader_alone(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """What no modal holds comes whole as a file into the direct messages, and the modal says so."""
    exchange = await whole(connected, message=HUGE)
    assert exchange.payloads[-1]["view"] == snapshot
    (file,) = await connected.ada.files()
    assert (file["name"], file["content"]) == (f"job-{job_id(1)}.txt", HUGE.strip())
    assert file["channel"].startswith("D")
    assert await connected.grace.files() == []


async def test_json_beyond_a_modal_is_a_json_file(connected: AppHarness) -> None:
    """It can be opened by whatever reads JSON."""
    text = json.dumps({"orders": [f"EON{number}" for number in range(5000)]})
    await whole(connected, response=text)
    (file,) = await connected.ada.files()
    assert file["name"].endswith(".json")
    assert json.loads(file["content"]) == json.loads(text)


async def test_explains_a_missing_scope_for_files(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """If the app lacks the scope for files, the modal says what to do."""
    connected.workspace.bot_scopes = frozenset({"commands", "chat:write"})
    exchange = await whole(connected, message=HUGE)
    assert exchange.payloads[-1]["view"] == snapshot


async def test_shows_errors_in_the_modal(connected: AppHarness) -> None:
    """If Emporix fails, the error replaces the loading state."""
    connected.emporix_state.add_job("acme", id=job_id(1), message=LONG)
    await connected.ada.command(f"/emporix jobs get {job_id(1)}")
    connected.emporix_state.faults.add(EmporixFault("status", status=500, times=9))
    exchange = await connected.ada.click("Show the whole message")
    assert exchange.view is not None
    assert exchange.view["blocks"][0]["block_id"] == "error.emporix_failed"


async def test_a_failed_upload_is_reported(connected: AppHarness) -> None:
    """A failed upload is reported in the modal, with a reference."""
    connected.workspace.faults.add(SlackFault("status", method="upload"))
    exchange = await whole(connected, message=HUGE)
    assert exchange.view is not None
    assert exchange.view["blocks"][0]["block_id"] == "error.slack_failed"


async def test_says_that_the_text_is_gone(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """If the job has lost the message since it was shown, the modal says so."""
    connected.emporix_state.add_job("acme", id=job_id(1), message=LONG)
    await connected.ada.command(f"/emporix jobs get {job_id(1)}")
    connected.emporix_state.add_job("acme", id=job_id(1), message="")
    exchange = await connected.ada.click("Show the whole message")
    assert exchange.payloads[-1]["view"] == snapshot
