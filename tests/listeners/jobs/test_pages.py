"""The pages of /emporix jobs list: through Slack, the bot, Redis and Emporix, and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient
from syrupy.assertion import SnapshotAssertion

from bot.rendering import buttons
from bot.rendering.buttons import ListButton
from sandbox.slack.person import Exchange
from tests.harness.app import AppHarness
from tests.listeners.jobs.fixtures import add_jobs, job_id


def text(exchange: Exchange) -> str:
    return str(exchange.payloads[0]["text"])


def place(exchange: Exchange) -> str:
    """ "Jobs 11–20 of 57"."""
    return text(exchange).partition(",")[0]


def elements(exchange: Exchange) -> list[dict[str, Any]]:
    blocks = exchange.payloads[0]["blocks"]
    return [e for block in blocks if block["type"] == "actions" for e in block["elements"]]


def shown(exchange: Exchange) -> list[str]:
    """The ids of the jobs, by the button of each row."""
    found = [block.get("accessory") for block in exchange.payloads[0]["blocks"]]
    return [json.loads(button["value"])[2]["job_id"] for button in found if button]


def turners(exchange: Exchange) -> list[str]:
    return [e["text"]["text"] for e in elements(exchange) if e["action_id"].startswith("jobs.list")]


def numbered(numbers: Sequence[int]) -> list[str]:
    return [job_id(number) for number in numbers]


async def walk(harness: AppHarness, exchange: Exchange) -> list[str]:
    """All jobs from this page to the last one."""
    found = shown(exchange)
    while "Next" in turners(exchange):
        exchange = await harness.ada.click("Next")
        found += shown(exchange)
    return found


def arrive(harness: AppHarness) -> str:
    """Add a job that no list has shown yet."""
    harness.clock.forward(60)
    return str(harness.emporix_state.add_job("acme")["id"])


async def forget_cursors(harness: AppHarness) -> None:
    for key in await harness.redis.keys("*cursor*"):
        await harness.redis.delete(key)


async def post_button(harness: AppHarness, label: str, value: str) -> None:
    """A message with Next in it, as an older version of the bot may have posted it."""
    button = {
        "type": "button",
        "text": {"type": "plain_text", "text": label},
        "action_id": buttons.JOBS_LIST_NEXT,
        "value": value,
    }
    client = AsyncWebClient(harness.workspace.bot_token, base_url=f"{harness.slack_url}/api/")
    await client.chat_postMessage(
        channel="C0GENERAL", text="Old", blocks=[{"type": "actions", "elements": [button]}]
    )


async def test_has_buttons_for_other_pages(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """First and Previous appear after the first page, Next before the last, Refresh always."""
    add_jobs(connected, 25)
    exchange = await connected.ada.command("/emporix jobs list")
    offered = [turners(exchange)]
    for label in ("Next", "Next", "First"):
        exchange = await connected.ada.click(label)
        offered.append(turners(exchange))
    assert offered == snapshot
    assert place(exchange) == "Jobs 1–10 of 25"


async def test_the_buttons_have_ids_of_their_own(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """One block of buttons holds the list's key, the page and the query, each under its address."""
    add_jobs(connected, 25)
    await connected.ada.command("/emporix jobs status:failed size:2")
    exchange = await connected.ada.click("Next")
    assert exchange.payloads[0]["blocks"][-1] == snapshot


@pytest.mark.parametrize("order", ["newest", "oldest", "modified", "agentId:ASC"])
async def test_does_not_shift_while_jobs_arrive(connected: AppHarness, order: str) -> None:
    """Jobs that arrive between two pages are on neither, in any order."""
    add_jobs(connected, 25)
    exchange = await connected.ada.command(f"/emporix jobs sort:{order}")
    late = arrive(connected)
    found = await walk(connected, exchange)
    assert sorted(found) == sorted(numbered(range(1, 26)))
    assert late not in found


@pytest.mark.parametrize("order", ["newest", "oldest", "modified", "agentId:ASC"])
async def test_skips_nothing_after_deletes(connected: AppHarness, order: str) -> None:
    """Three jobs that were shown are deleted between pages: each other job comes exactly once."""
    add_jobs(connected, 35)
    jobs = connected.emporix_state.tenant("acme").jobs
    first = await connected.ada.command(f"/emporix jobs sort:{order}")
    jobs.remove(shown(first)[0])
    jobs.remove(shown(first)[-1])
    second = await connected.ada.click("Next")
    jobs.remove(shown(second)[0])
    found = shown(first) + await walk(connected, second)
    assert sorted(found) == numbered(range(1, 36))


