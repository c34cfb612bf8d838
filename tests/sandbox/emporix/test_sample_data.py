"""The sample data is reproducible and covers every kind of job that the app must read."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections import Counter
from hashlib import sha256
from random import Random

import httpx
import pytest

from sandbox.emporix.app import create_app
from sandbox.emporix.json_paths import Document
from sandbox.emporix.keys import ACME_OPERATIONS
from sandbox.emporix.sample_data.log_lines import sample_lines
from sandbox.emporix.sample_data.odd_jobs import odd_jobs
from sandbox.emporix.state import EmporixState
from sandbox.emporix.times import iso
from sandbox.server import serving
from sandbox.slack.exchange import tls
from tests.sandbox.emporix.conftest import NOON, Time

DAY = 24 * 3600
STATUSES = {"in_progress", "success", "failure", "skipped"}
TYPES = {"IMPORT", "EXPORT", "AGENT_CHAT"}
AGENT_TYPES = {"generic", "complaint", "anti_fraud"}
STATES = {"TO_CREATE", "ENABLED", "DISABLED", "EXISTS", "FAILED"}
REASONS = {
    "MISSING_FUNCTION",
    "MISSING_TOKEN",
    "NOT_IMPORTABLE",
    "ALREADY_EXISTS",
    "AGENT_IMPORTED_DISABLED",
    "IMPORT_FAILED",
}
TEXTS = {"id", "agentType", "status", "type", "sessionId", "agentId", "message", "commerceEvent"}
UNDOCUMENTED = {"response", "requestId"}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture(scope="session")
def jobs(month: EmporixState) -> list[Document]:
    return month.jobs("acme")


def created(job: Document) -> str:
    found: str = job.get("metadata", {}).get("createdAt", "")
    return found


def entries(job: Document) -> list[Document]:
    return [entry for kind in job["importResult"]["summary"].values() for entry in kind]


def test_how_many(month: EmporixState) -> None:
    """There are a busy tenant, a small one, and one without jobs."""
    assert {name: len(month.jobs(name)) for name in month.tenants} == {
        "acme": 5_000,
        "globex": 57,
        "initech": 0,
    }
    assert all(len(tenant.agents) > 0 for tenant in month.tenants.values())


def test_the_same_each_time(jobs: list[Document]) -> None:
    """Ids and texts are the same after each start; only times follow the clock."""
    later = EmporixState.with_sample_data(Time(NOON + DAY)).jobs("acme")
    assert [job["id"] for job in later] == [job["id"] for job in jobs]
    assert [job.get("message") for job in later] == [job.get("message") for job in jobs]
    assert created(later[0]) == created(jobs[0]).replace("01-28", "01-29")


def test_a_month_up_to_now(jobs: list[Document]) -> None:
    """The jobs are up to 30 days old, and the newest ones are still running."""
    dated = [created(job) for job in jobs if created(job)]
    assert iso(NOON - 600) < dated[0] < iso(NOON)
    assert iso(NOON - 31 * DAY) < dated[-1] < iso(NOON - 29 * DAY)
    running = [place for place, job in enumerate(jobs) if job.get("status") == "in_progress"]
    assert len(running) > 3
    assert max(running) < 30


def test_jobs_keep_to_the_contract(month: EmporixState) -> None:
    """Every value has the type in the contract; only two fields are not in it."""
    known = TEXTS | UNDOCUMENTED | {"metadata", "importResult", "exportResult"}
    for job in month.jobs("acme") + month.jobs("globex"):
        assert set(job) <= known
        assert all(isinstance(job[name], str) for name in (TEXTS | UNDOCUMENTED) & set(job))
        if times := job.get("metadata"):
            assert set(times) == {"version", "createdAt", "modifiedAt"}
            assert times["version"] >= 1
            assert INSTANT.fullmatch(times["createdAt"])
            assert INSTANT.fullmatch(times["modifiedAt"])
            assert times["createdAt"] <= times["modifiedAt"] <= iso(NOON)


def test_imports_and_exports_keep_to_the_contract(jobs: list[Document]) -> None:
    """Results have the documented format, and every state and reason occurs."""
    imported = [entry for job in jobs if "importResult" in job for entry in entries(job)]
    details = [detail for entry in imported for detail in entry.get("details", [])]
    assert {entry["state"] for entry in imported} == STATES
    assert {detail["code"] for detail in details} == REASONS
    for job in jobs:
        if export := job.get("exportResult"):
            assert set(export) <= {"data", "checksum"}
            assert all(isinstance(value, str) for value in export.values())


def test_values_are_the_known_ones_but_for_one_job(month: EmporixState) -> None:
    """Status, type and agent type have documented values, except in one job."""
    jobs = month.jobs("acme")
    statuses = Counter(job["status"] for job in jobs if "status" in job)
    kinds = Counter(job["agentType"] for job in jobs if "agentType" in job)
    assert {name: number for name, number in statuses.items() if name not in STATUSES} == {
        "cancelled": 1
    }
    assert {name: number for name, number in kinds.items() if name not in AGENT_TYPES} == {
        "negotiation": 1
    }
    assert set(statuses) >= STATUSES
    assert set(kinds) >= AGENT_TYPES
    assert {job["type"] for job in jobs if "type" in job} == TYPES | {"agent_chat"}
    assert {job["type"] for job in month.jobs("globex")} <= TYPES


def test_failed_entries_inside_a_success(jobs: list[Document]) -> None:
    """Some successful imports contain failed entries."""
    assert any(
        job["status"] == "success" and any(entry["state"] == "FAILED" for entry in entries(job))
        for job in jobs
        if "importResult" in job
    )


def test_a_failed_import_imported_nothing(jobs: list[Document]) -> None:
    """The message of an import counts its imported entries, and a failed import has none."""
    results = [job for job in jobs if "importResult" in job]
    for job in results:
        states = [entry["state"] for entry in entries(job)]
        imported = len(states) - states.count("FAILED")
        assert job["importResult"]["message"] == f"Imported {imported} of {len(states)} objects."
        assert job["status"] == "success" or imported == 0
    assert any(job["status"] == "failure" for job in results)


def test_first_pages_are_presentable(month: EmporixState) -> None:
    """The newest 300 jobs, more than a day of them, have no hostile or huge text, or odd agent."""
    newest = month.jobs("acme")[:300]
    odd = {job["message"] for job in odd_jobs() if job.get("message")}
    assert not odd & {job.get("message") for job in newest}
    assert "6841f0c2a95be3d7704c1e9f" not in {job.get("agentId") for job in newest}
    assert "6841f0c2a95be3d7704c1e9f" in {job.get("agentId") for job in month.jobs("acme")}
    assert newest[-1]["metadata"]["createdAt"] < iso(NOON - 24 * 3600)


def test_checksums(jobs: list[Document]) -> None:
    """Most exports contain JSON with its SHA-256; a few have a wrong one, and one has none."""
    seen: Counter[str] = Counter()
    for job in jobs:
        if export := job.get("exportResult"):
            seen[checked(export)] += 1
    assert seen["right"] > 100
    assert 1 < seen["wrong"] < 20
    assert seen["none"] == 1
    assert seen["no base64"] == 1


def checked(export: dict[str, str]) -> str:
    if "checksum" not in export:
        return "none"
    try:
        text = b64decode(export["data"], validate=True)
    except ValueError:
        return "no base64"
    assert "agents" in json.loads(text)
    return "right" if sha256(text).hexdigest() == export["checksum"] else "wrong"


@pytest.mark.parametrize(
    "piece",
    [
        "<!channel>",
        "<@U123>",
        "```json",
        "|---|",
        "\\n",
        "{{ 7*7 }}",
        "\u202e",
        "javascript:",
        "Grüßen",
        "返金",
        "👩‍👩‍👧‍👦",
        '"{\\"',
        "late refund",
    ],
)
def test_texts_of_every_kind(jobs: list[Document], piece: str) -> None:
    """The jobs contain Markdown, JSON, hostile and foreign texts."""
    assert any(piece in job.get("message", "") for job in jobs)


def test_gaps_and_sizes(jobs: list[Document]) -> None:
    """Some jobs lack fields, some are huge, and some have both a request and a response."""
    agents = {job["agentId"] for job in jobs if "agentId" in job}
    assert any("message" not in job and job["status"] == "success" for job in jobs)
    assert any("metadata" not in job for job in jobs)
    assert any("agentId" not in job and job["type"].upper() == "AGENT_CHAT" for job in jobs)
    assert any("response" in job and "requestId" in job for job in jobs)
    assert sum(len(job.get("message", "")) >= 200_000 for job in jobs) == 3
    assert {"legacy-support-agent", "summer-sale-agent-2025"} <= agents


def test_deleted_agents(month: EmporixState, jobs: list[Document]) -> None:
    """Some jobs name deleted agents, and agents' names are strings or maps of languages."""
    agents = month.tenant("acme").agents.sorted(())
    used = {job["agentId"] for job in jobs if "agentId" in job}
    assert used - {agent["id"] for agent in agents}
    assert {type(agent["name"]) for agent in agents} == {str, dict}


