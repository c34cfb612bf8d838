"""/emporix jobs clean — counts jobs, asks for their number, and deletes in the background."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.domain.accounts import Caller
from bot.services.cleanups.cleanups import MAX_CLEANUP_JOBS
from bot.store import keys as redis_keys
from bot.store.audit import AuditLog
from bot.store.cleanups import CONFIRMATION_TTL_SECONDS
from sandbox.emporix.faults import Fault
from sandbox.emporix.keys import ACME_OPERATIONS, ACME_READ_ONLY
from sandbox.emporix.times import iso
from sandbox.slack.faults import Fault as SlackFault
from sandbox.slack.faults import Kind
from sandbox.slack.person import Exchange
from tests.harness.app import AppHarness, open_app
from tests.harness.clock import FakeClock
from tests.listeners.jobs.fixtures import add_jobs, job_id

ADA = Caller("T0ACME", "U0ADA")
FAILED = "/emporix jobs clean failed"


def left(harness: AppHarness) -> set[object]:
    return {job["id"] for job in harness.emporix_state.jobs("acme")}


def ids(numbers: Iterable[int]) -> set[object]:
    return set(map(job_id, numbers))


async def recorded(harness: AppHarness) -> list[tuple[str, int, int]]:
    entries = await AuditLog(harness.redis).latest(ADA, 10)
    return [
        (entry.result, entry.count, entry.deleted)
        for entry in entries
        if entry.event == "cleanup.started"
    ]


async def confirm(harness: AppHarness, command: str, number: str) -> Exchange:
    """Run the command, click its button and enter the number."""
    await harness.ada.command(command)
    await harness.ada.click("Delete…")
    return await harness.ada.submit({"The number of jobs": number})


async def work(harness: AppHarness) -> None:
    """Advance one second, in which a worker checks for work."""
    harness.clock.forward(1)
    await harness.worker.work()


@pytest.fixture
def jobs(connected: AppHarness) -> AppHarness:
    """Nine jobs; 2, 5 and 8 have failed."""
    add_jobs(connected, 9)
    return connected


async def test_previews_the_jobs_to_delete(jobs: AppHarness, snapshot: SnapshotAssertion) -> None:
    """The confirmation counts jobs by status, with the newest and oldest; nothing is deleted."""
    exchange = await jobs.ada.command("/emporix jobs clean agent-type:complaint")
    assert exchange.payloads == snapshot
    assert len(left(jobs)) == 9


async def test_asks_for_the_number(jobs: AppHarness, snapshot: SnapshotAssertion) -> None:
    """The number must be typed, so that nothing is deleted by a wrong click."""
    await jobs.ada.command(FAILED)
    exchange = await jobs.ada.click("Delete…")
    assert exchange.view is not None
    assert exchange.payloads[0]["view"] == snapshot


@pytest.mark.parametrize("number", ["2", "30", "-3", "three", "3 0"])
async def test_a_wrong_number_is_refused(
    jobs: AppHarness, number: str, snapshot: SnapshotAssertion
) -> None:
    """A wrong number is refused under the field, and the form stays open."""
    exchange = await confirm(jobs, FAILED, number)
    assert exchange.field_errors == snapshot
    assert exchange.view is not None
    await work(jobs)
    assert len(left(jobs)) == 9


async def test_deletes_the_counted_jobs(jobs: AppHarness, snapshot: SnapshotAssertion) -> None:
    """The worker deletes the counted jobs and reports in a direct message."""
    exchange = await confirm(jobs, FAILED, "3")
    assert exchange.payloads == snapshot(name="begun")
    assert len(left(jobs)) == 9
    await work(jobs)
    assert left(jobs) == ids({1, 3, 4, 6, 7, 9})
    (message,) = await jobs.person("ada", "dm").messages()
    assert message["blocks"] == snapshot(name="report")
    assert await recorded(jobs) == [("done", 3, 3)]
    assert jobs.worker.waiting == []


async def test_is_private(jobs: AppHarness) -> None:
    """A clean-up is visible only to its owner."""
    await confirm(jobs, FAILED, "3")
    await work(jobs)
    assert await jobs.grace.messages() == []
    assert await jobs.person("grace", "dm").messages() == []


async def test_new_and_changed_jobs_are_kept(jobs: AppHarness) -> None:
    """A job that fails after the count is not deleted."""
    await jobs.ada.command(FAILED)
    await jobs.ada.click("Delete…")
    jobs.clock.forward(60)
    jobs.emporix_state.add_job("acme", id="arrived", status="failure")
    running = dict(jobs.emporix_state.tenant("acme").jobs.get(job_id(3)) or {})
    changed = {**running["metadata"], "modifiedAt": iso(jobs.clock())}
    jobs.emporix_state.add_job("acme", **running | {"status": "failure", "metadata": changed})
    await jobs.ada.submit({"The number of jobs": "3"})
    await work(jobs)
    assert left(jobs) == {"arrived", *ids({1, 3, 4, 6, 7, 9})}


async def test_asks_again_where_the_number_has_changed(
    jobs: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """If the number has changed, the new one is shown and must be typed."""
    await jobs.ada.command(FAILED)
    await jobs.ada.click("Delete…")
    jobs.emporix_state.tenant("acme").jobs.remove(job_id(5))
    exchange = await jobs.ada.submit({"The number of jobs": "3"})
    assert exchange.payloads == snapshot
    await work(jobs)
    assert len(left(jobs)) == 8
    await jobs.ada.submit({"The number of jobs": "2"})
    await work(jobs)
    assert left(jobs) == ids({1, 3, 4, 6, 7, 9})


async def test_says_that_no_jobs_are_left(jobs: AppHarness) -> None:
    """If all jobs were deleted in the meantime, the answer says so."""
    await jobs.ada.command(FAILED)
    await jobs.ada.click("Delete…")
    for number in (2, 5, 8):
        jobs.emporix_state.tenant("acme").jobs.remove(job_id(number))
    exchange = await jobs.ada.submit({"The number of jobs": "3"})
    assert "are left to delete" in str(exchange.view)


@pytest.mark.parametrize(
    "typed",
    ["", "tenant:acme", "failed size:2", "failed page:2", "failed sort:oldest", "failed fields:id"],
)
async def test_requires_a_filter_that_narrows(
    jobs: AppHarness, typed: str, snapshot: SnapshotAssertion
) -> None:
    """Filters that match all jobs are refused."""
    exchange = await jobs.ada.command(f"/emporix jobs clean {typed}")
    assert exchange.payloads == snapshot


async def test_does_not_begin_without_a_count(
    jobs: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """Without a total from Emporix, no clean-up is offered."""
    jobs.emporix_state.counts = False
    exchange = await jobs.ada.command("/emporix jobs clean q:status:FAILURE")
    assert exchange.payloads == snapshot


async def test_cleans_by_a_query(jobs: AppHarness, snapshot: SnapshotAssertion) -> None:
    """A clean-up with `q:` doesn't delete jobs that arrive after the question."""
    exchange = await jobs.ada.command("/emporix jobs clean q:status:FAILURE")
    assert exchange.payloads == snapshot
    await jobs.ada.click("Delete…")
    jobs.clock.forward(1)
    jobs.emporix_state.tenant("acme").jobs.remove(job_id(2))
    jobs.emporix_state.add_job("acme", id="arrived", status="failure")
    await jobs.ada.submit({"The number of jobs": "3"})
    await work(jobs)
    assert left(jobs) == {"arrived", *ids({1, 3, 4, 6, 7, 9})}


