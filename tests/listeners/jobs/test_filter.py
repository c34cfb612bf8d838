"""Search Emporix jobs — a form in the shortcut menu, and its results."""

from __future__ import annotations

from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from sandbox.emporix.faults import Fault
from sandbox.emporix.keys import GLOBEX_READ_ONLY
from sandbox.slack.faults import Fault as SlackFault
from sandbox.slack.person import Exchange
from tests.harness.app import AppHarness
from tests.listeners.jobs.fixtures import add_jobs

SEARCH = "Search Emporix jobs"


async def search(harness: AppHarness, **filled: Any) -> Exchange:
    """Ada opens the form, fills in these fields and submits it."""
    await harness.ada.shortcut(SEARCH)
    return await harness.ada.submit(filled)


def heading(exchange: Exchange) -> str:
    """The first text of the modal."""
    assert exchange.view is not None
    return str(exchange.view["blocks"][0]["text"]["text"])


async def test_opens_at_once(connected: AppHarness, snapshot: SnapshotAssertion) -> None:
    """A loading modal opens at once, and then shows the form for the user's tenants."""
    await connected.connect(connected.ada, GLOBEX_READ_ONLY)
    exchange = await connected.ada.shortcut(SEARCH)
    assert [sent["via"] for sent in exchange.sent] == ["views.open", "views.update"]
    assert exchange.payloads[-1]["view"] == snapshot


async def test_shows_results_in_the_modal(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """Results appear in the same modal, after an ack with a loading state."""
    add_jobs(connected, 9)
    exchange = await search(connected, words="refund", statuses=["Succeeded"], size="2")
    assert [sent["via"] for sent in exchange.sent] == ["ack", "views.update"]
    assert exchange.payloads[-1]["view"] == snapshot


async def test_asks_for_all_that_was_filled_in(connected: AppHarness) -> None:
    """Each field becomes a filter, with days in the user's time zone."""
    connected.emporix_state.add_agent("acme", id="complaint-agent", name="Complaint Agent")
    exchange = await search(
        connected,
        words='"late refund" invoice',
        statuses=["Failed", "Skipped"],
        types=["Export"],
        agent="complaint-agent",
        event="order.order-created, a.b",
        since="2026-11-01",
        until="2026-11-22",
        order="Oldest first",
        more="agent-type:complaint",
    )
    assert heading(exchange) == (
        "No failed or skipped export jobs of Complaint Agent contain “late refund” and “invoice”, "
        "agent type complaint, event order.order-created or a.b, since "
        "<!date^1793487600^{date_short_pretty} {time}|2026-10-31 23:00 UTC>, before "
        "<!date^1795388400^{date_short_pretty} {time}|2026-11-22 23:00 UTC>."
    )


async def test_shows_errors_under_the_field(connected: AppHarness) -> None:
    """Errors appear under the field, without a request to Emporix."""
    exchange = await search(connected, words="stats:failed")
    assert "Did you mean status:?" in exchange.field_errors["words"]
    exchange = await connected.ada.submit(
        {"words": "", "since": "2026-11-02", "until": "2026-11-01"}
    )
    assert exchange.field_errors == {"until": "This day is before the first one."}


async def test_shows_the_form_again_after_a_late_error(
    connected: AppHarness,
) -> None:
    """A day that is invalid in the user's time zone shows the form again with its values."""
    exchange = await search(connected, since="2026-12-24", words="refund")
    assert "The time after since: is in the future" in heading(exchange)
    assert exchange.view is not None
    assert exchange.view["state"]["values"]["words"]["value"]["value"] == "refund"
    assert exchange.view["state"]["values"]["since"]["value"]["selected_date"] == "2026-12-24"


async def test_changes_the_search(connected: AppHarness) -> None:
    """The search can be edited in the form with its values."""
    add_jobs(connected, 3)
    await search(connected, words="refund", order="Oldest first", since="2026-11-01")
    exchange = await connected.ada.click("Change the search")
    assert exchange.view is not None
    state = exchange.view["state"]["values"]
    assert state["words"]["value"]["value"] == "refund"
    assert state["order"]["value"]["selected_option"]["value"] == "oldest"
    assert state["since"]["value"]["selected_date"] == "2026-11-01"
    assert heading(await connected.ada.submit({"words": ""})).startswith("*Jobs 1–3 of 3*")


async def test_offers_agents_by_name(connected: AppHarness, snapshot: SnapshotAssertion) -> None:
    """Agents of the form's tenant are offered from the first letter; an id can be typed."""
    for agent in ("complaint-agent", "fraud-agent"):
        connected.emporix_state.add_agent("acme", id=agent, name=agent.title().replace("-", " "))
    await connected.ada.shortcut(SEARCH)
    everything = await connected.ada.suggest("Agent", "")
    some = await connected.ada.suggest("Agent", "FRAUD")
    assert [everything.options, some.options] == snapshot


async def test_offers_no_agents_where_emporix_does_not_answer(connected: AppHarness) -> None:
    """If Emporix doesn't answer, no agents are offered, and an id can be typed."""
    connected.emporix_state.faults.add(Fault("status", status=500, path="agentic", times=99))
    await connected.ada.shortcut(SEARCH)
    exchange = await connected.ada.suggest("Agent", "gone-agent")
    assert [option["value"] for option in exchange.options] == ["gone-agent"]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (429, ":hourglass: *Too many requests.* Submit again in 30 seconds."),
        (500, ":warning: *Emporix does not answer properly at the moment.*"),
    ],
)
async def test_keeps_the_form_while_emporix_does_not_answer(
    connected: AppHarness, status: int, said: str
) -> None:
    """If Emporix doesn't answer, the error appears above the form with its values."""
    fault = Fault("status", status=status, retry_after=30, path="/jobs", times=9)
    connected.emporix_state.faults.add(fault)
    exchange = await search(connected, words="refund")
    assert heading(exchange).startswith(said)
    assert exchange.view is not None
    assert exchange.view["state"]["values"]["words"]["value"]["value"] == "refund"
    connected.emporix_state.faults.clear()
    assert heading(await connected.ada.submit({})).startswith("No ")


