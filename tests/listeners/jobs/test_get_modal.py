"""Open: a job in a modal, its neighbors, and the list behind it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from sandbox.emporix.faults import Fault
from sandbox.emporix.keys import ACME_OPERATIONS
from sandbox.slack.faults import Fault as SlackFault
from sandbox.slack.faults import Kind as SlackFaultKind
from sandbox.slack.person import Exchange, Person
from tests.harness.app import AppHarness
from tests.listeners.jobs.fixtures import add_jobs, job_id

OPEN, NEXT, PREVIOUS = "jobs.get.open", "Next ›", "‹ Previous"
FIND = "Find Emporix jobs"


@pytest.fixture
def ada(connected: AppHarness) -> Person:
    """Ada is connected to acme, which has 25 jobs; the newest is number 25."""
    add_jobs(connected, 25)
    return connected.ada


def view_of(exchange: Exchange) -> dict[str, Any]:
    assert exchange.view is not None
    return exchange.view


def shown(view: dict[str, Any]) -> int:
    """The number of the job in a modal."""
    for number in range(100):
        if f"Job `{job_id(number)}`" in json.dumps(view["blocks"]):
            return number
    raise AssertionError(f"no job in {view['blocks']}")


def labels(view: dict[str, Any]) -> list[str]:
    """The words on the buttons of a modal."""
    return [
        element["text"]["text"]
        for block in view["blocks"]
        if block["type"] == "actions"
        for element in block["elements"]
    ]


async def opened(person: Person, nth: int = 1) -> dict[str, Any]:
    return view_of(await person.click(action_id=OPEN, nth=nth))


async def step(person: Person, label: str) -> int:
    return shown(view_of(await person.click(label)))


def updates(harness: AppHarness, before: int) -> int:
    """How often a list has replaced the one behind the modal since then."""
    sent = harness.workspace.journal.since(before, "U0ADA")
    return sum(bool(one.payload.get("replace_original")) for one in sent)


def lists(exchange: Exchange) -> list[dict[str, Any]]:
    """The lists that replaced the one behind the modal."""
    return [sent["payload"] for sent in exchange.sent if sent["payload"].get("replace_original")]


async def test_shows_the_answer_first(
    connected: AppHarness, ada: Person, snapshot: SnapshotAssertion
) -> None:
    """The agent's answer comes before the question and the details."""
    connected.emporix_state.add_job(
        "acme", id=job_id(25), response="The **refund** was sent.", status="success"
    )
    await ada.command("/emporix jobs")
    exchange = await ada.click(action_id=OPEN)
    assert [sent["via"] for sent in exchange.sent] == ["views.open", "views.update"]
    assert exchange.messages == []
    assert view_of(exchange)["blocks"] == snapshot


async def test_needs_one_call_of_emporix_and_two_round_trips(
    connected: AppHarness, ada: Person
) -> None:
    """A running job is read once; Redis has its list and whether it is watched."""
    await ada.command("/emporix jobs")
    await opened(ada)
    await ada.close()
    running = 2
    asked = len(connected.emporix_state.requests)
    before = (await connected.redis.info("stats"))["total_reads_processed"]
    await opened(ada, running)
    after = (await connected.redis.info("stats"))["total_reads_processed"]
    assert len(connected.emporix_state.requests) - asked == 1
    assert after - before - 1 <= 2  # less the second INFO


async def test_next_continues_on_the_next_page(ada: Person) -> None:
    """Next and Previous follow the list, page after page, from its first job to its last."""
    await ada.command("/emporix jobs")
    assert shown(await opened(ada)) == 25
    assert [await step(ada, NEXT) for _ in range(24)] == list(range(24, 0, -1))
    last = await ada.view()
    assert last is not None
    assert NEXT not in labels(last)
    assert [await step(ada, PREVIOUS) for _ in range(24)] == list(range(2, 26))
    first = await ada.view()
    assert first is not None
    assert PREVIOUS not in labels(first)


