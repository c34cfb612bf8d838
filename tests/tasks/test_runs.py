"""Jobs that were run again: the new job is found, watched and linked, whatever failed."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.domain.accounts import Caller
from bot.domain.runs import run_id
from bot.store.due_index import run_store
from sandbox.emporix.faults import Fault
from sandbox.emporix.keys import ACME_OPERATIONS
from sandbox.emporix.times import iso
from sandbox.slack.person import Person
from tests.harness.app import AppHarness
from tests.harness.runs import (
    ANSWERED,
    ASKED,
    CHAT,
    JOB,
    add_failed,
    ask,
    confirm,
    recorded,
    run_again,
    shown,
    started,
    succeed,
    without_ids,
)
from tests.listeners.jobs.fixtures import job_id


async def later(harness: AppHarness, seconds: float) -> None:
    await harness.worker.work_until(harness.clock() + seconds, step=5.0)


async def told(harness: AppHarness, user: str = "ada") -> list[str]:
    """The direct messages that the app sent to a user."""
    return [message["text"] for message in await harness.person(user, "dm").messages()]


async def test_the_new_job_is_watched(acting: AppHarness) -> None:
    """The user gets a message when the new job ends, even if it ends at once."""
    job = await run_again(acting, acting.ada)
    await later(acting, 3)
    succeed(acting, job)
    await later(acting, 15)
    (text,) = await told(acting)
    assert text == "✅ Complaint Agent finished the job you're watching (0 s): “Refunded.”"
    await later(acting, 120)
    assert len(await told(acting)) == 1


async def fail_with_alert(harness: AppHarness) -> Person:
    """The job fails, and an alert in #ops, where Ada is, posts it."""
    ops = harness.person("ada", "ops")
    harness.emporix_state.tenant("acme").jobs.remove(JOB)
    await ops.command("/emporix alerts on")
    now = harness.clock()
    times = {"version": 1, "createdAt": iso(now), "modifiedAt": iso(now)}
    add_failed(harness, metadata=times)
    await later(harness, 120)
    return ops


async def test_tells_the_alert(acting: AppHarness, snapshot: SnapshotAssertion) -> None:
    """The thread of the alert says who ran the job again, and how that ended."""
    ops = await fail_with_alert(acting)
    await ops.click("Open")
    await ops.click("Run again…")
    await confirm(ops)
    (job,) = started(acting)
    await later(acting, 5)
    thread = [one for one in await ops.messages() if one["thread_ts"]]
    assert without_ids(thread[-1]["blocks"]) == snapshot
    succeed(acting, job)
    await later(acting, 60)
    texts = [one["text"] for one in await ops.messages() if one["thread_ts"]]
    assert [text for text in texts if "Run again by" in text] == [
        "🔁 Run again by <@U0ADA>: *Complaint Agent*"
    ]
    assert "Refunded." in texts[-1]


@pytest.mark.parametrize("is_deleted", [False, True])
async def test_tells_the_alert_of_any_failure_in_it(acting: AppHarness, is_deleted: bool) -> None:
    """A job that isn't the first of its row is linked in the thread, wherever it was opened.

    If it was deleted in the meantime, only the user gets a message.
    """
    ops = await fail_with_alert(acting)
    other, now = job_id(2), iso(acting.clock())
    times = {"version": 1, "createdAt": now, "modifiedAt": now}
    add_failed(acting, id=other, response=ANSWERED.replace("EON1031", "EON1032"), metadata=times)
    await later(acting, 120)
    await ask(acting.ada, other)
    await confirm(acting.ada)
    if is_deleted:
        acting.emporix_state.tenant("acme").jobs.remove(other)
    await later(acting, 5)
    texts = [one["text"] for one in await ops.messages() if one["thread_ts"]]
    assert any("Run again by" in text for text in texts) is not is_deleted


async def test_tells_a_user_outside_the_channel(acting: AppHarness) -> None:
    """A user who can't read the alert's channel gets a direct message when the new job ends."""
    await fail_with_alert(acting)
    acting.workspace.directory.remove("C0OPS", "U0ADA")
    job = await run_again(acting, acting.ada)
    await later(acting, 5)
    succeed(acting, job)
    await later(acting, 60)
    assert "Refunded." in (await told(acting))[-1]
    assert "Run again by" in str(await acting.person("grace", "ops").messages())


async def test_tells_no_other_organization(acting: AppHarness) -> None:
    """If people from other organizations read the channel, its thread doesn't show the run."""
    ops = await fail_with_alert(acting)
    await ops.share_channel()
    await ask(acting.ada)
    await confirm(acting.ada)
    await later(acting, 30)
    assert len(started(acting)) == 1
    assert "Run again by" not in str(await ops.messages())


