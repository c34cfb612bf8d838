"""The same digest as a plain script posts it, for comparison with the app's worker.

`uvicorn bench.stand_ins.plain_digest:app` responds to GET /<tenants>/<digests> with the CPU
seconds that these digests took. Settings: EMPORIX_API_URL, SLACK_API_URL, SLACK_BOT_TOKEN.

It makes the same calls to Emporix for each digest, groups failures by their message without its
numbers, and posts one message, or a second one in its thread. It has no schedule, escaping, limits,
encryption, retries or protection against posting twice.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from jinja2 import Environment, FileSystemLoader
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bench.stand_ins.tenants import tenant_name

DAY_SECONDS = 24 * 60 * 60
PAGE_SIZE, GROUPS, THREAD_JOBS, LOGS = 50, 5, 20, 3
FIELDS = "id,status,agentId,commerceEvent,message,requestId,response,metadata"
STATUSES = ("SUCCESS", "IN_PROGRESS", "SKIPPED", "FAILURE")
HEADERS = {"X-Total-Count": "true", "Authorization": "Bearer token"}
templates = Environment(loader=FileSystemLoader(Path(__file__).parent))


async def run(request: Request) -> Response:
    tenants, digests = request.path_params["tenants"], request.path_params["digests"]
    begun = time.process_time()
    slack = AsyncWebClient(os.environ["SLACK_BOT_TOKEN"], base_url=os.environ["SLACK_API_URL"])
    async with httpx.AsyncClient(base_url=os.environ["EMPORIX_API_URL"], headers=HEADERS) as http:
        for number in range(digests):
            await post(http, slack, tenant_name(number % tenants))
    return PlainTextResponse(str(time.process_time() - begun))


async def post(http: httpx.AsyncClient, slack: AsyncWebClient, tenant: str) -> None:
    """Read a day's jobs, and post the digest."""
    until = time.time()
    day, before = _range(until - DAY_SECONDS, until), _range(until - 2 * DAY_SECONDS, until)
    totals, earlier, failures, names = await asyncio.gather(
        _totals(http, tenant, day),
        _totals(http, tenant, before),
        _failures(http, tenant, day),
        _names(http, tenant),
    )
    groups = grouped(failures)
    newest = [jobs[0] for jobs in groups[:LOGS] if jobs[0].get("requestId")]
    lines = await asyncio.gather(*(_error_line(http, tenant, job["requestId"]) for job in newest))
    for job, line in zip(newest, lines, strict=True):
        job["errorLine"] = line
    posted, rest = messages(tenant, totals, earlier, groups, names)
    answer = await slack.chat_postMessage(channel="C0PLAIN", **posted)
    if rest:
        await slack.chat_postMessage(channel="C0PLAIN", thread_ts=str(answer["ts"]), **rest)


def grouped(failures: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Group failures by their message without its numbers, largest group first."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for job in failures:
        kind = re.sub(r"[A-Z]*\d+", "…", job.get("response") or job.get("message") or "")
        groups.setdefault(kind, []).append(job)
    return sorted(groups.values(), key=len, reverse=True)


def messages(
    tenant: str,
    totals: dict[str, int],
    earlier: dict[str, int],
    ordered: list[list[dict[str, Any]]],
    names: dict[str, str],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the message, and the one for its thread; {} if all failures are in the first."""
    shown = [jobs[0] for jobs in ordered[:GROUPS]]
    rest = [job for jobs in ordered for job in jobs if job not in shown]
    facts = {
        "tenant": tenant,
        "totals": totals,
        "before": earlier,
        "names": names,
        "agents": lambda jobs: Counter(job["agentId"] for job in jobs).most_common(2),
        "seconds": lambda text: int(datetime.fromisoformat(text).timestamp()),
    }
    posted = templates.get_template("plain_digest.json.j2").render(
        groups=ordered[:GROUPS], more=len(rest[:THREAD_JOBS]), **facts
    )
    if not rest:
        return json.loads(posted), {}
    thread = templates.get_template("plain_digest_thread.json.j2").render(
        jobs=rest[:THREAD_JOBS], more=len(rest[:THREAD_JOBS]), **facts
    )
    return json.loads(posted), json.loads(thread)


async def _totals(http: httpx.AsyncClient, tenant: str, times: str) -> dict[str, int]:
    queries = [times, *(f"status:{status} {times}" for status in STATUSES)]
    answers = await asyncio.gather(*(_list(http, tenant, query, size=1) for query in queries))
    return {
        name: int(answer.headers["X-Total-Count"])
        for name, answer in zip(("ALL", *STATUSES), answers, strict=True)
    }


async def _failures(http: httpx.AsyncClient, tenant: str, times: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = len(found) // PAGE_SIZE + 1
        answer = await _list(http, tenant, f"status:FAILURE {times}", size=PAGE_SIZE, page=page)
        found += answer.json()
        if len(found) >= int(answer.headers["X-Total-Count"]):
            return found


async def _list(
    http: httpx.AsyncClient, tenant: str, query: str, *, size: int, page: int = 1
) -> httpx.Response:
    fields = "id" if size == 1 else FIELDS
    params: dict[str, str | int] = {
        "q": query,
        "pageSize": size,
        "pageNumber": page,
        "sort": "metadata.createdAt:DESC",
        "fields": fields,
    }
    answer = await http.get(f"/ai-service/{tenant}/jobs", params=params)
    return answer.raise_for_status()


async def _error_line(http: httpx.AsyncClient, tenant: str, request_id: str) -> str:
    params = {"q": f"requestId:{request_id}", "pageSize": "1"}
    answer = await http.get(f"/ai-service/{tenant}/agentic/logs/requests", params=params)
    (log,) = answer.raise_for_status().json()
    errors = [line["message"] for line in log["messages"] if line["severity"] == "ERROR"]
    return errors[-1] if errors else ""


async def _names(http: httpx.AsyncClient, tenant: str) -> dict[str, str]:
    answer = await http.get(f"/ai-service/{tenant}/agentic/agents")
    names = {agent["id"]: agent["name"] for agent in answer.json()}
    return {
        id_: name if isinstance(name, str) else name.get("en", "") for id_, name in names.items()
    }


def _range(since: float, until: float) -> str:
    first, last = (datetime.fromtimestamp(moment, UTC).isoformat() for moment in (since, until))
    return f'metadata.createdAt:(>="{first}" AND <"{last}")'


app = Starlette(routes=[Route("/{tenants:int}/{digests:int}", run)])
