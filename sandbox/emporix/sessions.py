"""The log of a session, told from the jobs that ran in it."""

from __future__ import annotations

from datetime import datetime

from sandbox.emporix.documents import Document

SEVERITY = {"failure": "ERROR", "skipped": "WARNING"}


def session(session_id: str, jobs: list[Document]) -> Document:
    """`jobs` are those of the session, newest first, at least one."""
    messages = [line for job in reversed(jobs) for line in _lines(job)]
    times = [line["timestamp"] for line in messages]
    first, last = min(times, default=""), max(times, default="")
    found: Document = {
        "sessionId": session_id,
        "severity": SEVERITY.get(jobs[0].get("status", ""), "INFO"),
        "agents": sorted({job["agentId"] for job in jobs if "agentId" in job}),
        "messages": messages,
        "duration": _seconds_between(first, last),
        "metadata": {"version": 1, "createdAt": first, "modifiedAt": last},
    }
    return found | ({"triggerAgentId": jobs[-1]["agentId"]} if "agentId" in jobs[-1] else {})


def _lines(job: Document) -> list[Document]:
    times = job.get("metadata")
    if times is None:
        return []
    severity = SEVERITY.get(job.get("status", ""), "INFO")
    told = [
        (times["createdAt"], "INFO", f"Request received for job {job['id']}", False),
        (times["createdAt"], "INFO", "Retrieved the customer and order details", True),
        (times["modifiedAt"], severity, f"Job ended: {job.get('status', 'unknown')}", True),
    ]
    agent = {"agentId": job["agentId"]} if "agentId" in job else {}
    return [
        {
            "timestamp": time,
            "severity": level,
            "message": text,
            "requestId": job.get("requestId", f"req-{job['id']}"),
            "isBusinessLog": business,
        }
        | agent
        for time, level, text, business in told
    ]


def _seconds_between(first: str, last: str) -> int:
    if not first:
        return 0
    return round((datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds())
