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
    assert exchange.payloads[0]["text"].startswith("Job 1 of 1, failed, containing “yest")
    assert "I read" not in words(exchange.payloads[0])


async def test_several_readings_are_one_line(jobs: AppHarness) -> None:
    """A menu searches for the words of each; one choice leaves the other filters."""
    payload = await say(jobs, "jobs status :failed yesterday")
    assert "I read “status :failed” as a filter and “yesterday” as a date." in words(payload)
    assert "Refresh" not in buttons(payload)
    exchange = await jobs.ada.click('Search for the word "yesterday"')
    assert "containing “yesterday”" in exchange.payloads[0]["text"]
    assert "failed" in exchange.payloads[0]["text"]


async def test_other_pages_have_the_button_too(jobs: AppHarness) -> None:
    """The next page of the list has the button, too."""
    await say(jobs, "jobs yesterday")
    exchange = await jobs.ada.click("Next")
    assert 'Search for the word "yesterday"' in buttons(exchange.payloads[0])


async def test_the_search_form_interprets_words_too(jobs: AppHarness) -> None:
    """The search form interprets the same words, and its results have the same button."""
    await jobs.ada.shortcut("Search Emporix jobs")
    await jobs.ada.click("More filters")
    exchange = await jobs.ada.submit({"words": "refund last week", "more": "—status ok"})
    assert exchange.view is not None
    assert "“last week” as a date." in words(exchange.view)
    exchange = await jobs.ada.click('Search for the words "last week"')
    assert exchange.view is not None
    assert "contain “refund” and “last week”" in words(exchange.view)
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
    """An id or a link opens its job in any common spelling."""
    id_ = job_id(3)
    text = typed.format(
        id=id_, ID=id_.upper(), link=f"{DASHBOARD}/{id_}", half=id_[:9], rest=id_[9:]
    )
    assert f"Job `{id_}`" in str((await say(jobs, text))["blocks"])


async def test_an_id_can_be_searched_instead(jobs: AppHarness) -> None:
    """An id alone opens the job, and a button searches the messages for it."""
    jobs.emporix_state.add_job("acme", id="job-1", status="success", message=f"See {job_id(3)}.")
    await say(jobs, f"jobs {job_id(3)}")
    exchange = await jobs.ada.click(f"Search messages for {job_id(3)}")
    assert exchange.payloads[0]["text"].startswith("Job 1 of 1, ")
    payload = await say(jobs, "68835cc3ef4e8e1425c3ffff")
    assert payload["blocks"][0]["block_id"] == "error.not_found"
    assert "Search messages for 68835cc3ef4e8e1425c3ffff" in buttons(payload)


@pytest.mark.parametrize(
    "typed",
    [
        "search {id}", "failed {ID}.", "jobs refund {id}", "jobs refund <{link}>", "running ({id})",
        "search job-{id}.json", "jobs \u200b{half}\u00ad{rest} late", "jobs failed {id} yesterday",
    ],
)  # fmt: skip
async def test_an_id_among_words_can_be_opened(jobs: AppHarness, typed: str) -> None:
    """A list that searches for an id, with results or not, has a button that opens the job."""
    id_ = job_id(3)
    text = typed.format(
        id=id_, ID=id_.upper(), link=f"{DASHBOARD}/{id_}", half=id_[:9], rest=id_[9:]
    )
    for message in ("unrelated", f"A refund for {id_}, late, in job-{id_}.json, {DASHBOARD}/{id_}"):
        for status in ("failure", "in_progress"):
            jobs.emporix_state.add_job(
                "acme", id=f"x{message[0]}{status}", status=status, message=message
            )
        payload = await say(jobs, text)
        assert "Open job" in buttons(payload)
        exchange = await jobs.ada.click("Open job")
        assert exchange.view is not None
        assert id_ in str(exchange.view["blocks"])


