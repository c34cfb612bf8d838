"""Delete Emporix jobs, on a message — select, confirm, delete one by one, and report."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.domain.accounts import Caller
from bot.store.audit import AuditLog
from sandbox.emporix.faults import Fault
from sandbox.emporix.keys import ACME_OPERATIONS, ACME_READ_ONLY, GLOBEX_READ_ONLY
from sandbox.slack.faults import Fault as SlackFault
from sandbox.slack.person import Exchange, Person
from tests.harness.app import AppHarness, open_app
from tests.harness.clock import FakeClock
from tests.listeners.jobs.fixtures import add_jobs, job_id

DELETE, FIND = "Delete Emporix jobs", "Find Emporix jobs"
NOBODY = "68835cc3ef4e8e1425c3ffff"


@pytest.fixture
def ada(connected: AppHarness) -> Person:
    """Ada in #ops, connected to acme."""
    return connected.person("ada", "ops")


async def tick(person: Person, text: str) -> Exchange:
    """Open the list of jobs that a message mentions."""
    await person.write(text)
    return await person.shortcut(DELETE)


def selected_jobs(*numbers: int) -> list[str]:
    return [f"acme/{job_id(number)}" for number in numbers]


async def recorded(harness: AppHarness) -> list[tuple[str, str]]:
    """The results in the audit log, oldest first."""
    entries = await AuditLog(harness.redis).latest(Caller("T0ACME", "U0ADA"), 30)
    return [
        (entry.subject, entry.result) for entry in reversed(entries) if entry.event == "job.deleted"
    ]


def left(harness: AppHarness) -> list[str]:
    return sorted(str(job["id"]) for job in harness.emporix_state.jobs("acme"))


def said(view: Any) -> str:
    """The texts of a view's sections and contexts."""
    texts = [block.get("text") or block.get("elements", [{}])[0] for block in view["blocks"]]
    return "\n".join(str(text.get("text", "")) for text in texts)


async def test_lists_the_jobs_that_can_be_selected(
    connected: AppHarness, ada: Person, snapshot: SnapshotAssertion
) -> None:
    """A loading modal opens at once; jobs that can't be deleted are listed with the reason."""
    add_jobs(connected, 2)
    await connected.connect(ada, GLOBEX_READ_ONLY)
    connected.emporix_state.add_job("globex", id=job_id(7), status="failure")
    exchange = await tick(ada, f"{job_id(1)} {job_id(7)} {job_id(2)} {NOBODY}")
    assert [sent["via"] for sent in exchange.sent] == ["views.open", "views.update"]
    assert exchange.payloads[-1]["view"] == snapshot


async def test_asks_deletes_and_tells(
    connected: AppHarness, ada: Person, snapshot: SnapshotAssertion
) -> None:
    """The confirmation names the jobs, then progress and each result are shown."""
    add_jobs(connected, 3)
    await tick(ada, " ".join(map(job_id, (1, 2, 3))))
    question = await ada.submit({"jobs.0": selected_jobs(1, 3)})
    assert question.view is not None
    assert question.view["previous_view_id"]
    assert left(connected) == [job_id(1), job_id(2), job_id(3)]
    connected.emporix_state.tenant("acme").jobs.remove(job_id(3))
    done = await ada.submit({})
    assert [question.payloads, done.payloads] == snapshot
    assert left(connected) == [job_id(2)]
    assert await recorded(connected) == [(job_id(1), "deleted"), (job_id(3), "already_gone")]


async def test_closing_the_result_closes_all(connected: AppHarness, ada: Person) -> None:
    """Closing the result closes all modals, as the list below is outdated."""
    add_jobs(connected, 1)
    await tick(ada, job_id(1))
    await ada.submit({"jobs.0": selected_jobs(1)})
    await ada.submit({})
    assert (await ada.close()).view is None


