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
from tests.listeners.jobs.fixtures import add_jobs, job_id

SEARCH = "Search Emporix jobs"
JOB = job_id(2)
LABELS = {
    "words": "Words",
    "statuses": "Status",
    "agent": "Agent",
    "types": "Type",
    "event": "Event",
    "order": "Order",
    "size": "Jobs per page",
    "more": "Other filters",
}


async def search(harness: AppHarness, **filled: Any) -> Exchange:
    """Ada opens the form, fills in these fields, after others that show them, and submits it."""
    await harness.ada.shortcut(SEARCH)
    if not {"since", "until"}.isdisjoint(filled):
        await harness.ada.choose("Period", "Custom…")
    if not {"types", "event", "order", "size", "more"}.isdisjoint(filled):
        await harness.ada.click("More filters")
    return await harness.ada.submit(filled)


def shown(exchange: Exchange) -> dict[str, Any]:
    """The values of the form's fields, in order."""
    assert exchange.view is not None
    values = exchange.view["state"]["values"]
    inputs = [block for block in exchange.view["blocks"] if block["type"] == "input"]
    fields = {block["block_id"]: next(iter(values[block["block_id"]].values())) for block in inputs}
    return {name: _value(value) for name, value in fields.items()}


def _value(state: dict[str, Any]) -> Any:
    (value,) = (value for name, value in state.items() if name != "type")
    if isinstance(value, list):
        return [option["value"] for option in value]
    return value["value"] if isinstance(value, dict) else value


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


async def test_has_few_fields_at_first(connected: AppHarness) -> None:
    """The form has the most used fields, and the rest after More filters; Tenant is for several."""
    first = ["words", "statuses", "agent", "period"]
    more = ["types", "event", "order", "size", "more"]
    assert list(shown(await connected.ada.shortcut(SEARCH))) == first
    assert list(shown(await connected.ada.click("More filters"))) == [*first, *more]
    await connected.connect(connected.ada, GLOBEX_READ_ONLY)
    assert list(shown(await connected.ada.shortcut(SEARCH))) == ["tenant", *first]


async def test_a_custom_period_has_days(connected: AppHarness) -> None:
    """Custom shows two days, another period hides them, and they come back with Custom."""
    await connected.ada.shortcut(SEARCH)
    custom = await connected.ada.choose("Period", "Custom…")
    assert list(shown(custom))[3:] == ["period", "since", "until"]
    await connected.ada.choose("From", "2026-11-01")
    today = await connected.ada.choose("Period", "Today")
    assert list(shown(today))[3:] == ["period"]
    more = await connected.ada.click("More filters")
    assert "since" not in shown(more)
    custom = await connected.ada.choose("Period", "Custom…")
    assert shown(custom)["since"] == "2026-11-01"
    assert shown(custom)["until"] is None


async def test_keeps_what_was_filled_in(connected: AppHarness) -> None:
    """Every value survives More filters and each change of the period."""
    await connected.connect(connected.ada, GLOBEX_READ_ONLY)
    connected.emporix_state.add_agent("acme", id="complaint-agent", name="Complaint Agent")
    await connected.ada.shortcut(SEARCH)
    filled = {"words": "refund", "statuses": ["failure"], "agent": "complaint-agent"}
    for name, value in filled.items():
        await connected.ada.choose(LABELS[name], value)
    await connected.ada.choose("Tenant", "globex")
    rest = {
        "types": ["export"],
        "event": "a.b",
        "order": "oldest",
        "size": "5",
        "more": "fields:id",
    }
    await connected.ada.click("More filters")
    for name, value in rest.items():
        await connected.ada.choose(LABELS[name], value)
    for period in ("today", "custom", "7d", "any"):
        exchange = await connected.ada.choose("Period", period)
        days = {"since": None, "until": None} if period == "custom" else {}
        expected = {"tenant": "globex", **filled, "period": period, **days, **rest}
        assert shown(exchange) == expected


