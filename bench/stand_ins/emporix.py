"""A stand-in for Emporix with ten jobs on each page: `uvicorn bench.stand_ins.emporix:app`.

`BENCH_DELAY` delays each response by that many seconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from itertools import islice
from typing import Any

from starlette.types import Receive, Scope, Send

from bot.emporix.models import LIST_FIELDS
from sandbox.emporix import sample_data

TENANT = "acme"
PAGE_SIZE = 10
TOTAL = b"749"
DELAY = float(os.environ.get("BENCH_DELAY", "0"))


def _page() -> list[dict[str, Any]]:
    """Return finished jobs with typical messages: Markdown, tables and JSON."""
    jobs = (job for tenant, job in sample_data.jobs(time.time()) if tenant == TENANT)
    ended = (job for job in jobs if job.get("message") and job.get("agentId"))
    return [
        {"id": f"{number:024x}"} | {name: job[name] for name in LIST_FIELDS if name in job}
        for number, job in enumerate(islice(ended, PAGE_SIZE))
    ]


_JOBS = _page()
JOBS, JOB = json.dumps(_JOBS).encode(), json.dumps(_JOBS[0]).encode()
AGENTS = json.dumps([agent for tenant, agent in sample_data.agents() if tenant == TENANT]).encode()


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    body = _body(scope["path"])
    if DELAY:
        await asyncio.sleep(DELAY)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"x-total-count", TOTAL),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _body(path: str) -> bytes:
    if path.endswith("/agents"):
        return AGENTS
    return JOBS if path.endswith("/jobs") else JOB
