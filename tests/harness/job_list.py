"""A fake of Emporix's job lists without HTTP, with the stand-in's filters and pages."""

from __future__ import annotations

from typing import Any

from bot.domain.filters import Filters
from bot.domain.jobs import JobPage
from bot.emporix.client import list_params
from bot.emporix.models import parse_job_page
from bot.emporix.query import TimeRange, to_q
from sandbox.emporix.listing import listing
from sandbox.emporix.tenant import Collection
from sandbox.emporix.times import iso
from tests.harness.clock import FakeClock


class FakeJobList:
    """`put`, `change` and `remove` change the list between two pages.

    `calls` counts the calls; `sort` is the order of the last one.
    """

    def __init__(self, clock: FakeClock, *, counts: bool = True) -> None:
        self.clock, self.counts, self.calls = clock, counts, 0
        self.sort = ""
        self.jobs = Collection()
        self.ids: list[str] = []

    def put(self, age: float | None = 0, agent: str = "a") -> str:
        """Add a job created and modified `age` seconds ago, or one without times."""
        job: dict[str, Any] = {"id": f"job-{len(self.ids):03d}", "agentId": agent}
        if age is not None:
            when = iso(self.clock() - age)
            job["metadata"] = {"createdAt": when, "modifiedAt": when}
        self.jobs.put(job)
        self.ids.append(job["id"])
        return str(job["id"])

    def change(self, job_id: str) -> str:
        """Set the job's modification time to now."""
        job = self.jobs.get(job_id) or {}
        metadata = {**job["metadata"], "modifiedAt": iso(self.clock())}
        self.jobs.put({**job, "metadata": metadata})
        return job_id

    def remove(self, job_id: str) -> None:
        self.jobs.remove(job_id)

    @property
    def present(self) -> set[str]:
        return {job_id for job_id in self.ids if self.jobs.get(job_id)}

    async def __call__(self, filters: Filters, part: TimeRange) -> JobPage:
        self.calls += 1
        self.sort = filters.sort
        found, total = listing(list_params(filters), to_q(filters, part)).of(self.jobs)
        return parse_job_page(
            found, page=filters.page, size=filters.size, total=total if self.counts else None
        )
