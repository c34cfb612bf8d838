"""Download export — sends the JSON of an export job to the user who clicked."""

from __future__ import annotations

import asyncio
import hashlib
import json
from base64 import b64encode
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from sandbox.emporix.faults import Fault
from sandbox.emporix.keys import ACME_OPERATIONS
from sandbox.slack.person import Exchange
from tests.harness.app import AppHarness
from tests.listeners.jobs.fixtures import job_id

BUNDLE = '{"agents":[{"id":"a1","name":{"en":"Sup\\u0070ort"},"price":19.90}],"tools":[]}'
DATA = b64encode(BUNDLE.encode()).decode()
CHECKSUM = hashlib.sha256(BUNDLE.encode()).hexdigest()
WHOLE = {"data": DATA, "checksum": CHECKSUM}


async def opened(harness: AppHarness, result: dict[str, Any] | None) -> None:
    """Ada opens an export job."""
    fields = {"status": "success", "type": "EXPORT", "agentId": None, "message": None}
    harness.emporix_state.add_job("acme", id=job_id(1), exportResult=result, **fields)
    await harness.ada.command(f"/emporix jobs get {job_id(1)}")


async def download(harness: AppHarness, result: dict[str, Any] | None) -> Exchange:
    """Ada opens an export job and clicks the button."""
    await opened(harness, result)
    return await harness.ada.click("Download export")


async def test_hands_the_file_to_its_reader_alone(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """The modal opens at once, and the indented JSON is sent in a direct message."""
    exchange = await download(connected, WHOLE)
    sent = [sent["via"] for sent in exchange.sent if sent["via"] != "ack"]
    assert (sent[0], sent[-1]) == ("views.open", "views.update")
    assert exchange.view is not None
    assert exchange.view["blocks"] == snapshot
    (file,) = await connected.ada.files()
    assert file["name"] == f"export-{job_id(1)}.json"
    assert file["channel"].startswith("D")
    assert file["content"] == json.dumps(json.loads(BUNDLE), indent=2).replace("19.9", "19.90")
    assert await connected.grace.files() == []


async def test_a_list_leads_to_it(connected: AppHarness) -> None:
    """The button is in the opened job, not in the row."""
    await opened(connected, WHOLE)
    exchange = await connected.ada.command("/emporix jobs list")
    assert "Download export" not in json.dumps(exchange.payloads)
    await connected.ada.click("Open")
    await connected.ada.click("Download export")
    assert len(await connected.ada.files()) == 1


async def test_says_that_the_checksum_is_not_verifiable(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """A file with a wrong checksum is sent with a warning."""
    exchange = await download(connected, WHOLE | {"checksum": "<!channel>0"})
    assert exchange.view is not None
    assert exchange.view["blocks"][1] == snapshot
    assert len(await connected.ada.files()) == 1


@pytest.mark.parametrize(
    "result",
    [
        None,
        {"checksum": CHECKSUM},
        {"data": "not base64!", "checksum": CHECKSUM},
        {"data": b64encode(b'{"agents": [').decode()},
    ],
    ids=["gone meanwhile", "no data", "no base64", "no JSON"],
)
async def test_explains_damaged_data(
    connected: AppHarness, result: dict[str, Any] | None, snapshot: SnapshotAssertion
) -> None:
    """Damaged data is explained in the modal, and nothing is sent."""
    await opened(connected, WHOLE)
    connected.emporix_state.add_job("acme", id=job_id(1), type="EXPORT", exportResult=result)
    exchange = await connected.ada.click("Download export")
    assert exchange.view is not None
    assert exchange.view["blocks"] == snapshot
    assert await connected.ada.files() == []


async def test_needs_one_call_for_the_result_alone(connected: AppHarness) -> None:
    """A download needs one call to Emporix."""
    await opened(connected, WHOLE)
    asked = len(connected.emporix_state.requests)
    await connected.ada.click("Download export")
    (request,) = list(connected.emporix_state.requests)[asked:]
    assert request.query == "fields=id,exportResult"


async def test_keeps_quiet_where_the_modal_was_closed(connected: AppHarness) -> None:
    """A user who closes the modal still gets the file."""
    await opened(connected, WHOLE)
    connected.emporix_state.faults.add(Fault("delay", path="/jobs/", seconds=0.5))
    pressed = asyncio.create_task(connected.ada.click("Download export"))
    while await connected.ada.view() is None:
        assert not pressed.done()
    await connected.ada.close()
    exchange = await pressed
    assert exchange.messages == []
    assert len(await connected.ada.files()) == 1


async def test_a_shared_export_is_sent_to_the_user_who_clicked(connected: AppHarness) -> None:
    """A shared export is read with the connection of the user who clicked, for them only."""
    await connected.connect(connected.grace, ACME_OPERATIONS)
    await opened(connected, WHOLE)
    await connected.ada.click(action_id="jobs.share.ask")
    await connected.ada.click("Share")
    await connected.grace.click("Open")
    await connected.grace.click("Download export")
    assert await connected.ada.files() == []
    assert len(await connected.grace.files()) == 1