def test_odd_ids(jobs: list[Document]) -> None:
    """Nearly all ids are 24 hex characters; a few need encoding in a URL."""
    odd = [job["id"] for job in jobs if not re.fullmatch(r"[0-9a-f]{24}", job["id"])]
    assert len(odd) == 3
    assert any("/" in job_id and " " in job_id for job_id in odd)


@pytest.mark.parametrize("seed", range(8))
def test_the_log_is_about_the_order_of_the_job(seed: int) -> None:
    """The order and the customer of the message are those in the log."""
    message = "order EON9222 of Ms Okafor could not be found."
    job = {"id": "j1", "status": "failure", "message": message}
    lines = [line.message for line in sample_lines(Random(seed), job)]
    orders = {order for line in lines for order in re.findall(r"EON\d+", line)}
    assert orders == {"EON9222"}
    assert "Retrieved order EON9222 of Ms Okafor" in lines


async def test_every_page_can_be_fetched() -> None:
    """All of `acme` can be fetched in pages of 1,000, each job once."""
    emporix_state = EmporixState.with_sample_data(Time())
    issued = emporix_state.tokens.issue(ACME_OPERATIONS.client_id, ACME_OPERATIONS.client_secret)
    headers = {"Authorization": f"Bearer {issued.value}", "Emporix-Tenant": "acme"}
    async with (
        serving(create_app(emporix_state)) as url,
        httpx.AsyncClient(verify=tls(), headers=headers) as client,
    ):
        pages = [
            await client.get(f"{url}/ai-service/acme/jobs?pageSize=1000&pageNumber={number}")
            for number in range(1, 6)
        ]
    assert [job["id"] for page in pages for job in page.json()] == [
        job["id"] for job in emporix_state.jobs("acme")
    ]
