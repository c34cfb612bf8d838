"""/emporix jobs search."""

from __future__ import annotations

from syrupy.assertion import SnapshotAssertion

from tests.harness.app import AppHarness
from tests.listeners.jobs.fixtures import add_jobs


async def test_finds_words(connected: AppHarness, snapshot: SnapshotAssertion) -> None:
    """A message must contain all words, in any case."""
    add_jobs(connected, 6)
    exchange = await connected.ada.command('/emporix jobs search INVOICE "was not found"')
    assert exchange.payloads == snapshot
    asked = [(seen.method, seen.path) for seen in connected.emporix_state.requests]
    assert ("POST", "/ai-service/acme/jobs/search") in asked


async def test_other_pages_use_the_same_call(connected: AppHarness) -> None:
    """Further pages of a search use the search call, too."""
    add_jobs(connected, 9)
    await connected.ada.command("/emporix jobs search refund size:2")
    exchange = await connected.ada.click("Next")
    assert exchange.payloads[0]["text"].startswith("Job 3 of 3")
    assert connected.emporix_state.requests[-1].method == "POST"


async def test_typed_text_is_shown_as_it_is(connected: AppHarness) -> None:
    """The heading shows characters that Slack reads as formatting, in words and filters."""
    for typed, shown in [
        ("search *refund*", "contain “`*refund*`”"),
        ("search ~late~ agent:_x_", "of `_x_` contain “`~late~`”"),
        ("list event:*e* session::tada:", "event `*e*`, session `:tada:`"),
        ("list q:sessionId:*x*", "query `sessionId:*x*`"),
    ]:
        exchange = await connected.ada.command(f"/emporix jobs {typed}")
        assert shown in exchange.payloads[0]["blocks"][0]["text"]["text"]


async def test_searches_for_special_characters_literally(connected: AppHarness) -> None:
    """Characters of queries and regular expressions are searched for literally."""
    add_jobs(connected, 3)
    for words in ("<EON1041>", "`EON1040` &", "**three**"):
        exchange = await connected.ada.command(f"/emporix jobs search {words}")
        assert exchange.payloads[0]["text"].startswith("Job 1 of 1")
    nothing = await connected.ada.command("/emporix jobs search .*refund)")
    assert nothing.payloads[0]["text"].startswith("No jobs")


async def test_passes_a_raw_query_on(connected: AppHarness, snapshot: SnapshotAssertion) -> None:
    """A query after `q:` is passed on unchanged."""
    add_jobs(connected, 6)
    exchange = await connected.ada.command("/emporix jobs search q:status:FAILURE")
    assert exchange.payloads[0]["text"] == snapshot


async def test_opens_the_form_without_words(connected: AppHarness) -> None:
    """A search without words opens the search form."""
    add_jobs(connected, 3)
    for line in ("/emporix jobs search", "/emporix search"):
        exchange = await connected.ada.command(line)
        assert [sent["via"] for sent in exchange.sent] == ["views.open", "views.update"]
        assert exchange.view is not None
        assert exchange.view["callback_id"] == "jobs.filter.submit"
        await connected.ada.submit({"Words": "invoice"})
        found = await connected.ada.view()
        assert found is not None
        assert "containing “invoice”" in str(found["blocks"][0])