async def test_a_list_at_another_page_keeps_its_order(ada: Person) -> None:
    """Next has led to the second page; a job of the first page still knows its neighbors."""
    await ada.command("/emporix jobs")
    await opened(ada, 10)
    assert await step(ada, NEXT) == 15
    await ada.close()
    assert shown(await opened(ada, 3)) == 23
    assert await step(ada, NEXT) == 22


async def test_next_follows_search_results(ada: Person) -> None:
    """The job opens above the results, and its log above the job: at most three modals."""
    await ada.shortcut("Search Emporix jobs")
    results = view_of(await ada.submit({"Words": "refund"}))
    view = await opened(ada)
    assert view["previous_view_id"] == results["id"]
    first = shown(view)
    assert await step(ada, NEXT) == first - 3
    log = view_of(await ada.click("Log"))
    assert log["previous_view_id"] == view["id"]
    await ada.close()
    assert shown(await ada.view() or {}) == first - 3


@pytest.mark.parametrize("label", ["Log", "Share…", "Delete", "Show"])
async def test_puts_one_modal_on_top(connected: AppHarness, ada: Person, label: str) -> None:
    """Each button of an opened job fits above results and job, and closing leads back to it."""
    connected.emporix_state.add_job(
        "acme", id=job_id(25), response="Done.", message="Refund EON1031", sessionId="s"
    )
    await ada.shortcut("Search Emporix jobs")
    await ada.submit({"Words": "refund"})
    job = await opened(ada)
    above = view_of(await ada.click(label))
    assert above["previous_view_id"] == job["id"]
    assert view_of(await ada.close())["id"] == job["id"]


async def test_next_follows_the_jobs_of_a_message(connected: AppHarness, ada: Person) -> None:
    """Find shows three jobs, which are neighbors, and the first one has no Previous button."""
    await connected.grace.write(f"See {job_id(4)}, {job_id(9)} and {job_id(2)}")
    await ada.shortcut(FIND)
    view = await opened(ada)
    order = [shown(view), await step(ada, NEXT), await step(ada, NEXT)]
    assert sorted(order) == [2, 4, 9]
    assert NEXT not in labels(await ada.view() or {})
    assert await step(ada, PREVIOUS) == order[1]


async def test_others_go_through_a_shared_list(connected: AppHarness, ada: Person) -> None:
    """With their own connection, and without turning the pages of the message for everyone."""
    await connected.connect(connected.grace, ACME_OPERATIONS)
    await ada.command("/emporix jobs")
    await ada.click("Share in channel")
    await ada.click("Share")
    before = await ada.messages()
    (shared,) = await connected.redis.keys("*U0ADA*:cursor:cursor-2")
    cursor = await connected.redis.get(shared)
    grace = connected.grace
    assert shown(await opened(grace, 10)) == 16
    assert await step(grace, NEXT) == 15
    assert await step(grace, NEXT) == 14
    assert await step(grace, PREVIOUS) == 15
    assert await step(grace, PREVIOUS) == 16
    assert await ada.messages() == before
    assert await connected.redis.get(shared) == cursor


async def test_a_job_that_was_opened_by_itself_has_no_neighbors(
    connected: AppHarness, ada: Person
) -> None:
    """A shared card shows one job, and nothing says which is next."""
    await ada.command(f"/emporix jobs get {job_id(3)}")
    await ada.click("Share…")
    await ada.click("Share")
    assert not {NEXT, PREVIOUS} & set(labels(await opened(ada)))


async def test_next_works_after_a_deleted_job(
    connected: AppHarness, ada: Person, snapshot: SnapshotAssertion
) -> None:
    """A job that was deleted in the meantime keeps its place between its neighbors."""
    await ada.command("/emporix jobs")
    await opened(ada)
    connected.emporix_state.tenant("acme").jobs.remove(job_id(24))
    exchange = await ada.click(NEXT)
    assert view_of(exchange)["blocks"] == snapshot
    assert await step(ada, NEXT) == 23
    assert "This job was deleted." in json.dumps(view_of(await ada.click(PREVIOUS)))


