"""/emporix jobs watch, /emporix jobs unwatch — a running job can be watched, an ended one not."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.services.watches import MAX_WATCHES
from sandbox.emporix.keys import ACME_READ_ONLY
from sandbox.slack.faults import Fault
from tests.harness.app import AppHarness
from tests.listeners.jobs.fixtures import add_jobs, job_id

FAILED, RUNNING = job_id(2), job_id(3)


@pytest.fixture
def harness(connected: AppHarness) -> AppHarness:
    """Ada is connected; of three jobs the newest is running."""
    add_jobs(connected, 3)
    return connected


async def test_watches_a_running_job(harness: AppHarness, snapshot: SnapshotAssertion) -> None:
    """It says where the end will be told, and how to stop."""
    exchange = await harness.ada.command(f"/emporix jobs watch {RUNNING}")
    assert exchange.payloads == snapshot


async def test_twice_is_once(harness: AppHarness) -> None:
    """A user who already watches the job gets a notice, and has one watch."""
    await harness.ada.command(f"/emporix jobs watch {RUNNING}")
    exchange = await harness.ada.command(f"/emporix jobs watch {RUNNING}")
    assert "already watching" in exchange.payloads[0]["text"]
    listed = await harness.ada.command("/emporix jobs watching")
    assert "watching 1 job." in listed.payloads[0]["text"]


async def test_an_ended_job_is_reported_at_once(
    harness: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """A job that has ended is reported with its status, duration and message."""
    exchange = await harness.ada.command(f"/emporix jobs watch {FAILED}")
    assert exchange.payloads == snapshot
    listed = await harness.ada.command("/emporix jobs watch")
    assert "aren't watching any jobs" in listed.payloads[0]["text"]


async def test_lists_the_watched_jobs(harness: AppHarness, snapshot: SnapshotAssertion) -> None:
    """Each watched job has a button that stops the watch and updates the list."""
    await harness.ada.command(f"/emporix jobs watch {RUNNING}")
    assert (await harness.ada.command("/emporix jobs watch")).payloads == snapshot
    assert (await harness.ada.click("Stop watching")).payloads == snapshot


async def test_the_list_says_which_jobs(harness: AppHarness) -> None:
    """Status, agent, type and the start of the message, of which little is stored; else the id."""
    fields = {"status": "in_progress", "message": None, "agentId": None}
    state = harness.emporix_state
    state.add_agent("acme", id="complaint-agent", name="Complaint Agent")
    state.add_job(
        "acme", id="said", **fields | {"agentId": "complaint-agent", "message": "ab " * 99}
    )
    state.add_job("acme", id="import", **fields | {"type": "IMPORT"})
    for name in ("said", "import"):
        await harness.ada.command(f"/emporix jobs watch {name}")
    for shown in (
        await harness.ada.command("/emporix jobs watching"),
        await harness.ada.open_home(),
    ):
        blocks = shown.home["blocks"] if shown.home else shown.payloads[0]["blocks"]
        beside = [block for block in blocks if "Stop watching" in str(block.get("accessory"))]
        said, other = sorted((block["text"]["text"] for block in beside), key=len, reverse=True)
        assert said.startswith(":hourglass_flowing_sand: *Running* · *Complaint Agent* · ")
        assert said.splitlines()[1].startswith("ab ab ab")
        assert len(said.splitlines()[1]) <= 60
        assert other.startswith(":hourglass_flowing_sand: *Running* · *Import* · ")
        assert other.splitlines()[1] == "`import`"


async def test_has_a_button_on_running_jobs(harness: AppHarness) -> None:
    """An opened job has the button while it is running."""
    for job, count in ((FAILED, 0), (RUNNING, 1)):
        opened = await harness.ada.command(f"/emporix jobs get {job}")
        assert str(opened.payloads).count("'Watch'") == count
    exchange = await harness.ada.click("Watch")
    assert "direct message" in exchange.payloads[0]["text"]


@pytest.mark.parametrize("command", ["/emporix jobs list", f"/emporix jobs get {RUNNING}"])
async def test_has_a_button_on_shared_jobs(harness: AppHarness, command: str) -> None:
    """Everyone watches with a key of their own, and hears of it in the thread there."""
    ada, grace = harness.person("ada", "ops"), harness.person("grace", "ops")
    await ada.command(command)
    await ada.click(action_id="jobs.share.ask")
    await ada.click("Share")
    refused = await grace.click("Watch")
    assert refused.payloads[0]["blocks"][0]["block_id"] == "error.not_connected"
    await harness.connect(grace, ACME_READ_ONLY)
    exchange = await grace.click("Watch")
    assert "the thread of this message" in exchange.payloads[0]["text"]
    assert exchange.payloads[0]["response_type"] == "ephemeral"


async def test_too_many_are_refused(harness: AppHarness, snapshot: SnapshotAssertion) -> None:
    """Beyond the limit nothing is watched, and it says how to make room."""
    for number in range(MAX_WATCHES + 1):
        harness.emporix_state.add_job("acme", id=f"running-{number}", status="in_progress")
    for number in range(MAX_WATCHES):
        await harness.ada.command(f"/emporix jobs watch running-{number}")
    exchange = await harness.ada.command(f"/emporix jobs watch running-{MAX_WATCHES}")
    assert exchange.payloads == snapshot
    listed = await harness.ada.command("/emporix jobs watching")
    assert f"watching {MAX_WATCHES} jobs" in listed.payloads[0]["text"]


async def test_an_unknown_job_is_not_watched(harness: AppHarness) -> None:
    """The usual words for a job that is not there."""
    exchange = await harness.ada.command("/emporix jobs watch 68835cc3ef4e8e1425c3ffff")
    assert exchange.payloads[0]["blocks"][0]["block_id"] == "error.not_found"


async def test_a_repeated_request_starts_one_watch(harness: AppHarness) -> None:
    """A request that Slack repeats after a failed response_url starts one watch."""
    harness.workspace.faults.add(Fault("status", status=500, method="response_url"))
    await harness.ada.command(f"/emporix jobs watch {RUNNING}")
    listed = await harness.ada.command("/emporix jobs watching")
    assert "watching 1 job." in listed.payloads[0]["text"]


async def watched(harness: AppHarness) -> str:
    exchange = await harness.ada.command("/emporix jobs watching")
    return str(exchange.payloads[0]["text"])


async def test_stops_by_command(harness: AppHarness, snapshot: SnapshotAssertion) -> None:
    """Named by its id."""
    await harness.ada.command(f"/emporix jobs watch {RUNNING}")
    exchange = await harness.ada.command(f"/emporix jobs unwatch {RUNNING}")
    assert exchange.payloads == snapshot
    assert "aren't watching any jobs" in await watched(harness)


async def test_stops_by_button(harness: AppHarness, snapshot: SnapshotAssertion) -> None:
    """The answer replaces the message that has the button."""
    await harness.ada.command(f"/emporix jobs watch {RUNNING}")
    assert (await harness.ada.click("Stop watching")).payloads == snapshot
    assert "aren't watching any jobs" in await watched(harness)


async def test_says_when_it_was_not_watched(
    harness: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """Stopping a job that isn't watched explains where to see the watched jobs."""
    exchange = await harness.ada.command(f"/emporix jobs unwatch {RUNNING}")
    assert exchange.payloads == snapshot