async def test_can_be_cancelled(connected: AppHarness, ada: Person) -> None:
    """Cancel returns to the list, with the selected jobs."""
    add_jobs(connected, 2)
    listed = await tick(ada, f"{job_id(1)} {job_id(2)}")
    await ada.submit({"jobs.0": selected_jobs(2)})
    exchange = await ada.close()
    assert listed.view is not None
    assert exchange.view is not None
    assert exchange.view["id"] == listed.view["id"]
    assert left(connected) == [job_id(1), job_id(2)]


async def test_requires_a_selection(connected: AppHarness, ada: Person) -> None:
    """Without a selection, the list is required, also if it has two parts."""
    add_jobs(connected, 11)
    await tick(ada, job_id(1))
    exchange = await ada.submit({})
    assert exchange.field_errors == {"jobs.0": "Please complete this required field."}
    await ada.close()
    await tick(ada, " ".join(job_id(number) for number in range(1, 12)))
    exchange = await ada.submit({})
    assert exchange.field_errors == {"jobs.0": "Please complete this required field."}


async def test_either_part_of_a_long_list_is_enough(connected: AppHarness, ada: Person) -> None:
    """The first part is required only while nothing is selected in the second one."""
    add_jobs(connected, 11)
    await tick(ada, " ".join(job_id(number) for number in range(1, 12)))
    await ada.choose("More jobs to delete", selected_jobs(11))
    await ada.choose("More jobs to delete", [])
    exchange = await ada.submit({})
    assert exchange.field_errors == {"jobs.0": "Please complete this required field."}
    await ada.choose("More jobs to delete", selected_jobs(11))
    question = await ada.submit({})
    assert question.field_errors == {}
    assert "*Delete this job?*" in said(question.view)


async def test_says_that_nothing_is_selected(connected: AppHarness, ada: Person) -> None:
    """If Slack doesn't make the list required again in time, the app asks for a selection."""
    add_jobs(connected, 11)
    await tick(ada, " ".join(job_id(number) for number in range(1, 12)))
    await ada.choose("More jobs to delete", selected_jobs(11))
    connected.workspace.faults.add(SlackFault("status", method="views.update"))
    await ada.choose("More jobs to delete", [])
    exchange = await ada.submit({})
    assert exchange.field_errors == {"jobs.0": "Select at least one job."}


async def test_its_button_counts(connected: AppHarness, ada: Person) -> None:
    """The button shows how many jobs are selected, in both parts of a long list."""
    add_jobs(connected, 11)
    await tick(ada, " ".join(job_id(number) for number in range(1, 12)))
    labels = []
    first, second = "Jobs to delete", "More jobs to delete"
    for part, chosen in ((first, [1, 2]), (second, [11]), (first, []), (second, [])):
        exchange = await ada.choose(part, selected_jobs(*chosen))
        assert exchange.view is not None
        labels.append(exchange.view["submit"]["text"])
    assert labels == ["Delete 2…", "Delete 3…", "Delete 1…", "Delete…"]


async def test_offers_find_instead(connected: AppHarness, ada: Person) -> None:
    """A message without a job's id offers Find, which shows the newest jobs of its agent."""
    add_jobs(connected, 2)
    connected.emporix_state.add_agent("acme", id="complaint-agent", name="Complaint Agent")
    await ada.write("The Complaint Agent is slow today")
    exchange = await ada.shortcut("Delete Emporix jobs")
    assert exchange.view is not None
    assert exchange.view["submit"] is None
    found = await ada.click("Find jobs")
    assert found.view is not None
    assert found.view["title"]["text"] == "Emporix jobs found"
    assert job_id(1) in str(found.view["blocks"])


async def test_has_room_for_twenty(connected: AppHarness, ada: Person) -> None:
    """Twenty jobs use two elements, because Slack allows ten checkboxes each."""
    add_jobs(connected, 20)
    await tick(ada, " ".join(map(job_id, range(1, 21))))
    await ada.submit(
        {"jobs.0": selected_jobs(*range(1, 11)), "jobs.1": selected_jobs(*range(11, 21))}
    )
    exchange = await ada.submit({})
    assert "*20 of 20 jobs deleted*" in said(exchange.view)
    assert left(connected) == []


