"""Watched jobs: each user who watches one gets one message soon after its end."""

from __future__ import annotations

from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.domain.accounts import Caller
from bot.services.watches import MAX_WATCH_SECONDS
from bot.store import keys as redis_keys
from bot.store.watches import WatchStore
from sandbox.emporix.faults import Fault as EmporixFault
from sandbox.emporix.keys import ACME_OPERATIONS, ACME_READ_ONLY
from sandbox.emporix.times import iso
from sandbox.slack.directory import TEAM_ID
from sandbox.slack.faults import Fault
from sandbox.slack.person import Person
from tests.harness.app import AppHarness
from tests.harness.clock import NOW
from tests.store.fixtures import ADA

JOB = "68835cc3ef4e8e1425c30001"
BEGAN = NOW - 60


@pytest.fixture
def harness(connected: AppHarness) -> AppHarness:
    """Ada is connected, and one job is running."""
    change(connected, "in_progress")
    return connected


def change(harness: AppHarness, status: str, job_id: str = JOB, message: str | None = None) -> None:
    """Add or change a job with that id."""
    metadata = {"version": 1, "createdAt": iso(BEGAN), "modifiedAt": iso(harness.clock())}
    harness.emporix_state.add_job(
        "acme", id=job_id, status=status, message=message, metadata=metadata
    )


async def told(harness: AppHarness, user: str = "ada") -> list[dict[str, Any]]:
    """The direct messages that the app sent to a user."""
    return list(await harness.person(user, "dm").messages())


async def later(harness: AppHarness, seconds: float) -> None:
    """Let time pass while the worker runs."""
    await harness.worker.work_until(harness.clock() + seconds, step=2.5)


def looks(harness: AppHarness) -> int:
    """The number of job queries so far."""
    return sum("/jobs" in seen.path for seen in harness.emporix_state.requests)


async def test_reports_the_end(harness: AppHarness, snapshot: SnapshotAssertion) -> None:
    """The message has the status, the duration, the agent's message, and a button."""
    await harness.ada.command(f"/emporix jobs watch {JOB}")
    await later(harness, 30)
    assert await told(harness) == []
    change(harness, "success", message="The refund was sent.")
    await later(harness, 20)
    (message,) = await told(harness)
    assert message["blocks"] == snapshot
    listed = await harness.ada.command("/emporix jobs watching")
    assert "aren't watching any jobs" in listed.payloads[0]["text"]


async def test_is_reported_once(harness: AppHarness) -> None:
    """The end of a job is reported only once."""
    await harness.ada.command(f"/emporix jobs watch {JOB}")
    change(harness, "failure")
    await later(harness, 600)
    assert len(await told(harness)) == 1


async def test_backs_off(harness: AppHarness) -> None:
    """Jobs are polled often at first, and about 30 times an hour later."""
    await harness.ada.command(f"/emporix jobs watch {JOB}")
    before = looks(harness)
    await later(harness, 60)
    first = looks(harness) - before
    await later(harness, 3600)
    assert 5 <= first <= 10
    assert 30 <= looks(harness) - before - first <= 40


async def test_asks_once_for_all_of_a_tenant(harness: AppHarness) -> None:
    """Twenty watched jobs take as many calls as one."""
    for number in range(20):
        change(harness, "in_progress", f"job-{number}")
        await harness.ada.command(f"/emporix jobs watch job-{number}")
    before = looks(harness)
    await later(harness, 6)
    assert looks(harness) - before == 1
    for number in range(20):
        change(harness, "success", f"job-{number}")
    await later(harness, 60)
    assert len(await told(harness)) == 20


async def test_reports_a_deleted_job(harness: AppHarness, snapshot: SnapshotAssertion) -> None:
    """A deleted job is reported as ended."""
    await harness.ada.command(f"/emporix jobs watch {JOB}")
    harness.emporix_state.tenant("acme").jobs.remove(JOB)
    await later(harness, 10)
    (message,) = await told(harness)
    assert message["blocks"] == snapshot


async def test_gives_up_after_a_day(harness: AppHarness, snapshot: SnapshotAssertion) -> None:
    """A watch that ends after a day says so, with a button to continue."""
    await harness.ada.command(f"/emporix jobs watch {JOB}")
    await harness.worker.work_until(harness.clock() + MAX_WATCH_SECONDS + 300, step=150.0)
    (message,) = await told(harness)
    assert message["blocks"] == snapshot
    exchange = await harness.person("ada", "dm").click("Watch again")
    assert "in a direct message" in exchange.payloads[0]["text"]


