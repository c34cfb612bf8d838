"""Find Emporix jobs, on a message — what it names, and what is done with that in the modal."""

from __future__ import annotations

from typing import Any

from syrupy.assertion import SnapshotAssertion

from sandbox.emporix.faults import Fault
from sandbox.emporix.keys import GLOBEX_READ_ONLY
from sandbox.slack.person import Exchange
from tests.harness.app import AppHarness
from tests.listeners.jobs.fixtures import add_jobs, job_id

FIND = "Find Emporix jobs"
NOBODY = "68835cc3ef4e8e1425c3ffff"


async def find(harness: AppHarness, text: str) -> Exchange:
    """Ada finds jobs in a message of Grace's."""
    await harness.grace.write(text)
    return await harness.ada.shortcut(FIND)


def said(view: Any) -> str:
    """The text of a view's sections and contexts."""
    texts = [block.get("text") or block.get("elements", [{}])[0] for block in view["blocks"]]
    return "\n".join(str(text.get("text", "")) for text in texts)


async def test_opens_at_once_and_then_shows_the_jobs(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """The modal opens at once, and then shows the jobs and the unknown ids."""
    add_jobs(connected, 3)
    exchange = await find(connected, f"Look at {job_id(1)} and {job_id(3)}, not at {NOBODY}")
    assert [sent["via"] for sent in exchange.sent] == ["views.open", "views.update"]
    assert exchange.payloads[-1]["view"] == snapshot


async def test_works_in_threads(connected: AppHarness) -> None:
    """The shortcut works in threads, where slash commands are not available."""
    add_jobs(connected, 1)
    await connected.grace.write(f"Here: {job_id(1)}", thread_ts="1795430000.000001")
    exchange = await connected.ada.shortcut(FIND)
    assert exchange.view is not None
    assert "1795430000.000001" in exchange.view["private_metadata"]


async def test_finds_links_sessions_and_agents(connected: AppHarness) -> None:
    """Links, sessions and agents lead to jobs; the newest jobs of an agent come last."""
    add_jobs(connected, 9)
    session = "123e4567-e89b-12d3-a456-426614174000"
    connected.emporix_state.add_job("acme", id="by-session", status="skipped", sessionId=session)
    connected.emporix_state.add_job("acme", id="by-link", status="skipped")
    connected.emporix_state.add_agent("acme", id="complaint-agent", name="Complaint Agent")
    link = "https://admin.emporix.io/apps/administration/ai-agents#/logs/jobs/by-link"
    exchange = await find(connected, f"<{link}|this>, session {session}, the complaint agent")
    assert exchange.view is not None
    assert "*2 jobs* in this message" in said(exchange.view)
    assert "Newest jobs of *Complaint Agent*:" in said(exchange.view)
    assert all(
        f'"job_id":"{id_}"' in str(exchange.view) for id_ in ("by-link", "by-session", job_id(9))
    )


async def test_finds_in_blocks_and_attachments(connected: AppHarness) -> None:
    """Jobs are found in the blocks and attachments of other apps."""
    add_jobs(connected, 2)
    connected.workspace.messages.add(
        "C0GENERAL",
        "",
        [{"type": "section", "block_id": "a", "text": {"type": "mrkdwn", "text": job_id(1)}}],
        user_id="U0CI",
        attachments=[{"fallback": f"Job {job_id(2)} failed"}],
    )
    exchange = await connected.ada.shortcut(FIND)
    assert "*2 jobs* in" in said(exchange.view)


async def test_names_an_agent_without_an_id(connected: AppHarness) -> None:
    """A message that names only an agent shows the agent's newest jobs, and says so."""
    add_jobs(connected, 2)
    connected.emporix_state.add_agent("acme", id="complaint-agent", name="Complaint Agent")
    exchange = await find(connected, "The complaint agent is slow")
    assert exchange.view is not None
    assert said(exchange.view).startswith(
        "No job ID in this message. Newest jobs of *Complaint Agent*:"
    )
    assert "None of the jobs" not in said(exchange.view)


async def test_finds_jobs_in_any_form(connected: AppHarness) -> None:
    """Ids in upper case, formatted or in the name of a file are found."""
    add_jobs(connected, 3)
    text = f"_{job_id(1)}_ {job_id(2).upper()}. job-{job_id(3)}.json"
    assert "*3 jobs* in this message" in said((await find(connected, text)).view)


async def test_finds_jobs_of_all_tenants(connected: AppHarness) -> None:
    """Jobs of all tenants are found, each with the rights of its API key."""
    await connected.connect(connected.ada, GLOBEX_READ_ONLY)
    connected.emporix_state.add_job("globex", id=job_id(7), status="failure")
    exchange = await find(connected, job_id(7))
    assert f"`{job_id(7)}` · globex" in said(exchange.view)


async def test_says_which_tenant_did_not_answer(connected: AppHarness) -> None:
    """A tenant that does not answer is named, and the jobs of the others are shown."""
    add_jobs(connected, 1)
    await connected.connect(connected.ada, GLOBEX_READ_ONLY)
    connected.emporix_state.faults.add(Fault("status", status=403, path="/acme/agentic"))
    connected.emporix_state.faults.add(Fault("status", status=500, path="/globex/jobs", times=9))
    exchange = await find(connected, f"{job_id(1)} {NOBODY}")
    assert "*1 job* in" in said(exchange.view)
    assert "Emporix didn't answer for globex. Its jobs are missing." in said(exchange.view)


async def test_says_when_no_tenant_answers(connected: AppHarness) -> None:
    """If no tenant answers, an error replaces the loading modal."""
    connected.emporix_state.faults.add(Fault("status", status=500, path="/jobs", times=9))
    exchange = await find(connected, job_id(1))
    assert exchange.view is not None
    assert exchange.view["blocks"][0]["block_id"] == "error.emporix_failed"


async def test_shows_at_most_twenty(connected: AppHarness) -> None:
    """At most twenty jobs are shown, with the number of the others."""
    add_jobs(connected, 23)
    exchange = await find(connected, " ".join(map(job_id, range(1, 24))))
    assert "*20 jobs* in" in said(exchange.view)
    assert "3 more jobs not shown." in said(exchange.view)


async def test_shows_at_most_twenty_with_those_of_agents(connected: AppHarness) -> None:
    """The limit of twenty includes the jobs of agents."""
    add_jobs(connected, 26)
    connected.emporix_state.add_agent("acme", id="complaint-agent", name="Complaint Agent")
    exchange = await find(connected, f"complaint agent {' '.join(map(job_id, range(1, 19)))}")
    assert "*18 jobs* in" in said(exchange.view)
    assert "Newest jobs of *Complaint Agent*:" in said(exchange.view)
    assert str(exchange.view).count("'jobs.get.open'") == 20
    exchange = await find(connected, f"complaint agent {' '.join(map(job_id, range(1, 21)))}")
    assert "Newest jobs" not in said(exchange.view)
    assert "not shown" not in said(exchange.view)


async def test_offers_to_connect(harness: AppHarness) -> None:
    """Without a connection, the modal offers to connect."""
    exchange = await find(harness, job_id(1))
    assert exchange.view is not None
    assert exchange.view["blocks"][0]["block_id"] == "error.not_connected"
    opened = await harness.ada.click("Connect")
    assert opened.view is not None
    assert opened.view["previous_view_id"] == exchange.view["id"]


async def test_opens_a_job_on_top(connected: AppHarness, snapshot: SnapshotAssertion) -> None:
    """A job opens on top of the found jobs, and its whole message on top of it."""
    connected.emporix_state.add_job("acme", id=job_id(1), status="success", message="long " * 2000)
    found = await find(connected, job_id(1))
    exchange = await connected.ada.click("Open")
    assert [sent["via"] for sent in exchange.sent] == ["views.push", "views.update"]
    assert exchange.view is not None
    assert {"title": exchange.view["title"], "blocks": exchange.view["blocks"][1]} == snapshot
    whole = await connected.ada.click("Show the whole message")
    assert whole.view is not None
    assert whole.view["previous_view_id"] == exchange.view["id"]
    for _ in range(2):
        await connected.ada.close()
    assert await connected.ada.view() == found.view


async def test_says_that_a_job_is_gone(connected: AppHarness) -> None:
    """An error appears on top of the found jobs, with a button that shows all jobs."""
    add_jobs(connected, 2)
    await find(connected, job_id(1))
    connected.emporix_state.tenant("acme").jobs.remove(job_id(1))
    exchange = await connected.ada.click("Open")
    assert exchange.view is not None
    assert "This job was deleted." in said(exchange.view)
    assert exchange.view["previous_view_id"]
    exchange = await connected.ada.click("Show all")
    assert [sent["via"] for sent in exchange.sent] == ["views.update"]
    assert "*Job 1 of 1*" in said(exchange.view)