async def test_has_no_submit_button_without_jobs(connected: AppHarness, ada: Person) -> None:
    """Without jobs to delete, there is no submit button."""
    exchange = await tick(ada, f"Nothing but {NOBODY}")
    assert exchange.view is not None
    assert "any jobs that you can delete" in said(exchange.view)
    assert exchange.view["submit"] is None


async def test_reports_each_result(connected: AppHarness, ada: Person) -> None:
    """A refused job doesn't stop the others; an error that affects all stops the rest."""
    add_jobs(connected, 4)
    await tick(ada, " ".join(map(job_id, range(1, 5))))
    await ada.submit({"jobs.0": selected_jobs(1, 2, 3, 4)})
    connected.emporix_state.faults.add(Fault("status", status=403, method="DELETE", path=job_id(1)))
    connected.emporix_state.faults.add(
        Fault("rate_limit", method="DELETE", path=job_id(3), retry_after=60, times=9)
    )
    exchange = await ada.submit({})
    ends = [line.rpartition(": ")[2] for line in said(exchange.view).split("\n")]
    assert ends == [
        "*1 of 4 jobs deleted*",
        "refused by Emporix",
        "deleted",
        "too many requests to Emporix",
        "not tried because of an earlier error",
    ]
    assert left(connected) == [job_id(1), job_id(3), job_id(4)]


async def test_deletes_on_when_slack_shows_no_progress(connected: AppHarness, ada: Person) -> None:
    """If Slack refuses the progress, the deletes continue, and the result is sent as a message."""
    add_jobs(connected, 3)
    await tick(ada, " ".join(map(job_id, (1, 2, 3))))
    await ada.submit({"jobs.0": selected_jobs(1, 2, 3)})
    connected.workspace.faults.add(SlackFault("status", method="views.update", times=99))
    await ada.submit({})
    assert left(connected) == []
    told = await connected.person("ada", "dm").messages()
    assert told[-1]["text"] == "*3 of 3 jobs deleted*"


async def test_sends_the_result_if_the_modal_was_closed(connected: AppHarness, ada: Person) -> None:
    """If the modal is closed, the deletes continue, and the result is sent as a message."""
    add_jobs(connected, 2)
    await tick(ada, f"{job_id(1)} {job_id(2)}")
    await ada.submit({"jobs.0": selected_jobs(1, 2)})
    connected.emporix_state.faults.add(Fault("delay", method="DELETE", seconds=0.5, times=2))
    running = asyncio.create_task(ada.submit({}))
    async with asyncio.timeout(5):
        while not any(seen.method == "DELETE" for seen in connected.emporix_state.requests):  # noqa: ASYNC110 - arrivals are recorded
            await asyncio.sleep(0.01)
    connected.workspace.views.close_all("U0ADA")
    await running
    assert left(connected) == []
    told = await connected.person("ada", "dm").messages()
    assert told[-1]["text"] == "*2 of 2 jobs deleted*"


async def share(person: Person, command: str) -> None:
    """Share an answer in the channel."""
    await person.command(command)
    await person.click(action_id="jobs.share.ask")
    await person.click("Share")


async def shared(person: Person) -> dict[str, Any]:
    """The only message that everyone sees."""
    [message] = [message for message in await person.messages() if not message["ephemeral"]]
    return message


