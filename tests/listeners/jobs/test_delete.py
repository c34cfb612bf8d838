"""/emporix jobs delete — shows the job, asks, deletes, and records it."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.domain.accounts import Caller
from bot.rendering.buttons import JOBS_DELETE_CONFIRM, JobButton
from bot.store.audit import AuditLog
from sandbox.emporix.faults import Fault
from sandbox.emporix.keys import ACME_OPERATIONS, ACME_READ_ONLY
from tests.harness import sample_requests
from tests.harness.app import AppHarness, open_app
from tests.harness.clock import FakeClock
from tests.harness.signed_requests import Poster
from tests.listeners.jobs.fixtures import add_jobs, job_id

ADA = Caller("T0ACME", "U0ADA")


async def recorded(harness: AppHarness) -> list[tuple[str, str]]:
    entries = await AuditLog(harness.redis).latest(ADA, 10)
    return [(e.subject, e.result) for e in entries if e.event == "job.deleted"]


def ids(harness: AppHarness) -> set[object]:
    return {job["id"] for job in harness.emporix_state.jobs("acme")}


async def test_shows_the_job_and_asks(connected: AppHarness, snapshot: SnapshotAssertion) -> None:
    """Nothing is deleted by the command alone."""
    add_jobs(connected, 1)
    exchange = await connected.ada.command(f"/emporix jobs delete {job_id(1)}")
    assert exchange.payloads == snapshot
    assert ids(connected) == {job_id(1)}


async def test_deletes_and_records(connected: AppHarness, snapshot: SnapshotAssertion) -> None:
    """The question gives way to the result, and the audit record knows."""
    add_jobs(connected, 2)
    await connected.ada.command(f"/emporix jobs delete {job_id(1)}")
    exchange = await connected.ada.click("Delete")
    assert exchange.payloads == snapshot
    assert ids(connected) == {job_id(2)}
    assert await recorded(connected) == [(job_id(1), "deleted")]


async def test_can_be_thought_better_of(connected: AppHarness, snapshot: SnapshotAssertion) -> None:
    """Cancel keeps the job, and says so."""
    add_jobs(connected, 1)
    await connected.ada.command(f"/emporix jobs delete {job_id(1)}")
    exchange = await connected.ada.click("Cancel")
    assert exchange.payloads == snapshot
    assert ids(connected) == {job_id(1)}


async def test_deletes_from_an_opened_job(connected: AppHarness) -> None:
    """The rows of a private list only open a job; Delete is in the opened job."""
    add_jobs(connected, 3)
    exchange = await connected.ada.command("/emporix jobs list size:2")
    assert '"Delete"' not in json.dumps(exchange.payloads)
    await connected.ada.click("Open")
    await connected.ada.click("Delete")
    await connected.ada.submit({})
    assert ids(connected) == {job_id(1), job_id(2)}


async def test_a_job_that_is_already_gone_is_not_an_error(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """If another user has deleted the job in the meantime, the answer says so."""
    add_jobs(connected, 1)
    await connected.ada.command(f"/emporix jobs delete {job_id(1)}")
    connected.emporix_state.tenant("acme").jobs.remove(job_id(1))
    exchange = await connected.ada.click("Delete")
    assert exchange.payloads == snapshot
    assert await recorded(connected) == [(job_id(1), "already_gone")]


@pytest.mark.parametrize("command", ["/emporix jobs delete", "/emporix jobs get"])
async def test_a_double_click_deletes_once(connected: AppHarness, command: str) -> None:
    """After a double click, both answers say "Deleted", and there is one audit entry."""
    add_jobs(connected, 2)
    await connected.ada.command(f"{command} {job_id(1)}")
    connected.emporix_state.faults.add(Fault("delay", method="DELETE", seconds=0.2))
    exchanges = await asyncio.gather(connected.ada.click("Delete"), connected.ada.click("Delete"))
    for exchange in exchanges:
        assert "Deleted job" in str(exchange.payloads[-1])
    assert [result for _, result in await recorded(connected)] == ["deleted"]


async def test_names_the_user_who_deleted_first(connected: AppHarness) -> None:
    """If another user has just deleted the job in a channel, the answer names them."""
    await connected.connect(connected.grace, ACME_OPERATIONS)
    add_jobs(connected, 1)
    for person in (connected.grace, connected.ada):
        await person.command(f"/emporix jobs delete {job_id(1)}")
    await connected.grace.click("Delete")
    exchange = await connected.ada.click("Delete")
    assert "already deleted by <@U0GRACE>" in exchange.payloads[0]["text"]


async def test_another_click_later_asks_emporix_again(connected: AppHarness) -> None:
    """A recorded delete answers further clicks for one minute only."""
    add_jobs(connected, 1)
    await connected.ada.command(f"/emporix jobs delete {job_id(1)}")
    await connected.ada.click("Delete")
    connected.clock.forward(61)
    add_jobs(connected, 1)
    await connected.ada.command(f"/emporix jobs delete {job_id(1)}")
    await connected.ada.click("Delete")
    assert ids(connected) == set()


async def test_a_cut_delete_is_deleted_once(connected: AppHarness) -> None:
    """The answer to the DELETE is lost: the second try finds nothing, and that is success."""
    add_jobs(connected, 1)
    await connected.ada.command(f"/emporix jobs delete {job_id(1)}")
    connected.emporix_state.faults.add(Fault("cut_after", method="DELETE"))
    await connected.ada.click("Delete")
    assert ids(connected) == set()
    assert await recorded(connected) == [(job_id(1), "deleted")]


async def test_requires_the_delete_scope(harness: AppHarness, snapshot: SnapshotAssertion) -> None:
    """With a read-only key, the error names the missing scope; the refusal is recorded."""
    await harness.connect(harness.ada, ACME_READ_ONLY)
    add_jobs(harness, 1)
    await harness.ada.command(f"/emporix jobs delete {job_id(1)}")
    exchange = await harness.ada.click("Delete")
    assert exchange.payloads == snapshot
    assert ids(harness) == {job_id(1)}
    assert await recorded(harness) == [(job_id(1), "missing_scope")]


async def test_records_failed_deletes(connected: AppHarness) -> None:
    """A failure at Emporix is recorded in the audit log, too."""
    add_jobs(connected, 1)
    await connected.ada.command(f"/emporix jobs delete {job_id(1)}")
    connected.emporix_state.faults.add(Fault("status", times=9, method="DELETE", status=403))
    await connected.ada.click("Delete")
    assert ids(connected) == {job_id(1)}
    assert await recorded(connected) == [(job_id(1), "forbidden")]


async def test_refuses_an_unknown_id(connected: AppHarness, snapshot: SnapshotAssertion) -> None:
    """An unknown id is refused without a confirmation."""
    exchange = await connected.ada.command("/emporix jobs delete nosuchjob")
    assert exchange.payloads == snapshot


@pytest.mark.parametrize(
    "jobs", ["all failed", "failed", "failed jobs", "status:failed", "yesterday"]
)
async def test_several_jobs_are_for_a_clean_up(connected: AppHarness, jobs: str) -> None:
    """A text that says which jobs, instead of an id, proposes the clean-up of these jobs."""
    await connected.ada.command(f"/emporix delete {jobs}")
    asked = await connected.ada.click(f"Run /emporix jobs clean {jobs}")
    assert asked.payloads[-1]["text"].startswith(("Delete ", "No "))


async def test_can_be_downloaded_first(connected: AppHarness, snapshot: SnapshotAssertion) -> None:
    """ "Download first" sends the job to the user as a file, and the confirmation remains."""
    add_jobs(connected, 1)
    await connected.ada.command(f"/emporix jobs delete {job_id(1)}")
    exchange = await connected.ada.click("Download first")
    assert exchange.payloads[-1]["view"] == snapshot
    (file,) = await connected.person("ada", "dm").files()
    assert job_id(1) in file["content"]
    assert ids(connected) == {job_id(1)}


async def test_the_operator_can_turn_deletes_off(
    redis: Any, redis_url: str, clock: FakeClock, snapshot: SnapshotAssertion
) -> None:
    """No Delete button is shown; the command and old buttons are refused with advice."""
    async with open_app(redis, redis_url, clock, deletes="off") as harness:
        await harness.connect(harness.ada, ACME_OPERATIONS)
        add_jobs(harness, 2)
        for command in ("/emporix jobs", f"/emporix jobs get {job_id(1)}", "/emporix help"):
            exchange = await harness.ada.command(command)
            assert ids_of_deletes(exchange.payloads) == []
            assert "jobs delete" not in str(exchange.payloads)
        exchange = await harness.ada.command(f"/emporix jobs delete {job_id(1)}")
        assert exchange.payloads == snapshot
        poster = Poster(harness.http, harness.bot_url, harness.workspace.signing_secret, clock)
        url = harness.slack_url + harness.workspace.response_urls.new("U0ADA", "C0GENERAL")
        value = JobButton(tenant="acme", job_id=job_id(1)).value
        old = sample_requests.block_actions(JOBS_DELETE_CONFIRM, value, url)
        await poster.interaction(old)
        await poster.settled()
        assert "turned off" in (await harness.ada.messages())[-1]["text"]
        assert len(ids(harness)) == 2
        assert await recorded(harness) == [(job_id(1), "deletes_off")]


async def test_the_operator_may_leave_single_deletes_on(
    redis: Any, redis_url: str, clock: FakeClock
) -> None:
    """Without clean-ups, a job is deleted as ever."""
    async with open_app(redis, redis_url, clock, deletes="single") as harness:
        await harness.connect(harness.ada, ACME_OPERATIONS)
        add_jobs(harness, 1)
        await harness.ada.command(f"/emporix jobs delete {job_id(1)}")
        await harness.ada.click("Delete")
        assert ids(harness) == set()


def ids_of_deletes(payloads: list[dict[str, Any]]) -> list[str]:
    """Which buttons that delete something are shown."""
    return re.findall(r"jobs\.delete[.\w]*", str(payloads))
