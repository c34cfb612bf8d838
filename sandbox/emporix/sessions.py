"""The log of a session, generated from the jobs that belong to it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sandbox.emporix.json_paths import Document
from sandbox.emporix.sample_data.log_lines import SampleLine, sample_lines
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
