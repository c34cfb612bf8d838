"""What people type in other words: dates, ids, filters and commands, each with a way back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.harness.app import AppHarness
from tests.listeners.jobs.fixtures import add_jobs, job_id

DASHBOARD = "https://admin.emporix.io/apps/administration/ai-agents#/logs/jobs"


def buttons(payload: dict[str, Any]) -> list[str]:
    """The labels of all buttons of a message or a view."""
    found = []
    for block in payload["blocks"]:
        elements = [*block.get("elements", []), block.get("accessory", {})]
        found += [one["text"]["text"] for one in elements if one.get("type") == "button"]
    return found


def words(payload: dict[str, Any]) -> str:
    return "\n".join(block["text"]["text"] for block in payload["blocks"] if "text" in block)


async def say(harness: AppHarness, text: str) -> dict[str, Any]:
    exchange = await harness.ada.command(f"/emporix {text}")
    payload: dict[str, Any] = exchange.payloads[-1]
    return payload


@pytest.fixture
def jobs(connected: AppHarness) -> AppHarness:
    """26 jobs, an hour apart: the newest 12 are of today, in Berlin."""
    add_jobs(connected, 26)
    connected.emporix_state.add_job(
        "acme", id=job_id(90), status="failure", message="Delivered yesterday, lost parcel ✅"
    )
    return connected


@pytest.mark.parametrize(
    ("typed", "count", "label"),
    [
        ("failed yesterday", 5, 'Search for the word "yesterday"'),
        ("jobs failed yesterday", 5, 'Search for the word "yesterday"'),
        ("jobs today", 13, 'Search for the word "today"'),
        ("jobs 22.11.2026", 14, 'Search for the word "22.11.2026"'),
        ("jobs search refund yesterday", 5, 'Search for the word "yesterday"'),
        ("jobs status=failed", 10, 'Search for the words "status=failed"'),
        ("jobs failed refund", 0, 'Search for the word "failed"'),
    ],
)
async def test_words_that_become_a_filter_are_named(
    jobs: AppHarness, typed: str, count: int, label: str
) -> None:
    """Words that are read as a filter narrow the list, which offers to search for them instead."""
    payload = await say(jobs, typed)
    assert f"of {count}, " in payload["text"] or not count
    assert label.replace("words", "word") in [
        button.replace("words", "word") for button in buttons(payload)
    ]
    assert "I read “" in words(payload)


async def test_a_button_searches_for_the_words_instead(jobs: AppHarness) -> None:
    """The button replaces the list with one that has the words and all other filters."""
    await say(jobs, "failed yesterday size:5")
    exchange = await jobs.ada.click('Search for the word "yesterday"')
    assert exchange.payloads[0]["replace_original"] is True
    assert exchange.payloads[0]["text"].startswith("Job 1 of 1, failed, saying “yest")
    assert "I read" not in words(exchange.payloads[0])


async def test_a_reading_stays_on_other_pages(jobs: AppHarness) -> None:
    """The next page of the list has the button, too."""
    await say(jobs, "jobs yesterday")
    exchange = await jobs.ada.click("Next")
    assert 'Search for the word "yesterday"' in buttons(exchange.payloads[0])


async def test_a_form_reads_and_undoes_the_same(jobs: AppHarness) -> None:
    """The search form understands the same words, and its results have the same button."""
    await jobs.ada.shortcut("Search Emporix jobs")
    await jobs.ada.click("More filters")
    exchange = await jobs.ada.submit({"words": "refund last week", "more": "—status ok"})
    assert exchange.view is not None
    assert "I read “last week” as a date" in words(exchange.view)
    exchange = await jobs.ada.click('Search for the words "last week"')
    assert exchange.view is not None
    assert "saying “refund” and “last week”" in words(exchange.view)
    assert "succeeded" in words(exchange.view)


async def test_a_clean_up_offers_the_words_instead(jobs: AppHarness) -> None:
    """A clean-up says which words it read as a date, and can be asked for again with the words."""
    payload = await say(jobs, "clean failed yesterday")
    assert "*Delete 5 jobs" in payload["text"]
    assert "I read “yesterday” as a date" in words(payload)
    exchange = await jobs.ada.click('Use the word "yesterday"')
    assert "*Delete 1 job" in exchange.payloads[0]["text"]


@pytest.mark.parametrize(
    "typed",
    [
        "{id}", "jobs {id}", "show {id}", "open {ID}", "jobs show <{link}>", "{link}.", "`{id}`",
        "get {id}", "jobs get ({id}).", "jobs get {ID}", "jobs get *{id}*", "jobs get job_{id}",
        "\u200b{id}\ufeff", "jobs get {half}\u00ad{rest}",
    ],
)  # fmt: skip
async def test_an_id_or_a_link_opens_the_job(jobs: AppHarness, typed: str) -> None:
    """However an id or a link is typed or pasted, its job is shown."""
    id_ = job_id(3)
    text = typed.format(
        id=id_, ID=id_.upper(), link=f"{DASHBOARD}/{id_}", half=id_[:9], rest=id_[9:]
    )
    assert (await say(jobs, text))["text"].startswith(f"Job `{id_}`")


async def test_an_id_can_be_searched_instead(jobs: AppHarness) -> None:
    """An id alone opens the job, and a button searches the messages for it."""
    jobs.emporix_state.add_job("acme", id="job-1", status="success", message=f"See {job_id(3)}.")
    await say(jobs, f"jobs {job_id(3)}")
    exchange = await jobs.ada.click(f"Search messages for {job_id(3)}")
    assert exchange.payloads[0]["text"].startswith("Job 1 of 1, ")
    payload = await say(jobs, "68835cc3ef4e8e1425c3ffff")
    assert payload["blocks"][0]["block_id"] == "error.not_found"
    assert "Search messages for 68835cc3ef4e8e1425c3ffff" in buttons(payload)


async def test_commands_work_without_jobs(jobs: AppHarness) -> None:
    """The commands of jobs can be typed without `jobs`."""
    assert (await say(jobs, "search lost parcel"))["text"].startswith("Job 1 of 1, ")
    assert "Delete this job" in words(await say(jobs, f"delete {job_id(3)}"))
    assert (await say(jobs, f"get {job_id(3)}"))["text"].startswith(f"Job `{job_id(3)}`")
    assert job_id(24) in (await say(jobs, f"watch {job_id(24)}"))["text"]


async def test_similar_words_are_searched(jobs: AppHarness) -> None:
    """Words that are only similar to a command are searched."""
    payload = await say(jobs, "jobs lost parcel")
    assert payload["text"].startswith("Job 1 of 1, saying “lost” and “parcel”")
    assert not [label for label in buttons(payload) if label.startswith("Run ")]


@pytest.mark.parametrize(
    ("typed", "label", "found"),
    [
        ("jobs stauts:failed", "Run /emporix jobs list status:failed", "Jobs 1–10 of 10, "),
        ("failed stauts:ok", "Run /emporix failed status:ok", "Jobs 1–10 of "),
        ("jobs search lost stauts:failed", "Run /emporix jobs search lost status:failed", "Job 1"),
        ("jobs status:faild lost", "Run /emporix jobs list status:failed lost", "Job 1 of 1, "),
        ("jobs since:yesterdy", "Run /emporix jobs list since:yesterday", "Jobs 1–10 of 27"),
        ("jobs since:11/01/2026", "November 1, 2026", "Jobs 1–10 of 27"),
        ("jobs lost 11/22/26 11/01/2026", "January 11, 2026", "No jobs: "),
        ("jobs stauts:lost", 'Search for "stauts:lost"', "No jobs: "),
        ("jobs serch parcel", "Run /emporix jobs search parcel", "Job 1 of 1, "),
        (f"jobs gett {job_id(3)}", f"Run /emporix jobs get {job_id(3)}", "Job `"),
        ("serch parcel", "Run /emporix jobs search parcel", "Job 1 of 1, "),
        ("lost parcel", 'Search jobs for "lost parcel"', "Job 1 of 1, "),
        ("hepl filters", "Run /emporix help filters", "Filters for lists"),
        ("help filtrs", None, "There is no help on `filtrs`"),
    ],
)
async def test_a_proposal_is_a_button_that_runs_it(
    jobs: AppHarness, typed: str, label: str | None, found: str
) -> None:
    """Each proposal is a button that runs the corrected line."""
    payload = await say(jobs, typed)
    if label:
        assert label in buttons(payload)
        payload = (await jobs.ada.click(label)).payloads[-1]
    assert found in payload["text"]


async def test_a_proposal_can_open_a_modal(jobs: AppHarness) -> None:
    """A proposed command that has a form opens it."""
    await say(jobs, "conect globex")
    exchange = await jobs.ada.click("Run /emporix connect globex")
    assert exchange.view is not None
    assert exchange.view["callback_id"] == "connect.submit"


async def test_a_proposal_that_is_refused_says_so(jobs: AppHarness) -> None:
    """What goes wrong in a proposed command is explained as if it was typed."""
    await say(jobs, "jobs gett 0123456789abcdef01234567")
    exchange = await jobs.ada.click("Run /emporix jobs get 0123456789abcdef01234567")
    assert exchange.payloads[0]["blocks"][0]["block_id"] == "error.not_found"


async def test_a_similar_agent_is_a_button(jobs: AppHarness) -> None:
    """If no agent has the name, similar names are buttons that keep all other filters."""
    for name in ("Complaint Agent", "Complaints Agent"):
        jobs.emporix_state.add_agent("acme", id=name.lower().replace(" ", "-"), name=name)
    payload = await say(jobs, 'failed agent:"Compliant Agent" since:yesterday')
    assert {"Jobs of Complaint Agent", "Jobs of Complaints Agent"} <= {*buttons(payload)}
    exchange = await jobs.ada.click("Jobs of Complaint Agent")
    assert exchange.payloads[0]["text"].startswith(
        "Jobs 1–10 of 10, failed, agent Complaint Agent, since"
    )


@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        ("Ms O'Neill's order", "Ms O’Neill’s"),
        ("Ms O’Neill’s order", "\"O'Neill's order\""),
        ("Krüger", "Kru\u0308ger"),
        ("All done ✅", ":white_check_mark:"),
        ("\u26a0 late", '":warning: late"'),
        ("\u26a0\ufe0f late", '":warning: late"'),
    ],
)
async def test_finds_text_that_is_written_in_another_way(
    connected: AppHarness, stored: str, typed: str
) -> None:
    """Apostrophes, composed letters and emoji match, whichever way they are typed."""
    connected.emporix_state.add_job("acme", id="job-1", status="success", message=stored)
    connected.emporix_state.add_job("acme", id="job-2", status="success", message="other")
    assert (await say(connected, f"jobs search {typed}"))["text"].startswith("Job 1 of 1, ")


async def test_days_are_those_of_the_user(jobs: AppHarness) -> None:
    """Yesterday is the user's: from midnight to midnight in Berlin."""
    text = (await say(jobs, "jobs yesterday"))["text"]
    assert "since <!date^1795302000^" in text
    assert "before <!date^1795388400^" in text