async def test_shows_in_the_message_who_deleted_the_job(
    connected: AppHarness, ada: Person, snapshot: SnapshotAssertion
) -> None:
    """In a shared list, each deleted job is replaced by a line for everyone."""
    add_jobs(connected, 3)
    await share(ada, "/emporix jobs list")
    await ada.shortcut(DELETE)
    await ada.submit({"jobs.0": selected_jobs(1, 3)})
    exchange = await ada.submit({})
    assert "chat.update" in [sent["via"] for sent in exchange.sent]
    message = await shared(connected.person("grace", "ops"))
    assert [str(block.get("text", {}).get("text")) for block in message["blocks"]] == snapshot
    assert job_id(2) in str(message["blocks"])


async def test_a_shared_job_becomes_a_line(connected: AppHarness, ada: Person) -> None:
    """A shared job becomes a line, as with its own button."""
    add_jobs(connected, 1)
    await share(ada, f"/emporix jobs get {job_id(1)}")
    await ada.shortcut(DELETE)
    await ada.submit({"jobs.0": selected_jobs(1)})
    await ada.submit({})
    assert (await shared(ada))["text"].startswith(":wastebasket: Deleted by <@U0ADA>")


async def test_leaves_the_messages_of_others_alone(connected: AppHarness, ada: Person) -> None:
    """Only the app's own messages are stored and updated."""
    add_jobs(connected, 1)
    await tick(ada, job_id(1))
    assert await connected.redis.keys("*:form:*") == []
    await ada.submit({"jobs.0": selected_jobs(1)})
    exchange = await ada.submit({})
    assert "chat.update" not in [sent["via"] for sent in exchange.sent]
    assert (await shared(ada))["text"] == job_id(1)


async def test_says_if_the_message_was_not_updated(connected: AppHarness, ada: Person) -> None:
    """If the message can't be updated, the result says so."""
    add_jobs(connected, 1)
    await share(ada, "/emporix jobs")
    await ada.shortcut(DELETE)
    await ada.submit({"jobs.0": selected_jobs(1)})
    for key in await connected.redis.keys("*:form:*"):
        await connected.redis.delete(key)
    exchange = await ada.submit({})
    assert "couldn't be updated" in said(exchange.view)
    assert left(connected) == []


async def test_found_jobs_only_open(connected: AppHarness, ada: Person) -> None:
    """Each found job has the button Open; Share and Delete are in the opened job."""
    add_jobs(connected, 2)
    await ada.write(f"{job_id(1)} {job_id(2)}")
    found = await ada.shortcut(FIND)
    assert buttons_of(found.view) == ["Open", "Open"]
    opened = await ada.click("Open")
    assert {"Share in thread…", "Delete"} <= set(buttons_of(opened.view))


async def test_a_found_job_is_replaced_by_a_line(connected: AppHarness, ada: Person) -> None:
    """Deleted in the opened jobs, one after the other; the rows say so when the job is closed."""
    add_jobs(connected, 3)
    await ada.write(" ".join(map(job_id, (1, 2, 3))))
    found = await ada.shortcut(FIND)
    await ada.click("Open")
    for _ in range(2):
        question = await ada.click("Delete")
        assert [sent["via"] for sent in question.sent] == ["views.push"]
        assert "*1 of 1 job deleted*" in said((await ada.submit({})).view)
        await ada.close()
        await ada.click(action_id="jobs.get.next")
    below = (await ada.close()).view
    assert below is not None
    assert found.view is not None
    line = ":wastebasket: This job was deleted."
    assert texts_of(below).count(line) == len(left(connected)) + 1 == 2
    assert buttons_of(below) == ["Open"]
    kept = [text for text in texts_of(below) if text != line]
    assert [text for text in texts_of(found.view) if text in kept] == kept
    assert below["private_metadata"] == found.view["private_metadata"]


async def test_a_found_job_of_a_shared_list_is_a_line_there(
    connected: AppHarness, ada: Person
) -> None:
    """A found job that is deleted is also replaced in the app's message that mentions it."""
    add_jobs(connected, 2)
    await share(ada, "/emporix jobs")
    await ada.shortcut(FIND)
    await ada.click("Open")
    await ada.click("Delete")
    exchange = await ada.submit({})
    assert "chat.update" in [sent["via"] for sent in exchange.sent]
    assert "Deleted by <@U0ADA>" in str((await shared(ada))["blocks"])