async def test_keeps_what_cannot_be_understood_yet(connected: AppHarness) -> None:
    """A mistake in a field is shown when the form is submitted, not when the period changes."""
    await connected.ada.shortcut(SEARCH)
    await connected.ada.click("More filters")
    await connected.ada.choose("Other filters", "agent-type:robot")
    exchange = await connected.ada.choose("Period", "Custom…")
    assert shown(exchange)["more"] == "agent-type:robot"
    exchange = await connected.ada.submit({"since": "2026-11-01"})
    assert "Unknown agent type: robot" in exchange.field_errors["more"]


async def test_says_where_a_time_of_day_is(connected: AppHarness) -> None:
    """A list since a time of day opens as a custom period that says where the time is."""
    add_jobs(connected, 3)
    await connected.ada.command("/emporix jobs since:2026-11-22T08:15+01:00 until:2026-11-23")
    exchange = await connected.ada.click("Filter")
    assert shown(exchange)["period"] == "custom"
    assert shown(exchange)["until"] == "2026-11-23"
    assert shown(exchange)["more"] == "since:2026-11-22T07:15:00Z"
    assert "The exact time is under Other filters." in str(exchange.view)
    refused = await connected.ada.submit({"period": "Today"})
    assert "This filter is used twice: since:" in refused.field_errors["more"]
    await connected.ada.submit({"period": "Today", "more": ""})
    (message,) = await connected.ada.messages()
    assert "<!date^1795388400^since" in str(message["blocks"][0])


async def test_a_quick_change_of_mind_is_shown(connected: AppHarness) -> None:
    """The form follows the last choice even if Slack has changed the modal since the click."""
    await connected.ada.shortcut(SEARCH)
    connected.workspace.faults.add(
        SlackFault("refuse", method="views.update", error="hash_conflict")
    )
    await connected.ada.choose("Period", "Today")
    exchange = await connected.ada.choose("Period", "Custom…")
    assert list(shown(exchange))[3:] == ["period", "since", "until"]
    update = exchange.payloads[-1]
    assert "hash" not in update


@pytest.mark.parametrize(
    ("period", "since", "until"),
    [
        ("Today", "2026-11-22 23:00", ""),
        ("Yesterday", "2026-11-21 23:00", "2026-11-22 23:00"),
        ("Last 24 hours", "2026-11-22 10:33", ""),
        ("Last 7 days", "2026-11-16 10:33", ""),
    ],
)
async def test_a_period_is_of_the_user(
    connected: AppHarness, period: str, since: str, until: str
) -> None:
    """Periods mean the same as the words in a command, and the form shows them again."""
    add_jobs(connected, 40)
    await connected.ada.shortcut(SEARCH)
    found = await connected.ada.submit({"period": period})
    assert f"|since {since} UTC>" in heading(found)
    assert "^before {" in heading(found) if until else "before" not in heading(found)
    assert until in heading(found)
    connected.clock.forward(600)
    exchange = await connected.ada.click("Change the search")
    assert list(shown(exchange)) == ["words", "statuses", "agent", "period"]
    assert exchange.view is not None
    chosen = exchange.view["state"]["values"]["period"]["jobs.filter.period"]["selected_option"]
    assert chosen["text"]["text"] == period


@pytest.mark.parametrize(
    "typed",
    [
        JOB,
        JOB.upper(),
        f"{JOB}.",
        f"\u200b{JOB}\u2060",
        f"<https://admin.emporix.io/apps/administration/ai-agents#/logs/jobs/{JOB}>",
        f"https://admin.emporix.io/apps/administration/ai-agents#/logs/jobs/{JOB.upper()}",
    ],
)
async def test_an_id_alone_opens_the_job(connected: AppHarness, typed: str) -> None:
    """The id of a job or a link to it, as the only words, opens the job in the same modal."""
    add_jobs(connected, 2)
    exchange = await search(connected, words=typed)
    assert [sent["via"] for sent in exchange.sent] == ["ack", "views.update", "views.update"]
    assert exchange.view is not None
    assert exchange.view["title"]["text"] == "Emporix job"
    assert exchange.view["blocks"][-2]["elements"][0]["text"].startswith("*Log*")
    assert JOB in str(exchange.view["blocks"])


