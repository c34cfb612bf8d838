"""Filters from the command to the answer: agent names, days in the user's zone, headings."""

from __future__ import annotations

import json

import pytest
from syrupy.assertion import SnapshotAssertion

from sandbox.emporix.faults import Fault
from sandbox.slack.faults import Fault as SlackFault
from tests.harness.app import AppHarness
from tests.listeners.jobs.fixtures import add_jobs, job_id
from tests.rendering.test_hostile import marked_up

AGENT = {"id": "complaint-agent", "name": {"de": "Reklamation", "en": "Complaint Agent"}}
HOSTILE = "R&D <!channel> `agent`"


@pytest.fixture
def named(connected: AppHarness) -> AppHarness:
    """Six jobs of an agent with a name."""
    connected.emporix_state.add_agent("acme", **AGENT)
    add_jobs(connected, 6)
    return connected


def paths(harness: AppHarness) -> list[str]:
    return [seen.path for seen in harness.emporix_state.requests]


def shown(payloads: list[dict[str, object]]) -> str:
    return json.dumps(payloads, ensure_ascii=False)


async def test_shows_agents_by_name(named: AppHarness, snapshot: SnapshotAssertion) -> None:
    """Agents are shown by name in rows and in the delete dialog."""
    exchange = await named.ada.command("/emporix jobs size:1")
    assert exchange.payloads == snapshot


async def test_shows_name_and_id_of_a_jobs_agent(
    named: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """An opened job shows its agent's name, and the id among its fields."""
    exchange = await named.ada.command(f"/emporix jobs get {job_id(1)}")
    assert exchange.payloads[0]["blocks"][:2] == snapshot


@pytest.mark.parametrize("typed", ['"complaint  AGENT"', "complaint-agent", "Complaint-Agent"])
async def test_finds_an_agent_by_name_or_id(named: AppHarness, typed: str) -> None:
    """An agent is found by name or id in any case, and the heading shows its name."""
    exchange = await named.ada.command(f"/emporix jobs agent:{typed}")
    text = exchange.payloads[0]["text"]
    assert text == "Jobs 1–6 of 6, agent Complaint Agent"


async def test_guesses_the_agent(named: AppHarness, snapshot: SnapshotAssertion) -> None:
    """An unknown name is used as an id; without results, similar names are suggested."""
    exchange = await named.ada.command("/emporix jobs agent:complant-agent")
    assert exchange.payloads[0]["text"] == snapshot


async def test_finds_jobs_of_an_agent_that_is_gone(named: AppHarness) -> None:
    """Jobs of a deleted agent are found."""
    named.emporix_state.add_job("acme", agentId="legacy-agent")
    exchange = await named.ada.command("/emporix jobs agent:legacy-agent")
    text = exchange.payloads[0]["text"]
    assert text == "Job 1 of 1, agent legacy-agent"


async def test_asks_for_names_once(named: AppHarness) -> None:
    """Agent names are read once, in parallel with the first list."""
    await named.ada.command("/emporix jobs size:2")
    assert paths(named).count("/ai-service/acme/agentic/agents") == 1
    for act in (
        named.ada.click("Next"),
        named.ada.click("Open"),
        named.ada.command("/emporix jobs agent:complaint-agent"),
    ):
        asked = len(paths(named))
        await act
        asked_for = [path for path in paths(named)[asked:] if "/logs/" not in path]
        assert len(asked_for) == 1


async def test_reads_agent_names_again_after_five_minutes(named: AppHarness) -> None:
    """Agent names are read again after five minutes."""
    await named.ada.command("/emporix jobs")
    named.emporix_state.add_agent("acme", id="complaint-agent", name="Renamed")
    assert "Renamed" not in shown((await named.ada.command("/emporix jobs")).payloads)
    named.clock.forward(301)
    assert "Renamed" in shown((await named.ada.command("/emporix jobs")).payloads)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", path="agentic", times=9, status=403),
        Fault("html", path="agentic", times=9),
        Fault("cut_before", path="agentic", times=9),
        Fault("delay", path="agentic", seconds=2.5),
    ],
    ids=lambda fault: fault.kind,
)
async def test_a_list_does_not_need_names(named: AppHarness, fault: Fault) -> None:
    """If agent names can't be read, jobs are shown with agent ids."""
    named.emporix_state.faults.add(fault)
    exchange = await named.ada.command("/emporix jobs")
    assert exchange.payloads[0]["text"].startswith("Jobs 1–6 of 6")
    assert "*complaint-agent*" in shown(exchange.payloads)
    assert "Complaint Agent" not in shown(exchange.payloads)