async def test_an_error_is_shown_above_the_job(connected: AppHarness, ada: Person) -> None:
    """The error is shown above the job, and disappears when Next succeeds."""
    await ada.command("/emporix jobs")
    await opened(ada)
    connected.emporix_state.faults.add(Fault("status", status=500, path="/jobs/", times=6))
    await ada.click(NEXT)
    failed = view_of(await ada.click(NEXT))
    assert [block["type"] for block in failed["blocks"]].count("divider") == 1
    assert failed["blocks"][0]["block_id"] == "error.emporix_failed"
    assert shown(failed) == 25
    view = view_of(await ada.click(NEXT))
    assert shown(view) == 24
    assert "error." not in json.dumps(view)


async def test_a_delete_updates_the_list_once_when_the_modal_closes(
    connected: AppHarness, ada: Person
) -> None:
    """Not before, and not by the modals above; then the list is read again, without the job."""
    await ada.command("/emporix jobs")
    job = await opened(ada)
    question = view_of(await ada.click("Delete"))
    assert question["previous_view_id"] == job["id"]
    assert question["blocks"][1]["text"] == job["blocks"][0]["text"]
    deleted = await ada.submit({})
    assert lists(deleted) == []
    back = await ada.close()
    assert lists(back) == []
    view = view_of(back)
    assert ":wastebasket:" in json.dumps(view)
    assert labels(view) == [NEXT]
    assert await step(ada, NEXT) == 24
    closed = await ada.close()
    (updated,) = lists(closed)
    assert updated["text"].startswith("Jobs 1–10 of 24")
    assert job_id(25) not in json.dumps(updated)
    assert job_id(24) in json.dumps(updated)


async def test_nothing_changed_updates_nothing(ada: Person) -> None:
    """Looking at jobs leaves the list alone."""
    await ada.command("/emporix jobs")
    await opened(ada)
    await step(ada, NEXT)
    assert (await ada.close()).payloads == []


ACTS: dict[str, tuple[str, ...]] = {
    "looking": (),
    "stepping": (NEXT, NEXT, PREVIOUS),
    "reading the log": ("Log", "close"),
    "deleting": ("Delete", "submit", "close"),
    "deleting, without closing the result": ("Delete", "submit"),
    "deciding against it": ("Delete", "close"),
    "deleting two": ("Delete", "submit", "close", NEXT, "Delete", "submit", "close"),
    "deleting and stepping": ("Delete", "submit", "close", NEXT, "Log", "close", NEXT),
    "watching": (NEXT, "Watch"),
    "watching and not": (NEXT, "Watch", "Stop watching", NEXT),
}
CHANGES = {"submit", "Watch"}


@pytest.mark.parametrize("close", ["close", "dismiss"])
@pytest.mark.parametrize("acts", ACTS.values(), ids=ACTS)
async def test_the_list_is_updated_once_if_anything_changed(
    connected: AppHarness, ada: Person, acts: tuple[str, ...], close: str
) -> None:
    """Whatever is done, and whether the modals are closed one by one or together."""
    await ada.command("/emporix jobs")
    await opened(ada)
    before = connected.workspace.journal.count
    for act in acts:
        match act:
            case "close":
                await ada.close()
            case "submit":
                await ada.submit({})
            case label:
                await ada.click(label)
    while await ada.view():
        await (ada.close() if close == "close" else ada.dismiss())
    assert updates(connected, before) == len(CHANGES.intersection(acts))


async def test_closing_before_the_delete_has_ended_updates_the_list_once(
    connected: AppHarness, ada: Person
) -> None:
    """The delete continues without the modal, and then updates the list."""
    await ada.command("/emporix jobs")
    await opened(ada)
    await ada.click("Delete")
    connected.emporix_state.faults.add(Fault("delay", method="DELETE", seconds=0.5))
    asked, before = len(connected.emporix_state.requests), connected.workspace.journal.count
    deleting = asyncio.create_task(ada.submit({}))
    while len(connected.emporix_state.requests) == asked:
        await ada.view()
    await ada.dismiss()
    await deleting
    assert updates(connected, before) == 1
    assert job_id(25) not in json.dumps((await ada.messages())[-2:])


