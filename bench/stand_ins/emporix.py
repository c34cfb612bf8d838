"""A stand-in for Emporix with 749 jobs in one tenant: `uvicorn bench.stand_ins.emporix:app`.

It returns the requested page, newest jobs first, and knows of `q` only the end of a time range.
The log of every request is the same.
`BENCH_DELAY` delays each response by that many seconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from bisect import bisect_right
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import islice
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from bot.emporix.models import LIST_FIELDS
from sandbox.emporix import sample_data

TENANT = "acme"
DIFFERENT_JOBS = 10
TOTAL = 749
SECONDS_BETWEEN_JOBS = 61
DELAY = float(os.environ.get("BENCH_DELAY", "0"))
UNTIL = re.compile(r'metadata\.createdAt:\([^)]*AND <="([^"]+)"\)')


def _time(number: int, now: float) -> str:
    moment = datetime.fromtimestamp(now - number * SECONDS_BETWEEN_JOBS, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _jobs(now: float) -> list[bytes]:
    """Return finished jobs with typical messages: Markdown, tables and JSON."""
    jobs = (job for tenant, job in sample_data.jobs(now) if tenant == TENANT)
    ended = (job for job in jobs if job.get("message") and job.get("agentId"))
    samples = [
        {name: job[name] for name in LIST_FIELDS if name in job}
        for job in islice(ended, DIFFERENT_JOBS)
    ]
    made = []
    for number in range(TOTAL):
        sample = samples[number % DIFFERENT_JOBS]
        metadata = {**sample["metadata"], "createdAt": _time(number, now)}
        made.append(json.dumps({**sample, "id": f"{number:024x}", "metadata": metadata}).encode())
    return made


_STARTED = time.time()
_JOBS = _jobs(_STARTED)
_OLDEST_FIRST = [_time(number, _STARTED) for number in reversed(range(TOTAL))]
LOG_LINES = 20
REQUEST_LOG = json.dumps(
    [
        {
            "duration": LOG_LINES - 1,
            "messages": [
                {
                    "timestamp": _time(LOG_LINES - number, _STARTED),
                    "severity": "ERROR" if number == LOG_LINES - 2 else "INFO",
                    "message": f"order-lookup answered 502 Bad Gateway in attempt {number}",
                    "agentId": "complaint-agent",
                    "isBusinessLog": False,
                }
                for number in range(LOG_LINES)
            ],
        }
    ]
).encode()
AGENTS = json.dumps([agent for tenant, agent in sample_data.agents() if tenant == TENANT]).encode()


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    body, total = _answer(scope["path"], dict(parse_qsl(scope["query_string"].decode())))
    if DELAY:
        await asyncio.sleep(DELAY)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"x-total-count", b"%d" % total),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _answer(path: str, asked: Mapping[str, str]) -> tuple[bytes, int]:
    if path.endswith("/agents"):
        return AGENTS, 0
    if path.endswith("/logs/requests"):
        return REQUEST_LOG, 0
    return jobs(asked) if path.endswith("/jobs") else (_JOBS[0], 0)


def jobs(asked: Mapping[str, str]) -> tuple[bytes, int]:
    """Return the body of the page for these parameters, and the total."""
    end = UNTIL.search(asked.get("q", ""))
    total = bisect_right(_OLDEST_FIRST, end[1]) if end else TOTAL
    size, page = int(asked["pageSize"]), int(asked["pageNumber"])
    first = TOTAL - total + (page - 1) * size
    return b"[" + b",".join(_JOBS[first : first + size]) + b"]", total
