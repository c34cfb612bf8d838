"""Jobs for tests of the listeners."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import cycle, islice

from tests.harness.app import AppHarness
from tests.harness.clock import NOW

STATUSES = ("success", "failure", "in_progress")
MESSAGES = (
    "Dear customer, the refund for order EON1031 is on its way.",
    "The invoice EIN251131 was not found, so nothing could be checked.",
    "Looking into it: **three** items, `EON1040` & <EON1041>.",
)


def job_id(number: int) -> str:
    return f"68835cc3ef4e8e1425c3{number:04d}"


def add_jobs(harness: AppHarness, count: int, tenant: str = "acme") -> None:
    """Jobs number 1 to `count`, an hour apart, the highest number the newest."""
    kinds = islice(cycle(zip(STATUSES, MESSAGES, strict=True)), count)
    for number, (status, message) in enumerate(kinds, 1):
        created = datetime.fromtimestamp(NOW, UTC) - timedelta(hours=count - number)
        harness.emporix_state.add_job(
            tenant,
            id=job_id(number),
            status=status,
            type="AGENT_CHAT",
            agentId="complaint-agent",
            agentType="complaint",
            sessionId=f"session-{number}",
            commerceEvent="order.order-created",
            message=message,
            metadata=_metadata(created),
        )


def _metadata(created: datetime) -> dict[str, object]:
    modified = created + timedelta(seconds=47)
    return {
        "version": 1,
        "createdAt": created.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "modifiedAt": modified.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