@pytest.mark.parametrize("typed", ["{}", "`{}`", "({}).", "<{}>"])
async def test_an_id_alone_in_the_form_opens_the_job(jobs: AppHarness, typed: str) -> None:
    """The search form opens the job if the words are only its id, in code ticks or brackets."""
    await jobs.ada.shortcut("Search Emporix jobs")
    exchange = await jobs.ada.submit({"words": typed.format(job_id(3))})
    assert exchange.view is not None
    assert exchange.view["title"]["text"] == "Emporix job"


async def test_an_id_in_the_form_can_be_opened(jobs: AppHarness) -> None:
    """The results of the search form have the same button, with a label for screen readers."""
    await jobs.ada.shortcut("Search Emporix jobs")
    exchange = await jobs.ada.submit({"words": f"refund {job_id(3)}"})
    assert exchange.view is not None
    labels = [
        block["accessory"]["accessibility_label"]
        for block in exchange.view["blocks"]
        if block.get("accessory", {}).get("text", {}).get("text") == "Open job"
    ]
    assert labels == [f"Open job {job_id(3)}"]


async def test_commands_work_without_jobs(jobs: AppHarness) -> None:
    """The commands of jobs can be typed without `jobs`."""
    assert (await say(jobs, "search lost parcel"))["text"].startswith("Job 1 of 1, ")
    assert "Delete this job" in words(await say(jobs, f"delete {job_id(3)}"))
    assert f"Job `{job_id(3)}`" in str((await say(jobs, f"get {job_id(3)}"))["blocks"])
    assert job_id(24) in (await say(jobs, f"watch {job_id(24)}"))["text"]


async def test_similar_words_are_searched(jobs: AppHarness) -> None:
    """Words that are only similar to a command are searched."""
    payload = await say(jobs, "jobs lost parcel")
    assert payload["text"].startswith("Job 1 of 1, containing “lost” and “parcel”")
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
        (
            "jobs lost 11/22/26 11/01/2026",
            "January 11, 2026",
            "No jobs contain “lost” and “11/22/26”, <!date^",
        ),
        ("jobs stauts:lost", 'Search for "stauts:lost"', "No jobs contain “stauts:lost”."),
        ("jobs serch parcel", "Run /emporix jobs search parcel", "Job 1 of 1, "),
        (f"jobs gett {job_id(3)}", f"Run /emporix jobs get {job_id(3)}", "⏳ Running · "),
        ("serch parcel", "Run /emporix jobs search parcel", "Job 1 of 1, "),
        ("imports today", "Run /emporix jobs list type:import today", "No import jobs, <!date^"),
        (f"whats up with {job_id(3)}", "Open job", "⏳ Running · "),
        ("lost parcel", 'Search jobs for "lost parcel"', "Job 1 of 1, "),
        ("hepl filters", "Run /emporix help filters", "Filters for lists"),
        ("help filtrs", None, "There's no help topic `filtrs`"),
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


async def test_a_failing_proposal_is_explained(jobs: AppHarness) -> None:
    """An error of a proposed command is explained as if the command had been typed."""
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
        "Jobs 1–10 of 10, failed, agent Complaint Agent, <!date^1795302000^since"
    )


@pytest.mark.parametrize(
    "typed",
    [
        "agent:fraud-check", "agent:FRAUD_CHECK", "agent:fraudcheck", "agent:fraud check",
        'agent:"Fraud Check', "agent:`Fraud Check` failed",
        "agent:a1,Fraud Check failed", "agent = 'Fraud-Check'", "agent:fraud check failed",
    ],
)  # fmt: skip
async def test_an_agent_is_found_in_other_spellings(jobs: AppHarness, typed: str) -> None:
    """Hyphens, underscores, case and missing quotes do not matter in the name of an agent."""
    jobs.emporix_state.add_agent("acme", id="a1", name="Fraud Check")
    jobs.emporix_state.add_job("acme", id="a-job", agentId="a1", status="failure", message="failed")
    for command in ("jobs", "failed", "search failed"):
        payload = await say(jobs, f"{command} {typed}")
        assert payload["text"].startswith("Job 1 of 1, ")
        assert "agent Fraud Check" in payload["text"]