async def test_an_agent_that_is_typed_does_not_wait_for_ever(named: AppHarness) -> None:
    """After two seconds without names, a typed agent is used as an id."""
    named.emporix_state.faults.add(Fault("delay", path="agentic", seconds=4))
    exchange = await named.ada.command("/emporix jobs agent:complaint-agent")
    text = exchange.payloads[-1]["text"]
    assert text == "Jobs 1–6 of 6, agent complaint-agent"


async def test_a_hostile_name_is_letters(connected: AppHarness) -> None:
    """An agent's name can't mention anyone."""
    connected.emporix_state.add_agent("acme", id="complaint-agent", name=HOSTILE)
    add_jobs(connected, 1)
    for text in ("jobs", f"jobs get {job_id(1)}", 'jobs agent:"R&D <!channel> `agent`"'):
        exchange = await connected.ada.command(f"/emporix {text}")
        (message,) = exchange.payloads
        words = " ".join([message["text"], *marked_up(message)])
        assert "<!channel>" not in words
        assert "R&amp;D" in words


async def test_days_are_in_the_users_time_zone(
    named: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """Days are in the user's time zone, and readers see times in their own."""
    exchange = await named.ada.command("/emporix jobs since:yesterday until:2026-11-23")
    assert exchange.payloads[0]["text"] == snapshot


async def test_the_zone_is_asked_for_once_a_day(named: AppHarness) -> None:
    """The time zone is read from Slack once a day."""
    first = await named.ada.command("/emporix jobs since:yesterday")
    named.workspace.faults.add(SlackFault("status", times=9, method="users.info"))
    second = await named.ada.command("/emporix jobs since:yesterday")
    assert second.payloads[0]["text"] == first.payloads[0]["text"]
    (key,) = await named.redis.keys("*:time-zone")
    assert "U0ADA}" in key
    assert 0 < await named.redis.ttl(key) <= 24 * 60 * 60


@pytest.mark.parametrize("text", ["jobs", "jobs since:24h", "jobs until:2026-11-23T10:00Z"])
async def test_no_zone_is_asked_for_in_vain(named: AppHarness, text: str) -> None:
    """Without a day, the time zone isn't read or stored."""
    await named.ada.command(f"/emporix {text}")
    assert await named.redis.keys("*:time-zone") == []


@pytest.mark.parametrize("fault", ["status", "html", "cut_before", "missing_scope"])
async def test_says_that_days_are_in_utc(
    named: AppHarness, fault: str, snapshot: SnapshotAssertion
) -> None:
    """Without a time zone, days are in UTC, and the list says so."""
    if fault == "missing_scope":
        named.workspace.bot_scopes -= {"users:read"}
    else:
        named.workspace.faults.add(SlackFault(fault, times=9, method="users.info"))  # type: ignore[arg-type]
    exchange = await named.ada.command("/emporix jobs since:today")
    assert exchange.payloads[0]["text"] == snapshot
    assert await named.redis.keys("*:time-zone") == []


async def test_the_heading_says_every_filter(
    named: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """The heading contains every filter."""
    named.emporix_state.add_job("acme", status="failure", commerceEvent="a.b", sessionId="s-1")
    exchange = await named.ada.command(
        "/emporix jobs status:failed, skipped type:chat agent:complaint-agent agent-type:complaint "
        'event:a.b session:s-1,s-2 since:24h until:today sort:oldest fields:status,message '
        '"has been" answered'
    )  # fmt: skip
    assert exchange.payloads[0]["text"] == snapshot


async def test_pages_of_a_narrowed_list_stay_narrowed(named: AppHarness) -> None:
    """Further pages use the complete query, with its times and names."""
    first = await named.ada.command(
        "/emporix jobs agent:complaint-agent since:yesterday size:4 agent-type:complaint"
    )
    second = await named.ada.click("Next")
    assert first.payloads[0]["text"].startswith("Jobs 1–4 of 6, ")
    assert second.payloads[0]["text"].startswith("Jobs 5–6 of 6, ")
    rest = [exchange.payloads[0]["text"].partition(", ")[2] for exchange in (first, second)]
    assert rest[0] == rest[1]


@pytest.mark.parametrize(
    "text",
    ["stauts:failed", "since:soon", "since:2027-01-01", "since:today until:yesterday", "status:x"],
)  # fmt: skip
async def test_explains_an_invalid_filter(
    named: AppHarness, text: str, snapshot: SnapshotAssertion
) -> None:
    """An invalid filter is explained with the valid values, without a request to Emporix."""
    asked = len(named.emporix_state.requests)
    exchange = await named.ada.command(f"/emporix jobs {text}")
    assert exchange.payloads == snapshot
    assert len(named.emporix_state.requests) == asked
