"""While Emporix is slow, users see where the answer will appear."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from sandbox.emporix.faults import Fault
from sandbox.emporix.keys import ACME_OPERATIONS, GLOBEX_OPERATIONS
from sandbox.slack.faults import Fault as SlackFault
from sandbox.slack.person import Exchange
from tests.harness.app import AppHarness, open_app
from tests.harness.clock import FakeClock
from tests.listeners.jobs.fixtures import add_jobs, job_id

PATIENCE = 0.4  # long compared with undelayed answers, even on a busy machine
SLOW = 1.2
WAITING = "Still working on it"


@pytest.fixture
async def harness(redis: Any, redis_url: str, clock: FakeClock) -> AsyncIterator[AppHarness]:
    """Ada is connected to acme, with 25 jobs, and loading states appear early."""
    async with open_app(redis, redis_url, clock, loading_after_seconds=PATIENCE) as opened:
        await opened.connect(opened.ada, ACME_OPERATIONS)
        add_jobs(opened, 25)
        yield opened


def slow(harness: AppHarness, method: str = "GET") -> None:
    """Delay the next call to Emporix."""
    harness.emporix_state.faults.add(Fault("delay", method=method, path="/jobs", seconds=SLOW))


def slow_and_refused(harness: AppHarness, method: str = "GET") -> None:
    """Delay the next call until it fails with an expired token, and let the retry fail.

    A delete first requests a token that allows it, so that request is delayed.
    """
    if method == "DELETE":
        harness.emporix_state.faults.add(Fault("delay", path="/oauth/token", seconds=SLOW))
    else:
        slow(harness, method)
        harness.emporix_state.expire_tokens()
    harness.emporix_state.faults.add(Fault("status", method=method, path="/jobs", status=403))


def texts(exchange: Exchange) -> list[str]:
    return [payload["text"] for payload in exchange.payloads]


async def seen(harness: AppHarness) -> list[str]:
    return [message["text"] for message in await harness.ada.messages()]


async def test_a_command_gets_one_line_more(
    harness: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """After a slash command, a separate line announces the answer, which appears below it."""
    slow(harness)
    exchange = await harness.ada.command("/emporix jobs size:1")
    assert exchange.payloads[0] == snapshot
    first, second = await seen(harness)
    assert WAITING in first
    assert second.startswith("Job 1 of 25")


async def test_a_placeholder_replaces_the_list(
    harness: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """A page change shows a placeholder and then the page, in the same message."""
    await harness.ada.command("/emporix jobs list")
    slow(harness)
    exchange = await harness.ada.click("Next")
    assert exchange.payloads[0] == snapshot
    assert [payload["replace_original"] for payload in exchange.payloads] == [True, True]
    (only,) = await seen(harness)
    assert only.startswith("Jobs 11–20 of 25")


async def test_a_modal_shows_a_loading_state(harness: AppHarness) -> None:
    """A modal shows the loading state above the old page until the next one arrives."""
    await harness.ada.shortcut("Search Emporix jobs")
    await harness.ada.click("More filters")
    before = await harness.ada.submit({"size": "2"})
    slow(harness)
    exchange = await harness.ada.click("Next")
    assert [sent["via"] for sent in exchange.sent] == ["views.update", "views.update"]
    noted = exchange.payloads[0]["view"]
    note, *rest = noted["blocks"]
    assert WAITING in note["text"]["text"]
    assert before.view is not None
    assert rest == before.view["blocks"]
    for name in ("type", "title", "close"):
        assert noted.get(name) == before.view.get(name)
    last = exchange.payloads[1]["view"]["blocks"]
    assert last[0]["text"]["text"].startswith("*Jobs 3–4 of 25*")


async def test_a_late_error_replaces_the_loading_state(harness: AppHarness) -> None:
    """A late error replaces the loading state."""
    await harness.ada.shortcut("Search Emporix jobs")
    await harness.ada.click("More filters")
    await harness.ada.submit({"size": "2"})
    slow_and_refused(harness)
    exchange = await harness.ada.click("Next")
    assert WAITING in str(exchange.payloads[0])
    assert exchange.view is not None
    assert exchange.view["blocks"][0]["block_id"] == "error.forbidden"


async def test_a_modal_that_is_quick_says_nothing(harness: AppHarness) -> None:
    """A quick modal shows no loading state."""
    await harness.ada.shortcut("Search Emporix jobs")
    await harness.ada.click("More filters")
    await harness.ada.submit({"size": "2"})
    exchange = await harness.ada.click("Next")
    assert [sent["via"] for sent in exchange.sent] == ["views.update"]


async def test_an_answer_beside_a_list_leaves_it_alone(harness: AppHarness) -> None:
    """Opening a job shows at once that it is loading, in a modal, and leaves the list unchanged."""
    await harness.ada.command("/emporix jobs list")
    slow(harness)
    exchange = await harness.ada.click("Open")
    assert {sent["via"] for sent in exchange.sent} == {"views.open", "views.update"}
    (shown,) = await seen(harness)
    assert shown.startswith("Jobs 1–10 of 25")


async def test_an_error_does_not_cost_the_list(
    harness: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """If a page can't be loaded, the error has a button to try again."""
    await harness.ada.command("/emporix jobs list")
    slow_and_refused(harness)
    exchange = await harness.ada.click("Next")
    assert exchange.payloads[1] == snapshot
    assert len(await seen(harness)) == 1
    await harness.ada.click("Try again")
    (only,) = await seen(harness)
    assert only.startswith("Jobs 11–20 of 25")


