"""/emporix jobs list."""

from __future__ import annotations

import json
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from sandbox.emporix.faults import Fault
from sandbox.emporix.keys import ACME_READ_ONLY, GLOBEX_READ_ONLY
from sandbox.slack.person import Exchange
from tests.harness.app import AppHarness
from tests.listeners.jobs.fixtures import add_jobs, job_id


async def test_lists_jobs(connected: AppHarness, snapshot: SnapshotAssertion) -> None:
    """The list has a heading and a row with buttons for each job, visible only to the user."""
    add_jobs(connected, 3)
    exchange = await connected.ada.command("/emporix jobs list")
    assert exchange.payloads == snapshot
    assert [sent["via"] for sent in exchange.sent] == ["response_url"]


def buttons_of(exchange: Exchange) -> list[dict[str, Any]]:
    blocks = exchange.payloads[0]["blocks"]
    rows = [block["accessory"] for block in blocks if "accessory" in block]
    return rows + [
        button
        for block in blocks
        for button in block.get("elements", ())
        if button["type"] == "button"
    ]


@pytest.mark.parametrize("typed", ["jobs", "jobs last 7 days", "jobs status :success last 7 days"])
async def test_ten_jobs_are_short(connected: AppHarness, typed: str) -> None:
    """A page has at most 23 blocks and 17 buttons, 15 on the first; each row only opens its job."""
    add_jobs(connected, 90)
    first = await connected.ada.command(f"/emporix {typed}")
    second = await connected.ada.click("Next")
    for exchange, most in ((first, 15), (second, 17)):
        assert len(exchange.payloads[0]["blocks"]) <= 23
        buttons = buttons_of(exchange)
        assert len(buttons) <= most
        labels = [button.get("text", {}).get("text") for button in buttons]
        assert labels.count("Open") == 10
        assert not any("style" in button or "confirm" in button for button in buttons)


async def test_a_row_is_a_line_and_the_start_of_the_message(connected: AppHarness) -> None:
    """Status, agent, time and event; then at most 140 characters of the message, as plain text."""
    add_jobs(connected, 1)
    message = "*Bold* <!channel> :x: " + "word " * 100
    connected.emporix_state.add_job("acme", id=job_id(2), status="failure", message=message)
    exchange = await connected.ada.command("/emporix jobs")
    _, other, _, line, below, _ = exchange.payloads[0]["blocks"]
    assert line["text"]["text"].startswith(":x: *Failed* · ")
    (excerpt,) = below["elements"]
    assert excerpt["type"] == "plain_text"
    assert 100 < len(excerpt["text"]) <= 140
    assert other["text"]["text"] == (
        ":white_check_mark: *Succeeded* · *complaint-agent* · "
        "<!date^1795430000^{date_short_pretty} {time}|2026-11-23 10:33 UTC> · order.order-created"
    )


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({}, ":white_check_mark: *Succeeded*"),
        ({"agentId": "a", "agentType": "generic"}, ":white_check_mark: *Succeeded* · *a*"),
        ({"agentType": "anti_fraud"}, ":white_check_mark: *Succeeded* · fraud check"),
        ({"agentId": "a_b*"}, ":white_check_mark: *Succeeded* · `a_b*`"),
        ({"agentId": ":x: <b>"}, ":white_check_mark: *Succeeded* · `:x: &lt;b&gt;`"),
        ({"type": "EXPORT"}, ":white_check_mark: *Succeeded* · *Export*"),
        ({"type": "PRICE_WATCH"}, ":white_check_mark: *Succeeded* · *Price watch*"),
        ({"status": "paused"}, ":grey_question: *paused*"),
    ],
)
async def test_a_row_omits_the_usual(
    connected: AppHarness, fields: dict[str, Any], line: str
) -> None:
    """A row has no "Agent chat", "(generic)" or missing field, and codes become words."""
    bare = {"status": "success", "type": "AGENT_CHAT", "message": None, "metadata": None}
    bare |= {"agentId": None, "agentType": None, "commerceEvent": None}
    connected.emporix_state.add_job("acme", **bare | fields)
    exchange = await connected.ada.command("/emporix jobs")
    _, row, footer = exchange.payloads[0]["blocks"]
    assert row["text"]["text"] == line
    assert footer["type"] == "actions"