def buttons_of(view: Any) -> list[str]:
    """The labels of a view's buttons."""
    found = [
        *view["blocks"],
        *(part for block in view["blocks"] for part in block.get("elements", ())),
    ]
    shown = [block.get("accessory", block) for block in found]
    return [one["text"]["text"] for one in shown if one["type"] == "button"]


def texts_of(view: Any) -> list[str]:
    """The text of each block; for buttons, their labels."""
    return [str(said({"blocks": [block]})) for block in view["blocks"]]


@pytest.mark.parametrize("fault", ["a newer view", "trouble"])
async def test_a_newer_view_below_is_not_overwritten(
    connected: AppHarness, ada: Person, fault: str
) -> None:
    """A newer view below is not overwritten, and the result is still shown."""
    add_jobs(connected, 2)
    await ada.write(f"{job_id(1)} {job_id(2)}")
    await ada.shortcut(FIND)
    await ada.click("Open")
    await ada.click("Delete")
    if fault == "trouble":
        for key in await connected.redis.keys("*:form:*"):
            await connected.redis.delete(key)
    else:
        connected.workspace.views.stack("U0ADA")[0].hash = "newer"
    exchange = await ada.submit({})
    assert "*1 of 1 job deleted*" in said(exchange.view)
    assert "is deleted" not in said((await ada.close()).view)


async def test_a_job_in_search_results_can_be_deleted(connected: AppHarness, ada: Person) -> None:
    """A job opened from search results can be deleted without a message to update."""
    add_jobs(connected, 1)
    await ada.shortcut("Search Emporix jobs")
    await ada.submit({})
    await ada.click("Open")
    await ada.click("Delete")
    exchange = await ada.submit({})
    assert "*1 of 1 job deleted*" in said(exchange.view)


async def test_offers_no_delete_with_a_read_only_key(harness: AppHarness) -> None:
    """A read-only API key has no Delete button in Find or in the list."""
    add_jobs(harness, 1)
    await harness.connect(harness.ada, ACME_READ_ONLY)
    await harness.ada.write(job_id(1))
    found = await harness.ada.shortcut(FIND)
    assert "delete_mentioned" not in str(found.view)
    listed = await harness.ada.shortcut(DELETE)
    assert "read-only" in said(listed.view)
    assert "checkboxes" not in str(listed.view)


async def test_can_be_downloaded_first(connected: AppHarness, ada: Person) -> None:
    """The selected jobs can be downloaded before they are deleted."""
    add_jobs(connected, 3)
    await tick(ada, f"{job_id(1)} {job_id(2)} {job_id(3)}")
    await ada.submit({"jobs.0": selected_jobs(1, 2)})
    connected.emporix_state.tenant("acme").jobs.remove(job_id(2))
    exchange = await ada.click("Download first")
    assert "with 1 job in a direct message" in str(exchange.view)
    assert "1 job was already deleted" in str(exchange.view)
    (file,) = await connected.person("ada", "dm").files()
    assert job_id(1) in file["content"]
    question = await ada.close()
    assert "Delete these 2 jobs" in str(question.view)
    assert len(connected.emporix_state.jobs("acme")) == 2


async def test_the_operator_can_turn_deletes_off(
    redis: Any, redis_url: str, clock: FakeClock
) -> None:
    """If the operator turned off deletes, the shortcut is refused and Find has no Delete button."""
    async with open_app(redis, redis_url, clock, deletes="off") as harness:
        await harness.connect(harness.ada, ACME_OPERATIONS)
        add_jobs(harness, 1)
        assert "turned off" in str((await tick(harness.ada, job_id(1))).view)
        exchange = await harness.ada.shortcut(FIND)
        assert "jobs.delete" not in str(exchange.payloads)