async def test_says_that_there_is_nothing_to_delete(
    jobs: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """Without matching jobs, or only jobs without a time, nothing is offered."""
    exchange = await jobs.ada.command("/emporix jobs clean skipped")
    assert exchange.payloads == snapshot(name="none")
    jobs.emporix_state.add_job("acme", id="timeless", status="skipped", metadata=None)
    exchange = await jobs.ada.command("/emporix jobs clean skipped")
    assert exchange.payloads == snapshot(name="without a time")


async def test_counts_the_excluded_jobs(jobs: AppHarness) -> None:
    """The confirmation counts the jobs that are excluded because they have no time."""
    jobs.emporix_state.add_job("acme", id="timeless", status="failure", metadata=None)
    exchange = await jobs.ada.command(FAILED)
    assert "*Delete 3 jobs" in exchange.payloads[0]["text"]
    assert "1 more matching job not included" in str(exchange.payloads[0])


async def test_refuses_too_many(jobs: AppHarness, snapshot: SnapshotAssertion) -> None:
    """More than ten thousand jobs are refused."""
    for number in range(MAX_CLEANUP_JOBS):
        jobs.emporix_state.add_job("acme", id=f"more-{number}", status="failure")
    exchange = await jobs.ada.command(FAILED)
    assert exchange.payloads == snapshot


async def test_requires_the_delete_scope(harness: AppHarness) -> None:
    """A user with a read-only API key gets the error before the count."""
    await harness.connect(harness.ada, ACME_READ_ONLY)
    add_jobs(harness, 3)
    exchange = await harness.ada.command(FAILED)
    assert "is read-only" in exchange.payloads[0]["text"]


async def test_can_be_thought_better_of(jobs: AppHarness, snapshot: SnapshotAssertion) -> None:
    """Cancelling deletes nothing."""
    await jobs.ada.command(FAILED)
    exchange = await jobs.ada.click("Cancel")
    assert exchange.payloads == snapshot


async def test_a_question_does_not_wait_for_ever(jobs: AppHarness) -> None:
    """An expired question must be repeated."""
    await jobs.ada.command(FAILED)
    (key,) = await jobs.redis.keys("*:cleanup:*")
    assert 0 < await jobs.redis.ttl(key) <= CONFIRMATION_TTL_SECONDS
    await jobs.redis.delete(key)
    await jobs.ada.click("Delete…")
    exchange = await jobs.ada.submit({"The number of jobs": "3"})
    assert "too old to act on" in str(exchange.view)


async def test_one_at_a_time(jobs: AppHarness, snapshot: SnapshotAssertion) -> None:
    """A second clean-up in a tenant can start only after the first has ended."""
    await confirm(jobs, FAILED, "3")
    exchange = await confirm(jobs, "/emporix jobs clean running", "3")
    assert exchange.field_errors == snapshot
    await work(jobs)
    again = await jobs.ada.submit({"The number of jobs": "3"})
    assert again.field_errors == {}
    await work(jobs)
    assert left(jobs) == ids({1, 4, 7})


async def test_begins_once(jobs: AppHarness) -> None:
    """A confirmed question can't be confirmed again, even if Slack refused to replace it."""
    jobs.workspace.faults.add(SlackFault("status", method="response_url", status=404, times=3))
    await confirm(jobs, FAILED, "3")
    jobs.workspace.faults.clear()
    await jobs.ada.click("Delete…")
    exchange = await jobs.ada.submit({"The number of jobs": "3"})
    assert "already started" in exchange.field_errors["number"]


async def test_says_that_no_worker_is_running(jobs: AppHarness) -> None:
    """If no worker is running, the answer says so, and the clean-up starts later."""
    exchange = await confirm(jobs, "/emporix jobs clean succeeded", "3")
    assert "as soon as a background worker is running" in str(exchange.view)
    await work(jobs)
    jobs.clock.forward(60)
    exchange = await confirm(jobs, FAILED, "3")
    assert "worker isn't running" in str(exchange.view)
    await work(jobs)
    exchange = await confirm(jobs, "/emporix jobs clean running", "3")
    assert "worker isn't running" not in str(exchange.view)


async def test_counts_on_in_the_modal_when_emporix_is_slow(
    jobs: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """After 2 s the modal shows that the jobs are counted, and then the result."""
    await jobs.ada.command(FAILED)
    await jobs.ada.click("Delete…")
    jobs.emporix_state.faults.add(Fault("delay", path="/jobs", seconds=2.4))
    exchange = await jobs.ada.submit({"The number of jobs": "3"})
    assert [sent["via"] for sent in exchange.sent] == ["ack", "views.update", "response_url"]
    assert exchange.payloads[0] == snapshot
    assert "Deleting 3 jobs" in str(exchange.view)


async def test_can_be_stopped_and_let_go_on(jobs: AppHarness, snapshot: SnapshotAssertion) -> None:
    """Stop ends the deletes; Continue deletes the rest after the number is typed again."""
    await confirm(jobs, FAILED, "3")
    jobs.emporix_state.faults.add(Fault("rate_limit", times=5, method="DELETE", retry_after=60))
    await work(jobs)
    direct = jobs.person("ada", "dm")
    assert [message["blocks"] for message in await direct.messages()] == snapshot(name="pausing")
    exchange = await direct.click("Stop")
    assert exchange.payloads == snapshot(name="stopping")
    jobs.emporix_state.faults.clear()
    jobs.clock.forward(11)
    await work(jobs)
    assert [message["blocks"] for message in await direct.messages()] == snapshot(name="stopped")
    assert len(left(jobs)) == 9
    assert await recorded(jobs) == [("stopped", 3, 0)]
    exchange = await direct.click("Continue")
    views = [payload["view"] for payload in exchange.payloads]
    assert views == snapshot(name="continuing")
    await work(jobs)
    assert len(left(jobs)) == 9
    await direct.submit({"The number of jobs": "3"})
    await work(jobs)
    assert left(jobs) == ids({1, 3, 4, 6, 7, 9})
    assert await recorded(jobs) == [("done", 3, 3), ("stopped", 3, 0)]


async def test_continue_says_that_none_is_left(jobs: AppHarness) -> None:
    """If the rest was deleted in the meantime, Continue says so."""
    await confirm(jobs, FAILED, "3")
    direct = jobs.person("ada", "dm")
    jobs.clock.forward(1801)
    await work(jobs)
    for number in (2, 5, 8):
        jobs.emporix_state.tenant("acme").jobs.remove(job_id(number))
    exchange = await direct.click("Continue")
    assert "are left to delete" in str(exchange.view)


async def test_an_old_confirmation_is_asked_for_again(
    jobs: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """After half an hour without a worker, the owner must confirm the clean-up again."""
    await confirm(jobs, FAILED, "3")
    jobs.clock.forward(1801)
    await work(jobs)
    direct = jobs.person("ada", "dm")
    assert [message["blocks"] for message in await direct.messages()] == snapshot(name="waits")
    assert len(left(jobs)) == 9
    exchange = await direct.click("Stop")
    assert "· stopped" in exchange.payloads[-1]["text"]
    assert await recorded(jobs) == [("interrupted", 3, 0)]


async def test_sends_the_jobs_before_the_first_delete(jobs: AppHarness) -> None:
    """The owner gets the jobs as CSV before the first delete."""
    jobs.emporix_state.faults.add(Fault("rate_limit", times=99, method="DELETE", retry_after=60))
    await confirm(jobs, FAILED, "3")
    await work(jobs)
    (file,) = await jobs.person("ada", "dm").files()
    assert file["name"].startswith("clean-up-acme-")
    assert [line.split(",")[0] for line in file["content"].splitlines()[1:]] == [
        f'"{job_id(number)}"' for number in (2, 5, 8)
    ]
    assert await jobs.person("grace", "dm").files() == []
    assert len(left(jobs)) == 9


async def test_deletes_nothing_if_slack_refuses_the_file(
    jobs: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """If Slack refuses the file, nothing is deleted, and the report names Slack's code."""
    jobs.workspace.faults.add(
        SlackFault("refuse", 9, method="files.getUploadURLExternal", error="missing_scope")
    )
    await confirm(jobs, FAILED, "3")
    await work(jobs)
    (message,) = await jobs.person("ada", "dm").messages()
    assert message["blocks"] == snapshot
    assert len(left(jobs)) == 9


async def test_can_be_downloaded_before_the_question_is_answered(jobs: AppHarness) -> None:
    """The counted jobs can be downloaded before the question is answered."""
    await jobs.ada.command(FAILED)
    exchange = await jobs.ada.click("Download first")
    assert "*3 jobs*" in str(exchange.view)
    (file,) = await jobs.person("ada", "dm").files()
    assert file["content"].count("68835cc3") == 3


@pytest.mark.parametrize("deletes", ["off", "single"])
async def test_the_operator_can_turn_clean_ups_off(
    redis: Any, redis_url: str, clock: FakeClock, deletes: str, snapshot: SnapshotAssertion
) -> None:
    """If the operator turned off clean-ups, they are refused and not in the help."""
    async with open_app(redis, redis_url, clock, deletes=deletes) as harness:
        await harness.connect(harness.ada, ACME_OPERATIONS)
        add_jobs(harness, 9)
        exchange = await harness.ada.command(FAILED)
        assert exchange.payloads == snapshot
        assert "/emporix jobs clean" not in str(
            (await harness.ada.command("/emporix help")).payloads
        )


async def test_progress_never_replaces_the_report(jobs: AppHarness) -> None:
    """The final report is not overwritten if the worker finishes during an update."""
    await confirm(jobs, FAILED, "3")
    jobs.emporix_state.faults.add(Fault("rate_limit", times=5, method="DELETE", retry_after=60))
    await work(jobs)
    direct = jobs.person("ada", "dm")
    jobs.workspace.faults.add(SlackFault("delay", method="response_url", seconds=0.5))
    stopping = asyncio.create_task(direct.click("Stop"))
    while jobs.workspace.faults:  # noqa: ASYNC110 - calls are counted
        await asyncio.sleep(0)
    jobs.clock.forward(11)
    await work(jobs)
    assert "· stopped" in (await direct.messages())[-1]["text"]
    await stopping
    assert "· stopped" in (await direct.messages())[-1]["text"]


async def test_the_report_waits_for_the_token(jobs: AppHarness) -> None:
    """The report waits until Slack accepts the app's token."""
    await confirm(jobs, FAILED, "3")
    jobs.workspace.is_token_revoked = True
    await jobs.worker.work_until(jobs.clock() + 3600, step=10)
    jobs.workspace.is_token_revoked = False
    await jobs.redis.delete(redis_keys.lease("teams"))  # Redis's own clock doesn't advance
    await jobs.worker.work_until(jobs.clock() + 300, step=10)
    (message,) = await jobs.person("ada", "dm").messages()
    assert "Deleted" in message["text"]


@pytest.mark.parametrize("kind", ["status_after", "cut_after"])
async def test_one_message_though_slack_fails_after_posting(jobs: AppHarness, kind: Kind) -> None:
    """If Slack fails after posting, the progress is not posted twice, and ends with the report."""
    jobs.workspace.faults.add(SlackFault(kind, method="chat.postMessage"))
    jobs.emporix_state.faults.add(Fault("status", times=30, method="DELETE", status=500))
    await confirm(jobs, FAILED, "3")
    await jobs.worker.work_until(jobs.clock() + 900, step=5)
    (message,) = await jobs.person("ada", "dm").messages()
    assert "Deleted" in message["text"]


async def test_the_question_is_replaced_by_its_outcome(jobs: AppHarness) -> None:
    """Once a clean-up started, its question has no button that could start it again."""
    asked = await jobs.ada.command(FAILED)
    await jobs.ada.click("Delete…")
    exchange = await jobs.ada.submit({"The number of jobs": "3"})
    (message,) = [one for one in exchange.payloads if one.get("replace_original")]
    assert message["text"].startswith("🗑️ Deleting 3 jobs in acme. I'll send progress")
    (shown,) = [one for one in await jobs.ada.messages() if one["ephemeral"]]
    assert shown["text"] == message["text"] != asked.payloads[0]["text"]
    assert "jobs.clean.open" not in str(shown["blocks"])


async def test_a_refused_start_is_no_deleted_job(jobs: AppHarness) -> None:
    """The audit log and the Home tab show a wrong number as a clean-up that was refused."""
    await confirm(jobs, FAILED, "2")
    log = str((await jobs.ada.command("/emporix audit")).payloads)
    assert "tried to start a clean-up in tenant `acme` (refused: the input wasn't valid)" in log
    home = str((await jobs.ada.open_home()).home)
    assert "`acme` · clean-up: refused: the input wasn't valid" in home


async def test_a_wrong_number_leaves_the_confirmation(jobs: AppHarness) -> None:
    """After a wrong number, the confirmation is unchanged and can be submitted again."""
    await jobs.ada.command(FAILED)
    await jobs.ada.click("Delete…")
    await jobs.ada.submit({"The number of jobs": "2"})
    (shown,) = [one for one in await jobs.ada.messages() if one["ephemeral"]]
    assert "jobs.clean.open" in str(shown["blocks"])
