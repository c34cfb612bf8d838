"""A stand-in for Emporix with many tenants, each with a day of jobs. It counts requests.

`uvicorn bench.stand_ins.tenants:app` has these endpoints:

GET /ai-service/{tenant}/jobs     a count, or failures: four, or sixty if the tenant's number is
                                  divisible by five
GET /ai-service/{tenant}/agents   the agents' names
GET /ai-service/{tenant}/agentic/logs/requests   a log, the same for every request
GET /calls                        the highest number of calls for one tenant
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping
from itertools import islice
from typing import Any
from urllib.parse import parse_qs

from starlette.types import Receive, Scope, Send

from bench.stand_ins.emporix import AGENTS, REQUEST_LOG, TENANT
from bot.emporix.models import LIST_FIELDS, parse_job_page
from bot.services.similarity import group_failures
from sandbox.emporix import sample_data

TROUBLED_EVERY, MOST = 5, 60
TOTALS = {"SUCCESS": 3980, "IN_PROGRESS": 6, "SKIPPED": 263}
ONE = b'[{"id": "68ef5e69bded36bfae4f0ac9"}]'
_calls: Counter[str] = Counter()


def tenant_name(number: int) -> str:
    return f"{TENANT}-{number}"


def _failures() -> list[dict[str, Any]]:
    """Sample failures, newest first."""
    everything = (job for tenant, job in sample_data.jobs(time.time()) if tenant == TENANT)
    failed = (job for job in everything if job.get("status") == "failure" and job.get("agentId"))
    return [
        {name: job[name] for name in LIST_FIELDS if name in job} for job in islice(failed, MOST)
    ]


def _unlike(failures: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return four different failures, which fit into one message."""
    read = parse_job_page(failures, page=1, size=MOST, total=MOST).jobs
    first = [group.jobs[0].id for group in group_failures(read)[:4]]
    return [job for job in failures if job["id"] in first]


MANY = _failures()
FEW = _unlike(MANY)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    body, total = _answer(scope["path"], scope["query_string"].decode())
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"x-total-count", b"%d" % total),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _answer(path: str, query: str) -> tuple[bytes, int]:
    if path == "/calls":
        return json.dumps(max(_calls.values(), default=0)).encode(), 0
    tenant = path.split("/")[2]
    _calls[tenant] += 1
    if path.endswith("/agents"):
        return AGENTS, 0
    if path.endswith("/logs/requests"):
        return REQUEST_LOG, 0
    return jobs(tenant, {name: values[0] for name, values in parse_qs(query).items()})


def jobs(tenant: str, asked: Mapping[str, str]) -> tuple[bytes, int]:
    """Return the body for these parameters, and the total."""
    is_troubled = int(tenant.rpartition("-")[2]) % TROUBLED_EVERY == 0
    failures = MANY if is_troubled else FEW
    totals = {**TOTALS, "FAILURE": len(failures)}
    status = next((one for one in totals if f"status:{one}" in asked.get("q", "")), "")
    total = totals.get(status, sum(totals.values()))
    size, page = int(asked["pageSize"]), int(asked["pageNumber"])
    if size == 1:
        return ONE, total
    return json.dumps(failures[(page - 1) * size : page * size]).encode(), total