async def test_keeps_the_message_that_was_typed(acting: AppHarness) -> None:
    """If a changed message was not sent, the next form of the same user has it, others' don't."""
    await acting.connect(acting.grace, ACME_OPERATIONS, with_actions=True)
    acting.emporix_state.faults.add(Fault("cut_before", path=CHAT))
    await ask(acting.ada)
    await confirm(acting.ada, "Where is EON1032?")
    await later(acting, 620)
    dm = acting.person("ada", "dm")
    assert "The form has the message that you typed" in str(await dm.messages())
    assert "Where is EON1032?" in shown(await dm.click("Run again…"))
    form = shown(await ask(acting.grace))
    assert ASKED in form
    assert "Where is EON1032?" not in form
    await confirm(dm)
    assert [job["message"] for job in started(acting)] == ["Where is EON1032?"]


UncertainKind = Literal["status_after", "cut_after", "truncated", "status", "cut_before", "html"]


@pytest.mark.parametrize("kind", ["status_after", "cut_after", "truncated"])
async def test_a_lost_response_starts_nothing_more(
    acting: AppHarness, kind: UncertainKind, snapshot: SnapshotAssertion
) -> None:
    """If the response is lost, the user knows, nothing is sent again, and the job is found."""
    acting.emporix_state.faults.add(Fault(kind, path=CHAT, status=500))
    await ask(acting.ada)
    exchange = await confirm(acting.ada)
    assert exchange.payloads[-1] == snapshot
    again = await ask(acting.ada)
    assert "It's unknown whether" in shown(again)
    await later(acting, 30)
    assert len(started(acting)) == 1
    assert await told(acting) == ["✅ *Complaint Agent* was started again in acme."]
    assert await recorded(acting) == [("U0ADA", "done")]


@pytest.mark.parametrize("kind", ["status", "cut_before", "html"])
async def test_a_lost_request_can_be_confirmed_again(
    acting: AppHarness, kind: UncertainKind
) -> None:
    """If there is no job after 10 minutes, a message says so, with a button for a new run."""
    acting.emporix_state.faults.add(Fault(kind, path=CHAT, status=500))
    await ask(acting.ada)
    await confirm(acting.ada)
    await later(acting, 590)
    assert await told(acting) == []
    await later(acting, 20)
    assert await told(acting) == ["🔁 *Complaint Agent* wasn't started again in acme."]
    dm = acting.person("ada", "dm")
    await dm.click("Run again…")
    assert "Started" in str((await confirm(dm)).payloads)
    assert len(started(acting)) == 1


async def test_says_if_the_outcome_stays_unknown(acting: AppHarness) -> None:
    """If Emporix can't be asked for an hour, a message says that the user must look there."""
    acting.emporix_state.faults.add(Fault("cut_after", path=CHAT))
    await ask(acting.ada)
    await confirm(acting.ada)
    acting.emporix_state.faults.add(Fault("status", 10_000, path="/jobs", status=503))
    await acting.worker.work_until(acting.clock() + 3_700, step=30.0)
    assert await told(acting) == [
        "⚠️ I couldn't find out whether *Complaint Agent* was started again in acme."
    ]


async def test_a_killed_process_is_noticed(acting: AppHarness) -> None:
    """If the process is killed during the call, a worker says so, and looks for the job."""
    acting.emporix_state.faults.add(Fault("cut_after", path=CHAT))
    await ask(acting.ada)
    await confirm(acting.ada)
    await set_state(acting, "sending")
    acting.emporix_state.faults.add(Fault("status", 3, path="/jobs", status=503))
    await later(acting, 29)
    assert await told(acting) == []
    await later(acting, 5)
    assert await told(acting) == [
        "⚠️ It's unknown whether *Complaint Agent* was started again in acme."
    ]
    await later(acting, 60)
    assert (await told(acting))[1:] == ["✅ *Complaint Agent* was started again in acme."]
    assert len(started(acting)) == 1


async def set_state(harness: AppHarness, state: str) -> None:
    """Set the attempt to what a killed process would have left."""
    store = run_store(harness.redis, harness.cipher)
    id_ = run_id(Caller("T0ACME", "U0ADA"), "acme", JOB)
    run = await store.load(id_)
    assert run
    left = replace(run, state=state, was_unknown=False, is_shown=False)
    await store.update(id_, harness.clock(), lambda _: left)


async def test_a_full_list_of_watches_is_reported(acting: AppHarness) -> None:
    """If the user watches 50 jobs, a message says that this one isn't watched."""
    for number in range(50):
        acting.emporix_state.add_job("acme", id=f"w-{number}", status="in_progress")
        await acting.ada.command(f"/emporix jobs watch w-{number}")
    await ask(acting.ada)
    await confirm(acting.ada)
    await later(acting, 5)
    assert await told(acting) == [
        "🔁 *Complaint Agent* was started again in acme, but you're not watching the job."
    ]