async def test_a_delete_that_fails_leads_back_to_its_job(harness: AppHarness) -> None:
    """After a failed delete, the job is offered, because a repeated click would skip the
    confirmation.
    """
    await harness.ada.command(f"/emporix jobs get {job_id(1)}")
    slow_and_refused(harness, "DELETE")
    await harness.ada.click("Delete")
    exchange = await harness.ada.click("Open the job")
    assert f"Job `{job_id(1)}`" in str(exchange.view)
    assert len(harness.emporix_state.jobs("acme")) == 25


async def test_a_message_for_all_is_given_back_whole(harness: AppHarness) -> None:
    """If Slack sent the message, only the clicked buttons are replaced, and restored afterwards."""
    await harness.ada.command("/emporix jobs list size:2")
    (shown,) = await harness.ada.messages()
    messages = harness.workspace.messages
    shared = messages.add(shown["channel"], shown["text"], shown["blocks"])
    harness.workspace.forget()
    messages.add(shared.channel_id, shared.text, shared.blocks)
    slow_and_refused(harness)
    exchange = await harness.ada.click("Next")
    waiting, restored, error = exchange.payloads
    assert [b["type"] for b in waiting["blocks"][:-1]] == [b["type"] for b in shown["blocks"][:-1]]
    assert WAITING in waiting["blocks"][-1]["text"]["text"]
    assert restored["blocks"] == shown["blocks"]
    assert error["replace_original"] is False
    first, second = await harness.ada.messages()
    assert (first["blocks"], first["ephemeral"]) == (shown["blocks"], False)
    assert second["ephemeral"]


async def test_a_notice_that_slack_refuses_costs_nothing(harness: AppHarness) -> None:
    """If Slack refuses the loading state, the answer still appears."""
    await harness.ada.command("/emporix jobs list")
    harness.workspace.faults.add(SlackFault("status", times=3, method="response_url"))
    slow(harness)
    exchange = await harness.ada.click("Next")
    assert [text[:10] for text in texts(exchange)] == ["Jobs 11–20"]


async def test_the_answer_does_not_overtake_the_notice(harness: AppHarness) -> None:
    """The answer waits for a loading state that is being sent, so that it arrives last."""
    await harness.ada.command("/emporix jobs list")
    harness.workspace.faults.add(SlackFault("delay", method="response_url", seconds=2 * SLOW))
    slow(harness)
    exchange = await harness.ada.click("Next")
    assert [WAITING in text for text in texts(exchange)] == [True, False]


async def test_a_quick_answer_has_no_loading_state(connected: AppHarness) -> None:
    """An answer that comes before the loading state would appear has none."""
    add_jobs(connected, 25)
    exchange = await connected.ada.command("/emporix jobs list")
    assert len(exchange.payloads) == 1
    assert len((await connected.ada.click("Next")).payloads) == 1


async def test_a_modal_is_left_alone(harness: AppHarness) -> None:
    """A submitted form shows its own loading state."""
    harness.emporix_state.faults.add(Fault("delay", path="oauth", seconds=SLOW))
    exchange = await harness.connect(harness.grace, GLOBEX_OPERATIONS)
    assert WAITING not in str(exchange.payloads)