async def test_words_that_complete_a_name_are_named(jobs: AppHarness) -> None:
    """Words that become a part of an agent's name can be searched instead."""
    jobs.emporix_state.add_agent("acme", id="a1", name="Fraud Check")
    payload = await say(jobs, "failed agent:fraud check yesterday")
    assert "I read “check” as part of an agent's name" in words(payload)
    exchange = await jobs.ada.click('Search for the word "check"')
    assert "No failed jobs of fraud contain “check”, <!date^" in words(exchange.payloads[0])


async def test_a_correction_of_an_agent_replaces_its_whole_name(jobs: AppHarness) -> None:
    """The button for a similar agent does not search for the rest of its name."""
    jobs.emporix_state.add_agent("acme", id="complaint-agent", name="Complaint Agent")
    await say(jobs, "jobs agent:Compliant Agent refund")
    exchange = await jobs.ada.click("Jobs of Complaint Agent")
    text = exchange.payloads[0]["text"]
    assert "agent Complaint Agent, containing “refund”" in text
    assert "of 9, " in text


@pytest.mark.parametrize(
    ("typed", "label", "found"),
    [
        ("failed tenant:acm", "Run /emporix failed tenant:acme", "Jobs 1–10 of 10, failed"),
        ("search lost tenant = 'acm' x", "Run /emporix jobs search lost tenant:acme x", "No jobs"),
        ("tenant:acmee failed", "Run /emporix jobs list tenant:acme failed", "Jobs 1–10 of 10"),
        ("jobs tenant:acm agent:a", "Run /emporix jobs list tenant:acme agent:a", "No jobs"),
        ("use acm", "Run /emporix use acme", "acme"),
        ("disconnect Acmee", "Run /emporix disconnect acme", "acme"),
        ("clean failed tenant:acm", "Run /emporix jobs clean failed tenant:acme", "Delete 10"),
        ("alerts on tenant:acm", "Run /emporix alerts on tenant:acme", "turned on alerts"),
    ],
)
async def test_a_similar_tenant_is_a_button(
    jobs: AppHarness, typed: str, label: str, found: str
) -> None:
    """A mistyped tenant is proposed as a button that runs the whole corrected line."""
    ops = jobs.person("ada", "ops")
    exchange = await ops.command(f"/emporix {typed}")
    assert exchange.payloads[-1]["blocks"][0]["block_id"] == "error.not_connected"
    assert label in buttons(exchange.payloads[-1])
    assert found in (await ops.click(label)).payloads[-1]["text"]


async def test_an_unlike_tenant_is_not_proposed(jobs: AppHarness) -> None:
    """A tenant that is like none of the user's is offered to connect."""
    payload = await say(jobs, "failed tenant:globex")
    assert buttons(payload) == ["Connect"]


@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        ("Ms O'Neill's order", "Ms O’Neill’s"),
        ("Ms O’Neill’s order", "\"O'Neill's order\""),
        ("Ms O'Neill's order", "`O’Neill’s order`"),
        ("Krüger", "Kru\u0308ger"),
        ("All done ✅", ":white_check_mark:"),
        ("\u26a0 late", '":warning: late"'),
        ("\u26a0\ufe0f late", '":warning: late"'),
    ],
)
async def test_finds_text_in_other_spellings(
    connected: AppHarness, stored: str, typed: str
) -> None:
    """Apostrophes, composed letters and emoji match in any spelling."""
    connected.emporix_state.add_job("acme", id="job-1", status="success", message=stored)
    connected.emporix_state.add_job("acme", id="job-2", status="success", message="other")
    assert (await say(connected, f"jobs search {typed}"))["text"].startswith("Job 1 of 1, ")


async def test_days_are_those_of_the_user(jobs: AppHarness) -> None:
    """Yesterday is the user's: from midnight to midnight in Berlin."""
    text = (await say(jobs, "jobs yesterday"))["text"]
    assert "<!date^1795302000^since" in text
    assert "<!date^1795388400^before" in text