async def test_sends_nothing_after_stopping(harness: AppHarness) -> None:
    """A user who stopped watching gets no message."""
    await harness.ada.command(f"/emporix jobs watch {JOB}")
    await harness.ada.click("Stop watching")
    change(harness, "success")
    before = looks(harness)
    await later(harness, 600)
    assert (await told(harness), looks(harness) - before) == ([], 0)


async def shared(harness: AppHarness, command: str) -> tuple[Person, Person]:
    """Ada shares a job in #ops, and Grace, whose key is read-only, clicks Watch there."""
    ada, grace = harness.person("ada", "ops"), harness.person("grace", "ops")
    await harness.connect(grace, ACME_READ_ONLY)
    await ada.command(command)
    await ada.click(action_id="jobs.share.ask")
    await ada.click("Share")
    await grace.click("Watch")
    return ada, grace


async def test_changes_a_shared_card_in_place(
    harness: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """The card is updated for everyone, and the watcher is mentioned in its thread."""
    ada, _ = await shared(harness, f"/emporix jobs get {JOB}")
    change(harness, "failure", message="No such order.")
    await later(harness, 10)
    card, reply = [message for message in await ada.messages() if not message["ephemeral"]]
    assert card["edited"]
    assert "Watch" not in str(card["blocks"])
    assert card["text"] == "<@U0ADA> shared a failed job of complaint-agent, tenant acme"
    assert reply["thread_ts"] == card["ts"]
    assert reply["blocks"] == snapshot
    assert await told(harness, "grace") == []


async def test_changes_the_row_of_a_shared_list(harness: AppHarness) -> None:
    """In a shared list only the job's row changes, and the watcher is mentioned in the thread."""
    ada, _ = await shared(harness, "/emporix jobs list")
    (listed,) = [message for message in await ada.messages() if not message["ephemeral"]]
    shown = [block.get("block_id") for block in listed["blocks"]]
    change(harness, "success")
    await later(harness, 10)
    listed, reply = [message for message in await ada.messages() if not message["ephemeral"]]
    assert listed["edited"]
    assert "Watch" not in str(listed["blocks"])
    assert [block.get("block_id") for block in listed["blocks"]] == shown
    row, row_buttons = listed["blocks"][2:4]
    assert row["text"]["text"].startswith(":white_check_mark: *Succeeded*")
    assert [element["text"]["text"] for element in row_buttons["elements"]] == ["Open", "Delete"]
    assert reply["thread_ts"] == listed["ts"]


@pytest.mark.parametrize("command", ["/emporix jobs list fields:id,status", "/emporix jobs list"])
async def test_a_shared_list_that_cannot_be_updated_is_unchanged(
    harness: AppHarness, command: str
) -> None:
    """A list that can't be updated stays unchanged, and the message is still posted."""
    ada, _ = await shared(harness, command)
    if "fields" not in command:
        harness.workspace.faults.add(Fault("status", times=3, method="conversations.history"))
    change(harness, "success")
    await later(harness, 60)
    listed, reply = [message for message in await ada.messages() if not message["ephemeral"]]
    assert not listed["edited"]
    assert reply["thread_ts"] == listed["ts"]


async def test_sends_a_direct_message_if_it_cannot_post(harness: AppHarness) -> None:
    """In a channel without the app, the watcher gets a direct message."""
    ada = harness.person("ada", "secret")
    await ada.command(f"/emporix jobs get {JOB}")
    await ada.click(action_id="jobs.share.ask")
    await ada.click("Share")
    await ada.click("Watch")
    change(harness, "success")
    await later(harness, 10)
    assert len(await told(harness)) == 1


async def test_reports_a_broken_connection_once(
    harness: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """After repeated rejections of the connection its watches end."""
    await harness.ada.command(f"/emporix jobs watch {JOB}")
    harness.emporix_state.revoke(ACME_OPERATIONS)
    await later(harness, 100)
    assert await told(harness) == []
    await later(harness, 600)
    (message,) = await told(harness)
    assert message["blocks"] == snapshot
    listed = await harness.ada.command("/emporix jobs watching")
    assert "aren't watching any jobs" in listed.payloads[0]["text"]


@pytest.mark.parametrize(
    "fault",
    [
        EmporixFault("status", times=3, status=500),
        EmporixFault("rate_limit", times=1, retry_after=120),
        EmporixFault("html", times=3),
        EmporixFault("cut_before", times=3),
    ],
    ids=lambda fault: fault.kind,
)
async def test_continues_after_an_outage_of_emporix(
    harness: AppHarness, fault: EmporixFault
) -> None:
    """After a failed poll, the end is reported later."""
    await harness.ada.command(f"/emporix jobs watch {JOB}")
    change(harness, "success")
    harness.emporix_state.faults.add(fault)
    await later(harness, 300)
    (message,) = await told(harness)
    assert "finished the job you're watching" in message["text"]


async def test_leaves_emporix_alone_as_long_as_it_asks(harness: AppHarness) -> None:
    """A Retry-After of Emporix is respected."""
    await harness.ada.command(f"/emporix jobs watch {JOB}")
    harness.emporix_state.faults.add(EmporixFault("rate_limit", times=1, retry_after=200))
    await later(harness, 6)
    before = looks(harness)
    await later(harness, 190)
    assert looks(harness) == before
    await later(harness, 20)
    assert looks(harness) > before


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", times=3, method="chat.postMessage"),
        Fault("rate_limit", times=2, method="chat.postMessage", retry_after=30),
        Fault("cut_after", times=1, method="chat.postMessage"),
        Fault("cut_before", times=2, method="chat.postMessage"),
        Fault("html", times=2, method="chat.postMessage"),
    ],
    ids=lambda fault: fault.kind,
)
async def test_is_reported_once_despite_errors_of_slack(harness: AppHarness, fault: Fault) -> None:
    """A rejected message is retried; one that arrived despite an error is not repeated."""
    await harness.ada.command(f"/emporix jobs watch {JOB}")
    change(harness, "success")
    harness.workspace.faults.add(fault)
    await later(harness, 300)
    assert len(await told(harness)) == 1


