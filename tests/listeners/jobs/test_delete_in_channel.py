"""Delete in a channel — with the clicking user's own rights, once, and visible to everyone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.domain.accounts import Caller
from bot.store.audit import AuditLog
from sandbox.emporix.faults import Fault
from sandbox.emporix.keys import ACME_OPERATIONS, ACME_READ_ONLY, GLOBEX_OPERATIONS
from sandbox.slack.faults import Fault as SlackFault
from sandbox.slack.person import Person
from tests.harness.app import AppHarness
from tests.listeners.jobs.fixtures import add_jobs, job_id


@pytest.fixture
def ada(connected: AppHarness) -> Person:
    """Ada in #ops, connected to acme."""
    return connected.person("ada", "ops")


@pytest.fixture
def grace(connected: AppHarness) -> Person:
    """Grace in #ops, not connected."""
    return connected.person("grace", "ops")


async def share(person: Person, command: str) -> None:
    """Share an answer, and remove the private messages."""
    await person.command(command)
    await person.click(action_id="jobs.share.ask")
    await person.click("Share")


async def press(person: Person, nth: int = 1) -> Any:
    """Click Delete in the shared message, and confirm."""
    return await person.click(action_id="jobs.delete_in_channel.confirm", nth=nth)


async def seen(person: Person) -> Any:
    """The only message that everyone sees in the user's channel."""
    [message] = [message for message in await person.messages() if not message["ephemeral"]]
    return message


async def recorded(harness: AppHarness) -> list[tuple[str, str, str]]:
    entries = await AuditLog(harness.redis).latest(Caller("T0ACME", "U0ADA"), 10)
    return [(e.user_id, e.subject, e.result) for e in entries if e.event == "job.deleted"]


def ids(harness: AppHarness) -> set[object]:
    return {job["id"] for job in harness.emporix_state.jobs("acme")}


async def test_names_the_job_before_it_deletes(connected: AppHarness, ada: Person) -> None:
    """The question names agent, date, time in the sharer's zone, and tenant, as plain text."""
    add_jobs(connected, 1)
    await share(ada, "/emporix jobs")
    [buttons] = [b for b in (await seen(ada))["blocks"] if b["block_id"] == "job.1.buttons"]
    asked = buttons["elements"][-1]["confirm"]["text"]
    assert asked == {
        "type": "plain_text",
        "text": "The succeeded job of complaint-agent, Nov 23, 11:33 AM CET, will be deleted from "
        "acme for everyone. You can't undo this.",
        "emoji": False,
    }


async def test_a_deleted_card_becomes_a_line(
    connected: AppHarness, ada: Person, grace: Person, snapshot: SnapshotAssertion
) -> None:
    """A deleted card becomes a line with the job, the user and the time."""
    add_jobs(connected, 1)
    await share(ada, f"/emporix jobs get {job_id(1)}")
    await connected.connect(grace, ACME_OPERATIONS)
    exchange = await press(grace)
    assert exchange.payloads == snapshot
    assert ids(connected) == set()
    assert (await seen(ada))["text"] == exchange.payloads[0]["text"]
    assert await recorded(connected) == [("U0GRACE", job_id(1), "deleted")]


async def test_replaces_the_row_of_a_list(
    connected: AppHarness, ada: Person, grace: Person, snapshot: SnapshotAssertion
) -> None:
    """In a list, the row of the job becomes a line without buttons."""
    add_jobs(connected, 3)
    await share(ada, "/emporix jobs")
    before = await seen(grace)
    await press(ada, nth=2)
    after = await seen(grace)
    assert after == snapshot
    assert after["text"] == before["text"]
    kept = [block for block in before["blocks"] if not block["block_id"].startswith("job.2")]
    named = [block for block in kept if block["block_id"].startswith("job.")]
    assert all(block in after["blocks"] for block in named)


async def test_asks_emporix_for_nothing_but_the_delete(connected: AppHarness, ada: Person) -> None:
    """Deleting needs one delete call and one token request; nothing is read again."""
    add_jobs(connected, 3)
    await share(ada, "/emporix jobs")
    asked = len(connected.emporix_state.requests)
    await press(ada)
    assert [request.method for request in list(connected.emporix_state.requests)[asked:]] == [
        "POST",
        "DELETE",
    ]


async def test_offers_connect_without_a_connection(
    connected: AppHarness, ada: Person, grace: Person, snapshot: SnapshotAssertion
) -> None:
    """A user without a connection gets a private offer to connect, and the attempt is recorded."""
    add_jobs(connected, 1)
    await share(ada, "/emporix jobs")
    before = await seen(grace)
    assert (await press(grace)).payloads == snapshot
    assert await seen(grace) == before
    assert ids(connected) == {job_id(1)}
    assert await recorded(connected) == [("U0GRACE", job_id(1), "not_connected")]


async def test_a_connection_to_another_tenant_does_not_count(
    connected: AppHarness, ada: Person, grace: Person
) -> None:
    """The connection to the job's tenant counts, not the default tenant."""
    add_jobs(connected, 1)
    await share(ada, "/emporix jobs")
    await connected.connect(grace, GLOBEX_OPERATIONS)
    exchange = await press(grace)
    assert exchange.payloads[0]["blocks"][0]["block_id"] == "error.not_connected"
    assert ids(connected) == {job_id(1)}