async def test_refresh_fills_the_page_up(connected: AppHarness) -> None:
    """After a delete, the page has as many jobs as before, and its heading is right."""
    add_jobs(connected, 25)
    await connected.ada.command("/emporix jobs")
    await connected.ada.click("Next")
    connected.emporix_state.tenant("acme").jobs.remove(job_id(15))
    exchange = await connected.ada.click("Refresh")
    assert place(exchange) == "Jobs 11–20 of 24"
    assert shown(exchange) == numbered(range(14, 4, -1))


async def test_page_numbers_are_right_after_deletes(connected: AppHarness) -> None:
    """Headings number the jobs correctly to the end although others delete jobs."""
    add_jobs(connected, 35)
    exchange = await connected.ada.command("/emporix jobs")
    places = [place(exchange)]
    for number in (35, 10, 1):  # one shown, two to come
        connected.emporix_state.tenant("acme").jobs.remove(job_id(number))
        places.append(place(await connected.ada.click("Next")))
    assert places == ["Jobs 1–10 of 35", "Jobs 11–20 of 35", "Jobs 21–30 of 34", "Jobs 31–33 of 33"]


async def test_jobs_of_one_moment(connected: AppHarness) -> None:
    """Jobs that were created at the same time lie on two pages, each on one of them."""
    made = [str(connected.emporix_state.add_job("acme")["id"]) for _ in range(27)]
    exchange = await connected.ada.command("/emporix jobs size:4")
    assert sorted(await walk(connected, exchange)) == sorted(made)


@pytest.mark.parametrize("label", ["Next", "Previous", "First", "Refresh"])
async def test_is_one_call_and_two_round_trips(connected: AppHarness, label: str) -> None:
    """Any turn asks Emporix once, Redis twice, and Slack for nothing but the reply."""
    add_jobs(connected, 45)
    await connected.ada.command("/emporix jobs")
    await connected.ada.click("Next")
    asked = len(connected.emporix_state.requests)
    before = (await connected.redis.info("stats"))["total_reads_processed"]
    exchange = await connected.ada.click(label)
    after = (await connected.redis.info("stats"))["total_reads_processed"]
    assert len(connected.emporix_state.requests) - asked == 1
    assert after - before - 1 <= 2  # less the second INFO
    assert [sent["via"] for sent in exchange.sent] == ["response_url"]


async def test_refresh_shows_new_jobs(connected: AppHarness) -> None:
    """The current page replaces the old one, and its list continues from there."""
    add_jobs(connected, 25)
    await connected.ada.command("/emporix jobs")
    late = arrive(connected)
    assert place(await connected.ada.click("Next")) == "Jobs 11–20 of 25"
    exchange = await connected.ada.click("First")
    assert late not in shown(exchange)
    exchange = await connected.ada.click("Refresh")
    assert exchange.payloads[0]["replace_original"] is True
    assert place(exchange) == "Jobs 1–10 of 26"
    assert shown(exchange)[0] == late
    assert len(set(await walk(connected, exchange))) == 26


async def test_an_empty_list_can_be_refreshed(connected: AppHarness) -> None:
    """A user who waits for a first job can refresh with one click."""
    await connected.ada.command("/emporix jobs")
    add_jobs(connected, 1)
    assert place(await connected.ada.click("Refresh")) == "Job 1 of 1"


async def test_refresh_of_a_page_that_is_gone(connected: AppHarness) -> None:
    """It shows the first page instead."""
    add_jobs(connected, 12)
    await connected.ada.command("/emporix jobs page:2")
    for number in (1, 2, 3):
        connected.emporix_state.tenant("acme").jobs.remove(job_id(number))
    assert place(await connected.ada.click("Refresh")) == "Jobs 1–9 of 9"


async def test_steps_back_from_pages_that_are_gone(connected: AppHarness) -> None:
    """Next into nothing shows the page that is the last one now, without Next."""
    connected.emporix_state.counts = False
    add_jobs(connected, 20)
    await connected.ada.command("/emporix jobs")
    exchange = await connected.ada.click("Next")
    assert "Next" in turners(exchange)
    exchange = await connected.ada.click("Next")
    assert place(exchange) == "Jobs 11–20"
    assert turners(exchange) == ["First", "Previous", "Refresh"]