async def test_an_unknown_id_keeps_the_form(connected: AppHarness) -> None:
    """If the id is of no job, the form says so, and in quotes the id is a word to search for."""
    connected.emporix_state.add_job("acme", id=job_id(1), message=f"Replaces {JOB}.")
    exchange = await search(connected, words=JOB)
    assert heading(exchange).startswith(f":mag: *There is no job `{JOB}` in tenant `acme`.*")
    assert shown(exchange)["words"] == JOB
    found = await connected.ada.submit({"words": f'"{JOB}"'})
    assert heading(found).startswith("*Job 1 of 1*")
    exchange = await connected.ada.click("Change the search")
    assert shown(exchange)["words"] == f'"{JOB}"'


async def test_keeps_an_id_while_emporix_does_not_answer(connected: AppHarness) -> None:
    """If Emporix doesn't answer, the form stays with the id, to be submitted again."""
    add_jobs(connected, 2)
    fault = Fault("status", status=500, path="/jobs", times=9)
    connected.emporix_state.faults.add(fault)
    exchange = await search(connected, words=JOB)
    assert "isn't answering correctly" in heading(exchange)
    connected.emporix_state.faults.clear()
    exchange = await connected.ada.submit({})
    assert exchange.view is not None
    assert exchange.view["title"]["text"] == "Emporix job"


async def test_an_id_opens_the_job_from_a_list(connected: AppHarness) -> None:
    """An id in the form of a list opens the job, and leaves the list as it is."""
    add_jobs(connected, 2)
    await connected.ada.command("/emporix jobs")
    before = await connected.ada.messages()
    await connected.ada.click("Filter")
    exchange = await connected.ada.submit({"words": JOB})
    assert exchange.view is not None
    assert exchange.view["title"]["text"] == "Emporix job"
    assert await connected.ada.messages() == before


async def test_a_tenant_has_its_own_jobs(connected: AppHarness) -> None:
    """An id is looked up in the tenant of the form."""
    await connected.connect(connected.ada, GLOBEX_READ_ONLY)
    connected.emporix_state.add_job("globex", id=JOB)
    exchange = await search(connected, words=JOB)
    assert "There is no job" in heading(exchange)
    exchange = await connected.ada.submit({"tenant": "globex"})
    assert exchange.view is not None
    assert exchange.view["title"]["text"] == "Emporix job"


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
        "agent type complaint, event order.order-created or a.b, "
        "<!date^1793487600^since {date_short_pretty} {time}|since 2026-10-31 23:00 UTC>, "
        "<!date^1795388400^before {date_short_pretty} {time}|before 2026-11-22 23:00 UTC>."
    )


async def test_shows_errors_under_the_field(connected: AppHarness) -> None:
    """Errors appear under a field that the form shows, without a request to Emporix."""
    exchange = await search(connected, words="stats:failed")
    assert "Did you mean status:?" in exchange.field_errors["words"]
    exchange = await connected.ada.submit({"words": "since:7d", "period": "Today"})
    assert exchange.field_errors == {
        "words": "This filter is used twice: since:. Use it only once."
    }
    await connected.ada.choose("Period", "Custom…")
    exchange = await connected.ada.submit({"words": ""})
    assert "No day is chosen" in exchange.field_errors["period"]
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
    assert shown(exchange)["words"] == "refund"
    assert shown(exchange)["since"] == "2026-12-24"


async def test_changes_the_search(connected: AppHarness) -> None:
    """The search can be edited in the form with its values."""
    add_jobs(connected, 3)
    await search(connected, words="refund", order="Oldest first", since="2026-11-01")
    exchange = await connected.ada.click("Change the search")
    assert shown(exchange)["words"] == "refund"
    assert shown(exchange)["order"] == "oldest"
    assert shown(exchange)["since"] == "2026-11-01"
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
        (500, ":warning: *Emporix isn't answering correctly right now.*"),
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
    assert "*Emporix doesn't accept this search.*" in heading(exchange)
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
    assert "mention a job" in heading(exchange)


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