@pytest.mark.parametrize("label", ["Watch", "Stop watching"])
async def test_watches_in_the_modal(connected: AppHarness, ada: Person, label: str) -> None:
    """A running job offers to be watched, or not to be anymore; the list follows on closing."""
    await ada.command("/emporix jobs running")
    view = await opened(ada)
    watching = view_of(await ada.click("Watch"))
    assert "Stop watching" in labels(watching)
    assert shown(watching) == shown(view)
    exchange = watching
    if label == "Stop watching":
        exchange = view_of(await ada.click(label))
        assert "Watch" in labels(exchange)
    assert len(lists(await ada.close())) == 1


async def test_an_expired_response_url_leaves_the_list_to_its_buttons(
    connected: AppHarness, ada: Person
) -> None:
    """After half an hour Slack refuses the update: no other message comes, and Refresh works."""
    await ada.command("/emporix jobs")
    await opened(ada)
    await ada.click("Delete")
    await ada.submit({})
    await ada.close()
    connected.clock.forward(31 * 60)
    closed = await ada.close()
    assert closed.messages == []
    refreshed = await ada.click("Refresh")
    assert job_id(25) not in json.dumps(refreshed.payloads)


async def test_a_delete_in_the_modal_updates_the_results_below(ada: Person) -> None:
    """The results of a search lose the row, in the modal that shows them."""
    await ada.shortcut("Search Emporix jobs")
    await ada.submit({"Words": "refund"})
    first = shown(await opened(ada))
    await ada.click("Delete")
    await ada.submit({})
    await ada.close()
    results = view_of(await ada.close())
    assert job_id(first) not in json.dumps(results)
    assert job_id(first - 3) in json.dumps(results)


async def test_a_delete_changes_the_shared_list_for_everyone(
    connected: AppHarness, ada: Person
) -> None:
    """The message in the channel says who deleted the job, in its row."""
    await ada.command("/emporix jobs")
    await ada.click("Share in channel")
    await ada.click("Share")
    await opened(ada)
    await ada.click("Delete")
    await ada.submit({})
    shared = (await connected.grace.messages())[-1]
    assert "Deleted by <@U0ADA>" in json.dumps(shared)


async def test_the_response_url_is_encrypted_in_redis(connected: AppHarness, ada: Person) -> None:
    """A reader of Redis can't post to the channel."""
    await ada.command("/emporix jobs")
    await opened(ada)
    keys = [key for key in await connected.redis.keys("*") if ":form:" in key]
    assert keys
    stored = [await connected.redis.get(key) for key in keys]
    assert all("/actions/" not in record and "http" not in record for record in stored)


async def test_the_link_to_emporix_is_acknowledged_in_silence(ada: Person) -> None:
    """Slack opens the link, and the app has nothing to add."""
    await ada.command("/emporix jobs")
    await opened(ada)
    exchange = await ada.click("Open in Emporix ↗")
    assert (exchange.ack_status, exchange.payloads) == (200, [])


async def test_shares_into_the_channel_of_the_list(connected: AppHarness, ada: Person) -> None:
    """The question names the channel; after Share everyone sees the job there."""
    await ada.command("/emporix jobs")
    await opened(ada)
    question = view_of(await ada.click("Share…"))
    assert "Everyone in <#C0GENERAL>" in json.dumps(question)
    await ada.submit({})
    assert job_id(25) in json.dumps((await connected.grace.messages())[-1])