async def test_names_the_tenant_to_users_of_several(connected: AppHarness) -> None:
    """The heading leaves the tenant out while the user is connected to one only."""
    add_jobs(connected, 1)
    alone = await connected.ada.command("/emporix jobs")
    await connected.connect(connected.ada, GLOBEX_READ_ONLY)
    several = await connected.ada.command("/emporix jobs")
    texts = [exchange.payloads[0]["text"] for exchange in (alone, several)]
    assert texts == ["Job 1 of 1", "Job 1 of 1, tenant acme"]


async def test_labels_have_the_time_of_the_user(connected: AppHarness) -> None:
    """Times in labels are in UTC until the time zone is cached, without a request of their own."""
    add_jobs(connected, 1)
    labels = []
    for command in ("/emporix jobs", "/emporix jobs since:yesterday", "/emporix jobs"):
        exchange = await connected.ada.command(command)
        labels.append(exchange.payloads[0]["blocks"][1]["accessory"]["accessibility_label"])
    job = "Open succeeded job of complaint-agent"
    assert labels == [f"{job}, 10:33 AM UTC"] * 2 + [f"{job}, 11:33 AM"]


async def test_narrows(connected: AppHarness, snapshot: SnapshotAssertion) -> None:
    """Filters in our words become Emporix's query, and the heading says them."""
    add_jobs(connected, 8)
    exchange = await connected.ada.command(
        "/emporix jobs status:failed,running type:chat agent:complaint-agent sort:oldest size:2"
    )
    assert exchange.payloads[0]["text"] == snapshot
    asked = connected.emporix_state.requests[-1]
    assert (asked.method, asked.path) == ("GET", "/ai-service/acme/jobs")


async def test_shows_other_pages(connected: AppHarness, snapshot: SnapshotAssertion) -> None:
    """Next and Previous replace the page in the message."""
    add_jobs(connected, 25)
    texts = [(await connected.ada.command("/emporix jobs list size:10")).payloads[0]["text"]]
    for label in ("Next", "Next", "Previous"):
        exchange = await connected.ada.click(label)
        assert exchange.payloads[0]["replace_original"] is True
        texts.append(exchange.payloads[0]["text"])
    assert texts == snapshot


async def test_another_page_takes_one_call_and_two_round_trips(connected: AppHarness) -> None:
    """Next calls Emporix once and Redis twice, and Slack only for the reply."""
    add_jobs(connected, 25)
    await connected.ada.command("/emporix jobs list")
    asked = len(connected.emporix_state.requests)
    before = (await connected.redis.info("stats"))["total_reads_processed"]
    exchange = await connected.ada.click("Next")
    after = (await connected.redis.info("stats"))["total_reads_processed"]
    assert len(connected.emporix_state.requests) - asked == 1
    assert after - before - 1 <= 2  # less the second INFO
    assert [sent["via"] for sent in exchange.sent] == ["response_url"]


async def test_says_that_no_jobs_match(connected: AppHarness, snapshot: SnapshotAssertion) -> None:
    """An empty list repeats the query and offers to show all jobs."""
    add_jobs(connected, 3)
    exchange = await connected.ada.command("/emporix jobs status:skipped nothing-like-this")
    assert exchange.payloads == snapshot
    exchange = await connected.ada.click("Show all")
    assert exchange.payloads[0]["text"].startswith("Jobs 1–3 of 3")


async def test_leads_back_from_a_page_that_there_is_not(connected: AppHarness) -> None:
    """A page beyond the last one says how many there are, and leads to the last and the first."""
    add_jobs(connected, 5)
    exchange = await connected.ada.command("/emporix jobs size:2 page:9999")
    assert exchange.payloads[0]["text"].startswith("There are only 3 pages.")
    exchange = await connected.ada.click("Last page")
    assert exchange.payloads[0]["text"].startswith("Job 5 of 5")
    await connected.ada.click("Previous")
    await connected.ada.command("/emporix jobs size:2 page:999999999")
    exchange = await connected.ada.click("First")
    assert exchange.payloads[0]["text"].startswith("Jobs 1–2 of 5")