async def test_keeps_the_form_if_emporix_rejects_the_query(connected: AppHarness) -> None:
    """If Emporix rejects a query, the form stays with Emporix's explanation."""
    add_jobs(connected, 3)
    exchange = await search(connected, more="q:status:(FAILURE")
    assert "*Emporix does not accept this search.*" in heading(exchange)
    assert exchange.view is not None
    assert "Emporix said: " in str(exchange.view["blocks"][1])
    assert exchange.view["state"]["values"]["more"]["value"]["value"] == "q:status:(FAILURE"
    exchange = await connected.ada.submit({"more": "q:status:FAILURE"})
    assert heading(exchange).startswith("*Job 1 of 1*")


async def test_shows_other_errors_in_the_modal(connected: AppHarness) -> None:
    """Other errors replace the loading modal, with the next step."""
    connected.emporix_state.faults.add(Fault("status", status=403, path="/jobs", times=9))
    exchange = await search(connected)
    assert exchange.view is not None
    assert exchange.view["blocks"][0]["block_id"] == "error.forbidden"


async def test_offers_to_connect(harness: AppHarness) -> None:
    """A user without a connection is offered to connect."""
    exchange = await harness.ada.shortcut(SEARCH)
    assert exchange.view is not None
    assert exchange.view["blocks"][0]["block_id"] == "error.not_connected"


@pytest.mark.parametrize(
    "text", ["Late refund for EON1031, again", "&amp; &lt;b&gt; `x` *y* <!channel>", "…"]
)
async def test_a_message_that_names_no_job_leads_here(
    connected: AppHarness, text: str, snapshot: SnapshotAssertion
) -> None:
    """A message without jobs opens the form with its words."""
    add_jobs(connected, 2)
    await connected.grace.write(text)
    exchange = await connected.ada.shortcut("Find Emporix jobs")
    assert exchange.view is not None
    assert exchange.view["state"]["values"]["words"] == snapshot
    assert "There is no job" in heading(exchange)


async def test_unknown_ids_lead_here(connected: AppHarness) -> None:
    """A message with an unknown id has a button that opens the form."""
    await connected.grace.write("The refund of 68835cc3ef4e8e1425c3ffff")
    await connected.ada.shortcut("Find Emporix jobs")
    exchange = await connected.ada.click("Search for its words")
    assert exchange.view is not None
    assert "refund" in exchange.view["state"]["values"]["words"]["value"]["value"]