async def test_asks_for_a_channel_without_one(ada: Person) -> None:
    """A job opened from a search belongs to no channel."""
    await ada.shortcut("Search Emporix jobs")
    await ada.submit({"Words": "refund"})
    await opened(ada)
    form = view_of(await ada.click("Share…"))
    assert form["callback_id"] == "jobs.share_mentioned.chosen"
    question = view_of(await ada.submit({"Channel": "general"}))
    assert "Everyone in <#C0GENERAL>" in json.dumps(question)


LOG_CALL = "/logs/requests"


def add_failure(harness: AppHarness, **more: Any) -> None:
    """The newest job has failed; its request has a log, and its session has an older job, too."""
    older, newest = (
        {"version": 1, "createdAt": f"{day}T10:33:20.000Z", "modifiedAt": f"{day}T10:34:07.000Z"}
        for day in ("2026-10-01", "2026-11-23")
    )
    failure: dict[str, Any] = {
        "status": "failure",
        "message": "Order EON7777 could not be found.",
        "sessionId": "s",
        "requestId": "req-25",
        "metadata": newest,
    }
    add = harness.emporix_state.add_job
    add("acme", id=job_id(1), sessionId="s", requestId="req-1", metadata=older)
    add("acme", id=job_id(25), **failure | more)


def log_of(view: dict[str, Any]) -> tuple[str, str]:
    """The heading and the lines of the log below a job."""
    heading, lines = view["blocks"][-2:]
    return heading["elements"][0]["text"], lines["elements"][0]["elements"][0]["text"]


def vias(exchange: Exchange) -> list[str]:
    return [sent["via"] for sent in exchange.sent if sent["via"] != "ack"]


async def test_adds_the_log_of_the_job(
    connected: AppHarness, ada: Person, snapshot: SnapshotAssertion
) -> None:
    """The job is shown first; then its log is added below, errors first, and nothing moves."""
    add_failure(connected)
    await ada.command("/emporix jobs")
    exchange = await ada.click(action_id=OPEN)
    assert vias(exchange) == ["views.open", "views.update", "views.update"]
    before, after = (sent["payload"]["view"]["blocks"] for sent in exchange.sent[-2:])
    assert after[:-2] == before
    assert after[-2:] == snapshot
    logs = [seen.query for seen in connected.emporix_state.requests if "/logs/" in seen.path]
    assert [query.split("&")[0] for query in logs] == ["q=requestId:req-25"]


async def test_adds_the_log_of_each_job(connected: AppHarness, ada: Person) -> None:
    """Previous and Next show the log of the job that they lead to."""
    add_failure(connected)
    await ada.command("/emporix jobs")
    first = log_of(await opened(ada))
    await step(ada, NEXT)
    assert await step(ada, PREVIOUS) == 25
    assert log_of(await ada.view() or {}) == first


FAILURES = {
    "403": Fault("status", status=403, path=LOG_CALL, times=9),
    "404": Fault("status", status=404, path=LOG_CALL, times=9),
    "500": Fault("status", status=500, path=LOG_CALL, times=9),
    "429": Fault("rate_limit", path=LOG_CALL, times=9),
    "HTML": Fault("html", path=LOG_CALL, times=9),
    "empty": Fault("empty", path=LOG_CALL, times=9),
    "cut off": Fault("truncated", path=LOG_CALL, times=9),
}


@pytest.mark.parametrize("fault", FAILURES.values(), ids=FAILURES)
async def test_a_log_that_fails_is_replaced_by_the_session(
    connected: AppHarness, ada: Person, fault: Fault
) -> None:
    """However the log of a request fails, the session's log has the lines of the job."""
    add_failure(connected)
    await ada.command("/emporix jobs")
    connected.emporix_state.faults.add(fault)
    heading, lines = log_of(await opened(ada))
    assert heading.startswith("*Log* · took ")
    assert "Job ended: failure: Order EON7777" in lines


