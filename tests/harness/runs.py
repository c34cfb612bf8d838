"""A failed job of an agent, and what a user does to run it again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from bot.domain.accounts import Caller
from bot.store.audit import AuditLog
from sandbox.slack.person import Exchange, Person
from tests.harness.app import AppHarness
from tests.listeners.jobs.fixtures import job_id

JOB = job_id(1)
ASKED, ANSWERED = "Where is my refund for EON1031?", "Order EON1031 was not found."
CHAT = "/agentic/chat-async"


def add_failed(harness: AppHarness, **changes: Any) -> None:
    harness.emporix_state.add_agent("acme", id="complaint-agent", name={"en": "Complaint Agent"})
    harness.emporix_state.add_job(
        "acme",
        **{
            "id": JOB,
            "status": "failure",
            "message": ASKED,
            "response": ANSWERED,
            "metadata": {"version": 1, "createdAt": "2026-11-20T10:30:27.167Z"},
        }
        | changes,
    )


def started(harness: AppHarness) -> list[dict[str, Any]]:
    """The jobs that were started."""
    return [job for job in harness.emporix_state.jobs("acme") if job["id"] != JOB]


async def ask(person: Person, job: str = JOB) -> Exchange:
    await person.command(f"/emporix jobs get {job}")
    return await person.click("Run again…")


async def confirm(person: Person, text: str = "") -> Exchange:
    return await person.submit({"Message to the agent": text} if text else {})


async def run_again(harness: AppHarness, person: Person) -> dict[str, Any]:
    """Run the job again; returns the only job that was started."""
    await ask(person)
    await confirm(person)
    (job,) = started(harness)
    return job


def succeed(harness: AppHarness, job: Mapping[str, Any]) -> None:
    harness.emporix_state.add_job("acme", **{**job, "status": "success", "response": "Refunded."})


async def recorded(harness: AppHarness) -> list[tuple[str, str]]:
    entries = await AuditLog(harness.redis).latest(Caller("T0ACME", "U0ADA"), 20)
    return [(e.user_id, e.result) for e in reversed(entries) if e.event == "job.run_again"]


def shown(exchange: Exchange) -> str:
    return str(exchange.view)


def without_ids(value: Any) -> Any:
    """The same without the ids of new jobs."""
    return json.loads(re.sub(r"0{12}[0-9a-f]{12}", "NEW", json.dumps(value)))