async def test_filter_opens_filled_with_the_list(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """Filter opens with all parts of the list's query, using the field for other filters."""
    add_jobs(connected, 9)
    query = 'failed "invoice" size:2 sort:oldest since:2026-11-01 agent-type:complaint'
    await connected.ada.command(f"/emporix jobs {query}")
    exchange = await connected.ada.click("Filter")
    assert [sent["via"] for sent in exchange.sent] == ["views.open", "views.update"]
    assert exchange.view is not None
    assert exchange.view["state"]["values"] == snapshot


async def test_filter_changes_the_list_in_its_place(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """Filter updates the list's message through its response_url, and the modal confirms it."""
    add_jobs(connected, 9)
    await connected.ada.command("/emporix jobs size:2")
    await connected.ada.click("Filter")
    exchange = await connected.ada.submit({"statuses": ["Failed"]})
    assert [sent["via"] for sent in exchange.sent] == ["ack", "response_url", "views.update"]
    views = [exchange.payloads[0]["view"], exchange.payloads[-1]["view"]]
    assert [view["title"]["text"] for view in views] == ["Filter the list"] * 2
    assert exchange.payloads[1]["replace_original"] is True
    assert exchange.payloads[-1]["view"] == snapshot
    (message,) = await connected.ada.messages()
    assert message["text"].startswith("Jobs 1–2 of 3, failed")
    await connected.ada.close()
    assert (await connected.ada.click("Next")).payloads[0]["text"].startswith("Job 3 of 3")


async def test_filter_says_that_a_query_is_one_of_its_own(connected: AppHarness) -> None:
    """A `q:` filter is shown as it is, and applies again after a change."""
    add_jobs(connected, 9)
    await connected.ada.command("/emporix jobs q:status:FAILURE")
    exchange = await connected.ada.click("Filter")
    assert "in Emporix's own language" in str(exchange.view)
    refused = await connected.ada.submit({"words": "refund"})
    assert "q: can't be combined" in refused.field_errors["more"]
    await connected.ada.submit({"words": "", "more": "q:status:SUCCESS"})
    (message,) = await connected.ada.messages()
    assert message["text"].startswith("Jobs 1–3 of 3, query status:SUCCESS")


async def test_filter_is_there_where_nothing_was_found(connected: AppHarness) -> None:
    """An empty list also has the Filter button."""
    add_jobs(connected, 1)
    await connected.ada.command("/emporix jobs nonsense")
    await connected.ada.click("Edit filters")
    await connected.ada.submit({"words": ""})
    (message,) = await connected.ada.messages()
    assert message["text"].startswith("Job 1 of 1")


async def test_filter_knows_an_expired_list(connected: AppHarness) -> None:
    """Filter works for an expired list, by the query in its button."""
    add_jobs(connected, 3)
    await connected.ada.command("/emporix jobs refund")
    for key in await connected.redis.keys("*:cursor:*"):
        await connected.redis.delete(key)
    exchange = await connected.ada.click("Filter")
    assert exchange.view is not None
    assert exchange.view["state"]["values"]["words"]["value"]["value"] == "refund"


async def test_filter_says_when_the_form_is_too_old(connected: AppHarness) -> None:
    """After an hour, the form explains that it has expired."""
    add_jobs(connected, 3)
    await connected.ada.command("/emporix jobs refund")
    await connected.ada.click("Filter")
    for key in await connected.redis.keys("*:form:*"):
        await connected.redis.delete(key)
    exchange = await connected.ada.submit({})
    assert exchange.view is not None
    assert exchange.view["blocks"][0]["block_id"] == "error.outdated_button"


async def test_filter_finds_another_way_where_the_list_cannot_be_changed(
    connected: AppHarness,
) -> None:
    """If the list can't be updated, a new one is sent."""
    add_jobs(connected, 3)
    await connected.ada.command("/emporix jobs refund")
    await connected.ada.click("Filter")
    connected.workspace.faults.add(SlackFault("status", status=404, method="response_url", times=2))
    exchange = await connected.ada.submit({"words": ""})
    assert [sent["via"] for sent in exchange.sent if sent["via"].startswith("chat")] == [
        "chat.postEphemeral"
    ]
    assert (await connected.ada.messages())[-1]["text"].startswith("Jobs 1–3 of 3")


async def test_the_way_to_the_list_is_not_in_the_form(connected: AppHarness) -> None:
    """The response_url is neither in the view nor unencrypted in Redis."""
    add_jobs(connected, 1)
    await connected.ada.command("/emporix jobs")
    exchange = await connected.ada.click("Filter")
    assert "/actions/" not in str(exchange.view)
    (key,) = await connected.redis.keys("*:form:*")
    assert "/actions/" not in await connected.redis.get(key)