@pytest.mark.parametrize("status", [403, 404, 500])
async def test_without_any_log_the_job_stays_as_it_is(
    connected: AppHarness, ada: Person, status: int
) -> None:
    """If neither log can be read, the job is shown without, and without an error."""
    add_failure(connected)
    await ada.command("/emporix jobs")
    connected.emporix_state.faults.add(Fault("status", status=status, path="/logs/", times=9))
    exchange = await ada.click(action_id=OPEN)
    assert vias(exchange) == ["views.open", "views.update"]
    assert shown(view_of(exchange)) == 25


async def test_a_session_of_several_jobs_is_named(connected: AppHarness, ada: Person) -> None:
    """If a job has no request and no times, the lines are said to be those of the session."""
    add_failure(connected, requestId=None, metadata=None)
    await ada.command("/emporix jobs search EON7777")
    heading, _ = log_of(await opened(ada))
    assert heading.startswith("*Log of the session* · ")


async def open_with_a_slow_log(harness: AppHarness, ada: Person) -> asyncio.Task[Exchange]:
    """Open a job, and return the click, which ends when its log has arrived."""
    add_failure(harness)
    await ada.command("/emporix jobs")
    harness.emporix_state.faults.add(Fault("delay", path=LOG_CALL, seconds=0.5))
    asked = len(harness.emporix_state.requests)
    opening = asyncio.create_task(ada.click(action_id=OPEN))
    while not any("/logs/" in seen.path for seen in list(harness.emporix_state.requests)[asked:]):
        await ada.view()
    return opening


async def test_a_log_for_a_closed_modal_is_dropped(connected: AppHarness, ada: Person) -> None:
    """If the modal was closed before its log arrives, nothing opens and nothing is said."""
    opening = await open_with_a_slow_log(connected, ada)
    await ada.dismiss()
    exchange = await opening
    assert exchange.messages == []
    assert await ada.view() is None


async def test_a_late_log_overwrites_nothing(connected: AppHarness, ada: Person) -> None:
    """If the modal shows the next job by then, the log of the one before is dropped."""
    opening = await open_with_a_slow_log(connected, ada)
    assert await step(ada, NEXT) == 24
    newer = await ada.view()
    await opening
    assert await ada.view() == newer


async def test_a_job_that_was_deleted_meanwhile_stays_as_it_is(
    connected: AppHarness, ada: Person
) -> None:
    """If the job is deleted before its log is read, the modal still shows the job."""
    opening = await open_with_a_slow_log(connected, ada)
    for number in (1, 25):
        connected.emporix_state.tenant("acme").jobs.remove(job_id(number))
    exchange = await opening
    assert vias(exchange) == ["views.open", "views.update"]
    assert shown(view_of(exchange)) == 25


@pytest.mark.parametrize("kind", ["status", "status_after", "cut_before", "cut_after"])
async def test_a_log_that_slack_does_not_take_is_no_error(
    connected: AppHarness, ada: Person, kind: SlackFaultKind
) -> None:
    """If Slack fails when the log is added, the job stays, and nobody gets an error message."""
    opening = await open_with_a_slow_log(connected, ada)
    connected.workspace.faults.add(SlackFault(kind, method="views.update"))
    exchange = await opening
    view = await ada.view() or {}
    assert exchange.messages == []
    assert shown(view) == 25
    assert "error." not in json.dumps(view)


async def test_a_job_without_a_log_button_has_log_lines(connected: AppHarness, ada: Person) -> None:
    """A job that has a request but no session still shows its lines."""
    add_failure(connected, sessionId=None)
    await ada.command("/emporix jobs")
    view = await opened(ada)
    assert "Log" not in labels(view)
    assert log_of(view)[0].startswith("*Log* · took ")


async def test_log_lines_do_nothing_but_say(connected: AppHarness, ada: Person) -> None:
    """The lines of the log are letters in a code block, whatever an agent wrote."""
    message = "<!channel> <https://evil.example|click> ``` {{ 7*7 }}"
    add_failure(connected, message=message)
    await ada.command("/emporix jobs")
    _, lines = log_of(await opened(ada))
    assert f"ERROR  Job ended: failure: {message}" in lines