async def test_ends_with_the_connection(harness: AppHarness) -> None:
    """A user who disconnects sees which watches end, and gets no more messages."""
    await harness.ada.command(f"/emporix jobs watch {JOB}")
    await harness.ada.command("/emporix disconnect")
    exchange = await harness.ada.click("Disconnect")
    assert "1 job" in exchange.payloads[0]["text"]
    await later(harness, 300)
    assert await told(harness) == []


@pytest.mark.parametrize("command", [f"/emporix jobs get {JOB}", "/emporix jobs list"])
async def test_other_organizations_do_not_see_the_end(harness: AppHarness, command: str) -> None:
    """If another organization joins the channel, the watcher gets the result directly."""
    ada, _ = await shared(harness, command)
    before = [message for message in await ada.messages() if not message["ephemeral"]]
    harness.workspace.directory.share("C0OPS")
    change(harness, "failure", message="No such order.")
    await later(harness, 10)
    assert [message for message in await ada.messages() if not message["ephemeral"]] == before
    (message,) = await told(harness, "grace")
    assert "failed" in message["text"]


@pytest.mark.parametrize("word", ["missing_scope", "no_permission"])
async def test_unknown_readers_see_no_end(harness: AppHarness, word: str) -> None:
    """If the readers are unknown, the watcher gets a direct message."""
    ada, _ = await shared(harness, f"/emporix jobs get {JOB}")
    change(harness, "success")
    harness.workspace.faults.add(Fault("refuse", method="conversations.info", error=word))
    await later(harness, 30)
    (card,) = [message for message in await ada.messages() if not message["ephemeral"]]
    assert not card["edited"]
    assert len(await told(harness, "grace")) == 1


async def test_ends_where_its_owner_has_left(harness: AppHarness) -> None:
    """The API key of a user who left isn't used again, and is deleted."""
    ada, _ = await shared(harness, f"/emporix jobs get {JOB}")
    harness.workspace.directory.deactivate("U0GRACE")
    change(harness, "success")
    await later(harness, 300)
    (card,) = [message for message in await ada.messages() if not message["ephemeral"]]
    assert not card["edited"]
    assert await harness.redis.keys("*:watches:*") == []
    assert not await harness.redis.exists(redis_keys.account(Caller(TEAM_ID, "U0GRACE")))


async def test_notifies_watchers_without_users_read(harness: AppHarness) -> None:
    """Without the scope users:read, watchers still get their messages."""
    await harness.ada.command(f"/emporix jobs watch {JOB}")
    harness.workspace.bot_scopes -= {"users:read"}
    change(harness, "success")
    await later(harness, 30)
    assert len(await told(harness)) == 1


async def test_a_watch_ends_after_repeated_errors(harness: AppHarness) -> None:
    """After repeated errors the watch ends, and its owner gets one message."""
    await harness.ada.command(f"/emporix jobs watch {JOB}")
    (watch,) = await WatchStore(harness.redis, harness.cipher).of_owner(ADA)
    await harness.redis.hset(redis_keys.message(f"watch:{watch.id}:direct"), "not", "a string")
    change(harness, "success")
    await harness.worker.work_until(harness.clock() + 3600, step=10)
    assert len(await told(harness)) == 1
    assert await harness.redis.keys("*:watches:*:*:*") == []
