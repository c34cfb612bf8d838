"""A month of sample jobs."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any
from uuid import UUID

from sandbox.emporix.sample_data import agent_texts
from sandbox.emporix.sample_data.imports_exports import (
    export_result,
    failed_import,
    import_result,
)
from sandbox.emporix.sample_data.odd_jobs import future, odd_jobs
from sandbox.emporix.times import iso

Fields = dict[str, Any]

MONTH = 30 * 24 * 3600.0
NEWEST_AGE = 150.0  # seconds
ACME_JOBS, GLOBEX_JOBS = 5_000, 57
ODDITIES_FROM, ODDITIES_EVERY = 400, 4  # positions, newest first: later pages
FUTURE_PLACE = 3_900
RUNNING_UNTIL, RUNNING_EVERY = 24, 4

# agentId, agentType, trigger; the last agent was deleted
AGENTS = (
    ("complaint-agent", "complaint", "return.return-created"),
    ("anti-fraud-agent", "anti_fraud", "order.order-created"),
    ("product-text-agent", "generic", "product.product-updated"),
    ("order-status-agent", "generic", "order.order-status-changed"),
    ("translation-agent", "generic", "product.product-created"),
    ("6841f0c2a95be3d7704c1e9f", "generic", ""),
    ("legacy-support-agent", "complaint", "customer.customer-updated"),
)
FREQUENCY = (30, 22, 20, 12, 8, 5, 3)
ODD_AGENT, ORDINARY_AGENT = AGENTS[5][0], AGENTS[4][0]


def jobs(now: float) -> Iterator[tuple[str, Fields]]:
    """Return pairs of a tenant and a job's fields.

    Ids and texts never change; times are relative to `now`.
    """
    odd: dict[int, Fields] = {
        ODDITIES_FROM + ODDITIES_EVERY * place: fields for place, fields in enumerate(odd_jobs())
    }
    odd[FUTURE_PLACE] = future()
    for place, job in enumerate(_month("acme", ACME_JOBS, now)):
        yield "acme", job | odd.get(place, {})
    for job in _month("globex", GLOBEX_JOBS, now):
        yield "globex", job | {"type": job["type"].upper()}


def _month(tenant: str, number: int, now: float) -> Iterator[Fields]:
    """Create `number` jobs, newest first. Some of the newest are still running."""
    rng = Random(tenant)
    for place in range(number):
        age = NEWEST_AGE + MONTH * (place / number) ** 1.2
        if place < RUNNING_UNTIL and place % RUNNING_EVERY == 0:
            job = _running(rng) | _times(now - age, now - age)
        else:
            job = _ended(rng) | _times(now - age, now - age + rng.uniform(1, 90))
        yield _ordinary(job) if place < ODDITIES_FROM else job


def _ordinary(job: Fields) -> Fields:
    """The job, of another agent if its agent's name would look odd on the first pages."""
    return job | {"agentId": ORDINARY_AGENT} if job["agentId"] == ODD_AGENT else job


def _times(created: float, modified: float) -> Fields:
    metadata = {"version": 1, "createdAt": iso(created), "modifiedAt": iso(modified)}
    return {"metadata": metadata}


def started(rng: Random) -> Fields:
    """Return the fields of a job that has just started, without times.

    Values that it lacks are None.
    """
    return _ordinary(_running(rng))


def happened(rng: Random) -> Fields:
    """Return the fields of a job that started and ended between two requests, without times."""
    return _ordinary(_ended(rng))


def ended(rng: Random) -> Fields:
    """Return the fields that change when a running job ends.

    The failure rate is higher than in a real tenant, to make the demo interesting.
    """
    dice = rng.random()
    if dice < 0.4:
        return {"status": "failure", "message": agent_texts.failure(rng)}
    if dice < 0.5:
        return {"status": "skipped", "message": agent_texts.skipped(rng)}
    return {"status": "success", "message": agent_texts.late_refund(rng)}


def _running(rng: Random) -> Fields:
    return _chat(rng) | {"status": "in_progress", "message": None}


def _ended(rng: Random) -> Fields:
    dice = rng.random()
    if dice < 0.04:
        return _export(rng)
    if dice < 0.07:
        return _import(rng)
    job = _chat(rng)
    if dice < 0.21:
        return job | {"status": "failure", "message": agent_texts.failure(rng)}
    if dice < 0.27:
        return job | {"status": "skipped", "message": agent_texts.skipped(rng)}
    if dice < 0.32:
        asked = {"message": agent_texts.question(rng), "response": job["message"]}
        return job | asked | {"requestId": f"req-{_uuid(rng)}"}
    return job


def _chat(rng: Random) -> Fields:
    ((agent, kind, event),) = rng.choices(AGENTS, FREQUENCY)
    job_id, is_old = _id(rng), rng.random() < 0.12
    return {
        "id": job_id,
        "status": "success",
        "type": "agent_chat" if is_old else "AGENT_CHAT",
        "requestId": None if is_old else f"req-{UUID(job_id.rjust(32, '0'))}",
        "agentId": agent,
        "agentType": kind,
        "sessionId": _uuid(rng),
        "commerceEvent": event if event and rng.random() < 0.6 else None,
        "message": rng.choice(agent_texts.WRITERS[kind])(rng),
    }


def _export(rng: Random) -> Fields:
    failed = rng.random() < 0.1
    return _transfer(rng, "EXPORT", failed) | (
        {} if failed else {"exportResult": export_result(rng, broken=rng.random() < 0.03)}
    )


def _import(rng: Random) -> Fields:
    result = import_result(rng, successful=rng.random() < 0.6)
    job = _transfer(rng, "IMPORT", rng.random() < 0.1)
    if job["status"] == "failure":
        result = failed_import(result)
    return job | {"importResult": result}


def _transfer(rng: Random, kind: str, failed: bool) -> Fields:
    return {
        "id": _id(rng),
        "status": "failure" if failed else "success",
        "type": kind,
        "agentId": None,
        "agentType": None,
        "message": f"The {kind.lower()} could not be completed." if failed else None,
    }


def _id(rng: Random) -> str:
    """Emporix: all documented samples have 24 hex characters."""
    return f"68{rng.getrandbits(88):022x}"


def _uuid(rng: Random) -> str:
    return str(UUID(int=rng.getrandbits(128), version=4))
