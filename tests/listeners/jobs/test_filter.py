"""Search Emporix jobs — a form from the menu of shortcuts, and what comes of it."""

from __future__ import annotations

from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from sandbox.emporix.faults import Fault
from sandbox.emporix.keys import GLOBEX_READ_ONLY
from sandbox.slack.person import Exchange
from tests.listeners.jobs.fixtures import add_jobs
from tests.shop import Shop

SEARCH = "Search Emporix jobs"


async def search(shop: Shop, **filled: Any) -> Exchange:
    """Ada opens the form, fills in these fields and submits it."""
    await shop.ada.shortcut(SEARCH)
    return await shop.ada.submit(filled)


def heading(exchange: Exchange) -> str:
    """What the modal says first."""
    assert exchange.view is not None
    return str(exchange.view["blocks"][0]["text"]["text"])


async def test_opens_at_once(connected: Shop, snapshot: SnapshotAssertion) -> None:
    """A loading modal, then the form for the tenants of whoever asks."""
    await connected.connect(connected.ada, GLOBEX_READ_ONLY)
    exchange = await connected.ada.shortcut(SEARCH)
    assert [sent["via"] for sent in exchange.sent] == ["views.open", "views.update"]
    assert exchange.payloads[-1]["view"] == snapshot


async def test_shows_what_was_found(connected: Shop, snapshot: SnapshotAssertion) -> None:
    """In the same modal, after an ack that says that it is being asked."""
    add_jobs(connected, 9)
    exchange = await search(connected, words="refund", statuses=["Succeeded"], size="2")
    assert [sent["via"] for sent in exchange.sent] == ["ack", "views.update"]
    assert exchange.payloads[-1]["view"] == snapshot


async def test_asks_for_all_that_was_filled_in(connected: Shop) -> None:
    """Each field is a filter, days those of the asker's zone."""
    connected.world.add_agent("acme", id="complaint-agent", name="Complaint Agent")
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
        "*No jobs*: tenant acme, failed or skipped, export, agent Complaint Agent, agent type "
        "complaint, event order.order-created or a.b, saying “late refund” and “invoice”, since "
        "<!date^1793487600^{date_short_pretty} {time}|2026-10-31 23:00 UTC>, before "
        "<!date^1795388400^{date_short_pretty} {time}|2026-11-22 23:00 UTC>, oldest first. "
        "Change the search, or take a filter away."
    )


async def test_says_under_the_field_what_to_mend(connected: Shop) -> None:
    """Nothing is asked, and what was filled in stays."""
    exchange = await search(connected, words="stats:failed")
    assert "Did you mean status:?" in exchange.field_errors["words"]
    exchange = await connected.ada.submit(
        {"words": "", "since": "2026-11-02", "until": "2026-11-01"}
    )
    assert exchange.field_errors == {"until": "That day is before the first one."}


async def test_shows_the_form_again_where_only_later_it_turns_out_wrong(connected: Shop) -> None:
    """Where the asker is decides about a day; the form has all that was filled in."""
    exchange = await search(connected, since="2026-12-24", words="refund")
    assert "The time behind since: is still to come" in heading(exchange)
    assert exchange.view is not None
    assert exchange.view["state"]["values"]["words"]["value"]["value"] == "refund"
    assert exchange.view["state"]["values"]["since"]["value"]["selected_date"] == "2026-12-24"


async def test_changes_the_search(connected: Shop) -> None:
    """Back to the form, filled with what was asked."""
    add_jobs(connected, 3)
    await search(connected, words="refund", order="Oldest first", since="2026-11-01")
    exchange = await connected.ada.click("Change the search")
    assert exchange.view is not None
    state = exchange.view["state"]["values"]
    assert state["words"]["value"]["value"] == "refund"
    assert state["order"]["value"]["selected_option"]["value"] == "oldest"
    assert state["since"]["value"]["selected_date"] == "2026-11-01"
    assert heading(await connected.ada.submit({"words": ""})).startswith("*Jobs 1–3 of 3*")


async def test_changes_an_expired_search(connected: Shop) -> None:
    """The button knows what was asked, a day later too."""
    add_jobs(connected, 3)
    await search(connected, words="refund")
    await connected.redis.flushdb()
    await connected.connect(connected.grace, GLOBEX_READ_ONLY)  # only so that Redis has somebody
    exchange = await connected.ada.click("Change the search")
    assert exchange.view is not None
    assert exchange.view["blocks"][0]["block_id"] == "error.not_connected"


async def test_offers_agents_by_name(connected: Shop, snapshot: SnapshotAssertion) -> None:
    """From the first letter, those of the tenant in the form; what is typed may be an id."""
    for agent in ("complaint-agent", "fraud-agent"):
        connected.world.add_agent("acme", id=agent, name=agent.title().replace("-", " "))
    await connected.ada.shortcut(SEARCH)
    everything = await connected.ada.suggest("Agent", "")
    some = await connected.ada.suggest("Agent", "FRAUD")
    assert [everything.options, some.options] == snapshot


async def test_offers_no_agents_where_emporix_does_not_answer(connected: Shop) -> None:
    """An id can be typed all the same."""
    connected.world.faults.add(Fault("status", status=500, path="agentic", times=99))
    await connected.ada.shortcut(SEARCH)
    exchange = await connected.ada.suggest("Agent", "gone-agent")
    assert [option["value"] for option in exchange.options] == ["gone-agent"]


async def test_says_in_the_modal_what_went_wrong(connected: Shop) -> None:
    """The loading modal does not stay."""
    connected.world.faults.add(Fault("status", status=500, path="/jobs", times=9))
    exchange = await search(connected)
    assert exchange.view is not None
    assert exchange.view["blocks"][0]["block_id"] == "error.emporix_failed"


async def test_offers_to_connect(shop: Shop) -> None:
    """Without a connection there is nothing to search."""
    exchange = await shop.ada.shortcut(SEARCH)
    assert exchange.view is not None
    assert exchange.view["blocks"][0]["block_id"] == "error.not_connected"


@pytest.mark.parametrize(
    "text", ["Late refund for EON1031, again", "&amp; &lt;b&gt; `x` *y* <!channel>", "…"]
)
async def test_a_message_that_names_no_job_leads_here(
    connected: Shop, text: str, snapshot: SnapshotAssertion
) -> None:
    """Its words are in the form, ready to edit."""
    add_jobs(connected, 2)
    await connected.grace.write(text)
    exchange = await connected.ada.shortcut("Find Emporix jobs")
    assert exchange.view is not None
    assert exchange.view["state"]["values"]["words"] == snapshot
    assert "names no job" in heading(exchange)


async def test_unknown_ids_lead_here(connected: Shop) -> None:
    """By a button, for the message may say more than that id."""
    await connected.grace.write("The refund of 68835cc3ef4e8e1425c3ffff")
    await connected.ada.shortcut("Find Emporix jobs")
    exchange = await connected.ada.click("Search its words")
    assert exchange.view is not None
    assert "refund" in exchange.view["state"]["values"]["words"]["value"]["value"]