async def test_pages_without_a_total(connected: AppHarness) -> None:
    """Without a total, a full page has a Next button, and the last page has none."""
    connected.emporix_state.counts = False
    add_jobs(connected, 25)
    exchange = await connected.ada.command("/emporix jobs")
    places = [place(exchange)]
    for _ in range(2):
        exchange = await connected.ada.click("Next")
        places.append(place(exchange))
    assert places == [
        "Jobs 1–10 of more than 10",
        "Jobs 11–20 of more than 20",
        "Jobs 21–25",
    ]
    assert "Next" not in turners(exchange)


async def test_a_raw_query_may_shift(connected: AppHarness, snapshot: SnapshotAssertion) -> None:
    """Nothing is added to it, and the list says what that means."""
    add_jobs(connected, 25)
    exchange = await connected.ada.command("/emporix jobs q:type:AGENT_CHAT")
    assert exchange.payloads[0]["blocks"][-1] == snapshot
    await connected.ada.click("Next")
    assert "createdAt%3A" not in connected.emporix_state.requests[-1].query


async def test_jobs_without_a_date_come_last(connected: AppHarness) -> None:
    """A job that no time can find is not lost."""
    undated = str(connected.emporix_state.add_job("acme", metadata=None)["id"])
    add_jobs(connected, 15)
    exchange = await connected.ada.command("/emporix jobs")
    found = await walk(connected, exchange)
    assert found == [*numbered(range(15, 0, -1)), undated]


async def test_pages_with_few_fields(connected: AppHarness) -> None:
    """The time that a page needs to begin at is asked for, and not shown."""
    add_jobs(connected, 25)
    exchange = await connected.ada.command("/emporix jobs fields:status")
    assert "<!date" not in json.dumps(exchange.payloads)
    arrive(connected)
    assert sorted(await walk(connected, exchange)) == numbered(range(1, 26))


async def test_a_search_has_pages(connected: AppHarness) -> None:
    """Pages of a search are fetched with the search call, and do not shift either."""
    add_jobs(connected, 25)
    exchange = await connected.ada.command("/emporix jobs search e size:10")
    arrive(connected)
    assert sorted(await walk(connected, exchange)) == numbered(range(1, 26))
    assert connected.emporix_state.requests[-1].method == "POST"


async def test_an_expired_list_can_be_run_again(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """The buttons of an expired list offer to run its query again."""
    add_jobs(connected, 25)
    await connected.ada.command('/emporix jobs status:failed size:2 "invoice"')
    await forget_cursors(connected)
    exchange = await connected.ada.click("Next")
    assert exchange.payloads == snapshot
    exchange = await connected.ada.click("Run it again")
    assert exchange.payloads[0]["replace_original"] is True
    assert text(exchange).startswith("Jobs 1–2 of 8, failed, containing “invoice”")


async def test_an_expired_search_is_a_search_again(connected: AppHarness) -> None:
    """Run it again asks by the same call."""
    add_jobs(connected, 25)
    await connected.ada.command("/emporix jobs search refund size:2")
    await forget_cursors(connected)
    await connected.ada.click("Refresh")
    await connected.ada.click("Run it again")
    assert connected.emporix_state.requests[-1].method == "POST"


async def test_a_long_query_is_not_stored_in_buttons(connected: AppHarness) -> None:
    """For a query that doesn't fit into a button, the button offers all jobs."""
    add_jobs(connected, 25)
    words = " ".join(["e"] * 900)
    await connected.ada.command(f"/emporix jobs size:2 {words}")
    await forget_cursors(connected)
    exchange = await connected.ada.click("Refresh")
    assert [e["action_id"] for e in elements(exchange)] == [buttons.JOBS_LIST_ALL]


@pytest.mark.parametrize(
    "state",
    [
        ListButton(cursor="cursor-99", page=2).value,
        ListButton(cursor="cursor-99", page=2, query="[9").value,
        '["0","cursor",{"cursor":"cursor-99","page":2}]',
        "cursor-99:2",
    ],
)
async def test_older_buttons_are_answered(connected: AppHarness, state: str) -> None:
    """Whatever an older version put into a button, there is a way on."""
    add_jobs(connected, 3)
    await post_button(connected, "Older", state)
    exchange = await connected.ada.click("Older")
    while not shown(exchange):
        (way_on,) = elements(exchange)
        exchange = await connected.ada.click(way_on["text"]["text"])
    assert place(exchange) == "Jobs 1–3 of 3"
