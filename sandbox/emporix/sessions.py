"""The logs of sessions and requests, generated from the jobs that belong to them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sandbox.emporix.json_paths import Document
from sandbox.emporix.sample_data.log_lines import SampleLine, sample_lines
from sandbox.emporix.tenant import Collection
from sandbox.emporix.times import iso

SEVERITY = {"failure": "ERROR", "skipped": "WARNING"}


def session(session_id: str, jobs: list[Document]) -> Document:
    """Return a session. `jobs` are its jobs, newest first; at least one."""
    messages = [line for job in reversed(jobs) for line in _lines(job)]
    times = [line["timestamp"] for line in messages]
    first, last = min(times, default=""), max(times, default="")
    found: Document = {
        "sessionId": session_id,
        "severity": SEVERITY.get(jobs[0].get("status", ""), "INFO"),
        "agents": sorted({line["agentId"] for line in messages if "agentId" in line}),
        "messages": messages,
        "duration": _seconds_between(first, last),
        "metadata": {"version": 1, "createdAt": first, "modifiedAt": last},
    }
    return found | ({"triggerAgentId": jobs[-1]["agentId"]} if "agentId" in jobs[-1] else {})


def requests(jobs: list[Document]) -> Collection:
    """Return the requests of `jobs`, without their messages, which would take long to generate.

    Emporix: the specification's example has the same `id` and `requestId`.
    """
    collection = Collection()
    for job in jobs:
        if "requestId" in job:
            collection.put(_request(job))
    return collection


def _request(job: Document) -> Document:
    found = {
        "id": job["requestId"],
        "sessionId": job.get("sessionId"),
        "requestId": job["requestId"],
        "triggerAgentId": job.get("agentId"),
        "collaborationAgents": [],
        "severity": SEVERITY.get(job.get("status", ""), "INFO"),
        "metadata": job.get("metadata"),
    }
    return {name: value for name, value in found.items() if value is not None}


def with_messages(request: Document, job: Document) -> Document:
    """Return a request with its messages, and the duration that follows from them."""
    messages = list(_lines(job))
    times = [line["timestamp"] for line in messages]
    helpers = {line["agentId"] for line in messages if "agentId" in line} - {job.get("agentId")}
    duration = _seconds_between(min(times, default=""), max(times, default=""))
    return request | {
        "collaborationAgents": sorted(helpers),
        "messages": messages,
        "duration": duration,
    }


def _lines(job: Document) -> Iterator[Document]:
    """Spread the lines over the duration of the job, reproducibly."""
    times = job.get("metadata")
    if times is None:
        return
    lines = list(sample_lines(Random(job["id"]), job))
    begun = datetime.fromisoformat(times["createdAt"])
    step = (datetime.fromisoformat(times["modifiedAt"]) - begun) / max(1, len(lines) - 1)
    for place, line in enumerate(lines):
        yield _line(line, job, begun + place * step)


def _line(line: SampleLine, job: Document, moment: datetime) -> Document:
    written: dict[str, Any] = {
        "timestamp": iso(moment.timestamp()),
        "severity": line.severity,
        "message": line.message,
        "requestId": job.get("requestId", f"req-{job['id']}"),
        "isBusinessLog": line.is_business,
    }
    return written | ({"agentId": job["agentId"] + line.helper} if "agentId" in job else {})


def _seconds_between(first: str, last: str) -> int:
    if not first:
        return 0
    span: timedelta = datetime.fromisoformat(last) - datetime.fromisoformat(first)
    return round(span.total_seconds())