async def test_does_not_guess_the_number_of_pages(connected: AppHarness) -> None:
    """If Emporix does not count the jobs, a page beyond the last one leads to the first."""
    add_jobs(connected, 5)
    connected.emporix_state.counts = False
    exchange = await connected.ada.command("/emporix jobs size:2 page:9")
    assert exchange.payloads[0]["text"].startswith("There is no page 9.")
    assert "Last page" not in str(exchange.payloads)


async def test_says_that_a_tenant_has_no_jobs(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """A tenant without jobs is not presented as the user's mistake."""
    exchange = await connected.ada.command("/emporix jobs")
    assert exchange.payloads == snapshot


async def test_shows_no_delete_with_a_read_only_key(
    harness: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """With a read-only key, there is no Delete button, and the list says why."""
    await harness.connect(harness.ada, ACME_READ_ONLY)
    add_jobs(harness, 1)
    exchange = await harness.ada.command("/emporix jobs")
    assert exchange.payloads == snapshot


async def test_offers_connect_without_a_connection(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """A user without a connection is offered Connect, even if others are connected."""
    exchange = await connected.grace.command("/emporix jobs list")
    assert exchange.payloads == snapshot


async def test_explains_an_invalid_filter(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """The error names the invalid value and valid ones, without a call to Emporix."""
    asked = len(connected.emporix_state.requests)
    exchange = await connected.ada.command("/emporix jobs status:lost")
    assert exchange.payloads == snapshot
    assert len(connected.emporix_state.requests) == asked


async def test_shows_only_the_fields_asked_for(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """`fields:` narrows what Emporix sends, the id aside."""
    add_jobs(connected, 1)
    exchange = await connected.ada.command("/emporix jobs fields:status,message")
    assert exchange.payloads[0]["blocks"] == snapshot


async def test_an_old_button_explains_itself(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """When the list has expired, its buttons offer a new one."""
    add_jobs(connected, 25)
    await connected.ada.command("/emporix jobs list")
    for key in await connected.redis.keys("*cursor*"):
        await connected.redis.delete(key)
    exchange = await connected.ada.click("Next")
    assert exchange.payloads == snapshot


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", times=9, status=400),
        Fault("status", times=9, status=403),
        Fault("status", times=9, status=500),
        Fault("html", times=9),
        Fault("empty", times=9),
        Fault("truncated", times=9),
        Fault("cut_before", times=9),
        Fault("rate_limit", times=9, retry_after=30),
        Fault("quota_500", times=9),
    ],
    ids=lambda fault: f"{fault.kind} {fault.status or ''}".strip(),
)
async def test_explains_trouble_at_emporix(
    connected: AppHarness, fault: Fault, snapshot: SnapshotAssertion
) -> None:
    """Each kind of trouble says what happened and what to do next."""
    connected.emporix_state.faults.add(fault)
    exchange = await connected.ada.command("/emporix jobs list")
    assert exchange.payloads == snapshot


async def test_retries_after_a_temporary_error(connected: AppHarness) -> None:
    """A failed response is requested again without the user noticing."""
    add_jobs(connected, 1)
    connected.emporix_state.faults.add(Fault("status", status=503))
    exchange = await connected.ada.command("/emporix jobs list")
    assert exchange.payloads[0]["text"].startswith("Job 1 of 1")


async def test_refreshes_an_expired_token(connected: AppHarness) -> None:
    """Tokens that Emporix has forgotten are replaced on the way."""
    add_jobs(connected, 1)
    connected.emporix_state.expire_tokens()
    exchange = await connected.ada.command("/emporix jobs list")
    assert exchange.payloads[0]["text"].startswith("Job 1 of 1")


async def test_offers_to_replace_a_deleted_key(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """For an API key that was deleted at Emporix, the error offers Reconnect."""
    from sandbox.emporix.keys import ACME_OPERATIONS

    connected.emporix_state.revoke(ACME_OPERATIONS)
    exchange = await connected.ada.command("/emporix jobs list")
    assert exchange.payloads == snapshot


async def test_never_shows_a_token(connected: AppHarness) -> None:
    """Nothing that is sent to Slack holds the key or its token."""
    add_jobs(connected, 3)
    exchange = await connected.ada.command("/emporix jobs list")
    shown = json.dumps(exchange.payloads)
    assert "acme-operations" not in shown