async def test_explains_a_missing_scope(
    connected: AppHarness, ada: Person, grace: Person, snapshot: SnapshotAssertion
) -> None:
    """With a read-only API key, a private error explains the missing scope."""
    add_jobs(connected, 1)
    await share(ada, f"/emporix jobs get {job_id(1)}")
    await connected.connect(grace, ACME_READ_ONLY)
    before = await seen(grace)
    assert (await press(grace)).payloads == snapshot
    assert await seen(grace) == before
    assert await recorded(connected) == [("U0GRACE", job_id(1), "missing_scope")]


async def test_a_failed_delete_leaves_the_message(connected: AppHarness, ada: Person) -> None:
    """A failed delete is explained privately, and the message is unchanged."""
    add_jobs(connected, 1)
    await share(ada, "/emporix jobs")
    before = await seen(ada)
    connected.emporix_state.faults.add(Fault("status", times=9, method="DELETE", status=403))
    exchange = await press(ada)
    assert exchange.payloads[0]["response_type"] == "ephemeral"
    assert await seen(ada) == before
    assert await recorded(connected) == [("U0ADA", job_id(1), "forbidden")]


async def test_a_job_that_is_already_gone_is_not_an_error(
    connected: AppHarness, ada: Person, snapshot: SnapshotAssertion
) -> None:
    """A job that was already deleted is marked as deleted."""
    add_jobs(connected, 1)
    await share(ada, "/emporix jobs")
    connected.emporix_state.tenant("acme").jobs.remove(job_id(1))
    assert (await press(ada)).payloads == snapshot
    assert await recorded(connected) == [("U0ADA", job_id(1), "already_gone")]


async def test_two_people_at_once_delete_once(
    connected: AppHarness, ada: Person, grace: Person
) -> None:
    """Two simultaneous clicks delete once, without an error, and name one user."""
    add_jobs(connected, 2)
    await share(ada, "/emporix jobs")
    await connected.connect(grace, ACME_OPERATIONS)
    connected.emporix_state.faults.add(Fault("delay", times=1, method="DELETE", seconds=0.2))
    exchanges = await asyncio.gather(press(ada), press(grace))
    said = [payload for exchange in exchanges for payload in exchange.payloads]
    assert {payload["response_type"] for payload in said} == {"in_channel"}
    results = [(user, result) for user, _, result in await recorded(connected)]
    [who] = [user for user, result in results if result == "deleted"]
    assert [result for _, result in results] == ["deleted"]
    assert f"Deleted by <@{who}>" in str(await seen(ada))
    assert "already deleted" not in str(await seen(ada))


async def test_a_double_click_deletes_once(connected: AppHarness, ada: Person) -> None:
    """A double click deletes once, without an error."""
    add_jobs(connected, 1)
    await share(ada, f"/emporix jobs get {job_id(1)}")
    await asyncio.gather(press(ada), press(ada))
    assert (await seen(ada))["text"].startswith(":wastebasket: Deleted by <@U0ADA>")
    assert [result for _, _, result in await recorded(connected)] == ["deleted"]


async def test_two_jobs_at_once_are_both_marked(
    connected: AppHarness, ada: Person, grace: Person
) -> None:
    """Two simultaneous deletes in a list are both marked."""
    add_jobs(connected, 3)
    await share(ada, "/emporix jobs")
    await connected.connect(grace, ACME_OPERATIONS)
    connected.emporix_state.faults.add(Fault("delay", times=2, method="DELETE", seconds=0.2))
    await asyncio.gather(press(ada, nth=1), press(grace, nth=2))
    shown = str(await seen(ada))
    assert "Deleted by <@U0ADA>" in shown
    assert "Deleted by <@U0GRACE>" in shown
    assert shown.count("job.1.buttons") == shown.count("job.2.buttons") == 0
    assert ids(connected) == {job_id(1)}


async def test_changes_the_message_when_the_response_url_is_gone(
    connected: AppHarness, ada: Person
) -> None:
    """Without a valid response_url, the app updates its message by itself."""
    add_jobs(connected, 1)
    await share(ada, "/emporix jobs")
    connected.workspace.faults.add(SlackFault("status", status=404, method="response_url"))
    exchange = await press(ada)
    assert [sent["via"] for sent in exchange.sent] == ["chat.update"]
    assert "Deleted by <@U0ADA>" in str(await seen(ada))


async def test_notifies_the_user_if_slack_cannot_be_reached(
    connected: AppHarness, ada: Person
) -> None:
    """If Slack can't be reached after the delete, the user gets the result."""
    add_jobs(connected, 1)
    await share(ada, "/emporix jobs")
    faults = connected.workspace.faults
    faults.add(SlackFault("status", status=404, method="response_url"))
    faults.add(SlackFault("cut_before", times=9, method="chat.update"))
    exchange = await press(ada)
    assert "Deleted by <@U0ADA>" in exchange.payloads[-1]["text"]
    assert ids(connected) == set()


async def test_notifies_the_user_if_the_message_cannot_be_updated(
    connected: AppHarness, ada: Person, snapshot: SnapshotAssertion
) -> None:
    """If the message can't be updated, the user gets the result."""
    add_jobs(connected, 1)
    await share(ada, "/emporix jobs")
    faults = connected.workspace.faults
    faults.add(SlackFault("status", status=404, method="response_url"))
    faults.add(SlackFault("status", times=3, status=500, method="chat.update"))
    exchange = await press(ada)
    assert exchange.payloads == snapshot
    assert ids(connected) == set()
